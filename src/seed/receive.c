/* The receiving half: hostile until proven. The calling thread reads records, which must come in rising order without gaps, and
 * gives data to the workers of a ring; they expand it, check its tag and write it. The file's digest is made of the tags that
 * the records announce: a chunk that does not have its tag ends the transfer. */
#include "seed/seed.h"

#include "seed/blocks.h"
#include "seed/codec.h"
#include "seed/write.h"
#include "seed/ring.h"
#include "seed/stream.h"

#include <errno.h>
#include <unistd.h>

enum { SLOTS_PER_WORKER = 4 };

typedef struct {
  VfRecord record;
  gsize length; /* of the chunk */
  GError *error;
  guint8 bytes[VF_CHUNK_BYTES]; /* as stored; the worker unpacks them here */
} Piece;

typedef struct {
  VfChannel *channel;
  const VfSeedTarget *target;
  VfFileDigest *digest;
  VfRing *ring;
  guint64 next; /* where the next record must begin */
  VfPush push;
  GError *failure; /* of the workers, the first by its place in the file */
  bool ended;
  VfDigest own; /* once ended */
} Receiver;

static bool
broke_rule (const VfSeedTarget *target, guint64 offset, GError **error, const char *rule)
{
  return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot receive file '%s' at offset %" G_GUINT64_FORMAT ": %s", target->path,
                       offset, rule);
}

static bool
cannot_write (const VfSeedTarget *target, guint64 offset, int saved_errno, GError **error)
{
  return vf_error_set_errno (error, saved_errno,
                             "cannot write file '%s' at offset %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
                             " of its %" G_GUINT64_FORMAT " bytes are missing",
                             target->path, offset, target->file_bytes - offset, target->file_bytes);
}

/* ---- the workers ---- */

typedef struct {
  const VfSeedTarget *target;
  VfTagger *tagger;
  VfCodec *codec;
  guint8 plain[VF_CHUNK_BYTES];
} Tools;

static gpointer
tools_new (gpointer data)
{
  const Receiver *receiver = data;
  Tools *tools = g_new0 (Tools, 1);
  tools->target = receiver->target;
  tools->tagger = vf_tagger_new (&receiver->target->key);
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
check_and_write (gpointer slot, gpointer data)
{
  Piece *piece = slot;
  Tools *tools = data;
  const VfRecord *record = &piece->record;
  const VfSeedTarget *target = tools->target;
  guint8 *chunk = piece->bytes;
  VfTag tag;
  if (record->codec == VF_CODEC_ZSTD) {
    chunk = tools->plain;
    if (!vf_codec_expand (tools->codec, piece->bytes, record->stored_bytes, chunk,
                          vf_blocks_bytes (record->map, piece->length))) {
      broke_rule (target, record->offset, &piece->error, "the compressed bytes do not expand to what was announced");
      return;
    }
  }
  vf_blocks_unpack (chunk, piece->length, record->map);
  vf_tagger_tag (tools->tagger, chunk, piece->length, &tag);
  if (!vf_tag_equal (&tag, &record->tag))
    vf_error_set (&piece->error, VF_ERROR_CORRUPT,
                  "cannot receive file '%s': the chunk at offset %" G_GUINT64_FORMAT " is not what was sent", target->path,
                  record->offset);
  else if (!vf_write_chunk (target, record->offset, chunk, piece->length, record->map))
    cannot_write (target, record->offset, errno, &piece->error);
}

/* ---- the ring ---- */

/* False once one of the workers has failed. */
static bool
take_back (Receiver *receiver, Piece *piece)
{
  if (receiver->failure == NULL)
    receiver->failure = g_steal_pointer (&piece->error);
  g_clear_error (&piece->error);
  guint64 written = piece->record.offset + piece->length;
  vf_ring_release (receiver->ring);
  if (receiver->failure == NULL && !vf_push_behind (&receiver->push, written))
    cannot_write (receiver->target, receiver->push.previous_at, errno, &receiver->failure);
  return receiver->failure == NULL;
}

/* NULL once one of the workers has failed. */
static Piece *
find_room (Receiver *receiver)
{
  Piece *piece = vf_ring_room (receiver->ring);
  if (piece != NULL)
    return piece;
  return take_back (receiver, vf_ring_oldest (receiver->ring)) ? vf_ring_room (receiver->ring) : NULL;
}

static bool
take_all_back (Receiver *receiver)
{
  for (Piece *piece = vf_ring_oldest (receiver->ring); piece != NULL; piece = vf_ring_oldest (receiver->ring))
    take_back (receiver, piece);
  return receiver->failure == NULL;
}

/* ---- the records ---- */

static bool
check_place (const Receiver *receiver, const VfRecord *record, guint64 bytes, GError **error)
{
  const VfSeedTarget *target = receiver->target;
  guint64 left = target->file_bytes - receiver->next;
  if (record->offset > receiver->next)
    return broke_rule (target, receiver->next, error, "the record leaves a gap");
  if (record->offset < receiver->next)
    return broke_rule (target, receiver->next, error, "the record overlaps the one before");
  if (bytes == 0)
    return broke_rule (target, receiver->next, error, "the record is empty");
  if (bytes > left)
    return broke_rule (target, receiver->next, error, "the record goes beyond the end of the file");
  if (bytes % VF_CHUNK_BYTES != 0 && bytes != left)
    return broke_rule (target, receiver->next, error, "the record does not end with a chunk");
  return true;
}

static bool
take_data (Receiver *receiver, const VfRecord *record, GError **error)
{
  const VfSeedTarget *target = receiver->target;
  gsize length = (gsize)MIN (target->file_bytes - receiver->next, (guint64)VF_CHUNK_BYTES);
  if (!check_place (receiver, record, length, error))
    return false;
  if (record->codec != VF_CODEC_STORED && record->codec != VF_CODEC_ZSTD)
    return broke_rule (target, receiver->next, error, "the codec is unknown");
  if (record->map == 0 || (record->map & ~vf_blocks_all (length)) != 0)
    return broke_rule (target, receiver->next, error, "the record's blocks are not the chunk's");
  gsize bytes = vf_blocks_bytes (record->map, length);
  if (record->codec == VF_CODEC_STORED ? record->stored_bytes != bytes : record->stored_bytes >= bytes)
    return broke_rule (target, receiver->next, error, "stored bytes have another length");
  Piece *piece = find_room (receiver);
  if (piece == NULL || !vf_channel_receive_full (receiver->channel, piece->bytes, record->stored_bytes, NULL, error))
    return false;
  piece->record = *record;
  piece->length = length;
  vf_ring_submit (receiver->ring);
  vf_file_digest_add (receiver->digest, record->offset, &record->tag);
  receiver->next += length;
  return true;
}

static bool
take_zero (Receiver *receiver, const VfRecord *record, GError **error)
{
  if (!check_place (receiver, record, record->bytes, error))
    return false;
  if (!vf_write_zeros (receiver->target, record->offset, record->bytes))
    return cannot_write (receiver->target, record->offset, errno, error);
  receiver->next += record->bytes;
  return true;
}

static bool
take_end (Receiver *receiver, const VfRecord *record, GError **error)
{
  const VfSeedTarget *target = receiver->target;
  if (receiver->next != target->file_bytes)
    return broke_rule (target, receiver->next, error, "the stream ends before the file does");
  if (!take_all_back (receiver))
    return false;
  vf_file_digest_finish (receiver->digest, &receiver->own);
  receiver->ended = true;
  if (vf_digest_equal (&receiver->own, &record->digest))
    return true;
  g_autofree char *here = vf_digest_print (&receiver->own);
  g_autofree char *there = vf_digest_print (&record->digest);
  return vf_error_set (error, VF_ERROR_CORRUPT, "cannot verify file '%s': digest here is %s, at the sender it is %s",
                       target->path, here, there);
}

static const struct {
  VfRecordType type;
  bool (*take) (Receiver *receiver, const VfRecord *record, GError **error);
} kinds[] = {
  { VF_RECORD_DATA, take_data },
  { VF_RECORD_ZERO, take_zero },
  { VF_RECORD_END, take_end },
};

static bool
take_record (Receiver *receiver, GError **error)
{
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  VfRecord record;
  if (!vf_channel_receive_full (receiver->channel, head, 1, NULL, error))
    return false;
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (kinds[i].type != head[0])
      continue;
    if (!vf_channel_receive_full (receiver->channel, head + 1, vf_record_head_bytes (head[0]) - 1, NULL, error))
      return false;
    vf_record_decode (head, &record);
    return kinds[i].take (receiver, &record, error);
  }
  return broke_rule (receiver->target, receiver->next, error, "the record's type is unknown");
}

/* What the workers have found says more than what became of the link meanwhile. */
static bool
take_records (Receiver *receiver, GError **error)
{
  GError *failure = NULL;
  bool good = true;
  while (good && !receiver->ended)
    good = take_record (receiver, &failure);
  take_all_back (receiver);
  if (receiver->failure == NULL && failure != NULL)
    receiver->failure = g_steal_pointer (&failure);
  g_clear_error (&failure);
  if (receiver->failure != NULL)
    g_propagate_error (error, receiver->failure);
  return good;
}

static bool
receive_file (Receiver *receiver, GError **error)
{
  const VfSeedTarget *target = receiver->target;
  guint workers = CLAMP (target->streams != 0 ? target->streams : VF_STREAMS_DEFAULT, 1, VF_STREAMS_MAX);
  VfRingKind kind = { .workers = workers,
                      .slots = (workers + 1) * SLOTS_PER_WORKER,
                      .slot_bytes = sizeof (Piece),
                      .work = check_and_write,
                      .tools_new = tools_new,
                      .tools_free = tools_free,
                      .data = receiver };
  if (!target->is_block && ftruncate (target->fd, (off_t)target->file_bytes) != 0)
    return cannot_write (target, 0, errno, error);
  g_autoptr (VfFileDigest) state = vf_file_digest_new (target->file_bytes);
  g_autoptr (VfRing) ring = vf_ring_new (&kind);
  receiver->digest = state;
  receiver->ring = ring;
  return take_records (receiver, error);
}

static bool
send_verdict (VfChannel *channel, const VfDigest *digest, GError **error)
{
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  VfRecord verdict = { .type = VF_RECORD_VERDICT, .verdict = VF_VERDICT_GOOD, .digest = *digest };
  return vf_channel_send (channel, head, vf_record_encode (&verdict, head), NULL, error);
}

bool
vf_seed_receive (VfChannel *channel, const VfSeedTarget *target, VfDigest *digest, GError **error)
{
  Receiver receiver = { .channel = channel, .target = target, .push = { .fd = target->fd } };
  if (!receive_file (&receiver, error))
    return false;
  if (fsync (target->fd) != 0)
    return vf_error_set_errno (error, errno, "cannot sync file '%s'", target->path);
  *digest = receiver.own;
  return send_verdict (channel, digest, error);
}
