/* Bytes in and out of the two descriptors. Both are non-blocking: every wait is a poll that the link's death wakes. */
#include "link/link_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* MSG_NOSIGNAL is for sockets only, and these may be pipes. A disposition that somebody has chosen is left alone. */
void
vf_stream_ignore_sigpipe (void)
{
  struct sigaction now;
  if (sigaction (SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
    signal (SIGPIPE, SIG_IGN);
}

bool
vf_stream_set_nonblocking (int fd, GError **error)
{
  int flags = fcntl (fd, F_GETFL);
  if (flags < 0 || fcntl (fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return vf_error_set_errno (error, errno, "cannot use descriptor '%d'", fd);
  return true;
}

static VfStreamResult
wait_for (VfLink *link, int fd, short events, gint64 deadline_us)
{
  struct pollfd polled[] = { { .fd = fd, .events = events }, { .fd = link->wake_fd, .events = POLLIN } };
  for (;;) {
    gint64 left_us = deadline_us - g_get_monotonic_time ();
    if (left_us <= 0)
      return VF_STREAM_SILENT;
    int n = poll (polled, G_N_ELEMENTS (polled), (int)MIN (left_us / 1000 + 1, G_MAXINT));
    if (n < 0 && errno != EINTR)
      return VF_STREAM_FAILED;
    if (n > 0)
      return polled[1].revents != 0 ? VF_STREAM_WOKEN : VF_STREAM_OK;
  }
}

static gint64
silence_deadline_us (VfLink *link)
{
  if (link->greeting_deadline_us != 0)
    return link->greeting_deadline_us;
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  return link->heard_us + (gint64)link->timeout_s * G_USEC_PER_SEC;
}

static void
note_heard (VfLink *link, gsize bytes)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  link->heard_us = g_get_monotonic_time ();
  link->bytes_received += bytes;
}

VfStreamResult
vf_stream_read_some (VfLink *link, void *buffer, gsize length, gsize *done)
{
  for (;;) {
    gssize n = read (link->in_fd, buffer, length);
    if (n > 0) {
      note_heard (link, (gsize)n);
      *done = (gsize)n;
      return VF_STREAM_OK;
    }
    if (n == 0 || errno == ECONNRESET)
      return VF_STREAM_END;
    if (errno != EAGAIN && errno != EINTR)
      return VF_STREAM_FAILED;
    VfStreamResult result = wait_for (link, link->in_fd, POLLIN, silence_deadline_us (link));
    if (result != VF_STREAM_OK)
      return result;
  }
}

static gsize
take_from_intake (VfLink *link, guint8 *buffer, gsize length)
{
  gsize n = MIN (length, link->intake_end - link->intake_start);
  memcpy (buffer, link->intake + link->intake_start, n);
  link->intake_start += n;
  return n;
}

VfStreamResult
vf_stream_read_full (VfLink *link, void *buffer, gsize length)
{
  guint8 *bytes = buffer;
  gsize done = take_from_intake (link, bytes, length);
  while (done < length) {
    bool direct = length - done >= VF_LINK_INTAKE_BYTES;
    gsize n = 0;
    VfStreamResult result = direct ? vf_stream_read_some (link, bytes + done, length - done, &n)
                                   : vf_stream_read_some (link, link->intake, VF_LINK_INTAKE_BYTES, &n);
    if (result == VF_STREAM_END && done > 0) {
      errno = EPIPE;
      return VF_STREAM_FAILED;
    }
    if (result != VF_STREAM_OK)
      return result;
    if (direct) {
      done += n;
      continue;
    }
    link->intake_start = 0;
    link->intake_end = n;
    done += take_from_intake (link, bytes + done, length - done);
  }
  return VF_STREAM_OK;
}

/* Drops the first `n` bytes; returns how many parts are left, moved to the front. */
static int
advance (struct iovec *parts, int count, gsize n)
{
  int first = 0;
  while (first < count && n >= parts[first].iov_len)
    n -= parts[first++].iov_len;
  if (first < count) {
    parts[first].iov_base = (char *)parts[first].iov_base + n;
    parts[first].iov_len -= n;
  }
  memmove (parts, parts + first, (gsize)(count - first) * sizeof *parts);
  return count - first;
}

VfStreamResult
vf_stream_write (VfLink *link, struct iovec *parts, int count)
{
  while (count > 0) {
    gssize n = writev (link->out_fd, parts, count);
    if (n >= 0) {
      count = advance (parts, count, (gsize)n);
      continue;
    }
    if (errno == EPIPE || errno == ECONNRESET)
      return VF_STREAM_END;
    if (errno != EAGAIN && errno != EINTR)
      return VF_STREAM_FAILED;
    gint64 deadline_us = g_get_monotonic_time () + (gint64)link->timeout_s * G_USEC_PER_SEC;
    VfStreamResult result = wait_for (link, link->out_fd, POLLOUT, deadline_us);
    if (result != VF_STREAM_OK)
      return result;
  }
  return VF_STREAM_OK;
}
