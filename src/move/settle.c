/* Settling: at the destination the caps are folded into the layers below, the metadata is defined. Never backwards. */
#include "base/names.h"
#include "far/far.h"
#include "move/checkpoints.h"
#include "move/documents.h"
#include "move/move.h"
#include "move/pools.h"

#include <string.h>

typedef struct {
  VfMove *move;
  VfGuest *guest; /* at the destination */
} Settling;

static void
tell_commit (const char *target, guint64 done, guint64 total, gpointer data)
{
  vf_move_progress (data, VF_PHASE_SETTLE, target, done, total);
}

static bool
record_target (VfMove *move, const char *kind, const char *target, GError **error)
{
  JsonObject *record = vf_record_new (kind);
  json_object_set_string_member (record, "target", target);
  return vf_move_record (move, record, error);
}

static bool
disk_names_path (VfGuest *guest, VfXmlKind kind, const char *target, const char *path, bool *names, GError **error)
{
  g_autofree char *xml = vf_guest_xml (guest, kind, error);
  g_autoptr (VfDomainXml) domain = xml == NULL ? NULL : vf_domain_xml_parse (xml, error);
  if (domain == NULL)
    return false;
  const VfXmlDisk *disk = vf_domain_xml_disk (domain, target);
  *names = disk != NULL && g_strcmp0 (disk->source->path, path) == 0;
  return true;
}

static bool
commit_disk (VfMove *move, const VfPlanDisk *disk, gpointer data, GError **error)
{
  Settling *settling = data;
  const char *top = vf_plan_disk_name_at_destination (vf_move_plan (move), disk);
  bool folded = false;
  if (g_hash_table_contains (move->ledger->committed, disk->target))
    return true;
  if (!disk_names_path (settling->guest, VF_XML_LIVE, disk->target, top, &folded, error))
    return false;
  VfCommitRequest request = {
    .target = disk->target, .base = top, .deadline_s = move->request->timeout_s, .progress = tell_commit, .progress_data = move
  };
  if (!folded && (!record_target (move, "settle-commit", disk->target, error) ||
                  !vf_guest_commit_active (settling->guest, &request, error)))
    return false;
  return record_target (move, "settle-committed", disk->target, error);
}

/* A cap may be unlinked only when no definition names it any more. */
static bool
cap_is_unnamed (VfMove *move, VfGuest *guest, const char *target, const char *path, GError **error)
{
  bool live = false;
  bool inactive = false;
  if (!disk_names_path (guest, VF_XML_LIVE, target, path, &live, error) ||
      (vf_move_plan (move)->persistent && !disk_names_path (guest, VF_XML_INACTIVE, target, path, &inactive, error)))
    return false;
  if (live || inactive)
    return vf_error_set (error, VF_ERROR_FAILED,
                         "cannot remove cap '%s' at the destination: the guest's %s definition names it", path,
                         live ? "live" : "persistent");
  return true;
}

static bool
record_far_cap_gone (VfMove *move, const char *path, GError **error)
{
  JsonObject *record = vf_record_new ("cap-gone");
  json_object_set_string_member (record, "side", "destination");
  json_object_set_string_member (record, "path", path);
  return vf_move_record (move, record, error);
}

static bool
remove_far_caps (VfMove *move, const VfPlanDisk *disk, gpointer data, GError **error)
{
  Settling *settling = data;
  const VfPlan *plan = vf_move_plan (move);
  for (guint g = move->ledger->capped; g >= 1; g--) {
    g_autofree char *path = vf_plan_cap_at_destination (plan, disk, g);
    bool removed = false;
    if (!vf_ledger_cap_is_gone (move->ledger, "destination", path) &&
        (!cap_is_unnamed (move, settling->guest, disk->target, path, error) || !record_far_cap_gone (move, path, error)))
      return false;
    if (!vf_far_remove (vf_move_link (move), path, plan->id, NULL, &removed, error)) /* a crash may have come before it */
      return false;
  }
  return true;
}

bool
vf_move_mend_memory_files (VfMove *move, GError **error)
{
  const VfPlan *plan = vf_move_plan (move);
  for (guint i = 0; i < plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (plan, i);
    bool embeds = file->kind == VF_PLAN_MEMORY || file->kind == VF_PLAN_SAVED;
    if (!embeds || !vf_documents_change (move->ledger) || vf_ledger_file (move->ledger, i)->reused)
      continue;
    g_autofree char *xml = vf_memory_file_xml (move->destination, file->destination, error);
    g_autofree char *mended = xml == NULL ? NULL : vf_document_memory_file (move->ledger, xml, error);
    if (mended == NULL || !vf_memory_file_set_xml (move->destination, file->destination, mended, error))
      return false;
  }
  return true;
}

static bool
define_snapshots (VfMove *move, VfGuest *guest, GError **error)
{
  g_autoptr (GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_snapshot_record_free);
  const GPtrArray *snapshots = move->ledger->snapshots;
  gulong libvirt_version = 0, qemu_version = 0;
  if (!vf_hypervisor_versions (move->destination, &libvirt_version, &qemu_version, error))
    return false;
  for (guint i = 0; snapshots != NULL && i < snapshots->len; i++) {
    const VfLedgerSnapshot *snapshot = snapshots->pdata[i];
    char *xml = vf_document_snapshot (move->ledger, snapshot->xml, libvirt_version, error);
    if (xml == NULL)
      return false;
    VfSnapshotRecord *record = g_new0 (VfSnapshotRecord, 1);
    record->name = g_strdup (snapshot->name);
    record->parent = g_strdup (snapshot->parent);
    record->xml = xml;
    record->current = snapshot->current;
    g_ptr_array_add (records, record);
  }
  return vf_guest_redefine_snapshots (guest, records, error);
}

bool
vf_move_settle_metadata (VfMove *move, VfGuest *guest, GError **error)
{
  if (move->ledger->snapshots_settled)
    return true;
  if (!vf_move_name_volumes (move, guest, error) || !define_snapshots (move, guest, error) ||
      !vf_checkpoints_settle (move, guest, error))
    return false;
  if (vf_move_plan (move)->persistent && vf_move_plan (move)->autostart && !vf_guest_set_autostart (guest, true, error))
    return false;
  vf_move_refresh_pools (move, move->destination, VF_AT_DESTINATION);
  return vf_move_record (move, vf_record_new ("settle-snapshots"), error);
}

bool
vf_phase_settle (VfMove *move, GError **error)
{
  const VfPlan *plan = vf_move_plan (move);
  if (!vf_move_connect_destination (move, plan->rendezvous, error))
    return false;
  g_autoptr (VfGuest) guest = vf_guest_find (move->destination, plan->uuid, error);
  if (guest == NULL)
    return false;
  Settling settling = { move, guest };
  return vf_move_each_disk (move, commit_disk, &settling, error) &&
         vf_move_each_disk (move, remove_far_caps, &settling, error) &&
         (move->ledger->snapshots_settled || vf_move_mend_memory_files (move, error)) &&
         vf_move_settle_metadata (move, guest, error);
}
