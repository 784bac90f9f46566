/* The sending half. The calling thread walks the file's extents, gives chunks to the workers of a ring, takes them back in
 * order and sends them; the workers read, look for zeros, tag and compress. */
#include "seed/seed.h"

#include "base/file.h"
#include "seed/blocks.h"
#include "seed/codec.h"
#include "seed/extents.h"
#include "seed/hear.h"
#include "seed/pace.h"
#include "seed/ring.h"
#include "seed/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
  SLOTS_PER_WORKER = 4,
  PROGRESS_BYTES = 8 * 1024 * 1024,
  AGAIN_BYTES_MAX = 256 * 1024 * 1024,
};

typedef struct {
  VfRecord record; /* of type zero once its chunk was found to be all zeros, keep when the receiver has it */
  gsize length;    /* of the chunk; 0: a hole, whose length the record has */
  bool is_told;    /* the receiver has something there, of this tag */
  VfTag told;
  GError *error;
  guint8 bytes[VF_RECORD_HEAD_BYTES_MAX + VF_CHUNK_BYTES]; /* the head is put in front of what was read, to be sent with it */
} Piece;

typedef struct {
  VfChannel *channel;
  const VfSeedSource *source;
  VfSeedCounts *counts;
  VfFileDigest *digest;
  VfRing *ring;
  VfExtents extents;
  VfExtent run;        /* that is being walked */
  guint64 next;        /* of the file: not given to the workers yet */
  VfRecord run_record; /* zeros, or chunks to keep, that were not sent yet */
  VfPace *pace;        /* NULL: what is to be compressed is not measured */
  VfHearing *hearing;  /* NULL: the receiver has nothing */
  guint64 reported_bytes;
} Sender;

/* ---- the workers ---- */

typedef struct {
  const Sender *sender;
  VfTagger *tagger;
  VfCodec *codec;
} Tools;

static gpointer
tools_new (gpointer data)
{
  const Sender *sender = data;
  Tools *tools = g_new0 (Tools, 1);
  tools->sender = sender;
  tools->tagger = vf_tagger_new (&sender->source->key);
  tools->codec = vf_codec_new ();
  return tools;
}

static void
tools_free (gpointer data)
{
  Tools *tools = data;
  vf_tagger_free (tools->tagger);
  vf_codec_free (tools->codec);
  g_free (tools);
}

/* Compresses in place, where it shrinks and is wanted. */
static void
shrink (Piece *piece, const Tools *tools, guint8 *chunk)
{
  VfPace *pace = tools->sender->pace;
  gsize plain_bytes = vf_blocks_bytes (piece->record.map, piece->length);
  gsize stored_bytes = plain_bytes;
  if (pace == NULL || vf_pace_wants (pace)) {
    gint64 start_us = g_get_monotonic_time ();
    piece->record.codec = vf_codec_shrink (tools->codec, tools->sender->source->zstd_level, chunk, &stored_bytes);
    if (pace != NULL)
      vf_pace_shrunk (pace, plain_bytes, stored_bytes, g_get_monotonic_time () - start_us);
  }
  piece->record.stored_bytes = (guint32)stored_bytes;
}

static void
prepare (gpointer slot, gpointer data)
{
  Piece *piece = slot;
  const Tools *tools = data;
  const VfSeedSource *source = tools->sender->source;
  VfRecord *record = &piece->record;
  guint8 *chunk = piece->bytes + VF_RECORD_HEAD_BYTES_MAX;
  if (piece->length == 0 ||
      !vf_chunk_read (&tools->sender->extents, source->path, record->offset, chunk, &piece->length, &piece->error))
    return;
  record->map = vf_blocks_map (chunk, piece->length);
  if (record->map == 0) {
    record->type = VF_RECORD_ZERO;
    record->bytes = piece->length;
    return;
  }
  vf_tagger_tag (tools->tagger, chunk, piece->length, &record->tag);
  if (piece->is_told && vf_tag_equal (&piece->told, &record->tag)) {
    record->type = VF_RECORD_KEEP;
    record->bytes = piece->length;
    return;
  }
  vf_blocks_pack (chunk, piece->length, record->map);
  shrink (piece, tools, chunk);
}

/* ---- the peer ---- */

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

/* ---- walking ---- */

static bool
ask_ear (Sender *sender, Piece *piece, GError **error)
{
  GError *failure = NULL;
  if (sender->hearing == NULL || vf_hear_tag (sender->hearing, piece->record.offset, &piece->is_told, &piece->told, &failure))
    return true;
  return channel_failed (sender->source, failure, error);
}

/* Fills the ring as far as there is room. */
static bool
give_out (Sender *sender, GError **error)
{
  Piece *piece;
  while (sender->next < sender->source->file_bytes && (piece = vf_ring_room (sender->ring)) != NULL) {
    guint64 run_end = sender->run.offset + sender->run.bytes;
    if (sender->next == run_end) {
      sender->run = vf_extents_at (&sender->extents, run_end);
      run_end += sender->run.bytes;
    }
    piece->error = NULL;
    piece->is_told = false;
    piece->record = (VfRecord){ .type = sender->run.is_hole ? VF_RECORD_ZERO : VF_RECORD_DATA, .offset = sender->next };
    guint64 bytes = run_end - sender->next;
    if (sender->run.is_hole) {
      piece->length = 0;
      piece->record.bytes = bytes;
    } else {
      bytes = piece->length = (gsize)MIN (bytes, (guint64)VF_CHUNK_BYTES);
      if (!ask_ear (sender, piece, error))
        return false;
    }
    sender->next += bytes;
    vf_ring_submit (sender->ring);
  }
  return true;
}

/* ---- sending ---- */

static bool
send_bytes (const Sender *sender, const guint8 *bytes, gsize length, GError **error)
{
  GError *failure = NULL;
  if (!vf_channel_send (sender->channel, bytes, length, sender->source->cancellable, &failure))
    return channel_failed (sender->source, failure, error);
  return true;
}

static bool
send_record (const Sender *sender, const VfRecord *record, GError **error)
{
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  return send_bytes (sender, head, vf_record_encode (record, head), error);
}

static void
report (Sender *sender)
{
  const VfSeedSource *source = sender->source;
  bool at_end = sender->counts->done_bytes == source->file_bytes;
  if (source->progress == NULL || (!at_end && sender->counts->done_bytes - sender->reported_bytes < PROGRESS_BYTES))
    return;
  source->progress (sender->counts, source->progress_data);
  sender->reported_bytes = sender->counts->done_bytes;
}

static bool
send_run (Sender *sender, GError **error)
{
  VfRecord record = sender->run_record;
  sender->run_record.bytes = 0;
  return record.bytes == 0 || send_record (sender, &record, error);
}

/* A run is told when something else follows, so that it is one record. */
static bool
add_to_run (Sender *sender, const VfRecord *record, GError **error)
{
  VfSeedCounts *counts = sender->counts;
  if (sender->run_record.type != record->type && !send_run (sender, error))
    return false;
  if (sender->run_record.bytes == 0)
    sender->run_record = (VfRecord){ .type = record->type, .offset = record->offset };
  sender->run_record.bytes += record->bytes;
  counts->done_bytes += record->bytes;
  if (record->type == VF_RECORD_ZERO) {
    counts->zero_bytes += record->bytes;
    return true;
  }
  counts->kept_bytes += record->bytes;
  vf_file_digest_add (sender->digest, record->offset, &record->tag);
  return true;
}

static bool
send_data (Sender *sender, Piece *piece, GError **error)
{
  const VfRecord *record = &piece->record;
  gsize data_bytes = vf_blocks_bytes (record->map, piece->length);
  if (!send_run (sender, error))
    return false;
  vf_record_encode (record, piece->bytes);
  gint64 start_us = g_get_monotonic_time ();
  if (!send_bytes (sender, piece->bytes, VF_RECORD_HEAD_BYTES_MAX + record->stored_bytes, error))
    return false;
  if (sender->pace != NULL)
    vf_pace_sent (sender->pace, record->stored_bytes, g_get_monotonic_time () - start_us);
  vf_file_digest_add (sender->digest, record->offset, &record->tag);
  sender->counts->done_bytes += piece->length;
  sender->counts->data_bytes += data_bytes;
  sender->counts->zero_bytes += piece->length - data_bytes;
  sender->counts->sent_bytes += record->stored_bytes;
  return true;
}

static bool
send_piece (Sender *sender, Piece *piece, GError **error)
{
  if (piece->error != NULL) {
    g_propagate_error (error, g_steal_pointer (&piece->error));
    return false;
  }
  if (g_cancellable_is_cancelled (sender->source->cancellable))
    return vf_error_set (error, VF_ERROR_CANCELLED, "cannot read file '%s': stopped on request", sender->source->path);
  bool is_data = piece->record.type == VF_RECORD_DATA;
  if (is_data ? !send_data (sender, piece, error) : !add_to_run (sender, &piece->record, error))
    return false;
  report (sender);
  return true;
}

/* What is still in the ring after a failure may hold further errors. */
static void
drain (VfRing *ring)
{
  for (Piece *piece = vf_ring_oldest (ring); piece != NULL; piece = vf_ring_oldest (ring)) {
    g_clear_error (&piece->error);
    vf_ring_release (ring);
  }
}

static bool
send_pieces (Sender *sender, GError **error)
{
  bool good = give_out (sender, error);
  Piece *piece;
  while (good && (piece = vf_ring_oldest (sender->ring)) != NULL) {
    good = send_piece (sender, piece, error);
    vf_ring_release (sender->ring);
    good = good && give_out (sender, error);
  }
  drain (sender->ring);
  return good && send_run (sender, error);
}

static bool
send_file (Sender *sender, VfDigest *digest, GError **error)
{
  const VfSeedSource *source = sender->source;
  g_autoptr (VfFileDigest) state = vf_file_digest_new (source->file_bytes);
  guint workers = CLAMP (source->streams, 1, VF_STREAMS_MAX);
  VfRingKind kind = { .workers = workers,
                      .slots = (workers + 1) * SLOTS_PER_WORKER,
                      .slot_bytes = sizeof (Piece),
                      .work = prepare,
                      .tools_new = tools_new,
                      .tools_free = tools_free,
                      .data = sender };
  sender->digest = state;
  vf_extents_init (&sender->extents, source->fd, source->file_bytes);
  g_autoptr (VfRing) ring = vf_ring_new (&kind);
  sender->ring = ring;
  bool good = send_pieces (sender, error);
  if (good)
    vf_file_digest_finish (state, digest);
  if (good && source->file_bytes == 0)
    report (sender);
  return good;
}

/* ---- the verdict ---- */

static bool
receive_bytes (const Sender *sender, guint8 *bytes, gsize length, GError **error)
{
  GError *failure = NULL;
  if (!vf_channel_receive_full (sender->channel, bytes, length, sender->source->cancellable, &failure))
    return channel_failed (sender->source, failure, error);
  return true;
}

static bool
receive_record (const Sender *sender, VfRecord *record, GError **error)
{
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  if (!receive_bytes (sender, head, 1, error))
    return false;
  if (head[0] != VF_RECORD_VERDICT && head[0] != VF_RECORD_AGAIN)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read the verdict of %s on file '%s': record type %u",
                         peer_name (sender->source), sender->source->path, head[0]);
  if (!receive_bytes (sender, head + 1, vf_record_head_bytes (head[0]) - 1, error))
    return false;
  vf_record_decode (head, record);
  return true;
}

/* A chunk did not arrive as it was sent. */
static bool
send_again (Sender *sender, guint64 offset, GError **error)
{
  const VfSeedSource *source = sender->source;
  if (offset >= source->file_bytes || offset % VF_CHUNK_BYTES != 0 || sender->counts->again_bytes > AGAIN_BYTES_MAX)
    return vf_error_set (error, VF_ERROR_PROTOCOL,
                         "cannot send file '%s' to %s: it asks for offset %" G_GUINT64_FORMAT " again", source->path,
                         peer_name (source), offset);
  g_autofree Piece *piece = g_new0 (Piece, 1);
  g_autoptr (VfTagger) tagger = vf_tagger_new (&source->key);
  g_autoptr (VfCodec) codec = vf_codec_new ();
  Tools tools = { sender, tagger, codec };
  piece->record = (VfRecord){ .type = VF_RECORD_DATA, .offset = offset };
  piece->length = (gsize)MIN (source->file_bytes - offset, (guint64)VF_CHUNK_BYTES);
  prepare (piece, &tools);
  if (piece->error != NULL) {
    g_propagate_error (error, piece->error);
    return false;
  }
  if (piece->record.type != VF_RECORD_DATA)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot send file '%s': it was changed while it was read", source->path);
  vf_record_encode (&piece->record, piece->bytes);
  sender->counts->again_bytes += piece->length;
  return send_bytes (sender, piece->bytes, VF_RECORD_HEAD_BYTES_MAX + piece->record.stored_bytes, error);
}

static bool
check_verdict (Sender *sender, const VfDigest *digest, GError **error)
{
  const VfSeedSource *source = sender->source;
  VfRecord verdict;
  GError *failure = NULL;
  if (sender->hearing != NULL && !vf_hear_end (sender->hearing, &failure))
    return channel_failed (source, failure, error);
  for (;;) {
    if (!receive_record (sender, &verdict, error))
      return false;
    if (verdict.type == VF_RECORD_VERDICT)
      break;
    if (!send_again (sender, verdict.offset, error))
      return false;
  }
  bool is_equal = vf_digest_equal (&verdict.digest, digest);
  if (verdict.verdict == VF_VERDICT_GOOD && is_equal)
    return true;
  sender->counts->read_back_differs = verdict.verdict == VF_VERDICT_READ_BACK_DIFFERS;
  if (sender->counts->read_back_differs)
    return vf_error_set (error, VF_ERROR_CORRUPT,
                         "cannot verify the copy of file '%s': what %s reads back from its disk is not what was written",
                         source->path, peer_name (source));
  g_autofree char *here = vf_digest_print (digest);
  g_autofree char *there = vf_digest_print (&verdict.digest);
  return vf_error_set (error, VF_ERROR_CORRUPT, "cannot verify the copy of file '%s': digest here is %s, on %s it is %s",
                       source->path, here, peer_name (source), there);
}

/* ---- the source file ---- */

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

static bool
send_and_verify (Sender *sender, VfDigest *digest, GError **error)
{
  const VfSeedSource *source = sender->source;
  VfRecord end = { .type = VF_RECORD_END };
  if (!sync_source (source, error))
    return false;
  g_autoptr (VfFileFacts) before = vf_file_look_fd (source->fd, source->path, error);
  if (before == NULL || !check_size (source, before, error) || !send_file (sender, &end.digest, error) ||
      !check_unchanged (source, before, error))
    return false;
  *digest = end.digest;
  return send_record (sender, &end, error) && check_verdict (sender, digest, error);
}

bool
vf_seed_send (VfChannel *channel, const VfSeedSource *source, VfSeedCounts *counts, VfDigest *digest, GError **error)
{
  VfSeedSource complete = *source;
  VfPace pace;
  g_autofree VfHearing *hearing = g_new0 (VfHearing, 1);
  Sender sender = { .channel = channel, .source = &complete, .counts = counts };
  *counts = (VfSeedCounts){ 0 };
  if (complete.streams == 0)
    complete.streams = VF_STREAMS_DEFAULT;
  if (complete.compress_auto)
    complete.zstd_level = MAX (complete.zstd_level, 1);
  *hearing = (VfHearing){ .channel = channel, .cancellable = source->cancellable, .file_bytes = source->file_bytes };
  sender.hearing = source->is_there ? hearing : NULL;
  sender.pace = source->compress_auto ? &pace : NULL;
  vf_channel_mark_bulk (channel);
  vf_pace_init (&pace);
  bool good = send_and_verify (&sender, digest, error);
  vf_pace_clear (&pace);
  return good;
}
