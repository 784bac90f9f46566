/* The sending half. The calling thread walks the file's extents, gives chunks to the workers of a ring, takes them back in
 * order and sends them; the workers read, look for zeros, tag and compress. */
#include "seed/seed.h"

#include "base/file.h"
#include "seed/blocks.h"
#include "seed/codec.h"
#include "seed/extents.h"
#include "seed/ring.h"
#include "seed/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
  SLOTS_PER_WORKER = 4,
  PROGRESS_BYTES = 8 * 1024 * 1024,
};

typedef struct {
  VfRecord record; /* of type zero once its chunk was found to be all zeros */
  gsize length;    /* of the chunk; 0: a hole, whose length the record has */
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
  VfExtent run;                  /* that is being walked */
  guint64 next;                  /* of the file: not given to the workers yet */
  guint64 zeros_at, zeros_bytes; /* a run of zeros that was not sent yet */
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
  vf_blocks_pack (chunk, piece->length, record->map);
  gsize stored_bytes = vf_blocks_bytes (record->map, piece->length);
  record->codec = vf_codec_shrink (tools->codec, source->zstd_level, chunk, &stored_bytes);
  record->stored_bytes = (guint32)stored_bytes;
}

/* ---- walking ---- */

/* Fills the ring as far as there is room. */
static void
give_out (Sender *sender)
{
  Piece *piece;
  while (sender->next < sender->source->file_bytes && (piece = vf_ring_room (sender->ring)) != NULL) {
    guint64 run_end = sender->run.offset + sender->run.bytes;
    if (sender->next == run_end) {
      sender->run = vf_extents_at (&sender->extents, run_end);
      run_end += sender->run.bytes;
    }
    piece->error = NULL;
    piece->record = (VfRecord){ .type = sender->run.is_hole ? VF_RECORD_ZERO : VF_RECORD_DATA, .offset = sender->next };
    guint64 bytes = run_end - sender->next;
    if (sender->run.is_hole) {
      piece->length = 0;
      piece->record.bytes = bytes;
    } else {
      bytes = piece->length = (gsize)MIN (bytes, (guint64)VF_CHUNK_BYTES);
    }
    sender->next += bytes;
    vf_ring_submit (sender->ring);
  }
}

/* ---- sending ---- */

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
send_zeros (Sender *sender, GError **error)
{
  VfRecord record = { .type = VF_RECORD_ZERO, .offset = sender->zeros_at, .bytes = sender->zeros_bytes };
  if (sender->zeros_bytes == 0)
    return true;
  sender->zeros_bytes = 0;
  return send_record (sender, &record, error);
}

/* Zeros are told when something else follows, so that a run of them is one record. */
static void
keep_zeros (Sender *sender, const VfRecord *record)
{
  if (sender->zeros_bytes == 0)
    sender->zeros_at = record->offset;
  sender->zeros_bytes += record->bytes;
  sender->counts->done_bytes += record->bytes;
  sender->counts->zero_bytes += record->bytes;
}

static bool
send_data (Sender *sender, Piece *piece, GError **error)
{
  const VfRecord *record = &piece->record;
  gsize data_bytes = vf_blocks_bytes (record->map, piece->length);
  if (!send_zeros (sender, error))
    return false;
  vf_record_encode (record, piece->bytes);
  if (!send_bytes (sender, piece->bytes, VF_RECORD_HEAD_BYTES_MAX + record->stored_bytes, error))
    return false;
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
  if (piece->record.type == VF_RECORD_DATA) {
    if (!send_data (sender, piece, error))
      return false;
  } else {
    keep_zeros (sender, &piece->record);
  }
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
  bool good = true;
  give_out (sender);
  for (Piece *piece = vf_ring_oldest (sender->ring); piece != NULL && good; piece = vf_ring_oldest (sender->ring)) {
    good = send_piece (sender, piece, error);
    vf_ring_release (sender->ring);
    if (good)
      give_out (sender);
  }
  drain (sender->ring);
  return good && send_zeros (sender, error);
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
check_verdict (const Sender *sender, const VfDigest *digest, GError **error)
{
  const VfSeedSource *source = sender->source;
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  VfRecord verdict;
  if (!receive_bytes (sender, head, 1, error))
    return false;
  if (head[0] != VF_RECORD_VERDICT)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read the verdict of %s on file '%s': record type %u",
                         peer_name (source), source->path, head[0]);
  if (!receive_bytes (sender, head + 1, vf_record_head_bytes (VF_RECORD_VERDICT) - 1, error))
    return false;
  vf_record_decode (head, &verdict);
  if (verdict.verdict == VF_VERDICT_GOOD && vf_digest_equal (&verdict.digest, digest))
    return true;
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

bool
vf_seed_send (VfChannel *channel, const VfSeedSource *source, VfSeedCounts *counts, VfDigest *digest, GError **error)
{
  VfRecord end = { .type = VF_RECORD_END };
  VfSeedSource complete = *source;
  Sender sender = { .channel = channel, .source = &complete, .counts = counts };
  *counts = (VfSeedCounts){ 0 };
  if (complete.streams == 0)
    complete.streams = VF_STREAMS_DEFAULT;
  if (!sync_source (source, error))
    return false;
  g_autoptr (VfFileFacts) before = vf_file_look_fd (source->fd, source->path, error);
  if (before == NULL || !check_size (source, before, error) || !send_file (&sender, &end.digest, error) ||
      !check_unchanged (source, before, error))
    return false;
  *digest = end.digest;
  return send_record (&sender, &end, error) && check_verdict (&sender, digest, error);
}
