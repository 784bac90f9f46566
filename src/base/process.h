/* Child processes that are run to their end: qemu-img and the like. Never through a shell. */
#pragma once

#include "base/error.h"

#include <gio/gio.h>

typedef struct {
  guint deadline_s;          /* killed after so long; 0 means none */
  guint64 memory_bytes_max;  /* RLIMIT_AS; 0 means none: for parsing what a guest wrote */
  guint cpu_s_max;           /* RLIMIT_CPU; 0 means none */
  GCancellable *cancellable; /* kills the child; may be NULL */
} VfProcessLimits;

/* Runs `argv` (NULL-terminated, found in PATH) with no standard input and waits for it. *output gets its standard output (the
 * caller frees; at most 16 MiB is kept, more is an error). An exit code other than 0 is an error that quotes the last line of
 * its standard error. Blocks; works in any thread. */
bool vf_process_run (const char *const *argv, const VfProcessLimits *limits, char **output, GError **error);
