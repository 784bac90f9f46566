/* The plan as `plan --json` prints it. Member names are a promise. */
#include "base/json.h"
#include "base/units.h"
#include "plan/plan.h"

static JsonObject *
describe_encryption (const VfEncryption *encryption)
{
  JsonObject *object = json_object_new ();
  vf_json_set_string (object, "format", encryption->format);
  vf_json_set_string (object, "secret", encryption->secret);
  return object;
}

static JsonObject *
describe_layer (const VfPlanFile *file)
{
  JsonObject *object = json_object_new ();
  JsonArray *snapshots = json_array_new ();
  for (guint i = 0; i < file->internal_snapshots->len; i++)
    json_array_add_string_element (snapshots, file->internal_snapshots->pdata[i]);
  json_object_set_string_member (object, "path", file->source);
  json_object_set_string_member (object, "destination", file->destination);
  vf_json_set_string (object, "format", file->format);
  json_object_set_int_member (object, "virtual_bytes", (gint64)file->virtual_bytes);
  json_object_set_int_member (object, "allocated_bytes", (gint64)file->facts->allocated);
  if (file->link_text != NULL)
    json_object_set_string_member (object, "link_text", file->link_text);
  json_object_set_array_member (object, "internal_snapshots", snapshots);
  if (file->data_file != NULL)
    json_object_set_string_member (object, "data_file", file->data_file);
  if (file->encryption != NULL)
    json_object_set_object_member (object, "encryption", describe_encryption (file->encryption));
  return object;
}

static JsonObject *
describe_disk (const VfPlan *plan, const VfPlanDisk *disk)
{
  JsonObject *object = json_object_new ();
  JsonArray *layers = json_array_new ();
  for (guint i = 0; i < disk->layers->len; i++)
    json_array_add_object_element (layers, describe_layer (vf_plan_file (plan, g_array_index (disk->layers, guint, i))));
  json_object_set_string_member (object, "target", disk->target);
  json_object_set_string_member (object, "treatment", vf_treatment_name (disk->treatment));
  json_object_set_string_member (object, "reason", disk->reason);
  json_object_set_array_member (object, "layers", layers);
  return object;
}

static JsonArray *
describe_snapshots (const VfPlan *plan)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < plan->snapshots->len; i++) {
    const VfPlanSnapshot *snapshot = plan->snapshots->pdata[i];
    JsonObject *object = json_object_new ();
    json_object_set_string_member (object, "name", snapshot->name);
    vf_json_set_string (object, "parent", snapshot->parent);
    json_object_set_string_member (object, "kind", snapshot->kind);
    json_object_set_boolean_member (object, "current", snapshot->current);
    json_array_add_object_element (array, object);
  }
  return array;
}

/* What is no layer of a running chain: side branches, data files, memory files, UEFI variables, what the user named, symlinks.
 */
static JsonArray *
describe_other_files (const VfPlan *plan)
{
  JsonArray *array = json_array_new ();
  g_autoptr (GHashTable) in_chain = g_hash_table_new (NULL, NULL);
  for (guint i = 0; i < plan->disks->len; i++)
    for (guint j = 0; j < vf_plan_disk (plan, i)->layers->len; j++)
      g_hash_table_add (in_chain, GUINT_TO_POINTER (g_array_index (vf_plan_disk (plan, i)->layers, guint, j)));
  for (guint i = 0; i < plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (plan, i);
    if (g_hash_table_contains (in_chain, GUINT_TO_POINTER (i)))
      continue;
    JsonObject *object = describe_layer (file);
    json_object_set_string_member (object, "kind",
                                   file->kind == VF_PLAN_LAYER ? "branch layer" : vf_plan_file_kind_name (file->kind));
    json_array_add_object_element (array, object);
  }
  return array;
}

static void
add_step (JsonArray *steps, const char *phase, char *text)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "phase", phase);
  json_object_set_string_member (object, "text", text);
  json_array_add_object_element (steps, object);
  g_free (text);
}

static guint
moved_disks (const VfPlan *plan)
{
  guint count = 0;
  for (guint i = 0; i < plan->disks->len; i++)
    count += vf_plan_disk (plan, i)->treatment == VF_TREAT_MOVE;
  return count;
}

static char *
seed_text (const VfPlan *plan)
{
  g_autofree char *bytes = vf_print_bytes (vf_plan_bytes_to_send (plan));
  return g_strdup_printf ("copy %u file%s (%s) to partial names, digests compared at both ends", plan->files->len,
                          plan->files->len == 1 ? "" : "s", bytes);
}

static JsonArray *
describe_offline_steps (const VfPlan *plan)
{
  JsonArray *steps = json_array_new ();
  add_step (steps, "seed", seed_text (plan));
  add_step (steps, "berth", g_strdup ("give the verified copies their final names, replacing nothing"));
  add_step (steps, "switch", g_strdup ("see that nobody has started the guest, undefine it here and define it there"));
  add_step (steps, "settle",
            g_strdup_printf ("define %u snapshot%s and %u checkpoint%s there", plan->snapshots->len,
                             plan->snapshots->len == 1 ? "" : "s", plan->checkpoints, plan->checkpoints == 1 ? "" : "s"));
  return steps;
}

static JsonArray *
describe_steps (const VfPlan *plan)
{
  if (plan->offline)
    return describe_offline_steps (plan);
  JsonArray *steps = json_array_new ();
  guint disks = moved_disks (plan);
  add_step (steps, "cap",
            g_strdup_printf ("put a temporary overlay over %u writable disk%s at one instant", disks, disks == 1 ? "" : "s"));
  add_step (steps, "seed", seed_text (plan));
  add_step (steps, "rounds", g_strdup ("while an overlay has grown large: a new one on top, copy the old one"));
  add_step (steps, "berth", g_strdup ("give the verified copies their final names, replacing nothing"));
  add_step (steps, "switch",
            g_strdup_printf ("put aside the metadata of %u snapshot%s, migrate memory and the overlays", plan->snapshots->len,
                             plan->snapshots->len == 1 ? "" : "s"));
  add_step (steps, "settle",
            g_strdup ("commit the overlays into the copied layers, define the snapshots and checkpoints there"));
  return steps;
}

static JsonObject *
describe_cpus (const VfPlan *plan)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "wanted", plan->cpus_wanted);
  json_object_set_string_member (object, "present", plan->cpus_present);
  json_object_set_string_member (object, "online", plan->cpus_online);
  return object;
}

JsonObject *
vf_plan_describe (const VfPlan *plan, const GPtrArray *findings)
{
  JsonObject *object = json_object_new ();
  JsonArray *disks = json_array_new ();
  JsonArray *found = json_array_new ();
  for (guint i = 0; i < plan->disks->len; i++)
    json_array_add_object_element (disks, describe_disk (plan, vf_plan_disk (plan, i)));
  for (guint i = 0; i < findings->len; i++)
    json_array_add_object_element (found, vf_finding_to_json (findings->pdata[i]));
  json_object_set_string_member (object, "domain", plan->domain);
  json_object_set_string_member (object, "uuid", plan->uuid);
  vf_json_set_string (object, "from_file", plan->from_file);
  vf_json_set_string (object, "source_host", plan->source_host);
  vf_json_set_string (object, "destination_host", plan->destination_host);
  json_object_set_array_member (object, "disks", disks);
  json_object_set_array_member (object, "snapshots", describe_snapshots (plan));
  json_object_set_int_member (object, "checkpoints", plan->checkpoints);
  json_object_set_array_member (object, "other_files", describe_other_files (plan));
  if (plan->cpus_wanted != NULL)
    json_object_set_object_member (object, "destination_cpus", describe_cpus (plan));
  json_object_set_array_member (object, "findings", found);
  json_object_set_array_member (object, "steps", describe_steps (plan));
  json_object_set_int_member (object, "bytes_to_send", (gint64)vf_plan_bytes_to_send (plan));
  if (plan->estimate.link_bytes_per_s > 0)
    json_object_set_object_member (object, "estimate", vf_estimate_to_json (&plan->estimate));
  return object;
}
