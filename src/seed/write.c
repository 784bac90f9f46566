#include "seed/write.h"

#include "base/fd.h"
#include "seed/blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
  WINDOW_BYTES = 32 * 1024 * 1024,
  ZEROOUT_BYTES = 1024 * 1024 * 1024, /* one call's worth: it blocks */
  SECTOR_BYTES = 4096,
};

static bool
write_zeros (int fd, guint64 at, guint64 length)
{
  g_autofree guint8 *zeros = g_malloc0 ((gsize)MIN (length, (guint64)VF_CHUNK_BYTES) + 1);
  while (length > 0) {
    gsize now = (gsize)MIN (length, (guint64)VF_CHUNK_BYTES);
    if (!vf_fd_pwrite_full (fd, zeros, now, (off_t)at))
      return false;
    at += now;
    length -= now;
  }
  return true;
}

/* A new file has holes wherever nothing was written. */
static bool
make_hole (const VfSeedTarget *target, guint64 at, guint64 length)
{
  if (!target->has_data || length == 0)
    return true;
  if (fallocate (target->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)length) == 0)
    return true;
  return errno == EOPNOTSUPP && write_zeros (target->fd, at, length);
}

bool
vf_write_chunk (const VfSeedTarget *target, guint64 offset, const guint8 *chunk, gsize length, guint64 map)
{
  gsize end = 0;
  if (target->is_block)
    return vf_fd_pwrite_full (target->fd, chunk, length, (off_t)offset);
  for (gsize at = 0; at < length; at = end) {
    gsize data = vf_blocks_run (map, length, at, 1, &end);
    if (!make_hole (target, offset + at, data - at) ||
        !vf_fd_pwrite_full (target->fd, chunk + data, end - data, (off_t)(offset + data)))
      return false;
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
zero_device (int fd, guint64 at, guint64 length)
{
  while (length > 0) {
    guint64 now = MIN (length, (guint64)ZEROOUT_BYTES);
    guint64 whole = now - now % SECTOR_BYTES; /* devices zero whole sectors only: an odd end is written */
    if (!zero_on_device (fd, at, whole))
      whole = 0;
    if (!write_zeros (fd, at + whole, now - whole))
      return false;
    at += now;
    length -= now;
  }
  return true;
}

bool
vf_write_zeros (const VfSeedTarget *target, guint64 offset, guint64 length)
{
  return target->is_block ? zero_device (target->fd, offset, length) : make_hole (target, offset, length);
}

/* Where sync_file_range does not work, the last fsync takes longer. */
static bool
write_back (int fd, guint64 at, guint64 length, unsigned flags)
{
  return sync_file_range (fd, (off_t)at, (off_t)length, flags) == 0 || errno == EINVAL || errno == ESPIPE || errno == ENOSYS;
}

bool
vf_push_behind (VfPush *push, guint64 written)
{
  const unsigned wait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (written < push->window_at + WINDOW_BYTES)
    return true;
  guint64 length = written - push->window_at;
  guint64 previous_length = push->window_at - push->previous_at;
  if (!write_back (push->fd, push->window_at, length, SYNC_FILE_RANGE_WRITE))
    return false;
  if (previous_length > 0 && !write_back (push->fd, push->previous_at, previous_length, wait))
    return false;
  push->previous_at = push->window_at;
  push->window_at = written;
  return true;
}
