/* The outcome of a switch, from what both sides are seen to be. */
#include "move/move.h"
#include "move/outcome.h"

enum {
  OBSERVE_EVERY_MS = 300,
  RECOVER_EVERY_MS = 1000,
};

/* What was seen of both sides. */
typedef struct {
  VfGuestState source, destination;
  VfVerdict verdict;
  char *words;
} Sight;

static void
sight_clear (Sight *sight)
{
  g_clear_pointer (&sight->words, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Sight, sight_clear)

VfGuestState
vf_move_observe_source (VfMove *move, char **reason)
{
  if (!vf_move_connect_source (move, NULL) && move->source == NULL) {
    *reason = g_strdup ("the source's libvirt does not answer");
    return VF_GUEST_UNKNOWN;
  }
  return vf_guest_observe (move->source, vf_move_plan (move)->uuid, reason);
}

VfGuestState
vf_move_observe_destination (VfMove *move, char **reason)
{
  g_autoptr (GError) error = NULL;
  if (!vf_move_connect_destination (move, vf_move_plan (move)->rendezvous, &error)) {
    *reason = g_strdup (error->message);
    return VF_GUEST_UNKNOWN;
  }
  return vf_guest_observe (move->destination, vf_move_plan (move)->uuid, reason);
}

bool
vf_move_record_outcome (VfMove *move, const char *kind, const char *reason, GError **error)
{
  JsonObject *record = vf_record_new (kind);
  json_object_set_string_member (record, "reason", reason);
  return vf_move_record (move, record, error);
}

static bool
is_gone (VfGuestState state)
{
  return state == VF_GUEST_ABSENT || state == VF_GUEST_SHUT_OFF;
}

static VfMemory
memory_of (const VfMove *move, const Sight *sight)
{
  VfGuestState here = sight->source, there = sight->destination;
  bool one = here == VF_GUEST_DIVIDED || there == VF_GUEST_DIVIDED;
  VfGuestState other = here == VF_GUEST_DIVIDED ? there : here;
  if ((one && is_gone (other)) ||
      (move->ledger->post_copy && is_gone (there) && here != VF_GUEST_RUNNING && here != VF_GUEST_UNKNOWN))
    return VF_MEMORY_LOST;
  return one && (other == VF_GUEST_DIVIDED || other == VF_GUEST_UNKNOWN) ? VF_MEMORY_DIVIDED : VF_MEMORY_IN_ONE_PLACE;
}

static void
look (VfMove *move, Sight *sight)
{
  g_autofree char *here = NULL;
  g_autofree char *there = NULL;
  sight_clear (sight);
  sight->source = vf_move_observe_source (move, &here);
  sight->destination = vf_move_observe_destination (move, &there);
  VfSwitchFacts facts = { .was_running = vf_move_plan (move)->was_running, .post_copy = move->ledger->post_copy };
  sight->verdict = vf_outcome_decide (sight->source, sight->destination, facts);
  sight->words =
      g_strdup_printf ("at the source it is %s (%s), at the destination %s (%s)", vf_guest_state_name (sight->source),
                       here != NULL ? here : "", vf_guest_state_name (sight->destination), there != NULL ? there : "");
  move->memory = memory_of (move, sight);
}

static bool
undecided (const VfMove *move, const Sight *sight, GError **error)
{
  bool far_unknown =
      sight->destination == VF_GUEST_UNKNOWN && (sight->source == VF_GUEST_RUNNING || sight->source == VF_GUEST_ABSENT);
  bool near_unknown = sight->source == VF_GUEST_UNKNOWN && sight->destination == VF_GUEST_RUNNING;
  bool may_come = sight->verdict == VF_VERDICT_WAIT && (far_unknown || near_unknown);
  switch (move->memory) {
  case VF_MEMORY_LOST:
    return vf_error_set (error, VF_ERROR_UNDECIDED, "cannot go on in post-copy, a part of the guest's memory is lost: %s",
                         sight->words);
  case VF_MEMORY_DIVIDED:
    return vf_error_set (error, VF_ERROR_UNREACHABLE, "cannot go on in post-copy: %s", sight->words);
  default:
    return vf_error_set (error, may_come ? VF_ERROR_UNREACHABLE : VF_ERROR_UNDECIDED, "cannot tell where the guest is: %s",
                         sight->words);
  }
}

static bool
is_decided (VfVerdict verdict)
{
  return verdict == VF_VERDICT_MOVED || verdict == VF_VERDICT_STAYED || verdict == VF_VERDICT_STAYED_RESUME;
}

static bool
record (VfMove *move, const Sight *sight, bool *moved, GError **error)
{
  *moved = sight->verdict == VF_VERDICT_MOVED;
  if (sight->verdict == VF_VERDICT_STAYED_RESUME &&
      (!vf_move_connect_source (move, error) || !vf_guest_resume (move->guest, error)))
    return false;
  return vf_move_record_outcome (move, *moved ? "switched" : "stayed", sight->words, error);
}

/* `why` gets the last reason why the migration could not go on. */
static void
recover (VfMove *move, GError **why)
{
  if (*why == NULL)
    vf_move_note (move, "the migration broke in post-copy; going on with it");
  g_clear_error (why);
  if (!vf_move_go_on_in_post_copy (move, why))
    g_usleep (RECOVER_EVERY_MS * 1000);
}

bool
vf_move_decide (VfMove *move, bool *moved, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (gint64)move->request->timeout_s * 2 * G_USEC_PER_SEC;
  g_auto (Sight) sight = { 0 };
  GError *why = NULL;
  while (true) {
    look (move, &sight);
    if (is_decided (sight.verdict)) {
      g_clear_error (&why);
      return record (move, &sight, moved, error);
    }
    if (sight.verdict == VF_VERDICT_PERSON || g_get_monotonic_time () > deadline)
      break;
    if (sight.verdict == VF_VERDICT_RECOVER)
      recover (move, &why);
    else
      g_usleep (OBSERVE_EVERY_MS * 1000);
  }
  GError *failure = NULL;
  undecided (move, &sight, &failure);
  vf_error_attach (&failure, &why, "going on in post-copy failed");
  g_propagate_error (error, failure);
  return false;
}
