#include "base/json.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/move_options.h"
#include "cli/plan_text.h"
#include "cli/text_file.h"
#include "move/migrate.h"

#include <stdio.h>

static gboolean option_json;
static char *option_domain_xml;

static const GOptionEntry entries[] = {
  { "domain-xml", 0, 0, G_OPTION_ARG_FILENAME, &option_domain_xml,
    "plan for the guest that this XML describes (-: standard input) in place of DOMAIN; DESTURI may be left out", "FILE" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &option_json, "print the plan as one JSON object", NULL },
  G_OPTION_ENTRY_NULL,
};

static void
add_options (GOptionContext *context)
{
  vf_move_options_add (context);
  g_option_context_add_main_entries (context, entries, NULL);
}

static VfRequest *
request_from (char **arguments, GError **error)
{
  if (option_domain_xml == NULL)
    return vf_move_options_request (arguments, error);
  if (g_strv_length (arguments) <= 1)
    return vf_move_options_request_for (NULL, arguments[0], error);
  vf_error_set (error, VF_ERROR_USAGE, "with --domain-xml give DESTURI alone, or nothing; got %u words",
                g_strv_length (arguments));
  return NULL;
}

static VfResult *
look (const VfRequest *request, const VfReporter *reporter, VfPlan **plan, GPtrArray **findings)
{
  GError *error = NULL;
  if (option_domain_xml == NULL)
    return vf_plan_move (request, reporter, NULL, plan, findings);
  g_autofree char *name = vf_text_file_name (option_domain_xml);
  g_autofree char *xml = vf_text_file_read (option_domain_xml, &error);
  if (xml != NULL)
    return vf_plan_xml (request, xml, name, reporter, NULL, plan, findings);
  VfResult *result = vf_result_new ();
  result->error = error;
  return result;
}

static int
run (char **arguments)
{
  GError *error = NULL;
  g_autoptr (VfRequest) request = request_from (arguments, &error);
  if (request == NULL)
    return vf_cli_fail (error);
  g_autoptr (VfConsole) console = vf_console_new ((VfConsoleStyle){ 0 });
  g_autoptr (VfPlan) plan = NULL;
  g_autoptr (GPtrArray) findings = NULL;
  g_autoptr (VfResult) result = look (request, vf_console_reporter (console), &plan, &findings);
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
