#include "agent/args.h"

#include "base/json.h"
#include "base/names.h"
#include "seed/seed.h"

#include <limits.h>
#include <string.h>

enum { PLAIN_NAME_BYTES_MAX = 64 };

/* One record may say that so much is zero, and its digest takes time: minutes here, weeks for what 63 bits can say. */
#define FILE_BYTES_MAX (G_GUINT64_CONSTANT (1) << 50)

static bool
breaks_protocol (GError *reason, GError **error)
{
  vf_error_set (error, VF_ERROR_PROTOCOL, "%s", reason->message);
  g_error_free (reason);
  return false;
}

const char *
vf_args_string (JsonObject *args, const char *member, GError **error)
{
  GError *reason = NULL;
  const char *text = vf_json_string (args, member, &reason);
  if (text == NULL)
    breaks_protocol (reason, error);
  else if (*text == '\0')
    vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read member '%s': it is empty", member);
  return text == NULL || *text == '\0' ? NULL : text;
}

char *
vf_args_path (JsonObject *args, const char *member, GError **error)
{
  const char *text = vf_args_string (args, member, error);
  if (text == NULL)
    return NULL;
  char *path = strlen (text) < PATH_MAX ? vf_path_normal (text) : NULL;
  if (path == NULL)
    vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read member '%s': '%.200s' is not a normal absolute path", member, text);
  return path;
}

const char *
vf_args_id (JsonObject *args, GError **error)
{
  const char *id = vf_args_string (args, "id", error);
  if (id == NULL || vf_id_is_valid (id))
    return id;
  vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read member 'id': '%.40s' is not the id of a move", id);
  return NULL;
}

bool
vf_args_bytes (JsonObject *args, guint64 *bytes, GError **error)
{
  GError *reason = NULL;
  if (!vf_json_u64 (args, "bytes", bytes, &reason))
    return breaks_protocol (reason, error);
  if (*bytes > FILE_BYTES_MAX)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read member 'bytes': %" G_GUINT64_FORMAT " is more than a pebibyte",
                         *bytes);
  return true;
}

bool
vf_args_streams (JsonObject *args, guint *streams, GError **error)
{
  GError *reason = NULL;
  guint64 number = 0;
  if (json_object_has_member (args, "streams") && !vf_json_u64 (args, "streams", &number, &reason))
    return breaks_protocol (reason, error);
  if (number > VF_STREAMS_MAX)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read member 'streams': %" G_GUINT64_FORMAT " are more than %d",
                         number, VF_STREAMS_MAX);
  *streams = (guint)number;
  return true;
}

bool
vf_args_flag (JsonObject *args, const char *member, bool *flag, GError **error)
{
  GError *reason = NULL;
  *flag = false;
  if (json_object_has_member (args, member) && !vf_json_bool (args, member, flag, &reason))
    return breaks_protocol (reason, error);
  return true;
}

bool
vf_args_mode (JsonObject *args, guint *mode, GError **error)
{
  GError *reason = NULL;
  guint64 number;
  if (!vf_json_u64 (args, "mode", &number, &reason))
    return breaks_protocol (reason, error);
  if (number > 0777)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read member 'mode': %" G_GUINT64_FORMAT " is more than permissions",
                         number);
  *mode = (guint)number;
  return true;
}

bool
vf_args_has_file_id (JsonObject *args)
{
  return json_object_has_member (args, "device") || json_object_has_member (args, "inode");
}

bool
vf_args_file_id (JsonObject *args, VfFileId *id, GError **error)
{
  GError *reason = NULL;
  return vf_file_id_from_json (args, id, &reason) || breaks_protocol (reason, error);
}

const char *
vf_args_plain_name (JsonObject *args, const char *member, GError **error)
{
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
  const char *name = vf_args_string (args, member, error);
  if (name == NULL)
    return NULL;
  if (*name != '.' && strlen (name) <= PLAIN_NAME_BYTES_MAX && strspn (name, allowed) == strlen (name))
    return name;
  vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read member '%s': '%.80s' is not a plain name", member, name);
  return NULL;
}
