/* The secrets that a guest needs: looking for them at both hosts, carrying them, taking them back. */
#pragma once

#include "move/move.h"

/* Fills facts->secrets (VfSecretLook). */
bool vf_secrets_survey (VfMove *move, const VfInventory *inventory, VfDestinationFacts *facts, GError **error);

/* Notes in the plan what --with-secrets carries. */
void vf_secrets_plan (VfPlan *plan, const VfDestinationFacts *facts, const VfRequest *request);

/* Defines the plan's secrets at the destination. One that is there by now, and not by this move, stays as it is. */
bool vf_secrets_carry (VfMove *move, GError **error);

/* Removes those that this move defined; what could not be removed is added to `left` ("secret UUID"). */
void vf_secrets_take_back (VfMove *move, GPtrArray *left);
