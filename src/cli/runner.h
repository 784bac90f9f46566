/* Runs something long in a thread while this one listens for Ctrl-C and SIGTERM. */
#pragma once

#include "cli/console.h"

typedef VfResult *(*VfLongWork) (const VfReporter *reporter, GCancellable *cancellable, gpointer data);

/* Calls `work` in a thread, and `stop` here at every SIGINT, SIGTERM and SIGHUP that comes until it returns. */
void vf_cli_attend (void (*work) (gpointer data), void (*stop) (gpointer data), gpointer data);

/* The first signal cancels the cancellable and says so; further ones are answered with patience. Prints the result; returns the
 * exit code. */
int vf_cli_run (VfLongWork work, gpointer data);
