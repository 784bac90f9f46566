#include "journal/replay.h"

#include "base/fd.h"
#include "base/json.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { PIECE_BYTES = 1024 * 1024 };

/* The file as lines, read a piece at a time. */
typedef struct {
  const VfReplay *replay;
  GByteArray *buffer; /* what is read and not yet dropped */
  gsize used;         /* bytes of it that were given out */
  guint64 offset;     /* of the next piece in the file */
  guint64 end;        /* where reading stops */
} Reader;

typedef struct {
  const char *text; /* borrowed from the buffer until the next line is read */
  gsize length;     /* without LF */
  bool ended;       /* has its LF */
  bool last;
} Line;

static bool
damage (const VfReplay *replay, const char *reason, GError **error)
{
  vf_error_set (error, VF_ERROR_UNDECIDED, "cannot read journal '%s': line %" G_GUINT64_FORMAT ": %s", replay->path,
                replay->records + 1, reason);
  vf_error_hint (error, "the journal is damaged: keep it, and look at both hosts before anything is removed");
  return false;
}

static bool
read_piece (Reader *reader, GError **error)
{
  g_byte_array_remove_range (reader->buffer, 0, (guint)reader->used);
  reader->used = 0;
  guint had = reader->buffer->len;
  gsize want = (gsize)MIN (reader->end - reader->offset, (guint64)PIECE_BYTES);
  g_byte_array_set_size (reader->buffer, had + (guint)want);
  gssize got = vf_fd_pread_full (reader->replay->fd, reader->buffer->data + had, want, (off_t)reader->offset);
  if (got < 0)
    return vf_error_set_errno (error, errno, "cannot read journal '%s'", reader->replay->path);
  g_byte_array_set_size (reader->buffer, had + (guint)got);
  reader->offset += (guint64)got;
  if ((gsize)got < want) /* shortened while it was read */
    reader->end = reader->offset;
  return true;
}

/* At the end of the file: an empty line that has not ended. */
static bool
next_line (Reader *reader, Line *line, GError **error)
{
  const char *end = NULL;
  for (;;) {
    gsize left = reader->buffer->len - reader->used;
    line->text = left == 0 ? "" : (const char *)reader->buffer->data + reader->used;
    end = memchr (line->text, '\n', left);
    line->length = end != NULL ? (gsize)(end - line->text) : left;
    if (end != NULL || reader->offset == reader->end)
      break;
    if (left > VF_JOURNAL_LINE_BYTES_MAX)
      return damage (reader->replay, "longer than any record", error);
    if (!read_piece (reader, error))
      return false;
  }
  line->ended = end != NULL;
  reader->used += line->length + (line->ended ? 1 : 0);
  line->last = reader->used == reader->buffer->len && reader->offset == reader->end;
  return true;
}

static bool
replay_record (VfReplay *replay, JsonObject *record, GError **error)
{
  if ((guint64)vf_json_int_or (record, "seq", 0) != replay->records + 1)
    return damage (replay, "its seq does not follow the one before", error);
  if (replay->apply != NULL && !replay->apply (record, replay->data, error))
    return false;
  replay->records++;
  return true;
}

/* *more: go on with the next line. */
static bool
replay_line (VfReplay *replay, const Line *line, bool *more, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (JsonObject) record = line->ended ? vf_journal_parse_line (line->text, line->length, &reason) : NULL;
  *more = record != NULL;
  if (record == NULL && line->last && vf_journal_tail_is_torn (line->text, line->length, line->ended))
    return true;
  if (record == NULL)
    return damage (replay, reason != NULL ? reason->message : "more than one record, or what no interrupted write leaves",
                   error);
  if (!replay_record (replay, record, error))
    return false;
  replay->valid_bytes += line->length + 1;
  return true;
}

static bool
replay_lines (VfReplay *replay, Reader *reader, GError **error)
{
  bool more = true;
  while (more) {
    Line line;
    if (!next_line (reader, &line, error) || !replay_line (replay, &line, &more, error))
      return false;
  }
  return true;
}

bool
vf_journal_replay (VfReplay *replay, GError **error)
{
  struct stat facts;
  replay->valid_bytes = 0;
  replay->records = 0;
  if (fstat (replay->fd, &facts) != 0)
    return vf_error_set_errno (error, errno, "cannot read journal '%s'", replay->path);
  if (!S_ISREG (facts.st_mode) || facts.st_size > VF_JOURNAL_BYTES_MAX)
    return damage (replay, "not a file, or larger than any journal", error);
  g_autoptr (GByteArray) buffer = g_byte_array_new ();
  Reader reader = { .replay = replay, .buffer = buffer, .end = (guint64)facts.st_size };
  return replay_lines (replay, &reader, error);
}
