/* libFuzzer: any bytes as what a peer sends after a right greeting, to an agent whose root is a new directory. Start it with
 * frames of real conversations as its corpus: OPEN with each service's name is what chance finds last. PATH is emptied, so that
 * qemu-img is never run. `run` gives it a /run of its own, where the services
 * `relay` and `rendezvous` reach.
 */
#include "agent/agent.h"
#include "base/fd.h"
#include "link/frame.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

int LLVMFuzzerInitialize (int *argc, char ***argv);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static char *config;
static char random_part[7]; /* of the directory's name */

static void
remove_top (void)
{
  g_autofree char *top = g_path_get_dirname (config);
  const char *rm[] = { "/bin/rm", "-rf", "--", top, NULL };
  g_spawn_sync (NULL, (char **)rm, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, NULL, NULL);
}

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  g_autofree char *top = g_dir_make_tmp ("ferry-fuzz-XXXXXX", NULL);
  g_autofree char *root = g_build_filename (top, "r", NULL);
  g_autofree char *text = g_strdup_printf ("[agent]\nroots=%s\n", root);
  g_autofree char *file = g_build_filename (root, "disk.ferry-0123abcd.part", NULL);
  config = g_build_filename (top, "agent.conf", NULL);
  memcpy (random_part, top + strlen (top) - 6, 6);
  mkdir (root, 0700);
  g_file_set_contents (config, text, -1, NULL);
  g_file_set_contents (file, "data", -1, NULL);
  setenv ("PATH", "/nonexistent", 1);
  signal (SIGPIPE, SIG_IGN);
  atexit (remove_top);
  return 0;
}

static gpointer
run_agent (gpointer data)
{
  int fd = GPOINTER_TO_INT (data);
  vf_agent_run (fd, fd, config, NULL);
  return NULL;
}

static gpointer
drain (gpointer data)
{
  guint8 sink[4096];
  while (vf_fd_read_full (GPOINTER_TO_INT (data), sink, sizeof sink) == sizeof sink)
    continue;
  return NULL;
}

/* A corpus cannot know the directory: it says /tmp/ferry-fuzz-XXXXXX/r. The caller frees. */
static guint8 *
with_real_names (const uint8_t *data, size_t size)
{
  guint8 *copy = g_malloc (size + 1);
  memcpy (copy, data, size);
  for (size_t i = 0; i + 6 <= size; i++)
    if (memcmp (copy + i, "XXXXXX", 6) == 0)
      memcpy (copy + i, random_part, 6);
  return copy;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char hello[] = "{\"protocol\":1,\"program\":\"fuzz\",\"host\":\"near\"}";
  guint8 header[VF_FRAME_HEADER_BYTES];
  VfFrame frame = { .payload_bytes = sizeof hello - 1, .channel = 0, .type = VF_FRAME_HELLO };
  int fds[2];
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return 0;
  g_autofree guint8 *sent = with_real_names (data, size);
  GThread *agent = g_thread_new ("agent", run_agent, GINT_TO_POINTER (fds[1]));
  GThread *drainer = g_thread_new ("drain", drain, GINT_TO_POINTER (fds[0]));
  vf_frame_encode (&frame, header);
  if (vf_fd_write_full (fds[0], "VFERRY1\n", 8) && vf_fd_write_full (fds[0], header, sizeof header) &&
      vf_fd_write_full (fds[0], hello, sizeof hello - 1))
    vf_fd_write_full (fds[0], sent, size);
  shutdown (fds[0], SHUT_WR);
  g_thread_join (agent);
  g_thread_join (drainer);
  vf_fd_close_value (fds[0]);
  return 0;
}
