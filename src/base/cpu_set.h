/* Sets of CPUs or NUMA nodes, as libvirt writes them: "0-3,^2,8". */
#pragma once

#include "base/error.h"

enum { VF_CPU_SET_MAX = 16384 }; /* libvirt's own bound for a CPU number */

typedef struct {
  guint64 words[VF_CPU_SET_MAX / 64];
} VfCpuSet;

/* "N", "N-M" and "^N" (takes away what stands before it), separated by commas; white space around them is allowed, and nothing
 * at all is the empty set. VF_ERROR_CORRUPT else; *set is then not valid. */
bool vf_cpu_set_parse (const char *text, VfCpuSet *set, GError **error);

/* "0-3,8"; "" when empty. The caller frees. */
char *vf_cpu_set_print (const VfCpuSet *set);

void vf_cpu_set_add (VfCpuSet *set, guint cpu); /* a number past the bound is ignored */
bool vf_cpu_set_has (const VfCpuSet *set, guint cpu);
bool vf_cpu_set_is_empty (const VfCpuSet *set);
void vf_cpu_set_add_all (VfCpuSet *set, const VfCpuSet *others);
VfCpuSet vf_cpu_set_minus (const VfCpuSet *set, const VfCpuSet *others);
VfCpuSet vf_cpu_set_common (const VfCpuSet *set, const VfCpuSet *others);

/* The highest member, or -1. */
int vf_cpu_set_last (const VfCpuSet *set);
