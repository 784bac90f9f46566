/* A tiny agent for the remote shell's tests: serves "echo" on its standard input and output; speaks of its end on request. */
#include "link/link.h"

#include "base/json.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int lingers; /* once the link has ended */

static void
serve (VfChannel *channel, const char *service, JsonObject *args, gpointer data)
{
  if (strcmp (service, "die") == 0) {
    fputs ("warning first\nConnection to far closed by a test.\n", stderr);
    _exit (255);
  }
  if (strcmp (service, "linger") == 0)
    g_atomic_int_set (&lingers, 1);
  g_autoptr (JsonObject) answer = json_object_new ();
  struct sigaction interrupt;
  sigaction (SIGINT, NULL, &interrupt);
  json_object_set_boolean_member (answer, "ignores_interrupt", interrupt.sa_handler == SIG_IGN);
  json_object_set_int_member (answer, "pid", getpid ());
  json_object_set_int_member (answer, "group", getpgrp ());
  json_object_set_int_member (answer, "session", getsid (0));
  vf_json_set_string (answer, "args", data);
  vf_channel_accept (channel, answer, NULL);
}

int
main (int argc, char **argv)
{
  g_autofree char *args = g_strjoinv ("|", argv + 1);
  bool served = vf_link_serve (STDIN_FILENO, STDOUT_FILENO, 30, NULL, serve, args, NULL);
  while (g_atomic_int_get (&lingers))
    pause ();
  return served ? EXIT_SUCCESS : EXIT_FAILURE;
}
