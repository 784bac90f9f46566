/* The door of this room: what the command line calls. Every call blocks, reports through `reporter`, and returns a result that
 * says how it ended; none of them is NULL. */
#pragma once

#include "move/ledger.h"
#include "move/report.h"
#include "move/result.h"

/* Looks only. *plan and *findings may be NULL after an error; the caller frees both. exit is DONE or REFUSED (or USAGE). */
VfResult *vf_plan_move (const VfRequest *request, const VfReporter *reporter, GCancellable *cancellable, VfPlan **plan,
                        GPtrArray **findings);

/* As vf_plan_move of a guest that there is only XML of, which `file` holds; see vf_inspect_xml. */
VfResult *vf_plan_xml (const VfRequest *request, const char *xml, const char *file, const VfReporter *reporter,
                       GCancellable *cancellable, VfPlan **plan, GPtrArray **findings);

/* The whole move. Cancelling undoes it until the switch; after that it goes forward to its end. */
VfResult *vf_migrate (const VfRequest *request, const VfReporter *reporter, GCancellable *cancellable);

/* Goes on with an unfinished move, or with its undo. */
VfResult *vf_resume (const char *id, const VfReporter *reporter, GCancellable *cancellable);

/* Undoes a move that has not switched. */
VfResult *vf_abort (const char *id, const VfReporter *reporter);

/* After a finished move: removes the guest's old files at the source, once the guest is seen at the destination. After an
 * undone one: removes what was left behind at the destination. */
VfResult *vf_cleanup (const char *id, const VfReporter *reporter);

/* True if a move is neither done nor undone, and no process works on it: what `recover` looks after. */
bool vf_move_is_abandoned (const VfLedger *ledger, bool held);

/* What is done with an abandoned move after a crash or at boot: as `resume` if the guest has switched or may have, else as
 * `abort`. */
VfResult *vf_recover (const char *id, const VfReporter *reporter, GCancellable *cancellable);

/* Changes the bandwidth of a move that is not finished, in bytes a second (0: no limit); a process that works on it takes
 * notice within a quarter of a second. */
bool vf_move_set_rate (const char *id, guint64 bytes_a_second, GError **error);

/* What the journal says. *holder is the pid of the process that works on it now, or 0. */
VfLedger *vf_move_load (const char *id, gint64 *holder, GError **error);

/* The move's state in one word: "running", "interrupted", "done", "undone", "unsettled", "cleaned". */
const char *vf_move_state_name (const VfLedger *ledger, bool held);
/* The next command for the user, or NULL. The caller frees. */
char *vf_move_next_command (const VfLedger *ledger, bool held);
