/* The destination's CPUs beside those that a guest is pinned to, drawn for people. Pure. */
#pragma once

#include "base/cpu_set.h"

/* Two lines for every 64 CPUs of which one is present or wanted, each beginning with the first one's number:
 *      0  yyyy-y..
 *         ****!...
 * "y" online, "-" present but offline, "." not there; below, "*" wanted, "!" wanted and not online. The caller frees. */
char *vf_cpu_map_draw (const VfCpuSet *present, const VfCpuSet *online, const VfCpuSet *wanted);
