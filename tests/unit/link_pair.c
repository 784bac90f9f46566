#include "link_pair.h"

#include "base/fd.h"
#include "base/json.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static GMutex gate_lock;
static GCond gate_cond;
static bool gate_is_open;

void
link_pair_release (void)
{
  g_mutex_lock (&gate_lock);
  gate_is_open = true;
  g_cond_broadcast (&gate_cond);
  g_mutex_unlock (&gate_lock);
}

static void
wait_at_gate (void)
{
  g_mutex_lock (&gate_lock);
  while (!gate_is_open)
    g_cond_wait (&gate_cond, &gate_lock);
  g_mutex_unlock (&gate_lock);
}

void
link_pattern (guint8 *buffer, gsize length, guint64 offset)
{
  for (gsize i = 0; i < length; i++) {
    guint64 at = offset + i;
    buffer[i] = (guint8)(at * 31 + (at >> 8) * 7 + (at >> 16));
  }
}

static void
echo (VfChannel *channel)
{
  g_autofree guint8 *buffer = g_malloc (100000);
  gssize n;
  while ((n = vf_channel_receive (channel, buffer, 100000, NULL, NULL)) > 0)
    if (!vf_channel_send (channel, buffer, (gsize)n, NULL, NULL))
      return;
  if (n == 0)
    vf_channel_end (channel, NULL);
}

static void
drain (VfChannel *channel)
{
  g_autofree guint8 *buffer = g_malloc (300000);
  while (vf_channel_receive (channel, buffer, 300000, NULL, NULL) > 0)
    ;
}

static void
digest (VfChannel *channel)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *buffer = g_malloc (300000);
  gssize n;
  while ((n = vf_channel_receive (channel, buffer, 300000, NULL, NULL)) > 0)
    g_checksum_update (sum, buffer, n);
  if (n == 0)
    vf_channel_send (channel, g_checksum_get_string (sum), 64, NULL, NULL);
}

static void
pour (VfChannel *channel, guint64 bytes)
{
  g_autofree guint8 *buffer = g_malloc (300000);
  for (guint64 done = 0; done < bytes;) {
    gsize n = (gsize)MIN (bytes - done, 300000);
    link_pattern (buffer, n, done);
    if (!vf_channel_send (channel, buffer, n, NULL, NULL))
      return;
    done += n;
  }
}

static void
refuse (VfChannel *channel)
{
  g_autoptr (GError) reason = NULL;
  vf_error_set (&reason, VF_ERROR_NO_SPACE, "cannot keep 'x': no room\x1b[31m");
  vf_error_hint (&reason, "make room");
  g_assert_true (vf_channel_refuse (channel, reason));
}

static void
reset_after_one (VfChannel *channel)
{
  guint8 byte;
  g_autoptr (GError) reason = NULL;
  vf_error_set (&reason, VF_ERROR_CORRUPT, "enough");
  vf_channel_receive (channel, &byte, 1, NULL, NULL);
  vf_channel_reset (channel, reason);
}

void
link_pair_serve (VfChannel *channel, const char *service, JsonObject *args, gpointer data)
{
  if (strcmp (service, "refuse") == 0) {
    refuse (channel);
    return;
  }
  if (strcmp (service, "mute") == 0) {
    wait_at_gate ();
    return;
  }
  if (!vf_channel_accept (channel, strcmp (service, "answer") == 0 ? args : NULL, NULL))
    return;
  if (strcmp (service, "echo") == 0 || strcmp (service, "relay") == 0)
    echo (channel);
  else if (strcmp (service, "drain") == 0)
    drain (channel);
  else if (strcmp (service, "digest") == 0)
    digest (channel);
  else if (strcmp (service, "pour") == 0)
    pour (channel, (guint64)vf_json_int_or (args, "bytes", 0));
  else if (strcmp (service, "reset") == 0)
    reset_after_one (channel);
  else if (strcmp (service, "stuck") == 0) {
    wait_at_gate ();
    drain (channel);
  }
}

typedef struct {
  LinkPair *pair;
  guint timeout_s;
} ServerArgs;

static gpointer
serve_in_thread (gpointer data)
{
  g_autofree ServerArgs *args = data;
  LinkPair *pair = args->pair;
  g_autoptr (JsonObject) hello = json_object_new ();
  json_object_set_string_member (hello, "qemu_img", "yes");
  pair->served =
      vf_link_serve (pair->server_fd, pair->server_fd, args->timeout_s, hello, link_pair_serve, NULL, &pair->serve_error);
  return NULL;
}

static LinkPair *
start_server (guint timeout_s, int fds[2])
{
  gate_is_open = false;
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  LinkPair *pair = g_new0 (LinkPair, 1);
  ServerArgs *args = g_new (ServerArgs, 1);
  *args = (ServerArgs){ pair, timeout_s };
  pair->server_fd = fds[1];
  pair->server = g_thread_new ("server", serve_in_thread, args);
  return pair;
}

LinkPair *
link_pair_new (guint timeout_s)
{
  int fds[2];
  g_autoptr (GError) error = NULL;
  LinkPair *pair = start_server (timeout_s, fds);
  pair->link = vf_link_connect (fds[0], fds[0], timeout_s, &error);
  g_assert_no_error (error);
  return pair;
}

void
link_pair_free (LinkPair *pair)
{
  link_pair_release ();
  g_clear_pointer (&pair->link, vf_link_free);
  g_thread_join (pair->server);
  g_clear_error (&pair->serve_error);
  g_free (pair);
}

void
raw_send (int fd, VfFrameType type, guint32 channel, const void *payload, gsize length)
{
  guint8 header[VF_FRAME_HEADER_BYTES];
  vf_frame_encode (&(VfFrame){ (guint32)length, channel, type }, header);
  g_autofree guint8 *all = g_malloc (sizeof header + length);
  memcpy (all, header, sizeof header);
  if (length > 0)
    memcpy (all + sizeof header, payload, length);
  vf_fd_write_full (fd, all, sizeof header + length);
}

void
raw_send_text (int fd, VfFrameType type, guint32 channel, const char *json)
{
  raw_send (fd, type, channel, json, strlen (json));
}

void
raw_greet (int fd)
{
  vf_fd_write_full (fd, "VFERRY1\n", 8);
  raw_send_text (fd, VF_FRAME_HELLO, 0, "{\"program\":\"0\",\"protocol\":1,\"host\":\"raw\"}");
}

bool
raw_read (int fd, VfFrame *frame, char **payload)
{
  guint8 header[VF_FRAME_HEADER_BYTES];
  if (vf_fd_read_full (fd, header, sizeof header) != sizeof header)
    return false;
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_frame_decode (header, frame, &error));
  g_autofree char *bytes = g_malloc0 (frame->payload_bytes + 1);
  if (vf_fd_read_full (fd, bytes, frame->payload_bytes) != (gssize)frame->payload_bytes)
    return false;
  if (payload != NULL)
    *payload = g_steal_pointer (&bytes);
  return true;
}

void
raw_skip_greeting (int fd)
{
  char magic[8];
  VfFrame frame;
  g_assert_cmpint (vf_fd_read_full (fd, magic, 8), ==, 8);
  g_assert_cmpint (memcmp (magic, "VFERRY1\n", 8), ==, 0);
  g_assert_true (raw_read (fd, &frame, NULL));
  g_assert_cmpint ((int)frame.type, ==, VF_FRAME_HELLO);
}

VfLink *
raw_connect (guint timeout_s, int *raw_fd)
{
  int fds[2];
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  raw_greet (fds[1]);
  VfLink *link = vf_link_connect (fds[0], fds[0], timeout_s, &error);
  g_assert_no_error (error);
  raw_skip_greeting (fds[1]);
  *raw_fd = fds[1];
  return link;
}

LinkPair *
raw_serve (guint timeout_s, int *raw_fd)
{
  int fds[2];
  LinkPair *pair = start_server (timeout_s, fds);
  raw_greet (fds[0]);
  raw_skip_greeting (fds[0]);
  *raw_fd = fds[0];
  return pair;
}
