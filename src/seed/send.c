/* The sending half. A reader thread walks the file, hashes, and hands pieces over; the calling thread sends them. Eight pieces
 * go round between two queues, so memory is bounded and the slower of disk and link stops the other. */
#include "seed/seed.h"

#include "base/file.h"
#include "seed/codec.h"
#include "seed/extents.h"
#include "seed/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
  PIECES = 8,
  PROGRESS_BYTES = 8 * 1024 * 1024,
};

typedef struct {
  VfRecord record;
  GError *error;                                           /* the reader could not go on: this is the last piece */
  guint8 bytes[VF_RECORD_HEAD_BYTES_MAX + VF_CHUNK_BYTES]; /* the head is put in front of what was read, to be sent with it */
} Piece;

typedef struct {
  const VfSeedSource *source;
  VfExtents extents;
  VfFileDigest *digest;
  VfCodec *codec;
  GAsyncQueue *empty, *full;     /* Piece */
  int stopping;                  /* atomic: the sender wants no more */
  guint64 zeros_at, zeros_bytes; /* a run of zeros that was not handed over yet */
  guint64 zeros_read;            /* how much of it had to be read */
} Reader;

static Piece *
take_empty (Reader *reader, VfRecordType type)
{
  Piece *piece = g_async_queue_pop (reader->empty);
  piece->record = (VfRecord){ .type = type };
  return piece;
}

static void
hand_over_zeros (Reader *reader)
{
  if (reader->zeros_bytes == 0)
    return;
  Piece *piece = take_empty (reader, VF_RECORD_ZERO);
  piece->record.offset = reader->zeros_at;
  piece->record.bytes = reader->zeros_bytes;
  g_async_queue_push (reader->full, piece);
  reader->zeros_bytes = 0;
  reader->zeros_read = 0;
}

static void
add_zeros (Reader *reader, guint64 offset, guint64 length)
{
  if (reader->zeros_bytes == 0)
    reader->zeros_at = offset;
  reader->zeros_bytes += length;
  vf_file_digest_add_zeros (reader->digest, length);
}

static bool
read_chunk (Reader *reader, guint64 offset, gsize *length, GError **error)
{
  Piece *piece = take_empty (reader, VF_RECORD_DATA);
  guint8 *chunk = piece->bytes + VF_RECORD_HEAD_BYTES_MAX;
  bool was_read = vf_chunk_read (&reader->extents, reader->source->path, offset, chunk, length, error);
  if (!was_read || vf_bytes_are_zero (chunk, *length)) {
    g_async_queue_push (reader->empty, piece);
    if (!was_read)
      return false;
    add_zeros (reader, offset, *length);
    reader->zeros_read += *length;
    if (reader->zeros_read >= PROGRESS_BYTES)
      hand_over_zeros (reader);
    return true;
  }
  hand_over_zeros (reader);
  piece->record.offset = offset;
  piece->record.bytes = *length;
  vf_digest_of_bytes (chunk, *length, &piece->record.digest);
  gsize stored_bytes = *length;
  piece->record.codec = vf_codec_shrink (reader->codec, chunk, &stored_bytes);
  piece->record.stored_bytes = (guint32)stored_bytes;
  vf_file_digest_add_chunk (reader->digest, &piece->record.digest);
  g_async_queue_push (reader->full, piece);
  return true;
}

static bool
read_data (Reader *reader, const VfExtent *run, GError **error)
{
  gsize length = 0;
  for (guint64 at = run->offset; at < run->offset + run->bytes; at += length) {
    if (g_atomic_int_get (&reader->stopping) || g_cancellable_is_cancelled (reader->source->cancellable))
      return vf_error_set (error, VF_ERROR_CANCELLED, "cannot read file '%s': stopped on request", reader->source->path);
    if (!read_chunk (reader, at, &length, error))
      return false;
  }
  return true;
}

static bool
read_file (Reader *reader, GError **error)
{
  VfExtents *extents = &reader->extents;
  for (VfExtent run = vf_extents_at (extents, 0); run.bytes > 0; run = vf_extents_at (extents, run.offset + run.bytes)) {
    if (run.is_hole)
      add_zeros (reader, run.offset, run.bytes);
    else if (!read_data (reader, &run, error))
      return false;
  }
  hand_over_zeros (reader);
  return true;
}

static gpointer
reader_thread (gpointer data)
{
  Reader *reader = data;
  GError *error = NULL;
  bool complete = read_file (reader, &error);
  Piece *last = take_empty (reader, VF_RECORD_END);
  last->error = error;
  if (complete)
    vf_file_digest_finish (reader->digest, &last->record.digest);
  g_async_queue_push (reader->full, last);
  return NULL;
}

static const char *
peer_name (const VfSeedSource *source)
{
  return source->peer != NULL ? source->peer : "the other end";
}

/* A dead link and a request to stop are this side's findings; all else is what the peer said. */
static bool
channel_failed (const VfSeedSource *source, GError *failure, GError **error)
{
  if (!vf_error_is (failure, VF_ERROR_UNREACHABLE) && !vf_error_is (failure, VF_ERROR_CANCELLED))
    return vf_error_adopt (error, failure, "on %s", peer_name (source));
  g_propagate_error (error, failure);
  return false;
}

static bool
send_bytes (VfChannel *channel, const VfSeedSource *source, const guint8 *bytes, gsize length, GError **error)
{
  GError *failure = NULL;
  if (!vf_channel_send (channel, bytes, length, source->cancellable, &failure))
    return channel_failed (source, failure, error);
  return true;
}

static bool
send_piece (VfChannel *channel, const VfSeedSource *source, Piece *piece, VfSeedCounts *counts, GError **error)
{
  gsize head_bytes = vf_record_head_bytes ((guint8)piece->record.type);
  guint8 *head = piece->bytes + VF_RECORD_HEAD_BYTES_MAX - head_bytes;
  guint8 encoded[VF_RECORD_HEAD_BYTES_MAX];
  vf_record_encode (&piece->record, encoded);
  memcpy (head, encoded, head_bytes);
  if (!send_bytes (channel, source, head, head_bytes + piece->record.stored_bytes, error))
    return false;
  counts->done_bytes += piece->record.bytes;
  counts->sent_bytes += piece->record.stored_bytes;
  if (piece->record.type == VF_RECORD_DATA)
    counts->data_bytes += piece->record.bytes;
  else
    counts->zero_bytes += piece->record.bytes;
  return true;
}

static void
report (const VfSeedSource *source, const VfSeedCounts *counts, guint64 *reported_bytes)
{
  bool at_end = counts->done_bytes == source->file_bytes;
  if (source->progress == NULL || (!at_end && counts->done_bytes - *reported_bytes < PROGRESS_BYTES))
    return;
  source->progress (counts, source->progress_data);
  *reported_bytes = counts->done_bytes;
}

/* Sends until the reader's last piece has come, also after a failure: the reader must find empty pieces to reach its end. */
static bool
send_pieces (VfChannel *channel, Reader *reader, VfSeedCounts *counts, VfDigest *digest, GError **error)
{
  const VfSeedSource *source = reader->source;
  guint64 reported_bytes = 0;
  bool good = true;
  for (;;) {
    Piece *piece = g_async_queue_pop (reader->full);
    bool is_last = piece->record.type == VF_RECORD_END;
    if (good && is_last && piece->error != NULL) {
      g_propagate_error (error, g_steal_pointer (&piece->error));
      good = false;
    }
    if (good && !is_last)
      good = send_piece (channel, source, piece, counts, error);
    if (!good)
      g_atomic_int_set (&reader->stopping, 1);
    else if (!is_last || source->file_bytes == 0)
      report (source, counts, &reported_bytes);
    *digest = piece->record.digest;
    g_clear_error (&piece->error);
    g_async_queue_push (reader->empty, piece);
    if (is_last)
      return good;
  }
}

static bool
send_file (VfChannel *channel, const VfSeedSource *source, VfSeedCounts *counts, VfDigest *digest, GError **error)
{
  g_autoptr (VfFileDigest) state = vf_file_digest_new (source->file_bytes);
  g_autoptr (VfCodec) codec = vf_codec_new (source->zstd_level);
  g_autoptr (GAsyncQueue) empty = g_async_queue_new_full (g_free);
  g_autoptr (GAsyncQueue) full = g_async_queue_new_full (g_free);
  Reader reader = { .source = source, .digest = state, .codec = codec, .empty = empty, .full = full };
  vf_extents_init (&reader.extents, source->fd, source->file_bytes);
  for (guint i = 0; i < PIECES; i++)
    g_async_queue_push (empty, g_new0 (Piece, 1));
  GThread *thread = g_thread_new ("seed reader", reader_thread, &reader);
  bool good = send_pieces (channel, &reader, counts, digest, error);
  g_thread_join (thread);
  return good;
}

static bool
receive_bytes (VfChannel *channel, const VfSeedSource *source, guint8 *bytes, gsize length, GError **error)
{
  GError *failure = NULL;
  if (!vf_channel_receive_full (channel, bytes, length, source->cancellable, &failure))
    return channel_failed (source, failure, error);
  return true;
}

static bool
check_verdict (VfChannel *channel, const VfSeedSource *source, const VfDigest *digest, GError **error)
{
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  VfRecord verdict;
  if (!receive_bytes (channel, source, head, 1, error))
    return false;
  if (head[0] != VF_RECORD_VERDICT)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read the verdict of %s on file '%s': record type %u",
                         peer_name (source), source->path, head[0]);
  if (!receive_bytes (channel, source, head + 1, vf_record_head_bytes (VF_RECORD_VERDICT) - 1, error))
    return false;
  vf_record_decode (head, &verdict);
  if (verdict.verdict == VF_VERDICT_GOOD && vf_digest_equal (&verdict.digest, digest))
    return true;
  g_autofree char *here = vf_digest_print (digest);
  g_autofree char *there = vf_digest_print (&verdict.digest);
  return vf_error_set (error, VF_ERROR_CORRUPT, "cannot verify the copy of file '%s': digest here is %s, on %s it is %s",
                       source->path, here, peer_name (source), there);
}

/* SEEK_DATA does not see what was not written back on some filesystems. A descriptor that cannot be synced (memory, a read-only
 * filesystem) has nothing to sync; any other failure means that data is lost. */
static bool
sync_source (const VfSeedSource *source, GError **error)
{
  if (fdatasync (source->fd) == 0 || errno == EINVAL || errno == EROFS || errno == EBADF)
    return true;
  return vf_error_set_errno (error, errno, "cannot sync file '%s'", source->path);
}

static bool
check_size (const VfSeedSource *source, const VfFileFacts *facts, GError **error)
{
  bool fits = facts->kind == VF_FILE_BLOCK ? facts->bytes >= source->file_bytes : facts->bytes == source->file_bytes;
  if (!fits)
    return vf_error_set (error, VF_ERROR_CORRUPT,
                         "cannot send file '%s': it has %" G_GUINT64_FORMAT " bytes, not the planned %" G_GUINT64_FORMAT,
                         source->path, facts->bytes, source->file_bytes);
  return true;
}

static bool
check_unchanged (const VfSeedSource *source, const VfFileFacts *before, GError **error)
{
  g_autoptr (VfFileFacts) after = vf_file_look_fd (source->fd, source->path, error);
  if (after == NULL)
    return false;
  if (!vf_file_is_unchanged (before, after))
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot send file '%s': it was changed while it was read", source->path);
  return true;
}

bool
vf_seed_send (VfChannel *channel, const VfSeedSource *source, VfSeedCounts *counts, VfDigest *digest, GError **error)
{
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  VfRecord end = { .type = VF_RECORD_END };
  *counts = (VfSeedCounts){ 0 };
  if (!sync_source (source, error))
    return false;
  g_autoptr (VfFileFacts) before = vf_file_look_fd (source->fd, source->path, error);
  if (before == NULL || !check_size (source, before, error) || !send_file (channel, source, counts, &end.digest, error) ||
      !check_unchanged (source, before, error))
    return false;
  *digest = end.digest;
  return send_bytes (channel, source, head, vf_record_encode (&end, head), error) &&
         check_verdict (channel, source, digest, error);
}
