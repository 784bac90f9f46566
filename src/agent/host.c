/* What this host has of what a guest names (base/host_look.h says of which). */
#include "agent/args.h"
#include "agent/service.h"
#include "base/host_look.h"
#include "base/json.h"

#include <limits.h>
#include <string.h>

enum { WANTS_MAX = 1024 };

static bool
read_want (JsonObject *want, VfLookKind *kind, const char **name, GError **error)
{
  const char *word = vf_args_string (want, "kind", error);
  *name = word == NULL ? NULL : vf_args_string (want, "name", error);
  if (*name == NULL)
    return false;
  if (strlen (*name) >= PATH_MAX || !vf_look_kind_from_name (word, kind))
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot look for '%.80s': not a kind and a name", word);
  return true;
}

static JsonObject *
answer_want (JsonObject *want, GError **error)
{
  VfLookKind kind;
  const char *name;
  if (!read_want (want, &kind, &name, error))
    return NULL;
  VfLookAnswer answer = vf_host_look (kind, name);
  JsonObject *object = json_object_new ();
  json_object_set_boolean_member (object, "looked", answer.looked);
  json_object_set_boolean_member (object, "there", answer.there);
  json_object_set_boolean_member (object, "bridge", answer.is_bridge);
  json_object_set_boolean_member (object, "port", answer.is_port);
  return object;
}

JsonObject *
vf_service_host_facts (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  GError *reason = NULL;
  JsonArray *wants = vf_json_array (args, "wants", &reason);
  if (wants == NULL || json_array_get_length (wants) > WANTS_MAX) {
    vf_error_set (error, VF_ERROR_PROTOCOL, "cannot look: %s", reason != NULL ? reason->message : "too many questions");
    g_clear_error (&reason);
    return NULL;
  }
  g_autoptr (JsonArray) answers = json_array_new ();
  for (guint i = 0; i < json_array_get_length (wants); i++) {
    JsonObject *want = vf_json_element (wants, i, "wants", &reason);
    JsonObject *answer = want == NULL ? NULL : answer_want (want, &reason);
    if (answer == NULL) {
      vf_error_set (error, VF_ERROR_PROTOCOL, "%s", reason->message);
      g_error_free (reason);
      return NULL;
    }
    json_array_add_object_element (answers, answer);
  }
  g_auto (GStrv) bridges = vf_host_bridges ();
  JsonArray *names = json_array_new ();
  for (char **name = bridges; *name != NULL; name++) {
    g_autofree char *valid = g_utf8_make_valid (*name, -1);
    json_array_add_string_element (names, valid);
  }
  JsonObject *object = json_object_new ();
  json_object_set_array_member (object, "answers", g_steal_pointer (&answers));
  json_object_set_array_member (object, "bridges", names);
  return object;
}
