/* The phases of a move as data. Names are on disk and in JSON for ever. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

typedef enum {
  VF_PHASE_PLANNED, /* the journal has begun; nothing was touched */
  VF_PHASE_CAP,
  VF_PHASE_SEED,
  VF_PHASE_ROUNDS,
  VF_PHASE_BERTH,
  VF_PHASE_SWITCH,
  VF_PHASE_SETTLE,
  VF_PHASE_DONE,
  VF_PHASE_UNDO,
  VF_PHASE_UNDONE,
} VfPhase;

const char *vf_phase_name (VfPhase phase);
bool vf_phase_from_name (const char *name, VfPhase *phase);

/* For people: "copying". */
const char *vf_phase_title (VfPhase phase);

/* True if a move in `from` may enter `to` next; entering a phase again (resume) is allowed. */
bool vf_phase_may_follow (VfPhase from, VfPhase to);
