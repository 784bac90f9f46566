/* What the far host has of what a guest names. */
#include "far/far.h"

#include "base/json.h"
#include "far/call.h"

void
vf_far_want_free (VfFarWant *want)
{
  g_free (want->name);
  g_free (want);
}

static JsonObject *
wants_to_json (const GPtrArray *wants)
{
  JsonObject *args = json_object_new ();
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < wants->len; i++) {
    const VfFarWant *want = wants->pdata[i];
    JsonObject *object = json_object_new ();
    json_object_set_string_member (object, "kind", vf_look_kind_name (want->kind));
    json_object_set_string_member (object, "name", want->name);
    json_array_add_object_element (array, object);
  }
  json_object_set_array_member (args, "wants", array);
  return args;
}

static bool
read_answers (JsonObject *answer, GPtrArray *wants, GError **error)
{
  JsonArray *array = vf_json_array (answer, "answers", error);
  if (array == NULL)
    return false;
  if (json_array_get_length (array) != wants->len)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read what is there: %u answers to %u questions",
                         json_array_get_length (array), wants->len);
  for (guint i = 0; i < wants->len; i++) {
    VfLookAnswer *look = &((VfFarWant *)wants->pdata[i])->answer;
    JsonObject *element = vf_json_element (array, i, "answers", error);
    if (element == NULL || !vf_json_bool (element, "looked", &look->looked, error) ||
        !vf_json_bool (element, "there", &look->there, error) || !vf_json_bool (element, "bridge", &look->is_bridge, error) ||
        !vf_json_bool (element, "port", &look->is_port, error))
      return false;
  }
  return true;
}

static char **
read_bridges (JsonObject *answer, GError **error)
{
  JsonArray *array = vf_json_array (answer, "bridges", error);
  if (array == NULL)
    return NULL;
  GPtrArray *names = g_ptr_array_new ();
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
      g_ptr_array_add (names, json_node_dup_string (node));
  }
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_free (names, FALSE);
}

bool
vf_far_host_facts (VfLink *link, GPtrArray *wants, char ***bridges, GCancellable *cancellable, GError **error)
{
  GError *failure = NULL;
  g_autoptr (JsonObject) answer = vf_far_call (link, "host-facts", wants_to_json (wants), cancellable, error);
  if (answer == NULL)
    return false;
  g_auto (GStrv) names = read_bridges (answer, &failure);
  if (names == NULL || !read_answers (answer, wants, &failure))
    return vf_far_failed (link, failure, error);
  if (bridges != NULL)
    *bridges = g_steal_pointer (&names);
  return true;
}
