#include "base/cpu_set.h"

#include <string.h>

void
vf_cpu_set_add (VfCpuSet *set, guint cpu)
{
  if (cpu < VF_CPU_SET_MAX)
    set->words[cpu / 64] |= G_GUINT64_CONSTANT (1) << (cpu % 64);
}

static void
take_away (VfCpuSet *set, guint cpu)
{
  set->words[cpu / 64] &= ~(G_GUINT64_CONSTANT (1) << (cpu % 64));
}

bool
vf_cpu_set_has (const VfCpuSet *set, guint cpu)
{
  return cpu < VF_CPU_SET_MAX && (set->words[cpu / 64] >> (cpu % 64) & 1) != 0;
}

bool
vf_cpu_set_is_empty (const VfCpuSet *set)
{
  return vf_cpu_set_last (set) < 0;
}

void
vf_cpu_set_add_all (VfCpuSet *set, const VfCpuSet *others)
{
  for (gsize i = 0; i < G_N_ELEMENTS (set->words); i++)
    set->words[i] |= others->words[i];
}

VfCpuSet
vf_cpu_set_minus (const VfCpuSet *set, const VfCpuSet *others)
{
  VfCpuSet rest = *set;
  for (gsize i = 0; i < G_N_ELEMENTS (rest.words); i++)
    rest.words[i] &= ~others->words[i];
  return rest;
}

VfCpuSet
vf_cpu_set_common (const VfCpuSet *set, const VfCpuSet *others)
{
  VfCpuSet common = *set;
  for (gsize i = 0; i < G_N_ELEMENTS (common.words); i++)
    common.words[i] &= others->words[i];
  return common;
}

int
vf_cpu_set_last (const VfCpuSet *set)
{
  for (int i = G_N_ELEMENTS (set->words) - 1; i >= 0; i--)
    if (set->words[i] != 0)
      return i * 64 + 63 - __builtin_clzll (set->words[i]);
  return -1;
}

static bool
parse_number (const char *text, guint *number)
{
  guint64 value;
  if (!g_ascii_string_to_unsigned (text, 10, 0, VF_CPU_SET_MAX - 1, &value, NULL))
    return false;
  *number = (guint)value;
  return true;
}

static bool
parse_part (char *part, VfCpuSet *set)
{
  guint first, last;
  bool away = *part == '^';
  char *dash = strchr (part, '-');
  if (dash != NULL)
    *dash = '\0';
  if (!parse_number (part + away, &first) || !parse_number (dash != NULL ? dash + 1 : part + away, &last) || last < first ||
      (away && dash != NULL))
    return false;
  for (guint cpu = first; cpu <= last; cpu++)
    if (away)
      take_away (set, cpu);
    else
      vf_cpu_set_add (set, cpu);
  return true;
}

bool
vf_cpu_set_parse (const char *text, VfCpuSet *set, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", -1);
  memset (set, 0, sizeof *set);
  for (char **part = parts; *part != NULL; part++) {
    g_strstrip (*part);
    if (**part == '\0' && parts[1] == NULL)
      return true;
    if (!parse_part (*part, set))
      return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read set '%.80s': not numbers below %d such as 0-3,^2,8", text,
                           VF_CPU_SET_MAX);
  }
  return true;
}

char *
vf_cpu_set_print (const VfCpuSet *set)
{
  GString *text = g_string_new (NULL);
  for (guint cpu = 0; cpu < VF_CPU_SET_MAX; cpu++) {
    if (!vf_cpu_set_has (set, cpu))
      continue;
    guint last = cpu;
    while (vf_cpu_set_has (set, last + 1))
      last++;
    g_string_append_printf (text, last == cpu ? "%s%u" : "%s%u-%u", text->len > 0 ? "," : "", cpu, last);
    cpu = last;
  }
  return g_string_free (text, FALSE);
}
