/* The plan as the journal keeps it. */
#include "base/json.h"
#include "plan/plan.h"

static void
set_strings (JsonObject *object, const char *member, const GPtrArray *strings)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < strings->len; i++)
    json_array_add_string_element (array, strings->pdata[i]);
  json_object_set_array_member (object, member, array);
}

static bool
get_strings (JsonObject *object, const char *member, GPtrArray *strings, GError **error)
{
  JsonArray *array = vf_json_array (object, member, error);
  if (array == NULL)
    return false;
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
      return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read member '%s': element %u is not a string", member, i);
    g_ptr_array_add (strings, json_node_dup_string (node));
  }
  return true;
}

/* The secret's name, never its value. */
static JsonObject *
encryption_to_json (const VfEncryption *encryption)
{
  JsonObject *object = json_object_new ();
  vf_json_set_string (object, "format", encryption->format);
  vf_json_set_string (object, "engine", encryption->engine);
  vf_json_set_string (object, "secret", encryption->secret);
  json_object_set_boolean_member (object, "by_usage", encryption->by_usage);
  return object;
}

static bool
encryption_from_json (JsonObject *file, VfEncryption **encryption, GError **error)
{
  if (!json_object_has_member (file, "encryption"))
    return true;
  JsonObject *object = vf_json_object (file, "encryption", error);
  const char *secret = object == NULL ? NULL : vf_json_string (object, "secret", error);
  if (secret == NULL)
    return false;
  *encryption = g_new0 (VfEncryption, 1);
  (*encryption)->format = g_strdup (vf_json_string_or (object, "format", NULL));
  (*encryption)->engine = g_strdup (vf_json_string_or (object, "engine", NULL));
  (*encryption)->secret = g_strdup (secret);
  (*encryption)->by_usage = vf_json_bool_or (object, "by_usage", false);
  return true;
}

JsonObject *
vf_plan_file_to_json (const VfPlanFile *file)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "kind", vf_plan_file_kind_name (file->kind));
  json_object_set_string_member (object, "source", file->source);
  json_object_set_string_member (object, "destination", file->destination);
  json_object_set_object_member (object, "facts", vf_file_facts_to_json (file->facts));
  json_object_set_boolean_member (object, "source_is_block", file->source_is_block);
  json_object_set_boolean_member (object, "destination_is_block", file->destination_is_block);
  json_object_set_boolean_member (object, "is_top", file->is_top);
  json_object_set_boolean_member (object, "is_round", file->is_round);
  json_object_set_boolean_member (object, "maybe_there", file->maybe_there);
  json_object_set_int_member (object, "virtual_bytes", (gint64)file->virtual_bytes);
  vf_json_set_string (object, "format", file->format);
  vf_json_set_string (object, "backing", file->backing);
  vf_json_set_string (object, "backing_format", file->backing_format);
  vf_json_set_string (object, "new_backing", file->new_backing);
  vf_json_set_string (object, "data_file", file->data_file);
  vf_json_set_string (object, "new_data_file", file->new_data_file);
  vf_json_set_string (object, "link_text", file->link_text);
  set_strings (object, "internal_snapshots", file->internal_snapshots);
  if (file->encryption != NULL)
    json_object_set_object_member (object, "encryption", encryption_to_json (file->encryption));
  return object;
}

static void
plan_file_free (VfPlanFile *file)
{
  g_autoptr (VfPlan) holder = vf_plan_new ();
  g_ptr_array_add (holder->files, file);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfPlanFile, plan_file_free)

static bool
file_kind_from_name (const char *name, VfPlanFileKind *kind, GError **error)
{
  for (*kind = VF_PLAN_LAYER; *kind <= VF_PLAN_DATA; (*kind)++)
    if (g_str_equal (name, vf_plan_file_kind_name (*kind)))
      return true;
  return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read plan: a file of kind '%s' is not known", name);
}

VfPlanFile *
vf_plan_file_from_json (JsonObject *object, GError **error)
{
  g_autoptr (VfPlanFile) file = vf_plan_file_new ();
  const char *kind = vf_json_string (object, "kind", error);
  const char *source = kind == NULL ? NULL : vf_json_string (object, "source", error);
  const char *destination = source == NULL ? NULL : vf_json_string (object, "destination", error);
  JsonObject *facts = destination == NULL ? NULL : vf_json_object (object, "facts", error);
  if (facts == NULL)
    return NULL;
  if (!file_kind_from_name (kind, &file->kind, error))
    return NULL;
  file->source = g_strdup (source);
  file->destination = g_strdup (destination);
  file->facts = vf_file_facts_from_json (facts, error);
  if (file->facts == NULL || !vf_json_bool (object, "source_is_block", &file->source_is_block, error) ||
      !vf_json_bool (object, "destination_is_block", &file->destination_is_block, error) ||
      !vf_json_bool (object, "is_top", &file->is_top, error) || !vf_json_bool (object, "is_round", &file->is_round, error) ||
      !vf_json_bool (object, "maybe_there", &file->maybe_there, error) ||
      !vf_json_u64 (object, "virtual_bytes", &file->virtual_bytes, error) ||
      !get_strings (object, "internal_snapshots", file->internal_snapshots, error) ||
      !encryption_from_json (object, &file->encryption, error))
    return NULL;
  file->format = g_strdup (vf_json_string_or (object, "format", NULL));
  file->backing = g_strdup (vf_json_string_or (object, "backing", NULL));
  file->backing_format = g_strdup (vf_json_string_or (object, "backing_format", NULL));
  file->new_backing = g_strdup (vf_json_string_or (object, "new_backing", NULL));
  file->data_file = g_strdup (vf_json_string_or (object, "data_file", NULL));
  file->new_data_file = g_strdup (vf_json_string_or (object, "new_data_file", NULL));
  file->link_text = g_strdup (vf_json_string_or (object, "link_text", NULL));
  if (vf_plan_file_is_link (file) && file->link_text == NULL) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read plan: symlink '%s' has no text", file->source);
    return NULL;
  }
  return g_steal_pointer (&file);
}

static JsonObject *
disk_to_json (const VfPlanDisk *disk)
{
  JsonObject *object = json_object_new ();
  JsonArray *layers = json_array_new ();
  for (guint i = 0; i < disk->layers->len; i++)
    json_array_add_int_element (layers, g_array_index (disk->layers, guint, i));
  json_object_set_string_member (object, "target", disk->target);
  json_object_set_string_member (object, "treatment", vf_treatment_name (disk->treatment));
  json_object_set_string_member (object, "reason", disk->reason);
  json_object_set_boolean_member (object, "is_probed", disk->is_probed);
  json_object_set_array_member (object, "layers", layers);
  vf_json_set_string (object, "source_name", disk->source_name);
  vf_json_set_string (object, "destination_name", disk->destination_name);
  vf_json_set_string (object, "source_volume", disk->source_volume);
  vf_json_set_string (object, "destination_volume", disk->destination_volume);
  vf_json_set_string (object, "cap_directory_source", disk->cap_directory_source);
  vf_json_set_string (object, "cap_directory_destination", disk->cap_directory_destination);
  return object;
}

static bool
treatment_from_name (const char *name, VfTreatment *treatment, GError **error)
{
  for (*treatment = VF_TREAT_MOVE; *treatment <= VF_TREAT_SKIP; (*treatment)++)
    if (g_str_equal (name, vf_treatment_name (*treatment)))
      return true;
  return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read plan: treatment '%s' is not known", name);
}

static bool
layers_from_json (JsonArray *layers, VfPlanDisk *disk, const VfPlan *plan, GError **error)
{
  for (guint i = 0; i < json_array_get_length (layers); i++) {
    JsonNode *node = json_array_get_element (layers, i);
    bool is_number = JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64;
    gint64 index = is_number ? json_node_get_int (node) : -1;
    if (index < 0 || index >= plan->files->len)
      return vf_error_set (error, VF_ERROR_CORRUPT,
                           "cannot read plan: in 'layers' of disk '%s' there is no file %" G_GINT64_FORMAT, disk->target,
                           index);
    guint file = (guint)index;
    g_array_append_val (disk->layers, file);
  }
  if (disk->treatment == VF_TREAT_MOVE && disk->layers->len == 0)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read plan: disk '%s' is to be moved, but has no layers",
                         disk->target);
  return true;
}

static bool
disk_from_json (JsonObject *object, VfPlan *plan, GError **error)
{
  const char *target = vf_json_string (object, "target", error);
  const char *treatment = target == NULL ? NULL : vf_json_string (object, "treatment", error);
  JsonArray *layers = treatment == NULL ? NULL : vf_json_array (object, "layers", error);
  if (layers == NULL)
    return false;
  VfPlanDisk *disk = g_new0 (VfPlanDisk, 1);
  disk->layers = g_array_new (FALSE, FALSE, sizeof (guint));
  g_ptr_array_add (plan->disks, disk);
  disk->target = g_strdup (target);
  disk->is_probed = vf_json_bool_or (object, "is_probed", false);
  disk->reason = g_strdup (vf_json_string_or (object, "reason", ""));
  disk->source_name = g_strdup (vf_json_string_or (object, "source_name", NULL));
  disk->destination_name = g_strdup (vf_json_string_or (object, "destination_name", NULL));
  disk->source_volume = g_strdup (vf_json_string_or (object, "source_volume", NULL));
  disk->destination_volume = g_strdup (vf_json_string_or (object, "destination_volume", NULL));
  disk->cap_directory_source = g_strdup (vf_json_string_or (object, "cap_directory_source", NULL));
  disk->cap_directory_destination = g_strdup (vf_json_string_or (object, "cap_directory_destination", NULL));
  return treatment_from_name (treatment, &disk->treatment, error) && layers_from_json (layers, disk, plan, error);
}

static JsonObject *
snapshot_to_json (const VfPlanSnapshot *snapshot)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "name", snapshot->name);
  vf_json_set_string (object, "parent", snapshot->parent);
  json_object_set_string_member (object, "kind", snapshot->kind);
  json_object_set_boolean_member (object, "current", snapshot->current);
  return object;
}

static bool
snapshot_from_json (JsonObject *object, VfPlan *plan, GError **error)
{
  const char *name = vf_json_string (object, "name", error);
  const char *kind = name == NULL ? NULL : vf_json_string (object, "kind", error);
  if (kind == NULL)
    return false;
  VfPlanSnapshot *snapshot = g_new0 (VfPlanSnapshot, 1);
  snapshot->name = g_strdup (name);
  snapshot->kind = g_strdup (kind);
  snapshot->parent = g_strdup (vf_json_string_or (object, "parent", NULL));
  snapshot->current = vf_json_bool_or (object, "current", false);
  g_ptr_array_add (plan->snapshots, snapshot);
  return true;
}

static JsonObject *
change_to_json (const VfPathChange *change)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "from", change->from);
  json_object_set_string_member (object, "to", change->to);
  json_object_set_boolean_member (object, "to_block", change->to_kind == VF_SOURCE_BLOCK);
  return object;
}

static bool
change_from_json (JsonObject *object, VfPlan *plan, GError **error)
{
  bool to_block = false;
  const char *from = vf_json_string (object, "from", error);
  const char *to = from == NULL ? NULL : vf_json_string (object, "to", error);
  if (to == NULL || !vf_json_bool (object, "to_block", &to_block, error))
    return false;
  g_ptr_array_add (plan->changes, vf_path_change_new (from, to, to_block ? VF_SOURCE_BLOCK : VF_SOURCE_FILE, NULL));
  return true;
}

static JsonObject *
directory_to_json (const VfPlanDirectory *directory)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "path", directory->path);
  json_object_set_object_member (object, "facts", vf_file_facts_to_json (directory->facts));
  return object;
}

static bool
directory_from_json (JsonObject *object, VfPlan *plan, GError **error)
{
  const char *path = vf_json_string (object, "path", error);
  JsonObject *facts = path == NULL ? NULL : vf_json_object (object, "facts", error);
  VfFileFacts *read = facts == NULL ? NULL : vf_file_facts_from_json (facts, error);
  if (read == NULL)
    return false;
  g_ptr_array_add (plan->state_directories, vf_plan_directory_new (path, read));
  return true;
}

static bool
file_from_json (JsonObject *object, VfPlan *plan, GError **error)
{
  VfPlanFile *file = vf_plan_file_from_json (object, error);
  if (file == NULL)
    return false;
  g_ptr_array_add (plan->files, file);
  return true;
}

typedef JsonObject *(*ToJson) (gconstpointer item);
typedef bool (*FromJson) (JsonObject *object, VfPlan *plan, GError **error);

static void
set_objects (JsonObject *object, const char *member, const GPtrArray *items, ToJson to_json)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < items->len; i++)
    json_array_add_object_element (array, to_json (items->pdata[i]));
  json_object_set_array_member (object, member, array);
}

static bool
get_objects (JsonObject *object, const char *member, VfPlan *plan, FromJson from_json, GError **error)
{
  JsonArray *array = vf_json_array (object, member, error);
  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    JsonObject *element = vf_json_element (array, i, member, error);
    if (element == NULL || !from_json (element, plan, error))
      return false;
  }
  return array != NULL;
}

JsonObject *
vf_plan_to_json (const VfPlan *plan)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "id", plan->id);
  json_object_set_string_member (object, "rendezvous", plan->rendezvous);
  json_object_set_string_member (object, "domain", plan->domain);
  json_object_set_string_member (object, "uuid", plan->uuid);
  vf_json_set_string (object, "source_host", plan->source_host);
  vf_json_set_string (object, "destination_host", plan->destination_host);
  json_object_set_boolean_member (object, "persistent", plan->persistent);
  json_object_set_boolean_member (object, "autostart", plan->autostart);
  json_object_set_boolean_member (object, "was_running", plan->was_running);
  json_object_set_int_member (object, "checkpoints", plan->checkpoints);
  set_objects (object, "files", plan->files, (ToJson)vf_plan_file_to_json);
  set_objects (object, "disks", plan->disks, (ToJson)disk_to_json);
  set_objects (object, "snapshots", plan->snapshots, (ToJson)snapshot_to_json);
  set_objects (object, "changes", plan->changes, (ToJson)change_to_json);
  set_strings (object, "directories", plan->directories);
  set_strings (object, "secrets", plan->secrets);
  set_objects (object, "state_directories", plan->state_directories, (ToJson)directory_to_json);
  return object;
}

VfPlan *
vf_plan_from_json (JsonObject *object, GError **error)
{
  g_autoptr (VfPlan) plan = vf_plan_new ();
  guint64 checkpoints = 0;
  const char *id = vf_json_string (object, "id", error);
  const char *domain = id == NULL ? NULL : vf_json_string (object, "domain", error);
  const char *uuid = domain == NULL ? NULL : vf_json_string (object, "uuid", error);
  const char *rendezvous = uuid == NULL ? NULL : vf_json_string (object, "rendezvous", error);
  if (rendezvous == NULL || !vf_json_bool (object, "persistent", &plan->persistent, error) ||
      !vf_json_bool (object, "autostart", &plan->autostart, error) ||
      !vf_json_bool (object, "was_running", &plan->was_running, error) ||
      !vf_json_u64 (object, "checkpoints", &checkpoints, error) ||
      !get_objects (object, "files", plan, file_from_json, error) ||
      !get_objects (object, "disks", plan, disk_from_json, error) ||
      !get_objects (object, "snapshots", plan, snapshot_from_json, error) ||
      !get_objects (object, "changes", plan, change_from_json, error) ||
      !get_strings (object, "directories", plan->directories, error) ||
      !get_strings (object, "secrets", plan->secrets, error) ||
      !get_objects (object, "state_directories", plan, directory_from_json, error))
    return NULL;
  plan->checkpoints = (guint)checkpoints;
  plan->id = g_strdup (id);
  g_free (plan->rendezvous);
  plan->rendezvous = g_strdup (rendezvous);
  plan->domain = g_strdup (domain);
  plan->uuid = g_strdup (uuid);
  plan->source_host = g_strdup (vf_json_string_or (object, "source_host", NULL));
  plan->destination_host = g_strdup (vf_json_string_or (object, "destination_host", NULL));
  return g_steal_pointer (&plan);
}
