/* The journal of one move: docs/internals/journal.md. */
#pragma once

#include "base/error.h"

#include <json-glib/json-glib.h>

enum { VF_JOURNAL_VERSION = 1 };

typedef struct VfJournal VfJournal;

/* Called for every record in order, while replaying and after each append. False with error stops the replay. */
typedef bool (*VfJournalApply) (JsonObject *record, gpointer data, GError **error);

/* The state directory: $VIRT_FERRY_STATE or /var/lib/virt-ferry. The caller frees. */
char *vf_journal_state_directory (void);

/* Makes the move's directory and an empty journal, locked. VF_ERROR_EXISTS if that ID is there. */
VfJournal *vf_journal_create (const char *state_directory, const char *id, GError **error);

/* Opens, locks (VF_ERROR_BUSY names the holder's pid) and replays into `apply`. A torn last record is dropped; damage before it is
 * VF_ERROR_UNDECIDED with the line's number. */
VfJournal *vf_journal_open (const char *state_directory, const char *id, VfJournalApply apply, gpointer data, GError **error);

/* Replays without lock, for `list` and `status` beside a running move. *held (may be NULL) is the pid that has the lock, or 0. */
bool vf_journal_read (const char *state_directory, const char *id, VfJournalApply apply, gpointer data, gint64 *held,
                      GError **error);

/* Adds seq and time to `record` (members of these names are replaced), writes it, and returns when it is on the disk. After a failure
 * the journal refuses every further append. Any thread. */
bool vf_journal_append (VfJournal *journal, JsonObject *record, GError **error);

/* Unlocks and closes. */
void vf_journal_free (VfJournal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfJournal, vf_journal_free)

/* The IDs that have a journal, oldest first; an absent state directory has none. */
GPtrArray *vf_journal_list (const char *state_directory, GError **error);

/* Checks and splits one line (without LF): pure, fuzzed. */
JsonObject *vf_journal_parse_line (const char *line, gsize length, GError **error);
char *vf_journal_print_line (JsonObject *record); /* with LF */
