#include "move/kinds.h"

static const VfStep live_steps[] = {
  { VF_PHASE_CAP, vf_phase_cap },     { VF_PHASE_SEED, vf_phase_seed },     { VF_PHASE_ROUNDS, vf_phase_rounds },
  { VF_PHASE_BERTH, vf_phase_berth }, { VF_PHASE_SWITCH, vf_phase_switch }, { VF_PHASE_SETTLE, vf_phase_settle },
};

static const VfStep offline_steps[] = {
  { VF_PHASE_SEED, vf_phase_seed_offline },
  { VF_PHASE_BERTH, vf_phase_berth_offline },
  { VF_PHASE_SWITCH, vf_phase_switch_offline },
  { VF_PHASE_SETTLE, vf_phase_settle_offline },
};

const VfMoveKind *
vf_move_kind (const VfMove *move)
{
  static const VfMoveKind live = { live_steps, G_N_ELEMENTS (live_steps), vf_phase_switch };
  static const VfMoveKind offline = { offline_steps, G_N_ELEMENTS (offline_steps), vf_move_decide_offline };
  return move->request->offline ? &offline : &live;
}
