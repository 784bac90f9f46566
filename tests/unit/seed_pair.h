/* Two ends of a seed for tests: a link on a socketpair whose serving half receives into one target. */
#pragma once

#include "base/fd.h"
#include "link/link.h"
#include "seed/seed.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINK_TIMEOUT_S = 20 };

#define SEED_KEY                                                                                                               \
  {                                                                                                                            \
    {                                                                                                                          \
      1, 2, 3, 4, 5, 6, 7, 8                                                                                                   \
    }                                                                                                                          \
  }

typedef struct {
  VfSeedTarget target;
  int server_fd;
  GThread *thread;
  VfLink *link;
  VfChannel *channel;
  GError *receive_error; /* what the receiver said, once finished */
  VfDigest received;
  bool is_received;
} SeedPair;

static inline void
seed_pair_service (VfChannel *channel, const char *service, JsonObject *args, gpointer data)
{
  SeedPair *pair = data;
  pair->target.key = (VfDigestKey)SEED_KEY;
  vf_channel_accept (channel, NULL, NULL);
  pair->is_received = vf_seed_receive (channel, &pair->target, &pair->received, &pair->receive_error);
  if (!pair->is_received)
    vf_channel_reset (channel, pair->receive_error);
}

static inline gpointer
seed_pair_serve (gpointer data)
{
  SeedPair *pair = data;
  g_autoptr (JsonObject) hello = json_object_new ();
  json_object_set_int_member (hello, "protocol", VF_LINK_PROTOCOL);
  json_object_set_string_member (hello, "program", VF_VERSION);
  json_object_set_string_member (hello, "host", "far");
  vf_link_serve (pair->server_fd, pair->server_fd, LINK_TIMEOUT_S, hello, seed_pair_service, pair, NULL);
  return NULL;
}

/* Takes both descriptors. */
static inline void
seed_pair_start_on (SeedPair *pair, int client_fd, int server_fd)
{
  g_autoptr (GError) error = NULL;
  pair->server_fd = server_fd;
  pair->thread = g_thread_new ("far end", seed_pair_serve, pair);
  pair->link = vf_link_connect (client_fd, client_fd, LINK_TIMEOUT_S, &error);
  g_assert_no_error (error);
  pair->channel = vf_link_open (pair->link, "receive", NULL, NULL, NULL, &error);
  g_assert_no_error (error);
}

static inline void
seed_pair_start (SeedPair *pair)
{
  int fds[2];
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  seed_pair_start_on (pair, fds[0], fds[1]);
}

static inline void
seed_pair_finish (SeedPair *pair)
{
  g_clear_pointer (&pair->channel, vf_channel_free);
  g_clear_pointer (&pair->link, vf_link_free);
  if (pair->thread != NULL)
    g_thread_join (g_steal_pointer (&pair->thread));
}

static inline int
scratch_file (void)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "ferry-seed-XXXXXX", NULL);
  int fd = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);
  g_assert_cmpint (fd, >=, 0);
  g_unlink (path);
  return fd;
}

/* A loop device that frees itself with its last descriptor, also when the test aborts. *path gets its node. -1: none to be had.
 */
static inline int
scratch_device (int backing_fd, char **path)
{
  g_auto (VfFd) control = open ("/dev/loop-control", O_RDWR | O_CLOEXEC);
  struct loop_config config = { .fd = (guint32)backing_fd, .info = { .lo_flags = LO_FLAGS_AUTOCLEAR } };
  /* Until it is claimed, another test may be told the same free number, open it, and be seen as its holder. */
  if (control != VF_FD_NONE)
    flock (control, LOCK_EX);
  for (int i = 0; i < 32 && control != VF_FD_NONE; i++) {
    int number = ioctl (control, LOOP_CTL_GET_FREE);
    g_autofree char *node = g_strdup_printf ("/dev/loop%d", number);
    g_auto (VfFd) fd = number >= 0 ? open (node, O_RDWR | O_CLOEXEC) : VF_FD_NONE;
    if (fd != VF_FD_NONE && ioctl (fd, LOOP_CONFIGURE, &config) == 0) {
      *path = g_steal_pointer (&node);
      return vf_fd_steal (&fd);
    }
    g_usleep (20 * 1000);
  }
  return VF_FD_NONE;
}

static inline void
fill (int fd, guint64 offset, gsize length, guint8 value)
{
  g_autofree guint8 *bytes = g_malloc (length + 1);
  memset (bytes, value, length);
  g_assert_true (vf_fd_pwrite_full (fd, bytes, length, (off_t)offset));
}

static inline void
assert_same_content (int a, int b, guint64 length)
{
  enum { STEP = 1 << 20 };
  g_autofree guint8 *of_a = g_malloc (STEP), *of_b = g_malloc (STEP);
  for (guint64 at = 0; at < length; at += STEP) {
    gsize now = (gsize)MIN (length - at, (guint64)STEP);
    g_assert_cmpint (vf_fd_pread_full (a, of_a, now, (off_t)at), ==, (gssize)now);
    g_assert_cmpint (vf_fd_pread_full (b, of_b, now, (off_t)at), ==, (gssize)now);
    g_assert_true (memcmp (of_a, of_b, now) == 0);
  }
}

static inline guint64
allocated (int fd)
{
  struct stat st;
  g_assert_cmpint (fstat (fd, &st), ==, 0);
  return (guint64)st.st_blocks * 512;
}
