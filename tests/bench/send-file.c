/* One file through the seeding engine, for benchmarks: send-file SOURCE DESTINATION ID -- REMOTE-SHELL-WORDS...
 * The words start `virt-ferry agent --stdio` at the far end. A partial of this ID beside DESTINATION is what an interrupted
 * move would have left. Prints one JSON object with the bytes of each kind.
 * STREAMS, LEVEL (of zstd) and AUTO (1: --compress auto) in the environment are the engine's own options; absent or 0: its defaults. */
#include "base/fd.h"
#include "base/names.h"
#include "far/far.h"
#include "link/remote_shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { TIMEOUT_S = 60 };

static guint
setting (const char *name)
{
  const char *text = g_getenv (name);
  return text == NULL ? 0 : (guint)g_ascii_strtoull (text, NULL, 10);
}

static bool
send_file (const char *path, const char *destination, const char *id, char **words, VfSeedCounts *counts, GError **error)
{
  g_autoptr (VfRemoteShell) shell = vf_remote_shell_start (words, TIMEOUT_S, error);
  if (shell == NULL)
    return false;
  VfLink *link = vf_remote_shell_link (shell);
  g_autofree char *partial = vf_name_partial (destination, id);
  g_auto (VfFd) fd = open (path, O_RDONLY | O_CLOEXEC);
  struct stat facts;
  if (fd == VF_FD_NONE || fstat (fd, &facts) == -1)
    return vf_error_set_errno (error, errno, "cannot open file '%s'", path);
  VfSeedSource source = { .fd = fd,
                          .path = path,
                          .file_bytes = (guint64)facts.st_size,
                          .compress_auto = setting ("AUTO") != 0,
                          .streams = setting ("STREAMS"),
                          .zstd_level = (int)setting ("LEVEL") };
  VfDigest digest;
  VfFileId far_id;
  return vf_far_seed (link, partial, id, false, &source, counts, &digest, &far_id, error) &&
         vf_far_berth (link, partial, destination, id, &far_id, error);
}

int
main (int argc, char **argv)
{
  VfSeedCounts counts = { 0 };
  g_autoptr (GError) error = NULL;
  if (argc < 6 || strcmp (argv[4], "--") != 0) {
    fprintf (stderr, "usage: send-file SOURCE DESTINATION ID -- REMOTE-SHELL-WORDS...\n");
    return 1;
  }
  if (!send_file (argv[1], argv[2], argv[3], argv + 5, &counts, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return 1;
  }
  printf ("{\"sent_bytes\": %" G_GUINT64_FORMAT ", \"zero_bytes\": %" G_GUINT64_FORMAT "}\n", counts.sent_bytes,
          counts.zero_bytes);
  return 0;
}
