#include "move/checkpoints.h"

#include "domain/checkpoints.h"
#include "move/documents.h"

bool
vf_checkpoints_keep (VfMove *move, GError **error)
{
  g_autoptr (GPtrArray) records = vf_guest_checkpoints (move->guest, error);
  if (records == NULL)
    return false;
  if (records->len == 0)
    return true;
  g_autoptr (GPtrArray) kept = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_ledger_checkpoint_free);
  for (guint i = 0; i < records->len; i++) {
    const VfCheckpointRecord *record = records->pdata[i];
    g_ptr_array_add (kept, vf_ledger_checkpoint_new (record->name, record->parent, record->xml));
  }
  return vf_move_record (move, vf_record_checkpoints (kept), error);
}

/* A checkpoint whose bitmaps are lost takes its children with it: they name it as their parent. */
static bool
define_one (VfMove *move, VfGuest *guest, const VfLedgerCheckpoint *kept, const char *xml, GHashTable *lost, GError **error)
{
  VfCheckpointRecord record = { kept->name, kept->parent, (char *)xml };
  g_autoptr (GError) failure = NULL;
  if (kept->parent != NULL && g_hash_table_contains (lost, kept->parent)) {
    g_hash_table_add (lost, kept->name);
    vf_move_note (move, "checkpoint '%s' is left out with its parent", kept->name);
    return true;
  }
  if (vf_guest_redefine_checkpoint (guest, &record, &failure))
    return true;
  if (!vf_error_is (failure, VF_ERROR_CORRUPT)) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return false;
  }
  g_hash_table_add (lost, kept->name);
  vf_move_note (move, "%s; the next backup from it must be a full one", failure->message);
  return true;
}

bool
vf_checkpoints_settle (VfMove *move, VfGuest *there, GError **error)
{
  const GPtrArray *checkpoints = move->ledger->checkpoints;
  g_autoptr (GHashTable) lost = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < checkpoints->len; i++) {
    const VfLedgerCheckpoint *kept = checkpoints->pdata[i];
    g_autofree char *xml = vf_document_checkpoint (move->ledger, kept->xml, error);
    if (xml == NULL || !define_one (move, there, kept, xml, lost, error))
      return false;
  }
  return true;
}

bool
vf_checkpoints_bring_back (VfMove *move, GError **error)
{
  const GPtrArray *checkpoints = move->ledger->checkpoints;
  g_autoptr (GHashTable) lost = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < checkpoints->len; i++) {
    const VfLedgerCheckpoint *kept = checkpoints->pdata[i];
    if (!define_one (move, move->guest, kept, kept->xml, lost, error))
      return false;
  }
  return true;
}
