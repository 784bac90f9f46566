#include "move/phase.h"

#define BIT(phase) (1u << (phase))

typedef struct {
  const char *name;
  const char *title;
  unsigned next; /* bits of the phases that may follow, in any kind of move */
} PhaseRow;

static const PhaseRow rows[] = {
  [VF_PHASE_PLANNED] = { "planned", "planned", BIT (VF_PHASE_CAP) | BIT (VF_PHASE_SEED) | BIT (VF_PHASE_UNDO) },
  [VF_PHASE_CAP] = { "cap", "putting overlays on top", BIT (VF_PHASE_SEED) | BIT (VF_PHASE_UNDO) },
  [VF_PHASE_SEED] = { "seed", "copying", BIT (VF_PHASE_ROUNDS) | BIT (VF_PHASE_BERTH) | BIT (VF_PHASE_UNDO) },
  [VF_PHASE_ROUNDS] = { "rounds", "catching up", BIT (VF_PHASE_BERTH) | BIT (VF_PHASE_UNDO) },
  [VF_PHASE_BERTH] = { "berth", "putting copies in place", BIT (VF_PHASE_SWITCH) | BIT (VF_PHASE_UNDO) },
  [VF_PHASE_SWITCH] = { "switch", "switching over", BIT (VF_PHASE_SETTLE) | BIT (VF_PHASE_UNDO) },
  [VF_PHASE_SETTLE] = { "settle", "settling", BIT (VF_PHASE_DONE) },
  [VF_PHASE_DONE] = { "done", "done", 0 },
  [VF_PHASE_UNDO] = { "undo", "undoing", BIT (VF_PHASE_UNDONE) },
  [VF_PHASE_UNDONE] = { "undone", "undone", 0 },
};

G_STATIC_ASSERT (G_N_ELEMENTS (rows) == VF_PHASE_UNDONE + 1);

const char *
vf_phase_name (VfPhase phase)
{
  return rows[phase].name;
}

bool
vf_phase_from_name (const char *name, VfPhase *phase)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_strcmp0 (rows[i].name, name) == 0) {
      *phase = (VfPhase)i;
      return true;
    }
  return false;
}

const char *
vf_phase_title (VfPhase phase)
{
  return rows[phase].title;
}

bool
vf_phase_may_follow (VfPhase from, VfPhase to)
{
  return from == to || (rows[from].next & BIT (to)) != 0;
}
