#include "plan/finding.h"

#include "base/json.h"

void
vf_finding_free (VfFinding *finding)
{
  g_free (finding->code);
  g_free (finding->object);
  g_free (finding->text);
  g_free (finding->hint);
  g_free (finding);
}

GPtrArray *
vf_findings_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)vf_finding_free);
}

void
vf_findings_add (GPtrArray *findings, VfFindingLevel level, const char *code, const char *object, const char *hint,
                 const char *text, ...)
{
  VfFinding *finding = g_new0 (VfFinding, 1);
  va_list args;
  va_start (args, text);
  finding->text = g_strdup_vprintf (text, args);
  va_end (args);
  finding->level = level;
  finding->code = g_strdup (code);
  finding->object = g_strdup (object);
  finding->hint = g_strdup (hint);
  g_ptr_array_add (findings, finding);
}

bool
vf_findings_refuse (const GPtrArray *findings)
{
  for (guint i = 0; i < findings->len; i++)
    if (((VfFinding *)findings->pdata[i])->level == VF_FINDING_REFUSE)
      return true;
  return false;
}

const char *
vf_finding_level_name (VfFindingLevel level)
{
  static const char *const names[] = { "note", "warn", "refuse" };
  return names[level];
}

JsonObject *
vf_finding_to_json (const VfFinding *finding)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "level", vf_finding_level_name (finding->level));
  json_object_set_string_member (object, "code", finding->code);
  vf_json_set_string (object, "object", finding->object);
  json_object_set_string_member (object, "text", finding->text);
  vf_json_set_string (object, "hint", finding->hint);
  return object;
}
