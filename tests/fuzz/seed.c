/* Any bytes as a seed stream, into a memory file. The first byte chooses the file's size: none so large that hashing its hole
 * takes longer than a blink. */
#include "base/fd.h"
#include "link/link.h"
#include "seed/seed.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>

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

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const guint64 sizes[] = { 0, 1, 100, VF_CHUNK_BYTES, VF_CHUNK_BYTES + 1, 3 * VF_CHUNK_BYTES, (guint64)1 << 36 };
  int fds[2];
  guint8 verdict[VERDICT_BYTES];
  if (size == 0 || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return 0;
  g_auto (VfFd) memory = memfd_create ("target", MFD_CLOEXEC);
  Far far = { .fd = fds[1],
              .target = { .fd = memory, .path = "/far/file", .file_bytes = sizes[data[0] % G_N_ELEMENTS (sizes)] } };
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
