#include "move/move.h"

#include <glib/gstdio.h>

VfMove *
vf_move_new (const VfRequest *request, const VfReporter *reporter, GCancellable *cancellable)
{
  VfMove *move = g_new0 (VfMove, 1);
  move->request = request;
  move->reporter = reporter;
  move->cancellable = cancellable;
  move->guard = VF_FD_NONE;
  return move;
}

void
vf_move_free (VfMove *move)
{
  vf_move_disconnect_destination (move);
  g_clear_pointer (&move->guest, vf_guest_free);
  g_clear_pointer (&move->source, vf_hypervisor_close);
  g_clear_pointer (&move->journal, vf_journal_free);
  g_clear_pointer (&move->ledger, vf_ledger_free);
  vf_fd_close_value (move->guard);
  g_free (move->own_xml);
  g_free (move->own_persistent_xml);
  g_free (move);
}

bool
vf_move_record (VfMove *move, JsonObject *record, GError **error)
{
  g_autoptr (JsonObject) owned = record;
  return vf_journal_append (move->journal, owned, error) && vf_ledger_apply (owned, move->ledger, error);
}

bool
vf_move_enter (VfMove *move, VfPhase phase, GError **error)
{
  g_return_val_if_fail (vf_phase_may_follow (move->ledger->phase, phase), false);
  JsonObject *record = vf_record_new ("phase");
  json_object_set_string_member (record, "phase", vf_phase_name (phase));
  if (!vf_move_record (move, record, error))
    return false;
  move->reporter->phase (vf_phase_name (phase), vf_phase_title (phase), move->reporter->data);
  return true;
}

const VfPlan *
vf_move_plan (const VfMove *move)
{
  return move->ledger->plan;
}

VfLink *
vf_move_link (const VfMove *move)
{
  return move->shell == NULL ? NULL : vf_remote_shell_link (move->shell);
}

bool
vf_move_is_cancelled (const VfMove *move, GError **error)
{
  if (move->cancellable == NULL || !g_cancellable_is_cancelled (move->cancellable))
    return false;
  vf_error_set (error, VF_ERROR_CANCELLED, "cannot go on: stopped on request");
  return true;
}

void
vf_move_note (const VfMove *move, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  move->reporter->note (text, move->reporter->data);
}

void
vf_move_progress (const VfMove *move, VfPhase phase, const char *detail, guint64 done, guint64 total)
{
  VfProgress progress = { vf_phase_name (phase), detail, done, total };
  move->reporter->progress (&progress, move->reporter->data);
}

bool
vf_move_each_disk (VfMove *move, VfDiskAct act, gpointer data, GError **error)
{
  const VfPlan *plan = vf_move_plan (move);
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    if (disk->treatment == VF_TREAT_MOVE && !act (move, disk, data, error))
      return false;
  }
  return true;
}
