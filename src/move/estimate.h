/* The measured link of a plan. */
#pragma once

#include "move/move.h"

/* Measures the link, for half a second at most and with no more than a small part of what the move would send, and notes in the
 * plan what it says of the move. An agent older than the question leaves the plan without. */
bool vf_move_estimate (VfMove *move, VfPlan *plan, const VfInventory *inventory, GError **error);
