#include "seed/clone.h"

#include "base/fd.h"
#include "seed/extents.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP_BYTES = 1024 * 1024 };

/* copy_file_range does not copy between all filesystems, and less than was asked for is no error. */
static bool
copy_by_kernel (int from, int to, off_t at, guint64 length, guint64 *done)
{
  off_t in = at, out = at;
  for (*done = 0; *done < length;) {
    gssize n = copy_file_range (from, &in, to, &out, (gsize)MIN (length - *done, (guint64)1 << 30), 0);
    if (n <= 0)
      return n == 0 || errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS;
    *done += (guint64)n;
  }
  return true;
}

static bool
copy_by_hand (int from, int to, guint64 at, guint64 length)
{
  g_autofree guint8 *bytes = g_malloc (STEP_BYTES);
  while (length > 0) {
    gssize n = vf_fd_pread_full (from, bytes, (gsize)MIN (length, (guint64)STEP_BYTES), (off_t)at);
    if (n <= 0)
      return n == 0; /* it became shorter */
    if (!vf_fd_pwrite_full (to, bytes, (gsize)n, (off_t)at))
      return false;
    at += (guint64)n;
    length -= (guint64)n;
  }
  return true;
}

static bool
copy_data (int from, int to, guint64 bytes)
{
  VfExtents extents;
  vf_extents_init (&extents, from, bytes);
  for (VfExtent run = vf_extents_at (&extents, 0); run.bytes > 0; run = vf_extents_at (&extents, run.offset + run.bytes)) {
    guint64 done = 0;
    if (run.is_hole)
      continue;
    if (!copy_by_kernel (from, to, (off_t)run.offset, run.bytes, &done) ||
        !copy_by_hand (from, to, run.offset + done, run.bytes - done))
      return false;
  }
  return true;
}

bool
vf_clone (int from, int to, guint64 bytes, VfCloneKind *kind, GError **error)
{
  struct stat st;
  if (fstat (from, &st) != 0)
    return vf_error_set_errno (error, errno, "cannot look at the file to be cloned");
  bytes = MIN (bytes, (guint64)st.st_size);
  bool is_shared = ioctl (to, FICLONE, from) == 0;
  *kind = is_shared ? VF_CLONE_SHARED : VF_CLONE_COPIED;
  if (ftruncate (to, (off_t)bytes) == 0 && (is_shared || copy_data (from, to, bytes)))
    return true;
  return vf_error_set_errno (error, errno, "cannot clone a file");
}
