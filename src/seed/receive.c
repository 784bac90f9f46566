/* The receiving half: hostile until proven. The calling thread reads records, which must come in rising order without gaps, and
 * gives data to the workers of a ring; they expand it, check its tag and write it. The file's digest is made of the tags that
 * the records announce: a chunk that does not have its tag ends the transfer. */
#include "seed/seed.h"

#include "seed/blocks.h"
#include "seed/codec.h"
#include "seed/write.h"
#include "seed/ring.h"
#include "seed/scan.h"
#include "seed/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
  SLOTS_PER_WORKER = 4,
  SPOILED_MAX = 256, /* chunks that are asked for again; more than that is no accident */
  TRIES = 3,
};

typedef struct {
  VfRecord record;
  gsize length;    /* of the chunk */
  bool is_spoiled; /* it does not have its tag */
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
  VfScan *scan;    /* NULL: the file is new */
  GArray *spoiled; /* VfRecord of chunks that did not arrive as they were sent */
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
  piece->is_spoiled = false;
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
  piece->is_spoiled = !vf_tag_equal (&tag, &record->tag);
  if (!piece->is_spoiled && !vf_write_chunk (target, record->offset, chunk, piece->length, record->map))
    cannot_write (target, record->offset, errno, &piece->error);
}

/* ---- the ring ---- */

static void
not_what_was_sent (Receiver *receiver, guint64 offset)
{
  vf_error_set (&receiver->failure, VF_ERROR_CORRUPT,
                "cannot receive file '%s': the chunk at offset %" G_GUINT64_FORMAT " is not what was sent",
                receiver->target->path, offset);
}

static void
note_spoiled (Receiver *receiver, const VfRecord *record)
{
  if (receiver->spoiled->len == SPOILED_MAX)
    not_what_was_sent (receiver, record->offset);
  else
    g_array_append_val (receiver->spoiled, *record);
}

/* False once one of the workers has failed. */
static bool
take_back (Receiver *receiver, Piece *piece)
{
  if (receiver->failure == NULL)
    receiver->failure = g_steal_pointer (&piece->error);
  g_clear_error (&piece->error);
  if (piece->is_spoiled && receiver->failure == NULL)
    note_spoiled (receiver, &piece->record);
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

/* Reads the chunk's bytes and gives them to the workers. */
static bool
take_chunk (Receiver *receiver, const VfRecord *record, gsize length, GError **error)
{
  const VfSeedTarget *target = receiver->target;
  if (record->codec != VF_CODEC_STORED && record->codec != VF_CODEC_ZSTD)
    return broke_rule (target, record->offset, error, "the codec is unknown");
  if (record->map == 0 || (record->map & ~vf_blocks_all (length)) != 0)
    return broke_rule (target, record->offset, error, "the record's blocks are not the chunk's");
  gsize bytes = vf_blocks_bytes (record->map, length);
  if (record->codec == VF_CODEC_STORED ? record->stored_bytes != bytes : record->stored_bytes >= bytes)
    return broke_rule (target, record->offset, error, "stored bytes have another length");
  Piece *piece = find_room (receiver);
  if (piece == NULL || !vf_channel_receive_full (receiver->channel, piece->bytes, record->stored_bytes, NULL, error))
    return false;
  piece->record = *record;
  piece->length = length;
  vf_ring_submit (receiver->ring);
  return true;
}

/* What the sender has passed over needs no memory any more. */
static bool
pass (Receiver *receiver, guint64 bytes)
{
  receiver->next += bytes;
  if (receiver->scan != NULL)
    vf_scan_pass (receiver->scan, receiver->next);
  return true;
}

static gsize
chunk_length (const VfSeedTarget *target, guint64 offset)
{
  return (gsize)MIN (target->file_bytes - offset, (guint64)VF_CHUNK_BYTES);
}

static bool
take_data (Receiver *receiver, const VfRecord *record, GError **error)
{
  gsize length = chunk_length (receiver->target, receiver->next);
  if (!check_place (receiver, record, length, error) || !take_chunk (receiver, record, length, error))
    return false;
  vf_file_digest_add (receiver->digest, record->offset, &record->tag);
  return pass (receiver, length);
}

static bool
take_keep (Receiver *receiver, const VfRecord *record, GError **error)
{
  VfTag tag;
  if (!check_place (receiver, record, record->bytes, error))
    return false;
  for (guint64 at = record->offset; at < record->offset + record->bytes; at += VF_CHUNK_BYTES) {
    if (receiver->scan == NULL || !vf_scan_take (receiver->scan, at, &tag))
      return broke_rule (receiver->target, at, error, "the record keeps a chunk that was not told");
    vf_file_digest_add (receiver->digest, at, &tag);
  }
  return pass (receiver, record->bytes);
}

static bool
take_zero (Receiver *receiver, const VfRecord *record, GError **error)
{
  if (!check_place (receiver, record, record->bytes, error))
    return false;
  if (!vf_write_zeros (receiver->target, record->offset, record->bytes))
    return cannot_write (receiver->target, record->offset, errno, error);
  return pass (receiver, record->bytes);
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
  { VF_RECORD_KEEP, take_keep },
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

/* ---- chunks that did not arrive as they were sent ---- */

static bool
ask_again (Receiver *receiver, const VfRecord *spoiled, GError **error)
{
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  VfRecord again = { .type = VF_RECORD_AGAIN, .offset = spoiled->offset };
  VfRecord record;
  if (!vf_channel_send (receiver->channel, head, vf_record_encode (&again, head), NULL, error) ||
      !vf_channel_receive_full (receiver->channel, head, vf_record_head_bytes (VF_RECORD_DATA), NULL, error))
    return false;
  vf_record_decode (head, &record);
  if (head[0] != VF_RECORD_DATA || record.offset != spoiled->offset || !vf_tag_equal (&record.tag, &spoiled->tag))
    return broke_rule (receiver->target, spoiled->offset, error, "the chunk that was asked for again is another");
  return take_chunk (receiver, &record, chunk_length (receiver->target, record.offset), error) && take_all_back (receiver);
}

static bool
mend (Receiver *receiver, GError **error)
{
  for (guint try = 0; receiver->spoiled->len > 0; try++) {
    g_autoptr (GArray) spoiled = g_steal_pointer (&receiver->spoiled);
    receiver->spoiled = g_array_new (FALSE, FALSE, sizeof (VfRecord));
    if (try == TRIES) {
      not_what_was_sent (receiver, g_array_index (spoiled, VfRecord, 0).offset);
      return false;
    }
    for (guint i = 0; i < spoiled->len; i++)
      if (!ask_again (receiver, &g_array_index (spoiled, VfRecord, i), error))
        return false;
  }
  return true;
}

/* What the workers have found says more than what became of the link meanwhile. */
static bool
take_records (Receiver *receiver, GError **error)
{
  GError *failure = NULL;
  bool good = true;
  while (good && !receiver->ended)
    good = take_record (receiver, &failure);
  if (good && receiver->scan != NULL)
    vf_scan_finish (receiver->scan);
  good = good && mend (receiver, &failure);
  take_all_back (receiver);
  if (receiver->failure == NULL && failure != NULL)
    receiver->failure = g_steal_pointer (&failure);
  g_clear_error (&failure);
  if (receiver->failure == NULL)
    return true;
  if (receiver->scan != NULL) /* it may be waiting for the peer to read */
    vf_channel_reset (receiver->channel, receiver->failure);
  g_propagate_error (error, receiver->failure);
  return false;
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
  g_autoptr (GArray) spoiled = g_array_new (FALSE, FALSE, sizeof (VfRecord));
  receiver->digest = state;
  receiver->ring = ring;
  receiver->spoiled = g_steal_pointer (&spoiled);
  receiver->scan = target->has_data ? vf_scan_start (receiver->channel, target) : NULL;
  bool good = take_records (receiver, error);
  g_clear_pointer (&receiver->scan, vf_scan_free);
  g_array_unref (receiver->spoiled);
  return good;
}

/* Pages that are on disk leave the cache, so that reading them again asks the disk. On tmpfs there is no disk, and they stay.
 */
static bool
is_read_back (const VfSeedTarget *target, const VfDigest *own, bool *differs, GError **error)
{
  VfDigest again;
  if (!target->read_back)
    return true;
  posix_fadvise (target->fd, 0, 0, POSIX_FADV_DONTNEED);
  if (!vf_digest_fd (target->fd, target->path, target->file_bytes, &target->key, NULL, &again, error))
    return false;
  *differs = !vf_digest_equal (&again, own);
  return true;
}

static bool
send_verdict (VfChannel *channel, const VfDigest *digest, bool differs, GError **error)
{
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  VfRecord verdict = { .type = VF_RECORD_VERDICT,
                       .verdict = differs ? VF_VERDICT_READ_BACK_DIFFERS : VF_VERDICT_GOOD,
                       .digest = *digest };
  return vf_channel_send (channel, head, vf_record_encode (&verdict, head), NULL, error);
}

bool
vf_seed_receive (VfChannel *channel, const VfSeedTarget *target, VfDigest *digest, GError **error)
{
  Receiver receiver = { .channel = channel, .target = target, .push = { .fd = target->fd } };
  bool differs = false;
  if (!receive_file (&receiver, error))
    return false;
  if (fsync (target->fd) != 0)
    return vf_error_set_errno (error, errno, "cannot sync file '%s'", target->path);
  *digest = receiver.own;
  return is_read_back (target, digest, &differs, error) && send_verdict (channel, digest, differs, error);
}
