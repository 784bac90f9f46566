/* The journal of one move: docs/internals/journal.md. */
#pragma once

#include "base/error.h"

#include <json-glib/json-glib.h>

enum { VF_JOURNAL_VERSION = 1 };

typedef struct VfJournal VfJournal;

/* Called for every record in order while replaying; an append does not call it: who appends applies the record as well. False
 * with error ends the replay. The journal checks form, order and checksums; that a kind is known is for `apply` to check (an
 * unknown one is VF_ERROR_UNDECIDED, as damage). */
typedef bool (*VfJournalApply) (JsonObject *record, gpointer data, GError **error);

/* The state directory: $VIRT_FERRY_STATE or /var/lib/virt-ferry. The caller frees. */
char *vf_journal_state_directory (void);

/* Makes the move's directory (and the state directory where it is absent, mode 0700) and an empty journal, locked and durable.
 * VF_ERROR_EXISTS if that ID is there; VF_ERROR_USAGE for what is no ID, here and below. */
VfJournal *vf_journal_create (const char *state_directory, const char *id, GError **error);

/* Opens, locks (VF_ERROR_BUSY names the holder's pid) and replays into `apply` (may be NULL). A torn last record is dropped,
 * and the next append writes over it; damage before it is VF_ERROR_UNDECIDED with the line's number. A last line whose LF was
 * damaged is damage, not torn: its record may have been acted upon. */
VfJournal *vf_journal_open (const char *state_directory, const char *id, VfJournalApply apply, gpointer data, GError **error);

/* Replays without lock, for `list` and `status` beside a running move. *held (may be NULL) is the pid that has the lock, or 0;
 * it is looked at before the records, so one that is given may have ended since. */
bool vf_journal_read (const char *state_directory, const char *id, VfJournalApply apply, gpointer data, gint64 *held,
                      GError **error);

/* Adds seq and time to `record` (members of these names are replaced; it must not be immutable), writes it, and returns when it
 * is on the disk. A record that replay would refuse (no string `record`, text that is not UTF-8, more than 16 MiB, a journal of
 * more than 256 MiB) is an error and nothing is written; after a failure of writing or syncing the journal refuses every
 * further append. Any thread. */
bool vf_journal_append (VfJournal *journal, JsonObject *record, GError **error);

/* A document too secret for the journal, beside it: MOVE/NAME, mode 0600. Durable when it returns; an older one is replaced. */
bool vf_journal_keep (const char *state_directory, const char *id, const char *name, const char *text, GError **error);
char *vf_journal_kept (const char *state_directory, const char *id, const char *name, GError **error); /* the caller frees */
bool vf_journal_drop (const char *state_directory, const char *id, const char *name, GError **error);  /* absent is fine */

/* Unlocks and closes. */
void vf_journal_free (VfJournal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfJournal, vf_journal_free)

/* The IDs (char *, owned by the array) that have a journal, by the time of their first record, oldest first; before them those
 * that cannot be read or have no record yet. An absent state directory has none. */
GPtrArray *vf_journal_list (const char *state_directory, GError **error);

/* Checks one line (without LF) and its seq, time and record members: pure, fuzzed. VF_ERROR_CORRUPT. */
JsonObject *vf_journal_parse_line (const char *line, gsize length, GError **error);

/* With LF; seq, time and record stand first. The caller frees. */
char *vf_journal_print_line (JsonObject *record);
