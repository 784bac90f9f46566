#include "move/inspect.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/names.h"
#include "domain/host.h"
#include "far/far.h"
#include "move/estimate.h"
#include "move/guard.h"
#include "move/pools.h"
#include "move/secrets.h"
#include "move/shared.h"
#include "move/survey.h"
#include "move/own_xml.h"
#include "xml/capabilities_xml.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the destination ---- */

static bool
look_at (VfMove *move, VfFarTable *table, const char *path, bool itself, GError **error)
{
  if (g_hash_table_contains (table, path))
    return true;
  VfFarFacts *facts = vf_far_stat (vf_move_link (move), path, itself, move->cancellable, error);
  if (facts == NULL)
    return false;
  g_hash_table_insert (table, g_strdup (path), facts);
  return true;
}

static bool
look_there (VfMove *move, VfFarTable *table, const char *path, GError **error)
{
  return look_at (move, table, path, false, error);
}

/* Where a directory lies here that is reached through a symlink: what the destination has there decides where its files go. */
static bool
look_at_directory_links (VfMove *move, const VfInventory *inventory, const VfPlaces *places, VfFarTable *table, GError **error)
{
  for (guint i = 0; i < inventory->trail_names->len; i++) {
    const VfTrail *trail = vf_inventory_trail (inventory, inventory->trail_names->pdata[i]);
    for (guint j = 0; j < trail->steps->len; j++) {
      const VfTrailStep *step = trail->steps->pdata[j];
      g_autofree char *there = vf_places_map (places, step->path);
      if (step->is_directory && !look_at (move, table, there, true, error))
        return false;
    }
  }
  return true;
}

/* The path's directory and, while these are missing, the ones above. */
static bool
look_at_directories (VfMove *move, VfFarTable *table, const char *path, GError **error)
{
  g_autofree char *at = vf_path_directory (path);
  while (strcmp (at, "/") != 0 && !vf_path_is_below (at, "/dev")) { /* no directory is made among devices */
    if (!look_there (move, table, at, error))
      return false;
    if (((VfFarFacts *)g_hash_table_lookup (table, at))->file->kind != VF_FILE_ABSENT)
      break;
    char *up = vf_path_directory (at);
    g_free (at);
    at = up;
  }
  return true;
}

static bool
look_at_snapshot_metadata (VfMove *move, const VfInventory *inventory, VfFarTable *table, GError **error)
{
  const char *dname = move->request->tuning.dname;
  for (guint i = 0; i < inventory->snapshots->len; i++) {
    const VfInventorySnapshot *snapshot = inventory->snapshots->pdata[i];
    g_autofree char *path = vf_plan_snapshot_metadata (dname != NULL ? dname : inventory->domain->name, snapshot->xml->name);
    if (!look_there (move, table, path, error))
      return false;
  }
  return true;
}

static bool
look_at_places (VfMove *move, const VfInventory *inventory, VfPlaces *places, VfFarTable *table, GError **error)
{
  const GPtrArray *sources = vf_places_sources (places);
  for (guint i = 0; i < sources->len; i++) {
    const char *path = vf_places_of (places, sources->pdata[i]);
    if (!look_there (move, table, path, error) || !look_at_directories (move, table, path, error))
      return false;
  }
  const GPtrArray *links = vf_places_links (places);
  for (guint i = 0; i < links->len; i++) {
    const VfPlaceLink *link = links->pdata[i];
    if (!look_at (move, table, link->destination, true, error) || !look_at_directories (move, table, link->destination, error))
      return false;
  }
  g_autofree char *tpm_directory = vf_plan_tpm_directory (inventory->domain->uuid);
  if (!look_there (move, table, tpm_directory, error) || !look_at_snapshot_metadata (move, inventory, table, error))
    return false;
  g_autofree char *in_cap_directory = g_build_filename (move->request->cap_directory, "cap", NULL);
  return look_at_directories (move, table, in_cap_directory, error);
}

/* An old libvirt, or one that does not know the machine type, cannot be asked; the migration will tell. */
static bool
lacks_tpm_emulator (VfMove *move, const VfDomainXml *domain)
{
  bool emulated = true;
  g_autofree char *xml = vf_hypervisor_capabilities (move->destination, domain->arch, domain->machine, domain->type, NULL);
  return xml != NULL && vf_capabilities_xml_tpm (xml, &emulated, NULL) && !emulated;
}

static bool
survey_destination_host (VfMove *move, const VfInventory *inventory, VfDestinationFacts *facts, GError **error)
{
  g_autoptr (VfGuest) same_uuid = vf_guest_find (move->destination, inventory->domain->uuid, NULL);
  const char *name = move->request->tuning.dname != NULL ? move->request->tuning.dname : inventory->domain->name;
  g_autoptr (VfGuest) same_name = vf_guest_find (move->destination, name, NULL);
  facts->host = vf_hypervisor_hostname (move->destination, error);
  facts->source_host = g_strdup (inventory->host);
  facts->uuid_taken = same_uuid != NULL;
  facts->taken_name = same_uuid == NULL ? NULL : g_strdup (vf_guest_name (same_uuid));
  facts->name_taken = same_name != NULL && strcmp (vf_guest_name (same_name), name) == 0;
  facts->lacks_tpm_emulator = inventory->domain->tpm != NULL && lacks_tpm_emulator (move, inventory->domain);
  facts->qemu_img = g_strdup (vf_json_string_or (vf_link_peer (vf_move_link (move)), "qemu_img", NULL));
  return facts->host != NULL &&
         vf_hypervisor_versions (move->destination, &facts->libvirt_version, &facts->qemu_version, error) &&
         (move->source == NULL ||
          vf_hypervisor_versions (move->source, &facts->source_libvirt_version, &facts->source_qemu_version, error));
}

/* An agent older than the question leaves it open. */
static bool
ask_agent (VfMove *move, const VfDevices *devices, VfHost *there, GError **error)
{
  GError *failure = NULL;
  g_autoptr (GPtrArray) wants = vf_preflight_wants (devices, move->request);
  if (!vf_far_host_facts (vf_move_link (move), wants, &there->bridges, move->cancellable, &failure)) {
    bool is_old = vf_error_is (failure, VF_ERROR_NOT_FOUND);
    if (is_old)
      g_error_free (failure);
    else
      g_propagate_error (error, failure);
    return is_old;
  }
  for (guint i = 0; i < wants->len; i++) {
    const VfFarWant *want = wants->pdata[i];
    vf_host_set_look (there, want->kind, want->name, want->answer);
  }
  return true;
}

static bool
survey_offers (VfMove *move, const VfDevices *devices, VfDestinationFacts *facts, GError **error)
{
  g_autoptr (VfHost) here = move->source == NULL ? NULL : vf_host_new ();
  g_autoptr (VfHost) there = vf_host_new ();
  if ((here != NULL && !vf_hypervisor_describe (move->source, here, error)) ||
      !vf_hypervisor_describe (move->destination, there, error) || !ask_agent (move, devices, there, error))
    return false;
  vf_hypervisor_try_guest (move->destination, devices, there);
  facts->source_offers = g_steal_pointer (&here);
  facts->offers = g_steal_pointer (&there);
  return true;
}

static bool
is_equal_there (VfMove *move, const VfPlanFile *file, bool *equal, GError **error)
{
  VfDigest digest;
  VfFileId id;
  g_auto (VfFd) fd = open (file->source, O_RDONLY | O_CLOEXEC);
  if (fd == VF_FD_NONE)
    return vf_error_set_errno (error, errno, "cannot open layer '%s' at the source", file->source);
  vf_move_note (move, "comparing '%s' with the file of that name at the destination", file->destination);
  VfSeedSource source = { .fd = fd, .path = file->source, .file_bytes = file->facts->bytes, .cancellable = move->cancellable };
  return vf_far_compare (vf_move_link (move), file->destination, &source, equal, &digest, &id, error);
}

static bool
compare_files (VfMove *move, const VfPlan *plan, VfDestinationFacts *facts, GError **error)
{
  for (guint i = 0; i < plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (plan, i);
    bool equal = false;
    if (!file->maybe_there || vf_plan_file_is_link (file))
      continue;
    if (!is_equal_there (move, file, &equal, error))
      return false;
    g_hash_table_insert (facts->equal, g_strdup (file->destination), GINT_TO_POINTER (equal));
  }
  return true;
}

static void
note_cpus (VfPlan *plan, const VfDevices *devices, const VfHost *there)
{
  VfCpuSet wanted = { 0 };
  for (guint i = 0; i < devices->pins->len; i++)
    vf_cpu_set_add_all (&wanted, &((const VfXmlBinding *)devices->pins->pdata[i])->set);
  if (!there->cpus_known || vf_cpu_set_is_empty (&wanted))
    return;
  plan->cpus_wanted = vf_cpu_set_print (&wanted);
  plan->cpus_present = vf_cpu_set_print (&there->cpus_present);
  plan->cpus_online = vf_cpu_set_print (&there->cpus_online);
}

/* ---- both ---- */

static bool
reach_destination (VfMove *move, const char *rendezvous, GPtrArray *findings, GError **error)
{
  g_autoptr (GError) reason = NULL;
  if (vf_move_connect_destination (move, rendezvous, &reason))
    return true;
  if (vf_error_is (reason, VF_ERROR_USAGE) || vf_error_is (reason, VF_ERROR_CANCELLED)) {
    g_propagate_error (error, g_steal_pointer (&reason));
    return false;
  }
  const char *hint = vf_error_get_hint (reason);
  vf_findings_add (findings, VF_FINDING_REFUSE, "unreachable", move->request->destination_uri,
                   hint != NULL ? hint : "try the same by hand: ssh HOST virt-ferry --version", "%s", reason->message);
  return true;
}

/* The caps of a move that an earlier process left would be taken for the guest's own layers. */
static bool
find_unfinished_move (const VfInventory *inventory, GPtrArray *findings, GError **error)
{
  GError *failure = NULL;
  g_autofree char *id = vf_guard_find_unfinished (inventory->domain->uuid, &failure);
  if (failure != NULL) {
    g_propagate_error (error, failure);
    return false;
  }
  if (id == NULL)
    return true;
  g_autofree char *hint = g_strdup_printf ("virt-ferry resume %s, or virt-ferry abort %s", id, id);
  vf_findings_add (findings, VF_FINDING_REFUSE, "unfinished-move", inventory->domain->name, hint,
                   "move %s of this guest is not finished", id);
  return true;
}

/* Adds to `findings`. */
static bool
make_plan (VfMove *move, VfInventory *inventory, GPtrArray *findings, VfPlan **plan_out, GError **error)
{
  g_autofree char *id = vf_id_new ();
  g_autofree char *rendezvous = g_uuid_string_random ();
  g_autoptr (VfPlaces) wanted = vf_places_new (inventory, move->request, NULL, NULL, error);
  if (wanted == NULL || (move->request->destination_uri != NULL && !reach_destination (move, rendezvous, findings, error)))
    return false;
  g_autoptr (VfFarTable) table = vf_far_table_new ();
  g_autoptr (VfDestinationFacts) there = vf_destination_facts_new ();
  bool reached = move->destination != NULL;
  if (reached && !look_at_directory_links (move, inventory, wanted, table, error))
    return false;
  if (reached && !survey_offers (move, inventory->devices, there, error))
    return false;
  g_autoptr (GPtrArray) pools =
      reached ? vf_move_pool_places (inventory, move->request, there->source_offers, there->offers) : NULL;
  g_autoptr (VfPlaces) places = vf_places_new (inventory, move->request, table, pools, error);
  if (places == NULL)
    return false;
  if (reached &&
      (!look_at_places (move, inventory, places, table, error) || !vf_find_shared (move, id, inventory, places, table, error) ||
       !survey_destination_host (move, inventory, there, error) || !vf_secrets_survey (move, inventory, there, error)))
    return false;
  g_autoptr (VfPlan) plan = vf_plan_make (id, inventory, places, move->request, table);
  g_free (plan->rendezvous);
  plan->rendezvous = g_steal_pointer (&rendezvous);
  plan->destination_host = g_strdup (there->host);
  vf_secrets_plan (plan, there, move->request);
  if (reached)
    note_cpus (plan, inventory->devices, there->offers);
  if (reached && (!compare_files (move, plan, there, error) || !vf_check_shared_caps (move, plan, table, findings, error)))
    return false;
  VfPreflight preflight = { inventory, move->request, plan, table, there, findings };
  vf_preflight_run (&preflight);
  vf_own_xml_check (move, plan, findings);
  if (reached && !vf_findings_refuse (findings) && !vf_move_estimate (move, plan, inventory, error))
    return false;
  *plan_out = g_steal_pointer (&plan);
  return true;
}

bool
vf_inspect (VfMove *move, VfPlan **plan, GPtrArray **findings_out, GError **error)
{
  g_autoptr (GPtrArray) findings = vf_findings_new ();
  g_autoptr (VfDestination) destination = vf_destination_parse (move->request->destination_uri, error);
  if (destination == NULL || !vf_own_xml_load (move, error) || !vf_move_connect_source (move, error))
    return false;
  g_autoptr (VfInventory) inventory = vf_survey_source (move, error);
  if (inventory == NULL || !find_unfinished_move (inventory, findings, error) ||
      !make_plan (move, inventory, findings, plan, error))
    return false;
  *findings_out = g_steal_pointer (&findings);
  return true;
}

bool
vf_inspect_xml (VfMove *move, const char *xml, const char *file, VfPlan **plan, GPtrArray **findings_out, GError **error)
{
  const char *uri = move->request->destination_uri;
  g_autoptr (GPtrArray) findings = vf_findings_new ();
  g_autoptr (VfDestination) destination = uri == NULL ? NULL : vf_destination_parse (uri, error);
  g_autoptr (VfInventory) inventory = uri != NULL && destination == NULL ? NULL : vf_survey_xml (move, xml, error);
  if (inventory == NULL || !vf_own_xml_load (move, error))
    return false;
  vf_findings_add (findings, VF_FINDING_NOTE, "from-file", file, NULL,
                   "no guest was asked: whether it runs, its snapshots, checkpoints and jobs are not known%s",
                   uri == NULL ? "; no destination was named, so none was looked at" : "");
  if (!make_plan (move, inventory, findings, plan, error))
    return false;
  (*plan)->from_file = g_strdup (file);
  *findings_out = g_steal_pointer (&findings);
  return true;
}
