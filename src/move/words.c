#include "move/words.h"

static VfResult *
result_of (VfMove *move, VfExit exit, GError *error)
{
  VfResult *result = vf_result_new ();
  result->id = g_strdup (move->ledger->id);
  result->exit = exit;
  result->error = error;
  result->bytes_allocated = move->bytes.allocated_bytes;
  result->bytes_sent = move->bytes.data_bytes;
  result->bytes_reused = move->bytes.reused_bytes;
  result->bytes_zero = move->bytes.zero_bytes;
  result->rounds = move->rounds;
  result->downtime_ms = move->ledger->downtime_ms;
  return result;
}

/* Where the guest is, asked now. */
static char *
guest_at_source (VfMove *move)
{
  const VfPlan *plan = vf_move_plan (move);
  VfGuestState state = move->source == NULL ? VF_GUEST_UNKNOWN : vf_guest_observe (move->source, plan->uuid, NULL);
  if (state == VF_GUEST_UNKNOWN)
    return g_strdup_printf ("at %s, whose libvirt does not answer", plan->source_host);
  return g_strdup_printf ("%s at %s", vf_guest_state_name (state), plan->source_host);
}

static char *
guest_at_destination (VfMove *move)
{
  const VfPlan *plan = vf_move_plan (move);
  VfGuestState state = move->destination == NULL ? VF_GUEST_UNKNOWN : vf_guest_observe (move->destination, plan->uuid, NULL);
  if (state == VF_GUEST_UNKNOWN)
    return g_strdup_printf ("at %s, which does not answer now", plan->destination_host);
  return g_strdup_printf ("%s at %s", vf_guest_state_name (state), plan->destination_host);
}

VfResult *
vf_words_refused (GError *error)
{
  VfResult *result = vf_result_new ();
  result->exit = vf_error_is (error, VF_ERROR_USAGE) ? VF_EXIT_USAGE : VF_EXIT_REFUSED;
  result->error = error;
  result->data = g_strdup ("nothing was touched");
  return result;
}

VfResult *
vf_words_undone (VfMove *move, GError *error)
{
  VfResult *result = result_of (move, VF_EXIT_UNDONE, error);
  guint left = move->ledger->left_behind->len;
  result->guest = guest_at_source (move);
  result->data = left == 0
                     ? g_strdup ("its data is whole: it is on its original chain, and nothing is left at the destination")
                     : g_strdup_printf (
                           "its data is whole: it is on its original chain; %u file%s could not be removed at the destination",
                           left, left == 1 ? "" : "s");
  result->next = left == 0 ? g_strdup ("start it again with migrate when the reason is gone")
                           : g_strdup_printf ("virt-ferry cleanup %s, when the destination can be reached", result->id);
  return result;
}

VfResult *
vf_words_interrupted (VfMove *move, GError *error)
{
  VfResult *result = result_of (move, VF_EXIT_INTERRUPTED, error);
  result->guest = guest_at_source (move);
  result->data = g_strdup (move->ledger->generations->len > 0
                               ? "its data is whole; its newest writes may lie in the caps, which must not be removed by hand"
                               : "its data is whole, in its files at the source; nothing has been written to them");
  result->next = g_strdup_printf (
      move->ledger->phase == VF_PHASE_UNDO ? "virt-ferry abort %s" : "virt-ferry resume %s (or abort)", result->id);
  return result;
}

VfResult *
vf_words_unsettled (VfMove *move, GError *error)
{
  VfResult *result = result_of (move, VF_EXIT_UNSETTLED, error);
  result->guest = guest_at_destination (move);
  result->data = g_strdup ("its data is whole; overlays or snapshot metadata still have to be settled there");
  result->next = g_strdup_printf ("virt-ferry resume %s", result->id);
  return result;
}

static VfResult *
words_divided (VfMove *move, GError *error)
{
  VfResult *result = result_of (move, VF_EXIT_UNSETTLED, error);
  result->guest = g_strdup_printf ("at %s, with a part of its memory still at %s", vf_move_plan (move)->destination_host,
                                   vf_move_plan (move)->source_host);
  result->data =
      g_strdup ("nothing is lost while both hosts are up; do not stop, resume or start the guest by hand on either side");
  result->next =
      g_strdup_printf ("virt-ferry resume %s, when both hosts answer; see POST-COPY in virt-ferry-migrate(1)", result->id);
  return result;
}

static VfResult *
words_memory_lost (VfMove *move, GError *error)
{
  VfResult *result = result_of (move, VF_EXIT_UNDECIDED, error);
  result->guest = g_strdup_printf ("ended: its memory was divided between %s and %s, and a part is lost",
                                   vf_move_plan (move)->source_host, vf_move_plan (move)->destination_host);
  result->data = g_strdup ("its disks are whole at the destination, as after a power failure; those at the source are older");
  result->next = g_strdup ("do not start the guest at the source; see POST-COPY in virt-ferry-migrate(1)");
  return result;
}

VfResult *
vf_words_not_known (VfMove *move, GError *error)
{
  if (move->memory == VF_MEMORY_DIVIDED)
    return words_divided (move, error);
  if (move->memory == VF_MEMORY_LOST)
    return words_memory_lost (move, error);
  bool person = vf_error_is (error, VF_ERROR_UNDECIDED);
  VfResult *result = result_of (move, person ? VF_EXIT_UNDECIDED : VF_EXIT_INTERRUPTED, error);
  result->guest = g_strdup ("not known: one side does not answer, or both contradict each other");
  result->data = g_strdup ("both sides' files are whole and untouched; do not start the guest by hand on either side");
  result->next = person ? g_strdup_printf ("look at both hosts (virsh list --all), then virt-ferry resume %s", result->id)
                        : g_strdup_printf ("virt-ferry resume %s, when both hosts answer", result->id);
  return result;
}

static JsonArray *
chains_there (const VfPlan *plan)
{
  JsonArray *disks = json_array_new ();
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    JsonObject *object = json_object_new ();
    JsonArray *chain = json_array_new ();
    for (guint j = 0; j < disk->layers->len; j++)
      json_array_add_string_element (chain, vf_plan_file (plan, g_array_index (disk->layers, guint, j))->destination);
    json_object_set_string_member (object, "target", disk->target);
    json_object_set_string_member (object, "treatment", vf_treatment_name (disk->treatment));
    json_object_set_array_member (object, "chain", chain);
    json_array_add_object_element (disks, object);
  }
  return disks;
}

VfResult *
vf_words_done (VfMove *move)
{
  VfResult *result = result_of (move, VF_EXIT_DONE, NULL);
  const VfPlan *plan = vf_move_plan (move);
  result->guest =
      move->destination != NULL ? guest_at_destination (move) : g_strdup_printf ("moved to %s", plan->destination_host);
  result->data = move->ledger->cleaned
                     ? g_strdup_printf ("its old files at %s were removed", plan->source_host)
                     : g_strdup_printf ("its data is whole; the old files at %s are untouched", plan->source_host);
  result->next = move->ledger->cleaned ? NULL : g_strdup_printf ("virt-ferry cleanup %s removes the old files", result->id);
  result->disks = chains_there (plan);
  return result;
}
