#include "move/outcome.h"

#define W VF_VERDICT_WAIT
#define M VF_VERDICT_MOVED
#define S VF_VERDICT_STAYED
#define R VF_VERDICT_STAYED_RESUME
#define P VF_VERDICT_PERSON

/* Rows: source; columns: destination; both in the order unknown, absent, shut off, paused, running. */
static const VfVerdict table[5][5] = {
  [VF_GUEST_UNKNOWN] = { W, W, W, W, W }, [VF_GUEST_ABSENT] = { W, P, M, M, M },  [VF_GUEST_SHUT_OFF] = { W, S, S, W, M },
  [VF_GUEST_PAUSED] = { W, R, R, W, M },  [VF_GUEST_RUNNING] = { W, S, S, W, P },
};

G_STATIC_ASSERT (VF_GUEST_UNKNOWN == 0 && VF_GUEST_RUNNING == 4);

VfVerdict
vf_outcome_decide (VfGuestState source, VfGuestState destination, bool was_running)
{
  VfVerdict verdict = table[source][destination];
  return verdict == VF_VERDICT_STAYED_RESUME && !was_running ? VF_VERDICT_STAYED : verdict;
}
