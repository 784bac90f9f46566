#include "base/fd.h"

#include "base/names.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void
vf_fd_close_value (VfFd fd)
{
  int saved_errno = errno;
  if (fd != VF_FD_NONE)
    close (fd);
  errno = saved_errno;
}

int
vf_fd_steal (VfFd *fd)
{
  int taken = *fd;
  *fd = VF_FD_NONE;
  return taken;
}

gssize
vf_fd_read_full (int fd, void *buffer, gsize length)
{
  gsize done = 0;
  while (done < length) {
    gssize n = read (fd, (char *)buffer + done, length - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    done += (gsize)n;
  }
  return (gssize)done;
}

gssize
vf_fd_pread_full (int fd, void *buffer, gsize length, off_t offset)
{
  gsize done = 0;
  while (done < length) {
    gssize n = pread (fd, (char *)buffer + done, length - done, offset + (off_t)done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    done += (gsize)n;
  }
  return (gssize)done;
}

bool
vf_fd_write_full (int fd, const void *buffer, gsize length)
{
  gsize done = 0;
  while (done < length) {
    gssize n = write (fd, (const char *)buffer + done, length - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    done += (gsize)n;
  }
  return true;
}

bool
vf_fd_pwrite_full (int fd, const void *buffer, gsize length, off_t offset)
{
  gsize done = 0;
  while (done < length) {
    gssize n = pwrite (fd, (const char *)buffer + done, length - done, offset + (off_t)done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    done += (gsize)n;
  }
  return true;
}

bool
vf_fd_sync_directory_of (const char *path, GError **error)
{
  g_autofree char *directory = vf_path_directory (path);
  g_auto (VfFd) fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd == VF_FD_NONE || fsync (fd) != 0)
    return vf_error_set_errno (error, errno, "cannot sync directory '%s'", directory);
  return true;
}
