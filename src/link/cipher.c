/* Which cipher ssh uses. Its own default begins with chacha20-poly1305; with a processor that has AES instructions, aes128-gcm
 * takes half the time (docs/internals/seeding.md). A user, or a policy of the host, that has chosen ciphers is left alone. */
#include "link/remote_shell.h"

#include "base/process.h"

#include <string.h>

enum { ASK_S = 10 };

static const char fast_first[] = "Ciphers=^aes128-gcm@openssh.com";

static bool
processor_has_aes (void)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents ("/proc/cpuinfo", &text, NULL, NULL))
    return false;
  g_auto (GStrv) words = g_strsplit_set (text, " \t\n", -1);
  return g_strv_contains ((const char *const *)words, "aes");
}

/* The line "ciphers …" of `ssh -G`; NULL when it does not say. */
static char *
ciphers_of (char **argv, bool without_files)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  VfProcessLimits limits = { .deadline_s = ASK_S };
  g_autofree char *output = NULL;
  char **word = argv;
  for (; *word != NULL && strcmp (*word, "--") != 0; word++)
    g_strv_builder_add (builder, *word);
  if (*word == NULL)
    return NULL;
  g_strv_builder_add (builder, "-G");
  if (without_files)
    g_strv_builder_add_many (builder, "-F", "none", NULL);
  g_strv_builder_add_many (builder, "--", word[1], NULL);
  g_auto (GStrv) ask = g_strv_builder_end (builder);
  if (!vf_process_run ((const char *const *)ask, &limits, &output, NULL))
    return NULL;
  g_auto (GStrv) lines = g_strsplit (output, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix (*line, "ciphers "))
      return g_strdup (*line);
  return NULL;
}

char **
vf_remote_shell_prefer_fast (char **argv)
{
  g_autofree char *chosen = processor_has_aes () ? ciphers_of (argv, false) : NULL;
  g_autofree char *built_in = chosen != NULL ? ciphers_of (argv, true) : NULL;
  if (built_in == NULL || strcmp (chosen, built_in) != 0 || strstr (built_in, "aes128-gcm@openssh.com") == NULL)
    return argv;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_strv_builder_add_many (builder, argv[0], "-o", fast_first, NULL);
  g_strv_builder_addv (builder, (const char **)argv + 1);
  g_strfreev (argv);
  return g_strv_builder_end (builder);
}
