/* Undo: from the ledger alone, so that it is the same after an error, after Ctrl-C, and by `abort` a day later. It cannot be
 * cancelled, every step looks at the world before it acts, and may be done again. */
#include "base/names.h"
#include "chain/image.h"
#include "chain/tool.h"
#include "far/far.h"
#include "move/checkpoints.h"
#include "move/documents.h"
#include "move/move.h"
#include "move/pools.h"
#include "move/fold.h"
#include "move/secrets.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { FREE_EVERY_MS = 300 };

/* ---- the source ---- */

static bool
is_cap_of_this_move (VfLedger *ledger, const char *target, const char *path)
{
  for (guint g = 1; g <= ledger->generations->len; g++) {
    const GPtrArray *caps = vf_ledger_caps (ledger, g);
    for (guint i = 0; i < caps->len; i++) {
      const VfLedgerCap *cap = caps->pdata[i];
      if (strcmp (cap->target, target) == 0 && g_strcmp0 (cap->path, path) == 0)
        return true;
    }
  }
  return false;
}

/* An internal snapshot that somebody took during the move lies in the cap, and a commit would not carry it down. */
static bool
caps_hold_no_snapshot (VfMove *move, const VfPlanDisk *disk, GError **error)
{
  for (guint g = 1; g <= move->ledger->generations->len; g++) {
    g_autofree char *cap = vf_plan_cap_at_source (vf_move_plan (move), disk, g);
    if (g_access (cap, F_OK) != 0)
      continue;
    g_autoptr (VfImage) image = vf_image_read (cap, "qcow2", false, NULL, error);
    if (image == NULL)
      return false;
    if (image->internal_snapshots->len == 0)
      continue;
    vf_error_set (error, VF_ERROR_FAILED, "cannot take cap '%s' off disk '%s': snapshot '%s' was taken into it during the move",
                  cap, disk->target, ((const VfInternalSnapshot *)image->internal_snapshots->pdata[0])->name);
    vf_error_hint (error, "delete that snapshot (virsh snapshot-delete) first");
    return false;
  }
  return true;
}

static bool
fold_running_disk (VfMove *move, const VfPlanDisk *disk, gpointer data, GError **error)
{
  const VfDomainXml *domain = data;
  const VfXmlDisk *now = vf_domain_xml_disk (domain, disk->target);
  const char *top = vf_plan_disk_name_at_source (vf_move_plan (move), disk);
  if (now == NULL || vf_plan_disk_is_source (vf_move_plan (move), disk, now->source))
    return true;
  if (!is_cap_of_this_move (move->ledger, disk->target, now->source->path))
    return vf_error_set (error, VF_ERROR_FAILED,
                         "cannot take the cap off disk '%s': the guest now writes '%s', which is not of this move",
                         disk->target, now->source->path);
  VfCommitRequest request = {
    .target = disk->target, .base = top, .base_volume = disk->source_volume, .deadline_s = move->request->timeout_s
  };
  return caps_hold_no_snapshot (move, disk, error) && vf_guest_commit_active (move->guest, &request, error);
}

static bool
fold_running (VfMove *move, GError **error)
{
  g_autofree char *xml = vf_guest_xml (move->guest, VF_XML_LIVE, error);
  g_autoptr (VfDomainXml) domain = xml == NULL ? NULL : vf_domain_xml_parse (xml, error);
  return domain != NULL && vf_move_each_disk (move, fold_running_disk, domain, error);
}

static bool
fold_offline_disk (VfMove *move, const VfPlanDisk *disk, gpointer data, GError **error)
{
  const VfPlan *plan = vf_move_plan (move);
  if (vf_plan_disk_encrypted (plan, disk) != NULL)
    return caps_hold_no_snapshot (move, disk, error) && vf_fold_encrypted (move, disk, error);
  for (guint g = move->ledger->generations->len; g >= 1; g--) {
    g_autofree char *cap = vf_plan_cap_at_source (plan, disk, g);
    if (g_access (cap, F_OK) == 0 && !vf_ledger_cap_is_gone (move->ledger, "source", cap))
      return caps_hold_no_snapshot (move, disk, error) &&
             vf_image_commit (cap, vf_plan_disk_name_at_source (plan, disk), error);
  }
  return true;
}

/* The inactive definition must not name a cap when the cap goes. */
static bool
define_without_caps (VfMove *move, GError **error)
{
  if (!vf_move_plan (move)->persistent || move->guest == NULL)
    return true;
  g_autofree char *xml = vf_guest_xml (move->guest, VF_XML_INACTIVE, error);
  if (xml == NULL)
    return false;
  g_autofree char *mark = g_strdup_printf (".ferry-%s.cap", move->ledger->id);
  if (strstr (xml, mark) == NULL)
    return true;
  g_autofree char *whole = vf_guest_xml (move->guest, VF_XML_MIGRATABLE_INACTIVE, error);
  g_autofree char *without = whole == NULL ? NULL : vf_document_without_caps (move->ledger, whole, error);
  return without != NULL && vf_hypervisor_define (move->source, without, error);
}

/* Nothing may name a cap that is unlinked. */
static bool
no_definition_names_caps (VfMove *move, GError **error)
{
  g_autofree char *mark = g_strdup_printf (".ferry-%s.cap", move->ledger->id);
  VfXmlKind kinds[] = { VF_XML_LIVE, VF_XML_INACTIVE };
  if (move->guest == NULL)
    return true;
  for (gsize i = 0; i < (vf_move_plan (move)->persistent ? 2 : 1); i++) {
    g_autofree char *xml = vf_guest_xml (move->guest, kinds[i], error);
    if (xml == NULL)
      return false;
    if (strstr (xml, mark) != NULL)
      return vf_error_set (error, VF_ERROR_FAILED, "cannot remove the caps of move %s: the definition of guest '%s' names one",
                           move->ledger->id, vf_guest_name (move->guest));
  }
  return true;
}

static bool
remove_caps (VfMove *move, GError **error)
{
  if (!no_definition_names_caps (move, error))
    return false;
  for (guint g = move->ledger->generations->len; g >= 1; g--) {
    const GPtrArray *caps = vf_ledger_caps (move->ledger, g);
    for (guint i = 0; i < caps->len; i++) {
      const char *path = ((const VfLedgerCap *)caps->pdata[i])->path;
      if (vf_ledger_cap_is_gone (move->ledger, "source", path) && g_access (path, F_OK) != 0)
        continue;
      JsonObject *record = vf_record_new ("cap-gone");
      json_object_set_string_member (record, "side", "source");
      json_object_set_string_member (record, "path", path);
      if (!vf_move_record (move, record, error))
        return false;
      if (g_unlink (path) != 0 && errno != ENOENT)
        return vf_error_set_errno (error, errno, "cannot remove cap '%s' at the source", path);
    }
  }
  return true;
}

static bool
take_caps_off (VfMove *move, GError **error)
{
  VfGuestState state = vf_guest_observe (move->source, vf_move_plan (move)->uuid, NULL);
  if (move->ledger->generations->len == 0)
    return true;
  if (state == VF_GUEST_UNKNOWN)
    return vf_error_set (error, VF_ERROR_UNREACHABLE,
                         "cannot take the caps off guest '%s': the source's libvirt does not answer",
                         vf_move_plan (move)->domain);
  if (state == VF_GUEST_DIVIDED)
    return vf_error_set (error, VF_ERROR_BUSY, "cannot take the caps off guest '%s': it is in post-copy",
                         vf_move_plan (move)->domain);
  bool active = state == VF_GUEST_RUNNING || state == VF_GUEST_PAUSED;
  bool folded = active ? fold_running (move, error) : vf_move_each_disk (move, fold_offline_disk, NULL, error);
  return folded && define_without_caps (move, error) && remove_caps (move, error);
}

bool
vf_move_bring_snapshots_back (VfMove *move, GError **error)
{
  g_autoptr (GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_snapshot_record_free);
  const GPtrArray *snapshots = move->ledger->snapshots;
  if (snapshots == NULL)
    return true;
  for (guint i = 0; i < snapshots->len; i++) {
    const VfLedgerSnapshot *snapshot = snapshots->pdata[i];
    VfSnapshotRecord *record = g_new0 (VfSnapshotRecord, 1);
    record->name = g_strdup (snapshot->name);
    record->parent = g_strdup (snapshot->parent);
    record->xml = g_strdup (snapshot->xml);
    record->current = snapshot->current;
    g_ptr_array_add (records, record);
  }
  return vf_guest_redefine_snapshots (move->guest, records, error);
}

static bool
undo_source (VfMove *move, GError **error)
{
  g_autoptr (GError) connect_error = NULL;
  bool connected = vf_move_connect_source (move, &connect_error);
  if (!connected && !vf_error_is (connect_error, VF_ERROR_NOT_FOUND)) {
    g_propagate_error (error, g_steal_pointer (&connect_error));
    return false;
  }
  if (!vf_move_bring_definition_back (move, error))
    return false;
  connected = connected || (move->ledger->definition_kept && vf_move_connect_source (move, NULL));
  /* a transient guest that ended is not found; its caps hold its last writes all the same */
  GError *first = NULL;
  GError *later = NULL;
  if (connected && !vf_move_bring_snapshots_back (move, &later))
    vf_error_attach (&first, &later, "and");
  if (!take_caps_off (move, &later))
    vf_error_attach (&first, &later, "and");
  else if (connected && !vf_checkpoints_bring_back (move, &later)) /* their bitmaps are whole when the caps are off */
    vf_error_attach (&first, &later, "and");
  if (first != NULL)
    g_propagate_error (error, first);
  return first == NULL;
}

/* ---- the destination ---- */

static void
leave_behind (GPtrArray *left, const char *path, GError *error)
{
  g_ptr_array_add (left, g_strdup (path));
  g_clear_error (&error);
}

/* Somebody else's file took the final name before our copy could: it stays, and nothing of ours is left by it. */
static bool
is_not_ours (VfMove *move, const char *path, GError **error)
{
  if (!vf_error_is (*error, VF_ERROR_EXISTS))
    return false;
  vf_move_note (move, "'%s' at the destination is not of this move and stays", path);
  g_clear_error (error);
  return true;
}

typedef bool (*ActThere) (VfMove *move, const char *path, const VfFileId *id, GError **error);

static bool
act_remove (VfMove *move, const char *path, const VfFileId *id, GError **error)
{
  bool removed = false;
  return vf_far_remove (vf_move_link (move), path, vf_move_plan (move)->id, id, &removed, error);
}

static bool
act_wipe (VfMove *move, const char *path, const VfFileId *id, GError **error)
{
  return vf_far_wipe (vf_move_link (move), path, vf_move_plan (move)->id, error);
}

/* The agent of a process that was killed holds what it was writing until it has read all that was under way. */
static bool
act_when_free (VfMove *move, ActThere act, const char *path, const VfFileId *id, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (gint64)move->request->timeout_s * G_USEC_PER_SEC;
  GError *failure = NULL;
  while (!act (move, path, id, &failure)) {
    if (!vf_error_is (failure, VF_ERROR_BUSY) || g_get_monotonic_time () > deadline) {
      g_propagate_error (error, failure);
      return false;
    }
    g_clear_error (&failure);
    g_usleep (FREE_EVERY_MS * 1000);
  }
  return true;
}

static void
remove_file_there (VfMove *move, guint index, GPtrArray *left)
{
  const VfPlan *plan = vf_move_plan (move);
  const VfPlanFile *file = vf_plan_file (plan, index);
  const VfLedgerFile *entry = vf_ledger_file (move->ledger, index);
  GError *error = NULL;
  if (entry->reused || !entry->partial_begun)
    return;
  if (file->destination_is_block) {
    if (!act_when_free (move, act_wipe, file->destination, NULL, &error))
      leave_behind (left, file->destination, error);
    return;
  }
  if (entry->berth_begun && !act_when_free (move, act_remove, file->destination, &entry->id, &error) &&
      !is_not_ours (move, file->destination, &error))
    leave_behind (left, file->destination, g_steal_pointer (&error));
  g_autofree char *partial = vf_name_partial (file->destination, plan->id);
  if (!act_when_free (move, act_remove, partial, NULL, &error))
    leave_behind (left, partial, error);
}

static void
remove_there (VfMove *move, GPtrArray *left)
{
  VfLink *link = vf_move_link (move);
  bool removed = false;
  for (guint i = 0; i < move->ledger->far_caps->len; i++) {
    const char *path = ((const VfLedgerCap *)move->ledger->far_caps->pdata[i])->path;
    GError *error = NULL;
    if (!act_when_free (move, act_remove, path, NULL, &error))
      leave_behind (left, path, error);
  }
  for (guint i = 0; i < vf_move_plan (move)->files->len; i++)
    remove_file_there (move, i, left);
  vf_move_refresh_pools (move, move->destination, VF_AT_DESTINATION);
  for (guint i = move->ledger->directories->len; i > 0; i--)
    vf_far_rmdir (link, move->ledger->directories->pdata[i - 1], &removed, NULL);
  vf_secrets_take_back (move, left);
}

static bool
record_left_behind (VfMove *move, const GPtrArray *left, GError **error)
{
  JsonObject *record = vf_record_new ("left-behind");
  JsonArray *paths = json_array_new ();
  for (guint i = 0; i < left->len; i++)
    json_array_add_string_element (paths, left->pdata[i]);
  json_object_set_array_member (record, "paths", paths);
  return vf_move_record (move, record, error);
}

/* Everything that may lie there, for when nobody can be asked. */
static void
list_what_may_lie_there (VfMove *move, GPtrArray *left)
{
  for (guint i = 0; i < move->ledger->far_caps->len; i++)
    g_ptr_array_add (left, g_strdup (((const VfLedgerCap *)move->ledger->far_caps->pdata[i])->path));
  for (guint i = 0; i < move->ledger->secrets->len; i++)
    g_ptr_array_add (left, g_strdup_printf ("secret %s", (const char *)move->ledger->secrets->pdata[i]));
  for (guint i = 0; i < vf_move_plan (move)->files->len; i++) {
    const VfLedgerFile *entry = vf_ledger_file (move->ledger, i);
    const VfPlanFile *file = vf_plan_file (vf_move_plan (move), i);
    if (!entry->partial_begun || entry->reused)
      continue;
    g_ptr_array_add (left, entry->berth_begun || file->destination_is_block
                               ? g_strdup (file->destination)
                               : vf_name_partial (file->destination, move->ledger->id));
  }
}

bool
vf_move_undo_destination (VfMove *move, GError **error)
{
  g_autoptr (GPtrArray) left = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) touched = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) reason = NULL;
  list_what_may_lie_there (move, touched);
  if (touched->len == 0 && move->ledger->directories->len == 0)
    return true;
  if (vf_move_connect_destination (move, vf_move_plan (move)->rendezvous, &reason)) {
    remove_there (move, left);
  } else {
    vf_move_note (move, "the destination cannot be cleaned now: %s", reason->message);
    g_ptr_array_extend_and_steal (left, g_steal_pointer (&touched));
  }
  if (left->len == 0 && move->ledger->left_behind->len == 0)
    return true;
  return record_left_behind (move, left, error);
}

bool
vf_move_undo (VfMove *move, const char *reason, GError **error)
{
  JsonObject *record = vf_record_new ("undo");
  json_object_set_string_member (record, "reason", reason);
  if (!vf_move_record (move, record, error) || !vf_move_enter (move, VF_PHASE_UNDO, error))
    return false;
  GError *first = NULL;
  GError *later = NULL;
  undo_source (move, &first);
  if (!vf_move_undo_destination (move, &later))
    vf_error_attach (&first, &later, "and at the destination");
  if (first != NULL) {
    g_propagate_error (error, first);
    return false;
  }
  if (!vf_move_drop_definition (move, error))
    return false;
  if (move->local_rendezvous == NULL) /* the destination was not needed, but a killed process had been connected */
    vf_move_remove_rendezvous (vf_move_plan (move)->rendezvous);
  return vf_move_enter (move, VF_PHASE_UNDONE, error);
}
