/* Inspection: reads everything a plan needs, on both hosts, and touches nothing. */
#pragma once

#include "move/move.h"

/* Connects both sides, makes the inventory and the plan with a new ID, runs every preflight check. A destination that cannot be
 * reached is a finding, not an error, so that a user sees all at once. Errors: unknown guest, no libvirt here, wrong words,
 * cancellation. */
bool vf_inspect (VfMove *move, VfPlan **plan, GPtrArray **findings, GError **error);
