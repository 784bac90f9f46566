/* The outcome of a switch, from what both sides are observed to be: docs/internals/phases.md has the table. */
#pragma once

#include "domain/guest.h"

typedef enum {
  VF_VERDICT_WAIT,          /* not decided yet: look again */
  VF_VERDICT_MOVED,         /* the guest is at the destination */
  VF_VERDICT_STAYED,        /* the guest is at the source */
  VF_VERDICT_STAYED_RESUME, /* it is at the source, and paused though it was running: resume it */
  VF_VERDICT_PERSON,        /* only a person can decide */
} VfVerdict;

/* `was_running`: the guest ran before the switch (a guest that was paused stays so). Pure. */
VfVerdict vf_outcome_decide (VfGuestState source, VfGuestState destination, bool was_running);
