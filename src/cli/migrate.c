#include "cli/command.h"
#include "cli/move_options.h"
#include "cli/runner.h"
#include "move/migrate.h"

static gboolean option_delete_source;

static const GOptionEntry entries[] = {
  { "delete-source", 0, 0, G_OPTION_ARG_NONE, &option_delete_source,
    "remove the old files once the guest is seen at the destination", NULL },
  G_OPTION_ENTRY_NULL,
};

static void
add_options (GOptionContext *context)
{
  vf_move_options_add (context);
  g_option_context_add_main_entries (context, entries, NULL);
  vf_console_options_add (context);
}

static VfResult *
work (const VfReporter *reporter, GCancellable *cancellable, gpointer request)
{
  return vf_migrate (request, reporter, cancellable);
}

static int
run (char **arguments)
{
  GError *error = NULL;
  g_autoptr (VfRequest) request = vf_move_options_request (arguments, &error);
  if (request == NULL)
    return vf_cli_fail (error);
  request->delete_source = option_delete_source;
  return vf_cli_run (work, request);
}

const VfCommand vf_command_migrate = { "migrate", "DOMAIN DESTURI", "move a guest", add_options, run };
