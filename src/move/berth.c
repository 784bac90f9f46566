/* Berthing: verified copies get their final names, and empty caps are put over the tops. */
#include "base/names.h"
#include "chain/image.h"
#include "far/far.h"
#include "move/move.h"
#include "move/pools.h"
#include "move/cap_files.h"
#include "move/secrets.h"

static bool
berth_file (VfMove *move, guint index, GError **error)
{
  const VfPlan *plan = vf_move_plan (move);
  const VfPlanFile *file = vf_plan_file (plan, index);
  const VfLedgerFile *entry = vf_ledger_file (move->ledger, index);
  VfLink *link = vf_move_link (move);
  if (entry->reused)
    return true;
  g_autofree char *partial =
      file->destination_is_block ? g_strdup (file->destination) : vf_name_partial (file->destination, plan->id);
  VfImageNames names = { file->new_backing, file->backing_format, file->new_data_file };
  if (vf_plan_file_is_renamed (file) && !entry->berth_begun && !vf_far_rebase (link, partial, plan->id, &names, error))
    return false;
  if (file->destination_is_block)
    return true;
  return vf_move_record (move, vf_record_file ("berth", index, file->destination), error) &&
         vf_far_berth (link, partial, file->destination, plan->id, &entry->id, error);
}

/* The guest may have resized the disk since the plan was made: the cap at the source knows. */
static bool
virtual_size_now (VfMove *move, const VfPlanDisk *disk, guint64 *bytes, GError **error)
{
  g_autofree char *cap = vf_plan_cap_at_source (vf_move_plan (move), disk, move->ledger->capped);
  g_autoptr (VfImage) image = vf_image_read (cap, "qcow2", false, NULL, error);
  if (image == NULL)
    return false;
  *bytes = image->virtual_bytes;
  return true;
}

static bool
create_far_cap (VfMove *move, const VfPlanDisk *disk, gpointer data, GError **error)
{
  const VfPlan *plan = vf_move_plan (move);
  const VfPlanFile *top = vf_plan_disk_top (plan, disk);
  guint generation = move->ledger->capped;
  g_autofree char *path = vf_plan_cap_at_destination (plan, disk, generation);
  g_autofree char *below = generation == 1 ? g_strdup (vf_plan_disk_name_at_destination (plan, disk))
                                           : vf_plan_cap_at_destination (plan, disk, generation - 1);
  guint64 bytes = 0;
  VfFileId id;
  bool encrypted = vf_plan_disk_encrypted (plan, disk) != NULL;
  const char *format = generation == 1 ? top->format : "qcow2";
  JsonObject *record = vf_record_new ("cap-at-destination");
  json_object_set_string_member (record, "target", disk->target);
  json_object_set_string_member (record, "path", path);
  if (!vf_move_record (move, record, error) || !virtual_size_now (move, disk, &bytes, error))
    return false;
  VfCapImage image = { .backing = below, .backing_format = format, .bytes = bytes };
  return (encrypted ? vf_cap_file_send (move, disk, path, &image, error)
                    : vf_far_create_cap (vf_move_link (move), path, plan->id, below, format, bytes, &id, error)) &&
         (top->source_is_block || vf_far_own (vf_move_link (move), path, plan->id, top->facts, error));
}

static bool
berth_files (VfMove *move, GError **error)
{
  for (guint i = 0; i < vf_move_plan (move)->files->len; i++)
    if (vf_move_is_cancelled (move, error) || !berth_file (move, i, error))
      return false;
  vf_move_refresh_pools (move, move->destination, VF_AT_DESTINATION); /* libvirt looks up media there that are volumes */
  return true;
}

bool
vf_phase_berth (VfMove *move, GError **error)
{
  return berth_files (move, error) && vf_move_each_disk (move, create_far_cap, NULL, error) && vf_secrets_carry (move, error);
}

/* From the next phase on the guest can be started there, and what is embedded is read then. */
bool
vf_phase_berth_offline (VfMove *move, GError **error)
{
  return berth_files (move, error) && vf_secrets_carry (move, error) && vf_move_mend_memory_files (move, error);
}
