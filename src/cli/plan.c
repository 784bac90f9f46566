#include "cli/command.h"
#include "cli/console.h"
#include "cli/move_options.h"
#include "cli/plan_text.h"
#include "base/json.h"
#include "move/migrate.h"

#include <stdio.h>

static gboolean option_json;

static const GOptionEntry entries[] = {
  { "json", 0, 0, G_OPTION_ARG_NONE, &option_json, "print the plan as one JSON object", NULL },
  G_OPTION_ENTRY_NULL,
};

static void
add_options (GOptionContext *context)
{
  vf_move_options_add (context);
  g_option_context_add_main_entries (context, entries, NULL);
}

static int
run (char **arguments)
{
  GError *error = NULL;
  g_autoptr (VfRequest) request = vf_move_options_request (arguments, &error);
  if (request == NULL)
    return vf_cli_fail (error);
  g_autoptr (VfConsole) console = vf_console_new ((VfConsoleStyle){ 0 });
  g_autoptr (VfPlan) plan = NULL;
  g_autoptr (GPtrArray) findings = NULL;
  g_autoptr (VfResult) result = vf_plan_move (request, vf_console_reporter (console), NULL, &plan, &findings);
  if (plan == NULL)
    return vf_cli_fail (g_steal_pointer (&result->error));
  if (option_json) {
    g_autoptr (JsonObject) description = vf_plan_describe (plan, findings);
    g_autofree char *text = vf_json_print_pretty (description);
    puts (text);
  } else {
    vf_plan_print (plan, findings, stdout);
  }
  return (int)result->exit;
}

const VfCommand vf_command_plan = {
  "plan", "DOMAIN DESTURI", "show what a move would do, and what stands in its way", add_options, run, VF_COMMAND_LOOKS
};
