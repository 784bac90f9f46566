#include "cli/plan_text.h"

#include "base/json.h"
#include "base/units.h"
#include "plan/cpu_map.h"

#include <string.h>

static void
print_layer (const VfPlanFile *file, const char *indent, FILE *out)
{
  g_autofree char *allocated = vf_print_bytes (MIN (file->facts->allocated, file->facts->bytes));
  bool is_image = file->kind == VF_PLAN_LAYER || file->kind == VF_PLAN_NVRAM;
  g_autofree char *virtual_size = vf_print_bytes (is_image ? file->virtual_bytes : file->facts->bytes);
  if (vf_plan_file_is_link (file)) {
    fprintf (out, "%s%s  (symlink to %s)\n", indent, file->source, file->link_text);
    if (strcmp (file->source, file->destination) != 0)
      fprintf (out, "%s  -> %s\n", indent, file->destination);
    return;
  }
  fprintf (out, "%s%s  (%s, %s of %s)\n", indent, file->source, is_image ? file->format : vf_plan_file_kind_name (file->kind),
           allocated, virtual_size);
  if (strcmp (file->source, file->destination) != 0)
    fprintf (out, "%s  -> %s\n", indent, file->destination);
  if (file->new_backing != NULL)
    fprintf (out, "%s  its backing name becomes %s\n", indent, file->new_backing);
  if (file->data_file != NULL)
    fprintf (out, "%s  keeps its data in %s\n", indent, file->data_file);
  if (file->new_data_file != NULL)
    fprintf (out, "%s  its data file's name becomes %s\n", indent, file->new_data_file);
  if (file->encryption != NULL)
    fprintf (out, "%s  encrypted (%s), opened by secret %s\n", indent, file->encryption->format, file->encryption->secret);
  for (guint i = 0; i < file->internal_snapshots->len; i++)
    fprintf (out, "%s  %s '%s'\n", indent, "holds internal snapshot", (const char *)file->internal_snapshots->pdata[i]);
}

static void
print_disks (const VfPlan *plan, GHashTable *shown, FILE *out)
{
  fputs ("\ndisks, top layer first\n", out);
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    fprintf (out, "  %s  %s: %s\n", disk->target, vf_treatment_name (disk->treatment), disk->reason);
    for (guint j = 0; j < disk->layers->len; j++) {
      guint index = g_array_index (disk->layers, guint, j);
      g_hash_table_add (shown, GUINT_TO_POINTER (index));
      print_layer (vf_plan_file (plan, index), "    ", out);
    }
  }
}

static void
print_other_files (const VfPlan *plan, GHashTable *shown, FILE *out)
{
  bool titled = false;
  for (guint i = 0; i < plan->files->len; i++) {
    if (g_hash_table_contains (shown, GUINT_TO_POINTER (i)))
      continue;
    if (!titled)
      fputs ("\nother files and symlinks that are needed\n", out);
    titled = true;
    print_layer (vf_plan_file (plan, i), "  ", out);
  }
}

static void
print_snapshots (const VfPlan *plan, FILE *out)
{
  if (plan->snapshots->len > 0)
    fputs ("\nsnapshots\n", out);
  for (guint i = 0; i < plan->snapshots->len; i++) {
    const VfPlanSnapshot *snapshot = plan->snapshots->pdata[i];
    fprintf (out, "  %s  %s%s%s%s\n", snapshot->name, snapshot->kind, snapshot->parent != NULL ? ", child of " : "",
             snapshot->parent != NULL ? snapshot->parent : "", snapshot->current ? ", current" : "");
  }
}

static void
print_cpus (const VfPlan *plan, FILE *out)
{
  VfCpuSet present, online, wanted;
  if (plan->cpus_wanted == NULL || !vf_cpu_set_parse (plan->cpus_present, &present, NULL) ||
      !vf_cpu_set_parse (plan->cpus_online, &online, NULL) || !vf_cpu_set_parse (plan->cpus_wanted, &wanted, NULL))
    return;
  g_autofree char *map = vf_cpu_map_draw (&present, &online, &wanted);
  fprintf (out, "\nCPUs of %s (y online, - offline, . none), and those that the guest is pinned to (* online, ! not)\n%s",
           plan->destination_host, map);
}

static void
print_steps (const VfPlan *plan, const GPtrArray *findings, FILE *out)
{
  g_autoptr (JsonObject) description = vf_plan_describe (plan, findings);
  JsonArray *steps = json_object_get_array_member (description, "steps");
  fputs ("\nsteps\n", out);
  for (guint i = 0; i < json_array_get_length (steps); i++) {
    JsonObject *step = json_array_get_object_element (steps, i);
    fprintf (out, "  %-7s %s\n", json_object_get_string_member (step, "phase"), json_object_get_string_member (step, "text"));
  }
}

static void
print_findings (const GPtrArray *findings, FILE *out)
{
  if (findings->len > 0)
    fputs ("\nfindings\n", out);
  for (guint i = 0; i < findings->len; i++) {
    const VfFinding *finding = findings->pdata[i];
    fprintf (out, "  %-6s [%s] %s: %s\n", vf_finding_level_name (finding->level), finding->code, finding->object,
             finding->text);
    if (finding->hint != NULL)
      fprintf (out, "         hint: %s\n", finding->hint);
  }
}

void
vf_plan_print (const VfPlan *plan, const GPtrArray *findings, FILE *out)
{
  g_autoptr (GHashTable) shown = g_hash_table_new (NULL, NULL);
  g_autofree char *bytes = vf_print_bytes (vf_plan_bytes_to_send (plan));
  fprintf (out, "move guest '%s' from %s to %s\n", plan->domain, plan->source_host,
           plan->destination_host != NULL ? plan->destination_host
           : plan->from_file != NULL      ? "(not looked at)"
                                          : "(not reached)");
  if (plan->from_file != NULL)
    fprintf (out, "made from %s, not from a running guest\n", plan->from_file);
  print_disks (plan, shown, out);
  print_other_files (plan, shown, out);
  print_snapshots (plan, out);
  print_cpus (plan, out);
  print_steps (plan, findings, out);
  print_findings (findings, out);
  fprintf (out, "\nto send: %s at most\n", bytes);
  if (plan->estimate.link_bytes_per_s > 0) {
    g_autofree char *estimate = vf_estimate_print (&plan->estimate);
    fprintf (out, "%s\n", estimate);
  }
  fputs (vf_findings_refuse (findings) ? "the move is refused for the findings marked 'refuse'; nothing was touched\n"
                                       : "nothing stands in the way; nothing was touched\n",
         out);
}
