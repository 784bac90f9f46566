#include "agent/agent.h"
#include "agent/commands.h"

#include "agent/roots.h"
#include "cli/command.h"

#include <stdio.h>
#include <unistd.h>

static gboolean option_stdio;
static gboolean option_run_commands;
static char *option_config;

static const GOptionEntry entries[] = {
  { "stdio", 0, 0, G_OPTION_ARG_NONE, &option_stdio, "serve one link on standard input and output", NULL },
  { "run-commands", 0, 0, G_OPTION_ARG_NONE, &option_run_commands,
    "run virt-ferry's commands for who asks, instead of serving moves", NULL },
  { "config", 0, 0, G_OPTION_ARG_FILENAME, &option_config, "another configuration (default " VF_AGENT_CONFIG ")", "FILE" },
  G_OPTION_ENTRY_NULL,
};

static void
add_options (GOptionContext *context)
{
  g_option_context_add_main_entries (context, entries, NULL);
}

static bool
serve_moves (int in_fd, int out_fd, GError **error)
{
  return vf_agent_run (in_fd, out_fd, option_config != NULL ? option_config : VF_AGENT_CONFIG, error);
}

static int
run (char **arguments)
{
  GError *error = NULL;
  if (!option_stdio || g_strv_length (arguments) != 0)
    return vf_cli_usage (&vf_command_agent, "the agent is started by virt-ferry through a remote shell, as 'agent --stdio'");
  /* Nothing else may write into the stream. */
  int in_fd = dup (STDIN_FILENO);
  int out_fd = dup (STDOUT_FILENO);
  dup2 (STDERR_FILENO, STDOUT_FILENO);
  bool served = option_run_commands ? vf_commands_run (in_fd, out_fd, &error) : serve_moves (in_fd, out_fd, &error);
  if (!served)
    return vf_cli_fail (error);
  return VF_EXIT_DONE;
}
const VfCommand vf_command_agent = { "agent",     "--stdio", "the far end, started through the remote shell",
                                     add_options, run,       VF_COMMAND_LOCAL };
