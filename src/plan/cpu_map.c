#include "plan/cpu_map.h"

enum { CPUS_OF_A_ROW = 64 };

static bool
row_is_bare (const VfCpuSet *set, guint first)
{
  return set->words[first / CPUS_OF_A_ROW] == 0;
}

static char
drawn_host (const VfCpuSet *present, const VfCpuSet *online, guint cpu)
{
  if (vf_cpu_set_has (online, cpu))
    return 'y';
  return vf_cpu_set_has (present, cpu) ? '-' : '.';
}

static char
drawn_wish (const VfCpuSet *online, const VfCpuSet *wanted, guint cpu)
{
  if (!vf_cpu_set_has (wanted, cpu))
    return '.';
  return vf_cpu_set_has (online, cpu) ? '*' : '!';
}

char *
vf_cpu_map_draw (const VfCpuSet *present, const VfCpuSet *online, const VfCpuSet *wanted)
{
  GString *map = g_string_new (NULL);
  int last = MAX (vf_cpu_set_last (present), vf_cpu_set_last (wanted));
  for (int first = 0; first <= last; first += CPUS_OF_A_ROW) {
    if (row_is_bare (present, (guint)first) && row_is_bare (wanted, (guint)first))
      continue;
    guint end = (guint)MIN (first + CPUS_OF_A_ROW - 1, last);
    g_string_append_printf (map, "%6d  ", first);
    for (guint cpu = (guint)first; cpu <= end; cpu++)
      g_string_append_c (map, drawn_host (present, online, cpu));
    g_string_append (map, "\n        ");
    for (guint cpu = (guint)first; cpu <= end; cpu++)
      g_string_append_c (map, drawn_wish (online, wanted, cpu));
    g_string_append_c (map, '\n');
  }
  return g_string_free (map, FALSE);
}
