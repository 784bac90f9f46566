/* A plan for people. */
#pragma once

#include "plan/plan.h"

#include <stdio.h>

void vf_plan_print (const VfPlan *plan, const GPtrArray *findings, FILE *out);
