#include "move/outcome.h"

#define W VF_VERDICT_WAIT
#define M VF_VERDICT_MOVED
#define S VF_VERDICT_STAYED
#define R VF_VERDICT_STAYED_RESUME
#define V VF_VERDICT_RECOVER
#define P VF_VERDICT_PERSON

/* Rows: source; columns: destination; both in the order unknown, absent, shut off, paused, running, divided. A source in
 * post-copy is never resumed: what is missing there has been changed at the destination. */
static const VfVerdict table[6][6] = {
  [VF_GUEST_UNKNOWN] = { W, W, W, W, W, W },  [VF_GUEST_ABSENT] = { W, P, M, M, M, W },
  [VF_GUEST_SHUT_OFF] = { W, S, S, W, M, W }, [VF_GUEST_PAUSED] = { W, R, R, W, M, W },
  [VF_GUEST_RUNNING] = { W, S, S, W, P, W },  [VF_GUEST_DIVIDED] = { W, P, P, W, M, V },
};

G_STATIC_ASSERT (VF_GUEST_UNKNOWN == 0 && VF_GUEST_DIVIDED == 5);

VfVerdict
vf_outcome_decide (VfGuestState source, VfGuestState destination, VfSwitchFacts facts)
{
  VfVerdict verdict = table[source][destination];
  bool stayed = verdict == VF_VERDICT_STAYED || verdict == VF_VERDICT_STAYED_RESUME;
  if (facts.post_copy && stayed && source != VF_GUEST_RUNNING)
    return VF_VERDICT_PERSON;
  return verdict == VF_VERDICT_STAYED_RESUME && !facts.was_running ? VF_VERDICT_STAYED : verdict;
}

VfOfflineStep
vf_outcome_next_offline (VfGuestState source, VfGuestState destination)
{
  if (source == VF_GUEST_UNKNOWN || destination == VF_GUEST_UNKNOWN)
    return VF_OFFLINE_WAIT;
  if (source == VF_GUEST_ABSENT)
    return destination == VF_GUEST_ABSENT ? VF_OFFLINE_DEFINE : VF_OFFLINE_MOVED;
  if (destination != VF_GUEST_ABSENT)
    return VF_OFFLINE_PERSON;
  return source == VF_GUEST_SHUT_OFF ? VF_OFFLINE_UNDEFINE : VF_OFFLINE_STAYED;
}
