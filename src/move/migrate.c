#include "move/migrate.h"

#include "base/json.h"
#include "move/cleanup.h"
#include "move/guard.h"
#include "move/inspect.h"
#include "move/kinds.h"
#include "move/move.h"
#include "move/words.h"

/* From the phase that the ledger is in to the end, or to the first failure. */
static bool
run_phases (VfMove *move, GError **error)
{
  const VfMoveKind *kind = vf_move_kind (move);
  for (gsize i = 0; i < kind->count; i++) {
    const VfStep *step = &kind->steps[i];
    if (step->phase < move->ledger->phase)
      continue;
    bool may_stop = step->phase <= VF_PHASE_SWITCH && move->ledger->switched == VF_SWITCH_NOT_BEGUN;
    if (may_stop && vf_move_is_cancelled (move, error))
      return false;
    if (!vf_move_enter (move, step->phase, error) || !step->act (move, error))
      return false;
    if (step->phase == VF_PHASE_SWITCH)
      move->cancellable = NULL; /* from here the only safe way is forward */
  }
  return vf_move_enter (move, VF_PHASE_DONE, error);
}

/* A failure before the switch is taken back; one after it is not; and where the outcome is not known nothing is touched. */
static VfResult *
end_failed (VfMove *move, GError *error)
{
  VfSwitchState switched = move->ledger->switched;
  if (switched == VF_SWITCH_SWITCHED)
    return vf_words_unsettled (move, error);
  if (switched == VF_SWITCH_BEGUN)
    return vf_words_not_known (move, error);
  GError *undo_error = NULL;
  move->cancellable = NULL;
  if (vf_move_undo (move, error->message, &undo_error))
    return vf_words_undone (move, error);
  vf_error_attach (&error, &undo_error, "and undoing it failed");
  return vf_words_interrupted (move, error);
}

static VfResult *
run_to_an_end (VfMove *move)
{
  gint64 began = g_get_monotonic_time ();
  GError *error = NULL;
  VfResult *result = NULL;
  if (!run_phases (move, &error)) {
    result = end_failed (move, error);
  } else {
    result = vf_words_done (move);
    if (move->request->delete_source)
      vf_cleanup_source (move, result);
    if (result->exit == VF_EXIT_REFUSED) /* that was of the old files only: the guest has moved */
      result->exit = VF_EXIT_UNSETTLED;
  }
  result->seconds = (double)(g_get_monotonic_time () - began) / G_USEC_PER_SEC;
  return result;
}

static VfResult *
planned (const GPtrArray *findings)
{
  VfResult *result = vf_result_new ();
  result->exit = vf_findings_refuse (findings) ? VF_EXIT_REFUSED : VF_EXIT_DONE;
  return result;
}

VfResult *
vf_plan_move (const VfRequest *request, const VfReporter *reporter, GCancellable *cancellable, VfPlan **plan,
              GPtrArray **findings)
{
  g_autoptr (VfMove) move = vf_move_new (request, reporter, cancellable);
  GError *error = NULL;
  if (!vf_inspect (move, plan, findings, &error))
    return vf_words_refused (error);
  return planned (*findings);
}

VfResult *
vf_plan_xml (const VfRequest *request, const char *xml, const char *file, const VfReporter *reporter, GCancellable *cancellable,
             VfPlan **plan, GPtrArray **findings)
{
  g_autoptr (VfMove) move = vf_move_new (request, reporter, cancellable);
  GError *error = NULL;
  if (!vf_inspect_xml (move, xml, file, plan, findings, &error))
    return vf_words_refused (error);
  return planned (*findings);
}

static VfResult *
refuse_with_findings (VfMove *move, const VfPlan *plan, const GPtrArray *findings)
{
  GError *error = NULL;
  guint refusals = 0;
  for (guint i = 0; i < findings->len; i++)
    refusals += ((const VfFinding *)findings->pdata[i])->level == VF_FINDING_REFUSE;
  vf_error_set (&error, VF_ERROR_REFUSED, "cannot move guest '%s': %u thing%s in the way", plan->domain, refusals,
                refusals == 1 ? " stands" : "s stand");
  return vf_words_refused (error);
}

static bool
begin_journal (VfMove *move, VfPlan *plan, GError **error)
{
  g_autofree char *directory = vf_journal_state_directory ();
  move->ledger = vf_ledger_new (plan->id);
  move->journal = vf_journal_create (directory, plan->id, error);
  if (move->journal == NULL || !vf_move_record (move, vf_record_begin (move->request, plan), error))
    return false;
  move->request = move->ledger->request;
  return true;
}

VfResult *
vf_migrate (const VfRequest *request, const VfReporter *reporter, GCancellable *cancellable)
{
  g_autoptr (VfMove) move = vf_move_new (request, reporter, cancellable);
  g_autoptr (VfPlan) plan = NULL;
  g_autoptr (GPtrArray) findings = NULL;
  GError *error = NULL;
  reporter->phase ("inspect", "looking at both hosts", reporter->data);
  if (!vf_inspect (move, &plan, &findings, &error))
    return vf_words_refused (error);
  move->guard = vf_guard_lock (plan->uuid, &error);
  if (move->guard == VF_FD_NONE)
    return vf_words_refused (error);
  for (guint i = 0; i < findings->len; i++)
    reporter->finding (findings->pdata[i], reporter->data);
  if (vf_findings_refuse (findings))
    return refuse_with_findings (move, plan, findings);
  if (plan->estimate.link_bytes_per_s > 0) {
    g_autofree char *estimate = vf_estimate_print (&plan->estimate);
    vf_move_note (move, "%s", estimate);
  }
  if (!begin_journal (move, plan, &error))
    return vf_words_refused (error);
  return run_to_an_end (move);
}

/* ---- with a journal that is there ---- */

static VfMove *
open_move (const char *id, const VfReporter *reporter, GCancellable *cancellable, GError **error)
{
  g_autofree char *directory = vf_journal_state_directory ();
  g_autoptr (VfMove) move = vf_move_new (NULL, reporter, cancellable);
  move->ledger = vf_ledger_new (id);
  move->journal = vf_journal_open (directory, id, vf_ledger_apply, move->ledger, error);
  if (move->journal == NULL)
    return NULL;
  if (move->ledger->plan == NULL) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot go on with move '%s': its journal is empty; nothing was touched by it", id);
    return NULL;
  }
  move->request = move->ledger->request;
  move->guard = vf_guard_lock (vf_move_plan (move)->uuid, error);
  if (move->guard == VF_FD_NONE)
    return NULL;
  if (move->ledger->phase == VF_PHASE_DONE || move->ledger->phase == VF_PHASE_UNDONE)
    vf_move_remove_rendezvous (vf_move_plan (move)->rendezvous); /* killed after its last record */
  move->rounds = move->ledger->capped > 0 ? move->ledger->capped - 1 : 0;
  return g_steal_pointer (&move);
}

static VfResult *
refuse (const char *id, VfErrorCode code, const char *text, const char *hint)
{
  GError *error = NULL;
  vf_error_set (&error, code, "cannot change move '%s': %s", id, text);
  if (hint != NULL)
    vf_error_hint (&error, "%s", hint);
  return vf_words_refused (error);
}

static VfResult *
finish_undo (VfMove *move)
{
  GError *error = NULL;
  GError *reason = NULL;
  vf_error_set (&reason, VF_ERROR_CANCELLED, "%s",
                move->ledger->undo_reason != NULL ? move->ledger->undo_reason : "stopped on request");
  move->cancellable = NULL;
  if (vf_move_undo (move, reason->message, &error))
    return vf_words_undone (move, reason);
  g_error_free (reason);
  return vf_words_interrupted (move, error);
}

VfResult *
vf_resume (const char *id, const VfReporter *reporter, GCancellable *cancellable)
{
  GError *error = NULL;
  g_autoptr (VfMove) move = open_move (id, reporter, cancellable, &error);
  if (move == NULL)
    return vf_words_refused (error);
  switch (move->ledger->phase) {
  case VF_PHASE_DONE:
    return vf_words_done (move);
  case VF_PHASE_UNDONE:
    return refuse (id, VF_ERROR_REFUSED, "it was undone", "start it again with migrate");
  case VF_PHASE_UNDO:
    return finish_undo (move);
  default:
    break;
  }
  if (move->ledger->switched == VF_SWITCH_NOT_BEGUN && !vf_move_connect_source (move, &error))
    return vf_words_interrupted (move, error);
  if (!vf_move_connect_destination (move, vf_move_plan (move)->rendezvous, &error) && move->ledger->switched != VF_SWITCH_BEGUN)
    return move->ledger->switched == VF_SWITCH_SWITCHED ? vf_words_unsettled (move, error) : vf_words_interrupted (move, error);
  g_clear_error (&error);
  if (move->ledger->switched == VF_SWITCH_BEGUN && !vf_move_connect_source (move, &error) &&
      !vf_error_is (error, VF_ERROR_NOT_FOUND))
    return vf_words_not_known (move, error);
  g_clear_error (&error);
  return run_to_an_end (move);
}

VfResult *
vf_abort (const char *id, const VfReporter *reporter)
{
  GError *error = NULL;
  g_autoptr (VfMove) move = open_move (id, reporter, NULL, &error);
  if (move == NULL)
    return vf_words_refused (error);
  if (move->ledger->phase == VF_PHASE_UNDONE)
    return refuse (id, VF_ERROR_REFUSED, "it is undone already", NULL);
  if (move->ledger->switched == VF_SWITCH_SWITCHED)
    return refuse (id, VF_ERROR_REFUSED, "the guest is at the destination, there is no way back",
                   move->ledger->phase == VF_PHASE_DONE ? NULL : "finish it with resume");
  if (move->ledger->switched == VF_SWITCH_BEGUN) {
    if (!vf_move_connect_source (move, &error) && !vf_error_is (error, VF_ERROR_NOT_FOUND))
      return vf_words_not_known (move, error);
    g_clear_error (&error);
    if (vf_move_kind (move)->decide (move, &error))
      return refuse (id, VF_ERROR_REFUSED, "the guest is at the destination, there is no way back", "finish it with resume");
    if (move->ledger->switched == VF_SWITCH_BEGUN)
      return vf_words_not_known (move, error);
    g_clear_error (&error);
  }
  return finish_undo (move);
}

VfResult *
vf_cleanup (const char *id, const VfReporter *reporter)
{
  GError *error = NULL;
  g_autoptr (VfMove) move = open_move (id, reporter, NULL, &error);
  if (move == NULL)
    return vf_words_refused (error);
  if (move->ledger->phase == VF_PHASE_UNDONE) {
    VfResult *result = vf_result_new ();
    result->id = g_strdup (id);
    vf_cleanup_destination (move, result);
    return result;
  }
  if (move->ledger->phase != VF_PHASE_DONE)
    return refuse (id, VF_ERROR_REFUSED, "it is not finished", "finish it with resume, or take it back with abort");
  VfResult *result = vf_words_done (move);
  result->downtime_ms = 0; /* that was the move's */
  vf_cleanup_source (move, result);
  return result;
}

bool
vf_move_is_abandoned (const VfLedger *ledger, bool held)
{
  return !held && ledger->phase != VF_PHASE_DONE && ledger->phase != VF_PHASE_UNDONE;
}

VfResult *
vf_recover (const char *id, const VfReporter *reporter, GCancellable *cancellable)
{
  GError *error = NULL;
  g_autoptr (VfLedger) ledger = vf_move_load (id, NULL, &error);
  if (ledger == NULL)
    return vf_words_refused (error);
  bool stayed = ledger->switched == VF_SWITCH_NOT_BEGUN || ledger->switched == VF_SWITCH_STAYED;
  return stayed ? vf_abort (id, reporter) : vf_resume (id, reporter, cancellable);
}

/* ---- list and status ---- */

VfLedger *
vf_move_load (const char *id, gint64 *holder, GError **error)
{
  g_autofree char *directory = vf_journal_state_directory ();
  g_autoptr (VfLedger) ledger = vf_ledger_new (id);
  if (!vf_journal_read (directory, id, vf_ledger_apply, ledger, holder, error))
    return NULL;
  if (ledger->plan == NULL) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read move '%s': its journal is empty; nothing was touched by it", id);
    return NULL;
  }
  return g_steal_pointer (&ledger);
}

const char *
vf_move_state_name (const VfLedger *ledger, bool held)
{
  if (ledger->phase == VF_PHASE_DONE)
    return ledger->cleaned ? "cleaned" : "done";
  if (ledger->phase == VF_PHASE_UNDONE)
    return ledger->left_behind->len > 0 ? "undone, files left" : "undone";
  if (held)
    return "running";
  return ledger->switched == VF_SWITCH_SWITCHED ? "unsettled" : "interrupted";
}

char *
vf_move_next_command (const VfLedger *ledger, bool held)
{
  bool finished =
      ledger->phase == VF_PHASE_DONE ? !ledger->cleaned : ledger->phase == VF_PHASE_UNDONE && ledger->left_behind->len > 0;
  if (finished)
    return g_strdup_printf ("virt-ferry cleanup %s", ledger->id);
  if (ledger->phase == VF_PHASE_DONE || ledger->phase == VF_PHASE_UNDONE || held)
    return NULL;
  return ledger->phase == VF_PHASE_UNDO ? g_strdup_printf ("virt-ferry abort %s", ledger->id)
                                        : g_strdup_printf ("virt-ferry resume %s", ledger->id);
}
