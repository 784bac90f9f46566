#include "plan/request.h"

#include "base/json.h"
#include "base/names.h"
#include "xml/source.h"

#include <string.h>

static void
pair_free (VfPair *pair)
{
  g_free (pair->from);
  g_free (pair->to);
  g_free (pair);
}

VfRequest *
vf_request_new (void)
{
  VfRequest *request = g_new0 (VfRequest, 1);
  request->source_uri = g_strdup ("qemu:///system");
  request->agent_path = g_strdup ("virt-ferry");
  request->cap_directory = g_strdup ("/var/lib/libvirt/images");
  request->maps = g_ptr_array_new_with_free_func ((GDestroyNotify)pair_free);
  request->disks = g_ptr_array_new_with_free_func ((GDestroyNotify)pair_free);
  request->nets = g_ptr_array_new_with_free_func ((GDestroyNotify)pair_free);
  request->pools = g_ptr_array_new_with_free_func ((GDestroyNotify)pair_free);
  request->with = g_ptr_array_new_with_free_func (g_free);
  request->max_cap_bytes = 64 * 1024 * 1024;
  request->rounds_max = 6;
  request->timeout_s = 30;
  return request;
}

void
vf_request_free (VfRequest *request)
{
  g_free (request->domain);
  g_free (request->source_uri);
  g_free (request->destination_uri);
  g_free (request->rsh);
  g_free (request->agent_path);
  g_free (request->cap_directory);
  g_ptr_array_unref (request->maps);
  g_ptr_array_unref (request->disks);
  g_ptr_array_unref (request->nets);
  g_ptr_array_unref (request->pools);
  g_ptr_array_unref (request->with);
  vf_tuning_clear (&request->tuning);
  g_free (request);
}

static const char *
pair_value (const GPtrArray *pairs, const char *from)
{
  for (guint i = 0; i < pairs->len; i++) {
    const VfPair *pair = pairs->pdata[i];
    if (strcmp (pair->from, from) == 0)
      return pair->to;
  }
  return NULL;
}

static bool
add_pair (GPtrArray *pairs, const char *option, char *from, char *to, GError **error)
{
  g_autofree char *owned_from = from;
  g_autofree char *owned_to = to;
  if (from == NULL || *from == '\0' || to == NULL)
    return vf_error_set (error, VF_ERROR_USAGE, "cannot read %s: paths must be absolute and without '..'", option);
  if (pair_value (pairs, from) != NULL)
    return vf_error_set (error, VF_ERROR_USAGE, "cannot use %s '%s': given twice", option, from);
  VfPair *pair = g_new0 (VfPair, 1);
  pair->from = g_steal_pointer (&owned_from);
  pair->to = g_steal_pointer (&owned_to);
  g_ptr_array_add (pairs, pair);
  return true;
}

bool
vf_request_add_map (VfRequest *request, const char *text, GError **error)
{
  const char *equals = strchr (text, '=');
  if (equals == NULL)
    return vf_error_set (error, VF_ERROR_USAGE, "cannot read --map '%s': not SRCPREFIX=DSTPREFIX", text);
  g_autofree char *from = g_strndup (text, (gsize)(equals - text));
  return add_pair (request->maps, "--map", vf_path_normal (from), vf_path_normal (equals + 1), error);
}

bool
vf_request_add_disk (VfRequest *request, const char *text, GError **error)
{
  const char *equals = strchr (text, '=');
  if (equals == NULL)
    return vf_error_set (error, VF_ERROR_USAGE, "cannot read --disk '%s': not TARGET=PATH", text);
  return add_pair (request->disks, "--disk", g_strndup (text, (gsize)(equals - text)), vf_path_normal (equals + 1), error);
}

static bool
add_names (GPtrArray *pairs, const char *option, const char *text, GError **error)
{
  const char *equals = strchr (text, '=');
  if (equals == NULL || equals == text || equals[1] == '\0')
    return vf_error_set (error, VF_ERROR_USAGE, "cannot read %s '%s': not OLD=NEW", option, text);
  return add_pair (pairs, option, g_strndup (text, (gsize)(equals - text)), g_strdup (equals + 1), error);
}

bool
vf_request_add_net (VfRequest *request, const char *text, GError **error)
{
  return add_names (request->nets, "--net", text, error);
}

bool
vf_request_add_pool (VfRequest *request, const char *text, GError **error)
{
  return add_names (request->pools, "--pool", text, error);
}

const char *
vf_request_pool (const VfRequest *request, const char *name)
{
  const char *there = pair_value (request->pools, name);
  return there != NULL ? there : name;
}

char *
vf_request_volume (const VfRequest *request, const char *volume)
{
  g_autofree char *pool = NULL;
  g_autofree char *name = NULL;
  return vf_volume_parts (volume, &pool, &name) ? vf_volume_key (vf_request_pool (request, pool), name) : g_strdup (volume);
}

bool
vf_request_add_with (VfRequest *request, const char *text, GError **error)
{
  g_autofree char *here = *text != '\0' && *text != '/' ? g_get_current_dir () : NULL;
  g_autofree char *whole = here == NULL ? g_strdup (text) : g_build_filename (here, text, NULL);
  g_autofree char *path = vf_path_normal (whole);
  if (path == NULL)
    return vf_error_set (error, VF_ERROR_USAGE, "cannot read --with '%s': not a path without '..'", text);
  if (!g_utf8_validate (path, -1, NULL))
    return vf_error_set (error, VF_ERROR_USAGE, "cannot read --with '%s': its name is not UTF-8", text);
  if (!g_ptr_array_find_with_equal_func (request->with, path, g_str_equal, NULL))
    g_ptr_array_add (request->with, g_steal_pointer (&path));
  return true;
}

const char *
vf_request_net (const VfRequest *request, const char *name)
{
  const char *there = pair_value (request->nets, name);
  return there != NULL ? there : name;
}

GHashTable *
vf_request_renames (const VfRequest *request)
{
  GHashTable *renames = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < request->nets->len; i++) {
    VfPair *pair = request->nets->pdata[i];
    g_hash_table_insert (renames, pair->from, pair->to);
  }
  return renames;
}

const char *
vf_request_disk_path (const VfRequest *request, const char *target)
{
  return pair_value (request->disks, target);
}

static JsonArray *
pairs_to_json (const GPtrArray *pairs)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < pairs->len; i++) {
    const VfPair *pair = pairs->pdata[i];
    JsonObject *object = json_object_new ();
    json_object_set_string_member (object, "from", pair->from);
    json_object_set_string_member (object, "to", pair->to);
    json_array_add_object_element (array, object);
  }
  return array;
}

static bool
pairs_from_json (JsonObject *object, const char *member, GPtrArray *pairs, GError **error)
{
  JsonArray *array = vf_json_array (object, member, error);
  if (array == NULL)
    return false;
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonObject *element = vf_json_element (array, i, member, error);
    if (element == NULL)
      return false;
    const char *from = vf_json_string (element, "from", error);
    const char *to = from == NULL ? NULL : vf_json_string (element, "to", error);
    if (to == NULL || !add_pair (pairs, member, g_strdup (from), g_strdup (to), error))
      return false;
  }
  return true;
}

static JsonArray *
with_to_json (const VfRequest *request)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < request->with->len; i++)
    json_array_add_string_element (array, request->with->pdata[i]);
  return array;
}

static bool
with_from_json (JsonObject *object, VfRequest *request, GError **error)
{
  JsonArray *array = vf_json_array (object, "with", error);
  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    bool is_text = JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING;
    if (!is_text || *json_node_get_string (node) != '/')
      return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read member 'with': element %u is not an absolute path", i);
    if (!vf_request_add_with (request, json_node_get_string (node), error))
      return false;
  }
  return array != NULL;
}

JsonObject *
vf_request_to_json (const VfRequest *request)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "domain", request->domain);
  json_object_set_string_member (object, "source_uri", request->source_uri);
  json_object_set_string_member (object, "destination_uri", request->destination_uri);
  vf_json_set_string (object, "rsh", request->rsh);
  json_object_set_string_member (object, "agent_path", request->agent_path);
  json_object_set_string_member (object, "cap_directory", request->cap_directory);
  json_object_set_array_member (object, "maps", pairs_to_json (request->maps));
  json_object_set_array_member (object, "disks", pairs_to_json (request->disks));
  json_object_set_array_member (object, "nets", pairs_to_json (request->nets));
  json_object_set_array_member (object, "pools", pairs_to_json (request->pools));
  json_object_set_array_member (object, "with", with_to_json (request));
  json_object_set_int_member (object, "max_cap_bytes", (gint64)request->max_cap_bytes);
  json_object_set_int_member (object, "rounds_max", request->rounds_max);
  json_object_set_int_member (object, "downtime_ms", request->downtime_ms);
  json_object_set_boolean_member (object, "read_back", request->read_back);
  json_object_set_int_member (object, "streams", request->streams);
  json_object_set_int_member (object, "bandwidth_bytes_s", (gint64)request->bandwidth_bytes_s);
  json_object_set_boolean_member (object, "compress_auto", request->compress_auto);
  json_object_set_int_member (object, "zstd_level", request->zstd_level);
  json_object_set_int_member (object, "timeout_s", request->timeout_s);
  json_object_set_boolean_member (object, "delete_source", request->delete_source);
  json_object_set_boolean_member (object, "offline", request->offline);
  json_object_set_boolean_member (object, "with_secrets", request->with_secrets);
  json_object_set_object_member (object, "tuning", vf_tuning_to_json (&request->tuning));
  return object;
}

static bool
read_string (JsonObject *object, const char *member, char **value, GError **error)
{
  const char *text = vf_json_string (object, member, error);
  if (text == NULL)
    return false;
  g_free (*value);
  *value = g_strdup (text);
  return true;
}

static bool
read_uint (JsonObject *object, const char *member, guint *value, GError **error)
{
  guint64 number;
  if (!vf_json_u64 (object, member, &number, error))
    return false;
  *value = (guint)MIN (number, G_MAXUINT);
  return true;
}

VfRequest *
vf_request_from_json (JsonObject *object, GError **error)
{
  g_autoptr (VfRequest) request = vf_request_new ();
  if (!read_string (object, "domain", &request->domain, error) ||
      !read_string (object, "source_uri", &request->source_uri, error) ||
      !read_string (object, "destination_uri", &request->destination_uri, error) ||
      !read_string (object, "agent_path", &request->agent_path, error) ||
      !read_string (object, "cap_directory", &request->cap_directory, error) ||
      !pairs_from_json (object, "maps", request->maps, error) || !pairs_from_json (object, "disks", request->disks, error) ||
      !pairs_from_json (object, "nets", request->nets, error) || !pairs_from_json (object, "pools", request->pools, error) ||
      !with_from_json (object, request, error) || !vf_json_u64 (object, "max_cap_bytes", &request->max_cap_bytes, error) ||
      !read_uint (object, "rounds_max", &request->rounds_max, error) ||
      !read_uint (object, "downtime_ms", &request->downtime_ms, error) ||
      !vf_json_bool (object, "read_back", &request->read_back, error) ||
      !read_uint (object, "streams", &request->streams, error) ||
      !vf_json_u64 (object, "bandwidth_bytes_s", &request->bandwidth_bytes_s, error) ||
      !vf_json_bool (object, "compress_auto", &request->compress_auto, error) ||
      !read_uint (object, "zstd_level", &request->zstd_level, error) ||
      !read_uint (object, "timeout_s", &request->timeout_s, error) ||
      !vf_json_bool (object, "delete_source", &request->delete_source, error) ||
      !vf_json_bool (object, "with_secrets", &request->with_secrets, error) ||
      !vf_json_bool (object, "offline", &request->offline, error))
    return NULL;
  JsonObject *tuning = vf_json_object (object, "tuning", error);
  if (tuning == NULL || !vf_tuning_from_json (tuning, &request->tuning, error))
    return NULL;
  if (request->zstd_level > 19) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read member 'zstd_level': zstd has no level %u", request->zstd_level);
    return NULL;
  }
  request->rsh = g_strdup (vf_json_string_or (object, "rsh", NULL));
  return g_steal_pointer (&request);
}
