/* recover: every move that an earlier process or boot left unfinished. */
#include "cli/command.h"
#include "cli/runner.h"
#include "journal/journal.h"
#include "move/migrate.h"

#include <stdio.h>

static void
add_options (GOptionContext *context)
{
  vf_console_options_add (context);
}

static VfResult *
work (const VfReporter *reporter, GCancellable *cancellable, gpointer id)
{
  return vf_recover (id, reporter, cancellable);
}

/* 0 for a move that needs nothing or was brought to an end, taken back included: that is what was asked for. */
static int
recover_one (const char *id)
{
  gint64 holder = 0;
  GError *error = NULL;
  g_autoptr (VfLedger) ledger = vf_move_load (id, &holder, &error);
  if (ledger == NULL)
    return vf_cli_fail (error);
  if (!vf_move_is_abandoned (ledger, holder != 0))
    return VF_EXIT_DONE;
  fprintf (stderr, "move %s of guest '%s':\n", id, ledger->plan->domain);
  int code = vf_cli_run (work, (gpointer)id);
  return code == VF_EXIT_UNDONE ? VF_EXIT_DONE : code;
}

static int
run (char **arguments)
{
  GError *error = NULL;
  int worst = VF_EXIT_DONE;
  if (g_strv_length (arguments) != 0)
    return vf_cli_usage (&vf_command_recover, "recover takes no words");
  g_autofree char *directory = vf_journal_state_directory ();
  g_autoptr (GPtrArray) ids = vf_journal_list (directory, &error);
  if (ids == NULL)
    return vf_cli_fail (error);
  for (guint i = 0; i < ids->len; i++) {
    int code = recover_one (ids->pdata[i]);
    worst = MAX (worst, code);
  }
  return worst;
}

const VfCommand vf_command_recover = { "recover", "", "finish or take back what a crash left", add_options, run };
