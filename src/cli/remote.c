#include "cli/remote.h"

#include "base/fd.h"
#include "cli/console.h"
#include "cli/runner.h"
#include "cli/source_options.h"
#include "far/command.h"
#include "link/remote_shell.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_S = 30 };

typedef struct {
  VfChannel *channel;
  VfFarEnd end;
  GError *error; /* how it ended is not known */
  bool stop_asked;
} Errand;

/* A reader of ours that has gone away is no reason to stop what runs there. */
static void
write_here (int fd, const void *bytes, gsize length, gpointer data)
{
  vf_fd_write_full (fd, bytes, length);
}

static void
follow (gpointer data)
{
  Errand *errand = data;
  vf_far_command_follow (errand->channel, write_here, NULL, &errand->end, &errand->error);
}

static void
stop (gpointer data)
{
  Errand *errand = data;
  errand->stop_asked = true;
  vf_far_command_stop (errand->channel);
}

/* The command line that asks that host what has become of its moves. */
static char *
list_command (const VfRemoteSource *source)
{
  g_autofree char *uri = g_shell_quote (source->uri);
  g_autofree char *rsh = source->rsh == NULL ? NULL : g_shell_quote (source->rsh);
  g_autofree char *path = g_shell_quote (source->agent_path);
  GString *text = g_string_new (NULL);
  g_string_printf (text, "virt-ferry -c %s", uri);
  if (rsh != NULL)
    g_string_append_printf (text, " --source-rsh %s", rsh);
  if (strcmp (source->agent_path, "virt-ferry") != 0)
    g_string_append_printf (text, " --source-agent-path %s", path);
  g_string_append (text, " list");
  return g_string_free (text, FALSE);
}

/* Takes `error`. */
static int
fail (const VfCommand *command, VfExit code, const char *data, char *next, GError *error)
{
  g_autoptr (VfResult) result = vf_result_new ();
  result->exit = vf_error_is (error, VF_ERROR_USAGE) ? VF_EXIT_USAGE : code;
  result->next = next;
  if (command->kind != VF_COMMAND_ACTS)
    return vf_cli_fail (error);
  result->error = error;
  result->data = g_strdup (data);
  g_autoptr (VfConsole) console = vf_console_new (vf_console_options_style ());
  return vf_console_result (console, result);
}

static int
fail_before (const VfCommand *command, const VfDestination *place, GError *reason)
{
  GError *error = NULL;
  if (place == NULL)
    return fail (command, VF_EXIT_REFUSED, "nothing was touched", NULL, reason);
  bool not_served = vf_error_is (reason, VF_ERROR_NOT_FOUND);
  vf_error_adopt (&error, reason, "cannot run '%s' at %s", command->name, place->host);
  if (not_served)
    vf_error_hint (&error, "virt-ferry there is older, or the key that was used is held to 'virt-ferry agent --stdio'");
  return fail (command, VF_EXIT_REFUSED, "nothing was touched", NULL, error);
}

static int
fail_meanwhile (const VfCommand *command, const VfDestination *place, const VfRemoteSource *source, GError *reason)
{
  GError *error = NULL;
  vf_error_adopt (&error, reason, "cannot tell how '%s' ended at %s", command->name, place->host);
  if (command->kind == VF_COMMAND_ACTS)
    vf_error_hint (&error, "without its connection it stops there as after Ctrl-C: what was begun is taken back or, after the "
                           "switch, brought to its end");
  return fail (command, VF_EXIT_INTERRUPTED,
               "what was begun stands in the journal there; do not start the guest by hand on either host",
               list_command (source), error);
}

/* A command that does not listen for a wish to stop dies of it, there as here. */
static int
die_alike (guint signal_number)
{
  signal ((int)signal_number, SIG_DFL);
  raise ((int)signal_number);
  return VF_EXIT_REFUSED;
}

static int
conclude (const VfCommand *command, const VfDestination *place, const VfRemoteSource *source, Errand *errand)
{
  if (errand->error == NULL && errand->end.by_signal && errand->stop_asked && errand->end.number == SIGTERM)
    return die_alike (SIGTERM);
  if (errand->error == NULL && errand->end.by_signal)
    vf_error_set (&errand->error, VF_ERROR_FAILED, "its process was killed there by signal %u (%s)", errand->end.number,
                  g_strsignal ((int)errand->end.number));
  if (errand->error != NULL)
    return fail_meanwhile (command, place, source, g_steal_pointer (&errand->error));
  int code = (int)errand->end.number;
  bool named_commands = command->kind == VF_COMMAND_ACTS && code != VF_EXIT_USAGE && code != VF_EXIT_REFUSED;
  if (named_commands && !vf_console_options_style ().json)
    fprintf (stderr, "from here: give 'virt-ferry' in such commands the same --connect\n");
  return code;
}

/* qemu:///system, or where its socket is if that is not the usual place. */
static char *
uri_there (const VfDestination *place)
{
  if (place->socket == NULL)
    return g_strdup_printf ("qemu://%s", place->path);
  g_autofree char *socket = g_uri_escape_string (place->socket, "/", FALSE);
  return g_strdup_printf ("qemu+unix://%s?socket=%s", place->path, socket);
}

static VfRemoteShell *
reach (const VfDestination *place, const VfRemoteSource *source, GError **error)
{
  g_auto (GStrv) argv = vf_remote_shell_argv_for_commands (place, source->rsh, source->agent_path, error);
  return argv == NULL ? NULL : vf_remote_shell_start (argv, TIMEOUT_S, error);
}

int
vf_remote_run (const VfCommand *command, char **words)
{
  GError *error = NULL;
  VfRemoteSource source = vf_source_options_remote ();
  g_autoptr (VfDestination) place = vf_destination_parse (source.uri, &error);
  g_autoptr (VfRemoteShell) shell = place == NULL ? NULL : reach (place, &source, &error);
  if (shell == NULL)
    return fail_before (command, place, error);
  g_autofree char *uri = uri_there (place);
  VfFarCommand wanted = { words, uri, vf_console_columns () };
  Errand errand = { 0 };
  errand.channel = vf_far_command_start (vf_remote_shell_link (shell), &wanted, &error);
  if (errand.channel == NULL)
    return fail_before (command, place, error);
  vf_cli_attend (follow, stop, &errand);
  vf_channel_free (errand.channel);
  return conclude (command, place, &source, &errand);
}
