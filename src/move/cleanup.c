#include "move/cleanup.h"

#include "domain/pools.h"
#include "move/pools.h"
#include "xml/snapshot_xml.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

/* ---- what other guests at the source still need ---- */

/* The path as it is named, every symlink on the way, and the file itself. */
static bool
add_path (GHashTable *used, const char *path, GError **error)
{
  g_autoptr (VfTrail) trail = *path == '/' ? vf_trail_follow (path, error) : NULL;
  if (trail == NULL)
    return *path != '/';
  g_hash_table_add (used, g_strdup (path));
  g_hash_table_add (used, g_strdup (trail->real));
  for (guint i = 0; i < trail->steps->len; i++)
    g_hash_table_add (used, g_strdup (((const VfTrailStep *)trail->steps->pdata[i])->path));
  return true;
}

/* Where a chain cannot be followed, nobody can say what lies below: nothing is removed then. */
static bool
add_chain_paths (VfMove *move, GHashTable *used, VfSource *source, GError **error)
{
  if (source == NULL || !vf_hypervisor_resolve_source (move->source, source, error))
    return source == NULL;
  if (source->path == NULL)
    return true;
  if (!add_path (used, source->path, error))
    return false;
  g_autoptr (VfChain) chain = vf_chain_read (source->path, source->format != NULL ? source->format : "raw", NULL, error);
  if (chain == NULL)
    return false;
  for (guint i = 0; i < chain->images->len; i++) {
    const VfImage *image = chain->images->pdata[i];
    if (!add_path (used, image->path, error) || (image->data_path != NULL && !add_path (used, image->data_path, error)))
      return false;
  }
  if (chain->state == VF_CHAIN_WHOLE || chain->state == VF_CHAIN_MISSING)
    return true;
  vf_error_set (error, VF_ERROR_REFUSED, "cannot tell what another guest's disk '%s' needs: %s", source->path,
                chain->reason != NULL ? chain->reason : "its chain cannot be followed");
  vf_error_hint (error, "mend that chain first, or remove the old files by hand");
  return false;
}

static bool
add_domain_paths (VfMove *move, GHashTable *used, const VfDomainXml *domain, GError **error)
{
  if (domain->nvram != NULL && !add_path (used, domain->nvram, error))
    return false;
  for (guint i = 0; i < domain->disks->len; i++)
    if (!add_chain_paths (move, used, ((const VfXmlDisk *)domain->disks->pdata[i])->source, error))
      return false;
  return true;
}

/* Layers that no running chain needs, but a snapshot of the guest does. */
static bool
add_snapshot_paths (VfMove *move, GHashTable *used, const char *document, GError **error)
{
  g_autoptr (VfSnapshotXml) snapshot = vf_snapshot_xml_parse (document, error);
  if (snapshot == NULL)
    return false;
  if (snapshot->memory_file != NULL && !add_path (used, snapshot->memory_file, error))
    return false;
  for (guint i = 0; i < snapshot->disks->len; i++)
    if (!add_chain_paths (move, used, ((const VfSnapshotDisk *)snapshot->disks->pdata[i])->source, error))
      return false;
  return snapshot->domain == NULL || add_domain_paths (move, used, snapshot->domain, error);
}

static bool
add_guest_paths (VfMove *move, GHashTable *used, const char *document, GError **error)
{
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (document, error);
  if (domain == NULL || !add_domain_paths (move, used, domain, error))
    return false;
  g_autoptr (VfGuest) guest = vf_guest_find (move->source, domain->uuid, error);
  g_autoptr (GPtrArray) snapshots = guest == NULL ? NULL : vf_guest_snapshots (guest, error);
  for (guint i = 0; snapshots != NULL && i < snapshots->len; i++)
    if (!add_snapshot_paths (move, used, ((const VfSnapshotRecord *)snapshots->pdata[i])->xml, error))
      return false;
  return snapshots != NULL;
}

/* Paths that any guest defined at the source names, itself or in a snapshot, with everything they back on. */
static GHashTable *
paths_in_use (VfMove *move, GError **error)
{
  g_autoptr (GHashTable) used = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) documents = vf_hypervisor_all_xml (move->source, error);
  for (guint i = 0; documents != NULL && i < documents->len; i++)
    if (!add_guest_paths (move, used, documents->pdata[i], error))
      return NULL;
  return documents == NULL ? NULL : g_steal_pointer (&used);
}

/* ---- removing ---- */

typedef struct {
  guint removed;
  GString *kept; /* "PATH (reason), …" */
} Sweep;

static void
keep (Sweep *sweep, const char *path, const char *reason)
{
  g_string_append_printf (sweep->kept, "%s'%s' (%s)", sweep->kept->len > 0 ? ", " : "", path, reason);
}

static void
remove_path (Sweep *sweep, const char *path)
{
  if (g_unlink (path) == 0)
    sweep->removed++;
  else if (errno != ENOENT)
    keep (sweep, path, g_strerror (errno));
}

static void
remove_plan_file (VfMove *move, guint index, GHashTable *used, Sweep *sweep)
{
  const VfPlanFile *file = vf_plan_file (vf_move_plan (move), index);
  g_autoptr (VfFileFacts) now = vf_move_look_at_source (file, NULL);
  if (now == NULL || now->kind == VF_FILE_ABSENT)
    return;
  if (file->source_is_block)
    keep (sweep, file->source, "a block device");
  else if (g_hash_table_contains (used, file->source))
    keep (sweep, file->source, "another guest uses it");
  else if (now->id.device != file->facts->id.device || now->id.inode != file->facts->id.inode)
    keep (sweep, file->source, "it is another file now");
  else if (file->kind == VF_PLAN_OTHER && !vf_file_is_unchanged (file->facts, now))
    keep (sweep, file->source, "it was changed since it was copied");
  else
    remove_path (sweep, file->source);
}

static bool
is_media (const VfPlan *plan, guint index)
{
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    for (guint j = 0; disk->treatment == VF_TREAT_MEDIA && j < disk->layers->len; j++) {
      guint layer = g_array_index (disk->layers, guint, j);
      if (layer == index || g_strcmp0 (vf_plan_file (plan, layer)->data_file, vf_plan_file (plan, index)->source) == 0)
        return true;
    }
  }
  return false;
}

/* The symlink that leads to a medium is as much the medium's as its file. */
static bool
leads_to_media (const VfPlan *plan, const VfPlanFile *link)
{
  g_autoptr (VfTrail) trail = link->kind == VF_PLAN_LINK ? vf_trail_follow (link->source, NULL) : NULL;
  gint index = trail == NULL ? -1 : vf_plan_find_source (plan, trail->real);
  return index >= 0 && is_media (plan, (guint)index);
}

static void
sweep_source (VfMove *move, GHashTable *used, Sweep *sweep)
{
  const VfPlan *plan = vf_move_plan (move);
  for (guint g = move->ledger->generations->len; g >= 1; g--) {
    const GPtrArray *caps = vf_ledger_caps (move->ledger, g);
    for (guint i = 0; i < caps->len; i++)
      remove_path (sweep, ((const VfLedgerCap *)caps->pdata[i])->path);
  }
  for (guint i = 0; i < plan->files->len; i++) {
    if (is_media (plan, i) || leads_to_media (plan, vf_plan_file (plan, i)))
      keep (sweep, vf_plan_file (plan, i)->source, "read-only media");
    else if (!vf_plan_file (plan, i)->is_round && vf_plan_file (plan, i)->kind != VF_PLAN_DIRECTORY_LINK)
      remove_plan_file (move, i, used, sweep);
  }
}

/* What an offline move left besides the plan's files. */
static void
sweep_state (VfMove *move, Sweep *sweep)
{
  const GPtrArray *directories = vf_move_plan (move)->state_directories;
  if (move->ledger->saved_aside != NULL)
    remove_path (sweep, move->ledger->saved_aside);
  for (guint i = directories->len; i > 0; i--)
    g_rmdir (((const VfPlanDirectory *)directories->pdata[i - 1])->path);
}

static bool
guest_is_there (VfMove *move, GError **error)
{
  g_autofree char *reason = NULL;
  if (!vf_move_connect_destination (move, vf_move_plan (move)->rendezvous, error))
    return false;
  VfGuestState there = vf_guest_observe (move->destination, vf_move_plan (move)->uuid, &reason);
  bool suffices = move->request->offline && there == VF_GUEST_SHUT_OFF; /* so it was here */
  if (there == VF_GUEST_RUNNING || there == VF_GUEST_PAUSED || suffices)
    return true;
  vf_error_set (error, VF_ERROR_REFUSED, "cannot remove the old files of guest '%s': it is %s at the destination",
                vf_move_plan (move)->domain, vf_guest_state_name (there));
  vf_error_hint (error, "start it there, see that it works, and clean up then");
  return false;
}

static bool
guest_is_not_here (VfMove *move, GError **error)
{
  GError *find_error = NULL;
  g_clear_pointer (&move->guest, vf_guest_free); /* as it was known before the switch */
  if (vf_move_connect_source (move, &find_error))
    return vf_error_set (error, VF_ERROR_REFUSED,
                         "cannot remove the old files of guest '%s': the source's libvirt still has it",
                         vf_move_plan (move)->domain);
  if (move->source != NULL && vf_error_is (find_error, VF_ERROR_NOT_FOUND)) {
    g_error_free (find_error);
    return true;
  }
  g_propagate_error (error, find_error);
  return false;
}

void
vf_cleanup_source (VfMove *move, VfResult *result)
{
  GError *error = NULL;
  g_autoptr (GHashTable) used = NULL;
  if (move->ledger->cleaned)
    return;
  if (!guest_is_there (move, &error) || !guest_is_not_here (move, &error) || (used = paths_in_use (move, &error)) == NULL) {
    result->exit = VF_EXIT_REFUSED;
    result->error = error;
    return;
  }
  Sweep sweep = { .kept = g_string_new (NULL) };
  sweep_source (move, used, &sweep);
  sweep_state (move, &sweep);
  vf_move_refresh_pools (move, move->source, VF_AT_SOURCE);
  g_autofree char *kept = g_string_free (sweep.kept, FALSE);
  if (!vf_move_drop_definition (move, &error) || !vf_move_record (move, vf_record_new ("cleaned"), &error)) {
    result->exit = VF_EXIT_INTERRUPTED;
    result->error = error;
    return;
  }
  g_free (result->data);
  g_clear_pointer (&result->next, g_free);
  result->data = g_strdup_printf ("%u old file%s removed at %s%s%s", sweep.removed, sweep.removed == 1 ? "" : "s",
                                  vf_move_plan (move)->source_host, *kept != '\0' ? "; kept: " : "", kept);
}

void
vf_cleanup_destination (VfMove *move, VfResult *result)
{
  GError *error = NULL;
  if (!vf_move_undo_destination (move, &error)) {
    result->exit = VF_EXIT_INTERRUPTED;
    result->error = error;
    return;
  }
  guint left = move->ledger->left_behind->len;
  result->exit = left == 0 ? VF_EXIT_DONE : VF_EXIT_INTERRUPTED;
  result->guest = g_strdup_printf ("not concerned: the move was undone");
  result->data = left == 0
                     ? g_strdup ("nothing is left at the destination")
                     : g_strdup_printf ("%u file%s still could not be removed at the destination", left, left == 1 ? "" : "s");
  result->next = left == 0 ? NULL : g_strdup_printf ("virt-ferry cleanup %s", result->id);
}
