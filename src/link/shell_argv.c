#include "link/remote_shell.h"

#include <string.h>

static void
add (GPtrArray *argv, const char *word)
{
  g_ptr_array_add (argv, g_strdup (word));
}

static void
add_pair (GPtrArray *argv, const char *option, const char *value)
{
  add (argv, option);
  add (argv, value);
}

/* ssh(1) itself: the options keep a dead connection from looking like a slow one, and the stream free of escapes. */
static void
add_ssh (GPtrArray *argv, const VfDestination *destination)
{
  add (argv, destination->command != NULL ? destination->command : "ssh");
  add_pair (argv, "-o", "ServerAliveInterval=5");
  add_pair (argv, "-o", "ServerAliveCountMax=6");
  add_pair (argv, "-o", "ConnectTimeout=30");
  add (argv, "-T");
  add_pair (argv, "-e", "none");
  if (destination->known_hosts != NULL) {
    g_autofree char *option = g_strdup_printf ("UserKnownHostsFile=\"%s\"", destination->known_hosts);
    add_pair (argv, "-o", option);
  }
  if (destination->no_verify)
    add_pair (argv, "-o", "StrictHostKeyChecking=no");
}

/* A shell of the user's takes -p, -l and -i at most, as rsync's does: what it cannot be told must not be lost in silence. */
static bool
add_rsh (GPtrArray *argv, const VfDestination *destination, const char *rsh, GError **error)
{
  g_auto (GStrv) words = NULL;
  GError *foreign = NULL;
  if (!g_shell_parse_argv (rsh, NULL, &words, &foreign)) {
    vf_error_set (error, VF_ERROR_USAGE, "cannot use remote shell '%s': %s", rsh, foreign->message);
    g_error_free (foreign);
    return false;
  }
  if (destination->known_hosts != NULL || destination->no_verify || destination->command != NULL) {
    vf_error_set (error, VF_ERROR_USAGE, "cannot use remote shell '%s': the URI's parameters %s", rsh,
                  "known_hosts, no_verify and command are for ssh alone");
    vf_error_hint (error, "give the remote shell its own options, as in --rsh 'ssh -o UserKnownHostsFile=FILE'");
    return false;
  }
  for (char **word = words; *word != NULL; word++)
    add (argv, *word);
  return true;
}

static void
add_place (GPtrArray *argv, const VfDestination *destination)
{
  if (destination->port != 0) {
    g_autofree char *port = g_strdup_printf ("%u", destination->port);
    add_pair (argv, "-p", port);
  }
  if (destination->user != NULL)
    add_pair (argv, "-l", destination->user);
  if (destination->keyfile != NULL)
    add_pair (argv, "-i", destination->keyfile);
}

static char *
quote_for_shell (const char *word)
{
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+,:@%";
  return word[strspn (word, plain)] == '\0' ? g_strdup (word) : g_shell_quote (word);
}

static char **
build (const VfDestination *destination, const char *rsh, const char *agent_path, const char *const *agent_words,
       GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new_with_free_func (g_free);
  if (*destination->host == '-' || (destination->user != NULL && *destination->user == '-')) {
    vf_error_set (error, VF_ERROR_USAGE,
                  "cannot use host '%s': a host or user that begins with '-' would be taken as an option", destination->host);
    return NULL;
  }
  if (*agent_path == '\0' || *agent_path == '-') {
    vf_error_set (error, VF_ERROR_USAGE, "cannot use agent path '%s': it is not a path", agent_path);
    return NULL;
  }
  if (rsh == NULL)
    add_ssh (argv, destination);
  else if (!add_rsh (argv, destination, rsh, error))
    return NULL;
  add_place (argv, destination);
  if (rsh == NULL)
    add (argv, "--");
  add (argv, destination->host);
  g_ptr_array_add (argv, quote_for_shell (agent_path));
  for (const char *const *word = agent_words; *word != NULL; word++)
    add (argv, *word);
  g_ptr_array_add (argv, NULL);
  return (char **)g_ptr_array_steal (argv, NULL);
}

char **
vf_remote_shell_argv (const VfDestination *destination, const char *rsh, const char *agent_path, GError **error)
{
  static const char *const words[] = { "agent", "--stdio", NULL };
  return build (destination, rsh, agent_path, words, error);
}

char **
vf_remote_shell_argv_for_commands (const VfDestination *destination, const char *rsh, const char *agent_path, GError **error)
{
  static const char *const words[] = { "agent", "--stdio", "--run-commands", NULL };
  return build (destination, rsh, agent_path, words, error);
}
