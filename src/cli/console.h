/* What people and programs see of a move: a bar on a terminal, plain lines elsewhere, or one JSON object a line. */
#pragma once

#include "move/report.h"
#include "move/result.h"

typedef struct VfConsole VfConsole;

typedef struct {
  bool json;     /* to standard output */
  bool progress; /* a bar on standard error */
} VfConsoleStyle;

/* Adds --json, --progress and --no-progress. */
void vf_console_options_add (GOptionContext *context);
VfConsoleStyle vf_console_options_style (void); /* from the options parsed last, and whether standard error is a terminal */

/* How wide the terminal is that shows standard error, here or (VIRT_FERRY_COLUMNS) where this process was asked for; 0: none.
 */
guint vf_console_columns (void);

VfConsole *vf_console_new (VfConsoleStyle style);
void vf_console_free (VfConsole *console);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfConsole, vf_console_free)

/* Its functions may be called from any thread. Borrowed. */
const VfReporter *vf_console_reporter (VfConsole *console);

/* One line to the user at once (a received signal, say). */
void vf_console_say (VfConsole *console, const char *text);

/* The last words; returns the exit code. */
int vf_console_result (VfConsole *console, const VfResult *result);
