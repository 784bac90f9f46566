/* resume, abort, cleanup: what can be done with a move that has a journal. */
#include "cli/command.h"
#include "cli/runner.h"
#include "base/names.h"
#include "move/migrate.h"

static void
add_options (GOptionContext *context)
{
  vf_console_options_add (context);
}

static VfResult *
resume (const VfReporter *reporter, GCancellable *cancellable, gpointer id)
{
  return vf_resume (id, reporter, cancellable);
}

static VfResult *
undo (const VfReporter *reporter, GCancellable *cancellable, gpointer id)
{
  return vf_abort (id, reporter);
}

static VfResult *
cleanup (const VfReporter *reporter, GCancellable *cancellable, gpointer id)
{
  return vf_cleanup (id, reporter);
}

static int
run_with_id (const VfCommand *command, char **arguments, VfLongWork work)
{
  if (g_strv_length (arguments) != 1)
    return vf_cli_usage (command, "give the ID of one move (virt-ferry list shows them)");
  if (!vf_id_is_valid (arguments[0]))
    return vf_cli_usage (command, "an ID has eight hexadecimal digits (virt-ferry list shows them)");
  return vf_cli_run (work, arguments[0]);
}

static int
run_resume (char **arguments)
{
  return run_with_id (&vf_command_resume, arguments, resume);
}

static int
run_abort (char **arguments)
{
  return run_with_id (&vf_command_abort, arguments, undo);
}

static int
run_cleanup (char **arguments)
{
  return run_with_id (&vf_command_cleanup, arguments, cleanup);
}

const VfCommand vf_command_resume = { "resume", "ID", "go on with an unfinished move", add_options, run_resume };
const VfCommand vf_command_abort = { "abort", "ID", "take an unfinished move back", add_options, run_abort };
const VfCommand vf_command_cleanup = { "cleanup", "ID", "remove the old files of a finished move", add_options, run_cleanup };
