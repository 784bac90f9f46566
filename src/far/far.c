#include "far/far.h"

#include "base/json.h"
#include "far/call.h"

enum { DIRECTORY_MODE = 0711 };

const char *
vf_far_host (VfLink *link)
{
  return vf_json_string_or (vf_link_peer (link), "host", "the destination");
}

bool
vf_far_failed (VfLink *link, GError *failure, GError **error)
{
  if (!vf_error_is (failure, VF_ERROR_UNREACHABLE) && !vf_error_is (failure, VF_ERROR_CANCELLED))
    return vf_error_adopt (error, failure, "on %s", vf_far_host (link));
  g_propagate_error (error, failure);
  return false;
}

JsonObject *
vf_far_call (VfLink *link, const char *service, JsonObject *args, GCancellable *cancellable, GError **error)
{
  g_autoptr (JsonObject) owned = args;
  GError *failure = NULL;
  JsonObject *answer = vf_link_call (link, service, owned, cancellable, &failure);
  if (answer == NULL)
    vf_far_failed (link, failure, error);
  return answer;
}

JsonObject *
vf_far_args (const char *path, const char *id)
{
  JsonObject *args = json_object_new ();
  json_object_set_string_member (args, "path", path);
  vf_json_set_string (args, "id", id);
  return args;
}

/* For services whose answer says nothing but yes. */
static bool
call_for_nothing (VfLink *link, const char *service, JsonObject *args, GError **error)
{
  g_autoptr (JsonObject) answer = vf_far_call (link, service, args, NULL, error);
  return answer != NULL;
}

static bool
call_for_bool (VfLink *link, const char *service, JsonObject *args, const char *member, bool *value, GError **error)
{
  bool said = false;
  GError *failure = NULL;
  g_autoptr (JsonObject) answer = vf_far_call (link, service, args, NULL, error);
  if (answer == NULL)
    return false;
  if (!vf_json_bool (answer, member, &said, &failure))
    return vf_far_failed (link, failure, error);
  if (value != NULL)
    *value = said;
  return true;
}

static VfFarFacts *
refused_facts (GError *failure)
{
  VfFarFacts *facts = g_new0 (VfFarFacts, 1);
  facts->file = g_new0 (VfFileFacts, 1);
  facts->refused = g_strdup (failure->message);
  g_error_free (failure);
  return facts;
}

VfFarFacts *
vf_far_stat (VfLink *link, const char *path, bool itself, GCancellable *cancellable, GError **error)
{
  GError *failure = NULL;
  JsonObject *args = vf_far_args (path, NULL);
  if (itself)
    json_object_set_boolean_member (args, "itself", true);
  g_autoptr (JsonObject) answer = vf_far_call (link, "stat", args, cancellable, &failure);
  if (vf_error_is (failure, VF_ERROR_REFUSED))
    return refused_facts (failure);
  if (answer == NULL) {
    g_propagate_error (error, failure);
    return NULL;
  }
  g_autoptr (VfFarFacts) facts = g_new0 (VfFarFacts, 1);
  facts->file = vf_file_facts_from_json (answer, &failure);
  if (facts->file == NULL || !vf_json_bool (answer, "in_roots", &facts->in_roots, &failure)) {
    vf_far_failed (link, failure, error);
    return NULL;
  }
  facts->link = g_strdup (vf_json_string_or (answer, "link", NULL));
  facts->leads_to = vf_file_kind_from_name (vf_json_string_or (answer, "leads_to", "absent"));
  facts->signature = g_strdup (vf_json_string_or (answer, "signature", NULL));
  facts->held_by = g_strdup (vf_json_string_or (answer, "held_by", NULL));
  return g_steal_pointer (&facts);
}

void
vf_far_facts_free (VfFarFacts *facts)
{
  if (facts == NULL)
    return;
  vf_file_facts_free (facts->file);
  g_free (facts->link);
  g_free (facts->refused);
  g_free (facts->signature);
  g_free (facts->held_by);
  g_free (facts);
}

bool
vf_far_mkdir (VfLink *link, const char *path, const VfFileFacts *as, bool *made, GError **error)
{
  JsonObject *args = vf_far_args (path, NULL);
  json_object_set_int_member (args, "mode", as != NULL ? as->mode & 0777 : DIRECTORY_MODE);
  if (as != NULL) {
    json_object_set_string_member (args, "user", as->user);
    json_object_set_string_member (args, "group", as->group);
  }
  return call_for_bool (link, "mkdir", args, "made", made, error);
}

bool
vf_far_rmdir (VfLink *link, const char *path, bool *removed, GError **error)
{
  return call_for_bool (link, "rmdir", vf_far_args (path, NULL), "removed", removed, error);
}

bool
vf_far_own (VfLink *link, const char *partial, const char *id, const VfFileFacts *as, GError **error)
{
  JsonObject *args = vf_far_args (partial, id);
  json_object_set_string_member (args, "user", as->user);
  json_object_set_string_member (args, "group", as->group);
  json_object_set_int_member (args, "mode", as->mode & 0777);
  return call_for_nothing (link, "own", args, error);
}

static JsonObject *
backing_args (const char *path, const char *id, const char *backing, const char *backing_format)
{
  JsonObject *args = vf_far_args (path, id);
  json_object_set_string_member (args, "backing", backing);
  json_object_set_string_member (args, "backing_format", backing_format);
  return args;
}

bool
vf_far_rebase (VfLink *link, const char *partial, const char *id, const VfImageNames *names, GError **error)
{
  JsonObject *args =
      names->backing != NULL ? backing_args (partial, id, names->backing, names->backing_format) : vf_far_args (partial, id);
  if (names->data_file != NULL) /* an agent that knows no such argument refuses images that have one */
    json_object_set_string_member (args, "data_file", names->data_file);
  return call_for_nothing (link, "rebase", args, error);
}

bool
vf_far_create_cap (VfLink *link, const char *path, const char *id, const char *backing, const char *backing_format,
                   guint64 bytes, VfFileId *far_id, GError **error)
{
  GError *failure = NULL;
  JsonObject *args = backing_args (path, id, backing, backing_format);
  json_object_set_int_member (args, "bytes", (gint64)bytes);
  g_autoptr (JsonObject) answer = vf_far_call (link, "create-cap", args, NULL, error);
  if (answer == NULL)
    return false;
  if (!vf_file_id_from_json (answer, far_id, &failure))
    return vf_far_failed (link, failure, error);
  return true;
}

bool
vf_far_berth (VfLink *link, const char *partial, const char *path, const char *id, const VfFileId *far_id, GError **error)
{
  JsonObject *args = vf_far_args (path, id);
  json_object_set_string_member (args, "partial", partial);
  vf_file_id_to_json (far_id, args);
  return call_for_nothing (link, "berth", args, error);
}

bool
vf_far_symlink (VfLink *link, const char *partial, const char *id, const char *text, VfFileId *far_id, GError **error)
{
  GError *failure = NULL;
  JsonObject *args = vf_far_args (partial, id);
  json_object_set_string_member (args, "text", text);
  g_autoptr (JsonObject) answer = vf_far_call (link, "symlink", args, NULL, error);
  if (answer == NULL)
    return false;
  return vf_file_id_from_json (answer, far_id, &failure) || vf_far_failed (link, failure, error);
}

bool
vf_far_remove (VfLink *link, const char *path, const char *id, const VfFileId *far_id, bool *removed, GError **error)
{
  JsonObject *args = vf_far_args (path, id);
  if (far_id != NULL)
    vf_file_id_to_json (far_id, args);
  return call_for_bool (link, "remove", args, "removed", removed, error);
}

bool
vf_far_wipe (VfLink *link, const char *device, const char *id, GError **error)
{
  return call_for_nothing (link, "wipe", vf_far_args (device, id), error);
}

bool
vf_far_rendezvous (VfLink *link, const char *name, bool present, GError **error)
{
  JsonObject *args = json_object_new ();
  json_object_set_string_member (args, "name", name);
  json_object_set_boolean_member (args, "present", present);
  return call_for_nothing (link, "rendezvous", args, error);
}
