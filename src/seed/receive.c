/* The receiving half: hostile until proven. Records must be whole chunks in rising order without gaps, so that the digest of
 * every chunk is the one that its record carried and was checked. */
#include "seed/seed.h"

#include "base/fd.h"
#include "seed/codec.h"
#include "seed/extents.h"
#include "seed/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
  WINDOW_BYTES = 32 * 1024 * 1024,
  ZEROOUT_BYTES = 1024 * 1024 * 1024, /* one call's worth: it blocks */
  SECTOR_BYTES = 4096,
  FILE_BLOCK_BYTES = 4096,
};

typedef struct {
  VfChannel *channel;
  const VfSeedTarget *target;
  VfFileDigest *digest;
  guint64 next;                   /* where the next record must begin */
  guint64 window_at, previous_at; /* written back behind the writer, so that the last fsync is short */
  VfCodec *codec;
  guint8 *chunk, *stored;
  bool ended;
  VfDigest own; /* once ended */
} Receiver;

static bool
broke_rule (const Receiver *receiver, GError **error, const char *rule)
{
  return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot receive file '%s' at offset %" G_GUINT64_FORMAT ": %s",
                       receiver->target->path, receiver->next, rule);
}

static bool
cannot_write (const Receiver *receiver, int saved_errno, GError **error)
{
  const VfSeedTarget *target = receiver->target;
  return vf_error_set_errno (error, saved_errno,
                             "cannot write file '%s' at offset %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
                             " of its %" G_GUINT64_FORMAT " bytes are missing",
                             target->path, receiver->next, target->file_bytes - receiver->next, target->file_bytes);
}

static bool
check_place (const Receiver *receiver, const VfRecord *record, GError **error)
{
  guint64 left = receiver->target->file_bytes - receiver->next;
  if (record->offset > receiver->next)
    return broke_rule (receiver, error, "the record leaves a gap");
  if (record->offset < receiver->next)
    return broke_rule (receiver, error, "the record overlaps the one before");
  if (record->bytes == 0)
    return broke_rule (receiver, error, "the record is empty");
  if (record->bytes > left)
    return broke_rule (receiver, error, "the record goes beyond the end of the file");
  if (record->bytes % VF_CHUNK_BYTES != 0 && record->bytes != left)
    return broke_rule (receiver, error, "the record does not end with a chunk");
  return true;
}

/* sync_file_range reports a failed write once and fsync then stays silent, so its errors count. Where it does not work, the
 * last fsync takes longer. */
static bool
write_back (Receiver *receiver, guint64 at, guint64 length, unsigned flags, GError **error)
{
  if (sync_file_range (receiver->target->fd, (off_t)at, (off_t)length, flags) == 0 || errno == EINVAL || errno == ESPIPE ||
      errno == ENOSYS)
    return true;
  return cannot_write (receiver, errno, error);
}

static bool
move_window (Receiver *receiver, GError **error)
{
  guint64 length = receiver->next - receiver->window_at;
  if (length < WINDOW_BYTES)
    return true;
  unsigned wait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  guint64 previous_length = receiver->window_at - receiver->previous_at;
  if (!write_back (receiver, receiver->window_at, length, SYNC_FILE_RANGE_WRITE, error))
    return false;
  if (previous_length > 0 && !write_back (receiver, receiver->previous_at, previous_length, wait, error))
    return false;
  receiver->previous_at = receiver->window_at;
  receiver->window_at = receiver->next;
  return true;
}

/* Where the blocks from `at` on stop being zero, or stop being data. */
static gsize
end_of_run (const guint8 *chunk, gsize at, gsize length, bool zero)
{
  for (gsize block; at < length; at += block) {
    block = MIN (length - at, (gsize)FILE_BLOCK_BYTES);
    if (vf_bytes_are_zero (chunk + at, block) != zero)
      break;
  }
  return at;
}

/* A chunk is coarse beside a filesystem's blocks: what is zero within one stays a hole of the new file. */
static bool
write_chunk (Receiver *receiver, gsize length)
{
  const VfSeedTarget *target = receiver->target;
  if (target->is_block)
    return vf_fd_pwrite_full (target->fd, receiver->chunk, length, (off_t)receiver->next);
  for (gsize end, at = end_of_run (receiver->chunk, 0, length, true); at < length;
       at = end_of_run (receiver->chunk, end, length, true)) {
    end = end_of_run (receiver->chunk, at, length, false);
    if (!vf_fd_pwrite_full (target->fd, receiver->chunk + at, end - at, (off_t)(receiver->next + at)))
      return false;
  }
  return true;
}

static bool
take_data (Receiver *receiver, const VfRecord *record, GError **error)
{
  VfDigest digest;
  if (record->codec != VF_CODEC_STORED && record->codec != VF_CODEC_ZSTD)
    return broke_rule (receiver, error, "the codec is unknown");
  if (record->bytes > VF_CHUNK_BYTES)
    return broke_rule (receiver, error, "the record is longer than a chunk");
  if (record->codec == VF_CODEC_STORED ? record->stored_bytes != record->bytes : record->stored_bytes >= record->bytes)
    return broke_rule (receiver, error, "stored bytes have another length");
  if (!check_place (receiver, record, error) ||
      !vf_channel_receive_full (receiver->channel, receiver->stored, record->stored_bytes, NULL, error))
    return false;
  if (!vf_codec_expand (receiver->codec, record->codec, receiver->stored, record->stored_bytes, receiver->chunk,
                        (gsize)record->bytes))
    return broke_rule (receiver, error, "the compressed bytes do not expand to what was announced");
  vf_digest_of_bytes (receiver->chunk, (gsize)record->bytes, &digest);
  if (!vf_digest_equal (&digest, &record->digest))
    return vf_error_set (error, VF_ERROR_CORRUPT,
                         "cannot receive file '%s': the chunk at offset %" G_GUINT64_FORMAT " is not what was sent",
                         receiver->target->path, receiver->next);
  vf_file_digest_add_chunk (receiver->digest, &digest);
  if (!write_chunk (receiver, (gsize)record->bytes))
    return cannot_write (receiver, errno, error);
  receiver->next += record->bytes;
  return move_window (receiver, error);
}

static bool
write_zeros (int fd, guint8 *chunk, guint64 at, guint64 length)
{
  memset (chunk, 0, (gsize)MIN (length, (guint64)VF_CHUNK_BYTES));
  while (length > 0) {
    gsize now = (gsize)MIN (length, (guint64)VF_CHUNK_BYTES);
    if (!vf_fd_pwrite_full (fd, chunk, now, (off_t)at))
      return false;
    at += now;
    length -= now;
  }
  return true;
}

/* The device does it itself where it can, without the bytes crossing the bus. */
static bool
zero_on_device (int fd, guint64 at, guint64 length)
{
  guint64 range[2] = { at, length };
  if (length == 0 || fallocate (fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)length) == 0)
    return true;
  return ioctl (fd, BLKZEROOUT, range) == 0;
}

static bool
zero_device (Receiver *receiver, guint64 at, guint64 length, GError **error)
{
  while (length > 0) {
    guint64 now = MIN (length, (guint64)ZEROOUT_BYTES);
    guint64 whole = now - now % SECTOR_BYTES; /* devices zero whole sectors only: an odd end is written */
    if (!zero_on_device (receiver->target->fd, at, whole))
      whole = 0;
    if (!write_zeros (receiver->target->fd, receiver->chunk, at + whole, now - whole))
      return cannot_write (receiver, errno, error);
    at += now;
    length -= now;
  }
  return true;
}

static bool
take_zero (Receiver *receiver, const VfRecord *record, GError **error)
{
  if (!check_place (receiver, record, error))
    return false;
  if (receiver->target->is_block && !zero_device (receiver, receiver->next, record->bytes, error))
    return false;
  vf_file_digest_add_zeros (receiver->digest, record->bytes);
  receiver->next += record->bytes;
  return move_window (receiver, error);
}

static bool
take_end (Receiver *receiver, const VfRecord *record, GError **error)
{
  if (receiver->next != receiver->target->file_bytes)
    return broke_rule (receiver, error, "the stream ends before the file does");
  vf_file_digest_finish (receiver->digest, &receiver->own);
  receiver->ended = true;
  if (vf_digest_equal (&receiver->own, &record->digest))
    return true;
  g_autofree char *here = vf_digest_print (&receiver->own);
  g_autofree char *there = vf_digest_print (&record->digest);
  return vf_error_set (error, VF_ERROR_CORRUPT, "cannot verify file '%s': digest here is %s, at the sender it is %s",
                       receiver->target->path, here, there);
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
  return broke_rule (receiver, error, "the record's type is unknown");
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
  g_autoptr (VfFileDigest) state = vf_file_digest_new (target->file_bytes);
  g_autofree guint8 *chunk = g_malloc (VF_CHUNK_BYTES);
  g_autofree guint8 *stored = g_malloc (VF_CHUNK_BYTES);
  g_autoptr (VfCodec) codec = vf_codec_new (0);
  Receiver receiver = {
    .channel = channel, .target = target, .digest = state, .codec = codec, .chunk = chunk, .stored = stored
  };
  if (!target->is_block && ftruncate (target->fd, (off_t)target->file_bytes) != 0)
    return cannot_write (&receiver, errno, error);
  while (!receiver.ended)
    if (!take_record (&receiver, error))
      return false;
  if (fsync (target->fd) != 0)
    return vf_error_set_errno (error, errno, "cannot sync file '%s'", target->path);
  *digest = receiver.own;
  return send_verdict (channel, digest, error);
}
