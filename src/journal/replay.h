/* Reading a journal from its start. Private to src/journal (and its fuzzer). */
#pragma once

#include "journal/journal.h"

enum {
  VF_JOURNAL_LINE_BYTES_MAX = 16 * 1024 * 1024,
  VF_JOURNAL_BYTES_MAX = 256 * 1024 * 1024,
};

typedef struct {
  int fd;
  const char *path;     /* for errors */
  VfJournalApply apply; /* may be NULL */
  gpointer data;
  guint64 valid_bytes; /* out: length of all whole records; what lies behind them is a torn write */
  guint64 records;     /* out: how many there are, which is also the last one's seq */
} VfReplay;

/* Reads at most the length that the file has now. False with VF_ERROR_UNDECIDED for damage, or with the error of `apply`. */
bool vf_journal_replay (VfReplay *replay, GError **error);

/* Whether the last line (`length` bytes without its LF, which it has if `ended`) can be what one interrupted write left. It
 * cannot when a whole record stands at its start and more follows: then only the line end behind that record was damaged, and
 * the record counts. A single byte more is given the benefit: the line end itself may have been the part that was not written.
 */
bool vf_journal_tail_is_torn (const char *tail, gsize length, bool ended);

/* STATE/moves/ID/journal. VF_ERROR_USAGE for what is no ID. The caller frees. */
char *vf_journal_path (const char *state_directory, const char *id, GError **error);

/* The process that holds an exclusive flock on this open file, or 0 (also when it lives in another pid namespace). From
 * /proc/locks: trying the lock would be in the way of one who wants it. */
gint64 vf_journal_holder (int fd);
