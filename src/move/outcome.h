/* The outcome of a switch, from what both sides are observed to be: docs/internals/phases.md has the table. */
#pragma once

#include "domain/guest.h"

typedef enum {
  VF_VERDICT_WAIT,          /* not decided yet: look again */
  VF_VERDICT_MOVED,         /* the guest is at the destination */
  VF_VERDICT_STAYED,        /* the guest is at the source */
  VF_VERDICT_STAYED_RESUME, /* it is at the source, and paused though it was running: resume it */
  VF_VERDICT_RECOVER,       /* its memory is divided between both sides: the migration must go on, there is no way back */
  VF_VERDICT_PERSON,        /* only a person can decide */
} VfVerdict;

/* What is known of a switch before its end. */
typedef struct {
  bool was_running; /* the guest ran before: one that was paused stays so */
  bool post_copy; /* it may have been run at the destination before all of it was there: a guest that ended then has its newest
                     writes there, and the source's are old */
} VfSwitchFacts;

/* Pure. */
VfVerdict vf_outcome_decide (VfGuestState source, VfGuestState destination, VfSwitchFacts facts);

/* What is to be done next in the switch of an offline move: the second table. */
typedef enum {
  VF_OFFLINE_WAIT,     /* a side does not answer */
  VF_OFFLINE_UNDEFINE, /* the guest is at the source only: undefine it there */
  VF_OFFLINE_DEFINE,   /* it is nowhere: define it at the destination */
  VF_OFFLINE_MOVED,
  VF_OFFLINE_STAYED, /* it has been started at the source */
  VF_OFFLINE_PERSON, /* both sides have it */
} VfOfflineStep;

/* Pure. */
VfOfflineStep vf_outcome_next_offline (VfGuestState source, VfGuestState destination);
