#include "trouble.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  char operation[8];
  unsigned nth;
  int error;
  bool always;
  char by[32];
  char name[64];
} Rule;

enum { RULES_MAX = 8 };
static Rule rules[RULES_MAX];
static unsigned rules_count, failed;

static const struct {
  const char *name;
  int error;
} errors[] = { { "ENOSPC", ENOSPC }, { "EIO", EIO }, { "EDQUOT", EDQUOT }, { "EROFS", EROFS } };

static int
error_number (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (errors); i++)
    if (strcmp (errors[i].name, name) == 0)
      return errors[i].error;
  return 0;
}

static bool
take_filter (Rule *rule, const char *word)
{
  if (word[0] == 0)
    return true;
  if (g_str_has_prefix (word, "by="))
    return g_strlcpy (rule->by, word + 3, sizeof rule->by) < sizeof rule->by;
  return g_str_has_prefix (word, "name=") && g_strlcpy (rule->name, word + 5, sizeof rule->name) < sizeof rule->name;
}

static bool
take_rule (Rule *rule, const char *line)
{
  char error[16] = "", how[8] = "", first[80] = "", second[80] = "";
  *rule = (Rule){ 0 };
  if (sscanf (line, "%7s %u %15s %7s %79s %79s", rule->operation, &rule->nth, error, how, first, second) < 4)
    return false;
  rule->error = error_number (error);
  rule->always = strcmp (how, "always") == 0;
  bool is_known = strcmp (rule->operation, "read") == 0 || strcmp (rule->operation, "write") == 0 ||
                  strcmp (rule->operation, "fsync") == 0 || strcmp (rule->operation, "make") == 0;
  return is_known && rule->nth > 0 && rule->error != 0 && (rule->always || strcmp (how, "once") == 0) &&
         take_filter (rule, first) && take_filter (rule, second);
}

bool
trouble_order (const char *text, size_t length)
{
  g_autofree char *copy = g_strndup (text, length);
  g_auto (GStrv) lines = g_strsplit (g_strstrip (copy), "\n", RULES_MAX + 1);
  Rule taken[RULES_MAX];
  unsigned count = copy[0] == 0 ? 0 : g_strv_length (lines);
  if (count > RULES_MAX)
    return false;
  for (unsigned i = 0; i < count; i++)
    if (!take_rule (&taken[i], lines[i]))
      return false;
  memcpy (rules, taken, count * sizeof *rules);
  rules_count = count;
  failed = 0;
  return true;
}

static bool
is_caller (const char *program, pid_t caller)
{
  g_autofree char *link = g_strdup_printf ("/proc/%d/exe", (int)caller);
  g_autofree char *path = g_file_read_link (link, NULL);
  g_autofree char *name = path == NULL ? NULL : g_path_get_basename (path);
  return name != NULL && g_str_has_prefix (name, program);
}

int
trouble_due (const char *operation, const char *path, pid_t caller)
{
  for (unsigned i = 0; i < rules_count; i++) {
    Rule *rule = &rules[i];
    if (rule->nth == 0 || strcmp (rule->operation, operation) != 0)
      continue;
    if ((rule->name[0] != 0 && strstr (path, rule->name) == NULL) || (rule->by[0] != 0 && !is_caller (rule->by, caller)))
      continue;
    if (rule->nth > 1) {
      rule->nth--;
      continue;
    }
    if (!rule->always)
      rule->nth = 0;
    failed++;
    return -rule->error;
  }
  return 0;
}

unsigned
trouble_count (void)
{
  return failed;
}
