/* list and status: what the journals say. */
#include "base/json.h"
#include "base/names.h"
#include "cli/command.h"
#include "journal/journal.h"
#include "move/migrate.h"

#include <stdio.h>

static gboolean option_json;

static const GOptionEntry entries[] = {
  { "json", 0, 0, G_OPTION_ARG_NONE, &option_json, "one JSON object a line", NULL },
  G_OPTION_ENTRY_NULL,
};

static void
add_options (GOptionContext *context)
{
  g_option_context_add_main_entries (context, entries, NULL);
}

static char *
print_time (gint64 microseconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (microseconds / G_USEC_PER_SEC);
  return time == NULL ? g_strdup ("?") : g_date_time_format (time, "%Y-%m-%d %H:%M:%S");
}

static JsonObject *
describe (const VfLedger *ledger, gint64 holder)
{
  JsonObject *object = json_object_new ();
  g_autofree char *next = vf_move_next_command (ledger, holder != 0);
  json_object_set_string_member (object, "id", ledger->id);
  json_object_set_string_member (object, "domain", ledger->plan->domain);
  json_object_set_string_member (object, "source_host", ledger->plan->source_host);
  vf_json_set_string (object, "destination_host", ledger->plan->destination_host);
  json_object_set_string_member (object, "state", vf_move_state_name (ledger, holder != 0));
  json_object_set_string_member (object, "phase", vf_phase_name (ledger->phase));
  json_object_set_int_member (object, "began_s", ledger->began_us / G_USEC_PER_SEC);
  json_object_set_int_member (object, "changed_s", ledger->last_us / G_USEC_PER_SEC);
  if (holder != 0)
    json_object_set_int_member (object, "process", holder);
  vf_json_set_string (object, "reason", ledger->undo_reason);
  vf_json_set_string (object, "next", next);
  return object;
}

static void
print_row (const VfLedger *ledger, gint64 holder)
{
  g_autofree char *began = print_time (ledger->began_us);
  printf ("%-8s  %-20s  %-12s  %-12s  %-19s  %s\n", ledger->id, ledger->plan->domain,
          ledger->plan->destination_host != NULL ? ledger->plan->destination_host : "-",
          vf_move_state_name (ledger, holder != 0), began, vf_phase_name (ledger->phase));
}

static void
print_json (const VfLedger *ledger, gint64 holder)
{
  g_autoptr (JsonObject) object = describe (ledger, holder);
  g_autofree char *line = vf_json_print (object);
  puts (line);
}

static int
run_list (char **arguments)
{
  GError *error = NULL;
  if (g_strv_length (arguments) != 0)
    return vf_cli_usage (&vf_command_list, "list takes no words");
  g_autofree char *directory = vf_journal_state_directory ();
  g_autoptr (GPtrArray) ids = vf_journal_list (directory, &error);
  if (ids == NULL)
    return vf_cli_fail (error);
  if (!option_json)
    printf ("%-8s  %-20s  %-12s  %-12s  %-19s  %s\n", "ID", "GUEST", "TO", "STATE", "BEGAN", "PHASE");
  int code = VF_EXIT_DONE;
  for (guint i = 0; i < ids->len; i++) {
    gint64 holder = 0;
    g_autoptr (VfLedger) ledger = vf_move_load (ids->pdata[i], &holder, &error);
    if (ledger == NULL) {
      code = vf_cli_fail (g_steal_pointer (&error));
      continue;
    }
    if (option_json)
      print_json (ledger, holder);
    else
      print_row (ledger, holder);
  }
  return code;
}

static void
print_status (const VfLedger *ledger, gint64 holder)
{
  const VfPlan *plan = ledger->plan;
  g_autofree char *began = print_time (ledger->began_us);
  g_autofree char *changed = print_time (ledger->last_us);
  g_autofree char *next = vf_move_next_command (ledger, holder != 0);
  guint seeded = 0;
  for (guint i = 0; i < ledger->files->len; i++)
    seeded += g_array_index (ledger->files, VfLedgerFile, i).seeded;
  printf ("move %s: guest '%s' (%s) from %s to %s\n", ledger->id, plan->domain, plan->uuid, plan->source_host,
          plan->destination_host != NULL ? plan->destination_host : "-");
  printf ("state: %s (phase %s)\n", vf_move_state_name (ledger, holder != 0), vf_phase_name (ledger->phase));
  printf ("began %s, last changed %s\n", began, changed);
  printf ("files verified at the destination: %u of %u\n", seeded, ledger->files->len);
  if (holder != 0)
    printf ("process %" G_GINT64_FORMAT " is at work on it\n", holder);
  if (ledger->undo_reason != NULL)
    printf ("taken back because: %s\n", ledger->undo_reason);
  for (guint i = 0; i < ledger->left_behind->len; i++)
    printf ("left at the destination: %s\n", (const char *)ledger->left_behind->pdata[i]);
  if (next != NULL)
    printf ("next: %s\n", next);
}

static int
run_status (char **arguments)
{
  GError *error = NULL;
  gint64 holder = 0;
  if (g_strv_length (arguments) == 0)
    return run_list (arguments);
  if (g_strv_length (arguments) != 1 || !vf_id_is_valid (arguments[0]))
    return vf_cli_usage (&vf_command_status, "give the ID of one move: eight hexadecimal digits (virt-ferry list shows them)");
  g_autoptr (VfLedger) ledger = vf_move_load (arguments[0], &holder, &error);
  if (ledger == NULL)
    return vf_cli_fail (error);
  if (option_json)
    print_json (ledger, holder);
  else
    print_status (ledger, holder);
  return VF_EXIT_DONE;
}

const VfCommand vf_command_list = {
  "list", "", "list the moves that this host knows", add_options, run_list, VF_COMMAND_LOOKS
};
const VfCommand vf_command_status = { "status", "[ID]", "show one move", add_options, run_status, VF_COMMAND_LOOKS };
