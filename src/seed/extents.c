#include "seed/extents.h"

#include "base/fd.h"
#include "seed/digest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
vf_extents_init (VfExtents *extents, int fd, guint64 file_bytes)
{
  *extents = (VfExtents){ .fd = fd, .file_bytes = file_bytes };
}

/* Where data begins at or after `offset`; the end of the file when there is none. Block devices answer EINVAL. ENXIO is also
 * what a file that became too short answers: that one is read, so that it is noticed. */
static guint64
data_from (VfExtents *extents, guint64 offset)
{
  off_t found = extents->all_data ? (off_t)offset : lseek (extents->fd, (off_t)offset, SEEK_DATA);
  if (found >= 0)
    return MIN ((guint64)found, extents->file_bytes);
  if (errno == ENXIO && lseek (extents->fd, 0, SEEK_END) >= (off_t)extents->file_bytes)
    return extents->file_bytes;
  extents->all_data = true;
  return offset;
}

static guint64
hole_from (VfExtents *extents, guint64 offset)
{
  off_t found = extents->all_data ? -1 : lseek (extents->fd, (off_t)offset, SEEK_HOLE);
  if (found <= (off_t)offset)
    return extents->file_bytes;
  return MIN ((guint64)found, extents->file_bytes);
}

VfExtent
vf_extents_at (VfExtents *extents, guint64 offset)
{
  VfExtent extent = { .offset = offset };
  if (offset >= extents->file_bytes)
    return extent;
  guint64 data = data_from (extents, offset);
  if (data < extents->file_bytes)
    data -= data % VF_CHUNK_BYTES;
  if (data > offset) {
    extent.is_hole = true;
    extent.bytes = data - offset;
    return extent;
  }
  guint64 hole = hole_from (extents, data_from (extents, offset));
  guint64 beyond = hole % VF_CHUNK_BYTES;
  if (beyond != 0 && extents->file_bytes - hole > VF_CHUNK_BYTES - beyond)
    hole += VF_CHUNK_BYTES - beyond;
  else if (beyond != 0)
    hole = extents->file_bytes;
  extent.bytes = hole - offset;
  return extent;
}

bool
vf_bytes_are_zero (const guint8 *bytes, gsize length)
{
  return length == 0 || (bytes[0] == 0 && memcmp (bytes, bytes + 1, length - 1) == 0);
}

bool
vf_chunk_read (const VfExtents *extents, const char *path, guint64 offset, guint8 *chunk, gsize *length, GError **error)
{
  *length = (gsize)MIN ((guint64)VF_CHUNK_BYTES, extents->file_bytes - offset);
  gssize got = vf_fd_pread_full (extents->fd, chunk, *length, (off_t)offset);
  if (got < 0)
    return vf_error_set_errno (error, errno, "cannot read file '%s' at offset %" G_GUINT64_FORMAT, path, offset);
  if ((gsize)got != *length)
    return vf_error_set (error, VF_ERROR_CORRUPT,
                         "cannot read file '%s': it ends at %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes", path,
                         offset + (guint64)got, extents->file_bytes);
  return true;
}
