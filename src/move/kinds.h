/* The kinds of moves: each an array of phases, and how an abort decides where the guest is. */
#pragma once

#include "move/move.h"

typedef bool (*VfPhaseAct) (VfMove *move, GError **error);

typedef struct {
  VfPhase phase;
  VfPhaseAct act;
} VfStep;

typedef struct {
  const VfStep *steps;
  gsize count;
  VfPhaseAct decide; /* of a switch that has begun, without going on with it; true: the guest is at the destination */
} VfMoveKind;

const VfMoveKind *vf_move_kind (const VfMove *move);
