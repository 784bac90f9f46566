#include "cli/command.h"
#include "cli/remote.h"
#include "cli/source_options.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const VfCommand *const commands[] = {
  &vf_command_plan,  &vf_command_migrate, &vf_command_host,    &vf_command_list, &vf_command_status, &vf_command_resume,
  &vf_command_abort, &vf_command_cleanup, &vf_command_recover, &vf_command_set,  &vf_command_agent,
};

static void
print_help (FILE *out)
{
  fprintf (out, "usage: virt-ferry COMMAND [OPTION…] [ARGUMENT…]\n\n"
                "Moves running KVM guests with everything they store between hosts that share no storage.\n\n");
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    fprintf (out, "  %-8s %-16s %s\n", commands[i]->name, commands[i]->arguments, commands[i]->summary);
  fprintf (out, "\n'virt-ferry COMMAND --help' tells more; the manual is virt-ferry(1).\n");
}

int
vf_cli_fail (GError *error)
{
  int code = vf_error_is (error, VF_ERROR_USAGE)       ? VF_EXIT_USAGE
             : vf_error_is (error, VF_ERROR_UNDECIDED) ? VF_EXIT_UNDECIDED
                                                       : VF_EXIT_REFUSED;
  fprintf (stderr, "virt-ferry: %s\n", error->message);
  if (vf_error_get_hint (error) != NULL)
    fprintf (stderr, "hint: %s\n", vf_error_get_hint (error));
  g_error_free (error);
  return code;
}

int
vf_cli_usage (const VfCommand *command, const char *problem)
{
  fprintf (stderr, "virt-ferry: %s\nusage: virt-ferry %s [OPTION…] %s\n", problem, command->name, command->arguments);
  return VF_EXIT_USAGE;
}

static const VfCommand *
find_command (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (commands[i]->name, name) == 0)
      return commands[i];
  return NULL;
}

static GOptionContext *
command_context (const VfCommand *command)
{
  g_autofree char *shape = g_strdup_printf ("%s", command->arguments);
  GOptionContext *context = g_option_context_new (shape);
  g_option_context_set_summary (context, command->summary);
  command->add_options (context);
  if (command->kind != VF_COMMAND_LOCAL)
    vf_source_options_add (context);
  return context;
}

/* GOption prints PROGRAM [OPTION…] SHAPE: the command is made part of the program's name. */
static void
set_program_name (const char *command)
{
  g_autofree char *name = g_strconcat ("virt-ferry ", command, NULL);
  g_set_prgname (name);
}

static int
run_command (const VfCommand *command, char **words)
{
  g_autoptr (GOptionContext) context = command_context (command);
  g_auto (GStrv) arguments = g_strdupv (words);
  GError *error = NULL;
  set_program_name (command->name);
  if (!g_option_context_parse_strv (context, &arguments, &error)) {
    int code = vf_cli_usage (command, error->message);
    g_error_free (error);
    return code;
  }
  if (command->kind != VF_COMMAND_LOCAL && vf_source_options_are_remote ())
    return vf_remote_run (command, words);
  char **rest = arguments + 1;
  if (*rest != NULL && strcmp (*rest, "--") == 0) /* GOption leaves it before a word that begins with '-' */
    rest++;
  return command->run (rest);
}

/* For the completion: the words that may follow. */
static int
print_words (const char *name)
{
  const VfCommand *command = name == NULL ? NULL : find_command (name);
  if (command == NULL) {
    for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
      puts (commands[i]->name);
    return VF_EXIT_DONE;
  }
  g_autoptr (GOptionContext) context = command_context (command);
  g_autofree char *help = g_option_context_get_help (context, FALSE, NULL);
  g_auto (GStrv) lines = g_strsplit (help, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    const char *option = g_str_has_prefix (*line, "  -") ? strstr (*line, "--") : NULL;
    if (option != NULL)
      printf ("%.*s\n", (int)strspn (option, "abcdefghijklmnopqrstuvwxyz-"), option);
  }
  return VF_EXIT_DONE;
}

/* `virt-ferry -c URI COMMAND …`, as virsh takes it, is `virt-ferry COMMAND -c URI …`. NULL: no such words. */
static char **
command_first (char **words)
{
  guint leading = 0, more;
  while ((more = vf_source_options_leading (words + leading)) > 0)
    leading += more;
  if (leading == 0 || words[leading] == NULL)
    return NULL;
  g_autoptr (GPtrArray) turned = g_ptr_array_new ();
  g_ptr_array_add (turned, g_strdup (words[leading]));
  for (guint i = 0; words[i] != NULL; i++)
    if (i != leading)
      g_ptr_array_add (turned, g_strdup (words[i]));
  g_ptr_array_add (turned, NULL);
  return (char **)g_ptr_array_steal (turned, NULL);
}

/* Names are UTF-8, also where nobody has set a locale, as in many a remote shell. */
static void
set_locale (void)
{
  setlocale (LC_ALL, "");
  if (!g_get_charset (NULL))
    setlocale (LC_CTYPE, "C.UTF-8");
}

static int
run_words (char **words)
{
  if (strcmp (words[0], "--help") == 0 || strcmp (words[0], "-h") == 0 || strcmp (words[0], "help") == 0) {
    print_help (stdout);
    return VF_EXIT_DONE;
  }
  if (strcmp (words[0], "--version") == 0) {
    puts ("virt-ferry " VF_VERSION);
    return VF_EXIT_DONE;
  }
  if (strcmp (words[0], "--words") == 0)
    return print_words (words[1]);
  const VfCommand *command = find_command (words[0]);
  if (command == NULL) {
    fprintf (stderr, "virt-ferry: there is no command '%s'\nhint: virt-ferry --help lists them\n", words[0]);
    return VF_EXIT_USAGE;
  }
  return run_command (command, words);
}

int
main (int argc, char **argv)
{
  set_locale ();
  signal (SIGPIPE, SIG_IGN);
  if (argc > 3 && strcmp (argv[1], "--at-source") == 0) { /* agent/commands.c says so */
    vf_source_options_set_here (argv[2]);
    argv += 2;
  }
  if (argv[1] == NULL) {
    print_help (stderr);
    return VF_EXIT_USAGE;
  }
  g_auto (GStrv) turned = command_first (argv + 1);
  return run_words (turned != NULL ? turned : argv + 1);
}
