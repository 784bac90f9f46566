/* Carries one file through the link as a move does, for measuring without a guest: carry URI FILE PARTIAL ID [SECONDS…]. Prints
 * the time, the CPU that this process and the remote shell used, and what travelled. PARTIAL's name carries ID. */
#include "base/fd.h"
#include "far/far.h"
#include "link/remote_shell.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { TIMEOUT_S = 30 };

static double
cpu_seconds (int who)
{
  struct rusage usage;
  getrusage (who, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / G_USEC_PER_SEC;
}

static bool
carry (VfLink *link, char **words, GError **error)
{
  g_auto (VfFd) fd = open (words[2], O_RDONLY | O_CLOEXEC);
  g_autoptr (VfFileFacts) facts = fd != VF_FD_NONE ? vf_file_look_fd (fd, words[2], error) : NULL;
  if (facts == NULL)
    return false;
  const char *level = g_getenv ("LEVEL");
  VfSeedSource source = {
    .fd = fd, .path = words[2], .file_bytes = facts->bytes, .zstd_level = level != NULL ? atoi (level) : 0
  };
  const char *streams = g_getenv ("STREAMS");
  source.streams = streams != NULL ? (guint)atoi (streams) : 0;
  VfSeedCounts counts;
  VfDigest digest;
  VfFileId far_id;
  gint64 start_us = g_get_monotonic_time ();
  if (!vf_far_seed (link, words[3], words[4], false, &source, &counts, &digest, &far_id, error))
    return false;
  double seconds = (double)(g_get_monotonic_time () - start_us) / G_USEC_PER_SEC;
  printf ("%.2f s, %.2f s of CPU here, data %" G_GUINT64_FORMAT " zero %" G_GUINT64_FORMAT " sent %" G_GUINT64_FORMAT "\n",
          seconds, cpu_seconds (RUSAGE_SELF), counts.data_bytes, counts.zero_bytes, counts.sent_bytes);
  return true;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  if (argc != 5) {
    fprintf (stderr, "usage: carry URI FILE PARTIAL ID\n");
    return 1;
  }
  g_autoptr (VfDestination) destination = vf_destination_parse (argv[1], &error);
  g_auto (GStrv) words = NULL;
  if (destination != NULL)
    words = vf_remote_shell_argv (destination, g_getenv ("RSH"), g_getenv ("AGENT") != NULL ? g_getenv ("AGENT") : "virt-ferry",
                                  &error);
  VfRemoteShell *shell = words != NULL ? vf_remote_shell_start (words, TIMEOUT_S, &error) : NULL;
  bool good = shell != NULL && carry (vf_remote_shell_link (shell), argv, &error);
  if (shell != NULL)
    vf_remote_shell_stop (shell);
  if (!good)
    fprintf (stderr, "%s\n", error->message);
  return good ? 0 : 1;
}
