/* Arbitrary bytes as the peer of a link. The first byte chooses: bit 0 whether a serving or a connecting link gets them, bit 1
 * whether a good greeting goes before. Whatever comes, both must end once the peer has hung up, without crash, leak or wait. */
#include "base/fd.h"
#include "link/frame.h"
#include "link/link.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum { TIMEOUT_S = 5, SOCKET_BYTES = 1024 * 1024 };

static void
serve (VfChannel *channel, const char *service, JsonObject *args, gpointer data)
{
  guint8 buffer[4096];
  gssize n;
  if (*service == 'r')
    return;
  if (!vf_channel_accept (channel, args, NULL) || *service == 'e')
    return;
  while ((n = vf_channel_receive (channel, buffer, sizeof buffer, NULL, NULL)) > 0)
    if (*service != 'd' && !vf_channel_send (channel, buffer, (gsize)n, NULL, NULL))
      return;
}

/* Takes what the link says, so that it is never stuck. */
static gpointer
swallow (gpointer data)
{
  guint8 buffer[65536];
  while (read (GPOINTER_TO_INT (data), buffer, sizeof buffer) > 0)
    ;
  return NULL;
}

static gpointer
use_channel (gpointer data)
{
  guint8 buffer[4096];
  g_autoptr (VfChannel) channel = vf_link_open (data, "x", NULL, NULL, NULL, NULL);
  if (channel == NULL || !vf_channel_send (channel, "hello", 5, NULL, NULL))
    return NULL;
  while (vf_channel_receive (channel, buffer, sizeof buffer, NULL, NULL) > 0)
    ;
  return NULL;
}

static void
run_source (int fd)
{
  g_autoptr (VfLink) link = vf_link_connect (fd, fd, TIMEOUT_S, NULL);
  if (link == NULL)
    return;
  GThread *user = g_thread_new ("user", use_channel, link);
  g_autoptr (JsonObject) answer = vf_link_call (link, "y", NULL, NULL, NULL);
  g_thread_join (user);
}

static void
send_greeting (int fd)
{
  static const char hello[] = "{\"protocol\":1}";
  guint8 header[VF_FRAME_HEADER_BYTES];
  vf_frame_encode (&(VfFrame){ sizeof hello - 1, 0, VF_FRAME_HELLO }, header);
  vf_fd_write_full (fd, "VFERRY1\n", 8);
  vf_fd_write_full (fd, header, sizeof header);
  vf_fd_write_full (fd, hello, sizeof hello - 1);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  int fds[2], bytes = SOCKET_BYTES;
  if (size < 1 || size > SOCKET_BYTES / 4 || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return 0;
  g_auto (VfFd) peer = fds[1];
  setsockopt (peer, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  if (data[0] & 2)
    send_greeting (peer);
  vf_fd_write_full (peer, data + 1, size - 1);
  shutdown (peer, SHUT_WR);
  GThread *swallower = g_thread_new ("peer", swallow, GINT_TO_POINTER (peer));
  gint64 start_us = g_get_monotonic_time ();
  if (data[0] & 1)
    vf_link_serve (fds[0], fds[0], TIMEOUT_S, NULL, serve, NULL, NULL);
  else
    run_source (fds[0]);
  g_assert (g_get_monotonic_time () - start_us < (TIMEOUT_S - 1) * G_USEC_PER_SEC); /* it ended by itself, not by its timeout */
  g_thread_join (swallower);
  return 0;
}
