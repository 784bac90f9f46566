/* Any bytes as a seed stream, into a memory file that is empty or, with bit 0x80 of the first byte, has something already; with
 * bit 0x40 as the answers to a sender. The rest of the first byte chooses the file's size. */
#include "base/fd.h"
#include "link/link.h"
#include "seed/seed.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMEOUT_S = 10, VERDICT_BYTES = 34 };

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct {
  int fd;
  VfSeedTarget target;
} Far;

static void
receive (VfChannel *channel, const char *service, JsonObject *args, gpointer data)
{
  Far *far = data;
  VfDigest digest;
  g_autoptr (GError) error = NULL;
  vf_channel_accept (channel, NULL, NULL);
  if (!vf_seed_receive (channel, &far->target, &digest, &error))
    vf_channel_reset (channel, error);
}

static gpointer
serve (gpointer data)
{
  Far *far = data;
  g_autoptr (JsonObject) hello = json_object_new ();
  json_object_set_int_member (hello, "protocol", VF_LINK_PROTOCOL);
  json_object_set_string_member (hello, "program", VF_VERSION);
  json_object_set_string_member (hello, "host", "far");
  vf_link_serve (far->fd, far->fd, TIMEOUT_S, hello, receive, far, NULL);
  return NULL;
}

/* ---- a receiver that answers with these bytes ---- */

typedef struct {
  int fd;
  const uint8_t *data;
  size_t size;
} Answers;

static void
answer (VfChannel *channel, const char *service, JsonObject *args, gpointer data)
{
  const Answers *answers = data;
  guint8 sink[4096];
  vf_channel_accept (channel, NULL, NULL);
  vf_channel_send (channel, answers->data, answers->size, NULL, NULL);
  vf_channel_end (channel, NULL);
  while (vf_channel_receive (channel, sink, sizeof sink, NULL, NULL) > 0)
    continue;
}

static gpointer
serve_answers (gpointer data)
{
  Answers *answers = data;
  g_autoptr (JsonObject) hello = json_object_new ();
  json_object_set_int_member (hello, "protocol", VF_LINK_PROTOCOL);
  json_object_set_string_member (hello, "program", VF_VERSION);
  json_object_set_string_member (hello, "host", "far");
  vf_link_serve (answers->fd, answers->fd, TIMEOUT_S, hello, answer, answers, NULL);
  return NULL;
}

static void
send_to (int fds[2], guint64 file_bytes, const uint8_t *data, size_t size)
{
  g_auto (VfFd) memory = memfd_create ("source", MFD_CLOEXEC);
  Answers answers = { fds[1], data, size };
  GThread *thread = g_thread_new ("far", serve_answers, &answers);
  VfLink *link = vf_link_connect (fds[0], fds[0], TIMEOUT_S, NULL);
  VfChannel *channel = link != NULL ? vf_link_open (link, "receive", NULL, NULL, NULL, NULL) : NULL;
  VfSeedSource source = { .fd = memory, .path = "/near/file", .file_bytes = file_bytes, .is_there = true, .streams = 1 };
  VfSeedCounts counts;
  VfDigest digest;
  if (ftruncate (memory, (off_t)file_bytes) == 0 && pwrite (memory, "x", 1, 0) == 1 && channel != NULL)
    vf_seed_send (channel, &source, &counts, &digest, NULL);
  if (channel != NULL)
    vf_channel_free (channel);
  if (link != NULL)
    vf_link_free (link);
  g_thread_join (thread);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const guint64 sizes[] = { 0, 1, 100, VF_CHUNK_BYTES, VF_CHUNK_BYTES + 1, 3 * VF_CHUNK_BYTES, (guint64)1 << 36 };
  int fds[2];
  guint8 verdict[VERDICT_BYTES];
  if (size == 0 || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return 0;
  guint64 file_bytes = sizes[(data[0] & 0x3f) % G_N_ELEMENTS (sizes)];
  if ((data[0] & 0x40) != 0 && file_bytes > 0) {
    send_to (fds, file_bytes, data + 1, size - 1);
    return 0;
  }
  g_auto (VfFd) memory = memfd_create ("target", MFD_CLOEXEC);
  Far far = { .fd = fds[1], .target = { .fd = memory, .path = "/far/file", .file_bytes = file_bytes, .streams = 1 } };
  far.target.has_data = (data[0] & 0x80) != 0;
  if (far.target.has_data)
    vf_fd_pwrite_full (memory, "Q", 1, VF_CHUNK_BYTES);
  GThread *thread = g_thread_new ("far", serve, &far);
  VfLink *link = vf_link_connect (fds[0], fds[0], TIMEOUT_S, NULL);
  VfChannel *channel = link != NULL ? vf_link_open (link, "receive", NULL, NULL, NULL, NULL) : NULL;
  if (channel != NULL) {
    vf_channel_send (channel, data + 1, size - 1, NULL, NULL);
    vf_channel_end (channel, NULL);
    vf_channel_receive_full (channel, verdict, sizeof verdict, NULL, NULL);
    vf_channel_free (channel);
  }
  if (link != NULL)
    vf_link_free (link);
  g_thread_join (thread);
  return 0;
}
