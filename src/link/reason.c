#include "base/json.h"
#include "link/link_private.h"

#include <string.h>

enum { TEXT_BYTES_MAX = 4096 };

char *
vf_reason_clean (const char *text, gsize length)
{
  g_autofree char *cut = g_strndup (text, MIN (length, TEXT_BYTES_MAX));
  g_autofree char *valid = g_utf8_make_valid (cut, -1);
  g_autoptr (GString) clean = g_string_new (NULL);
  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);
    g_string_append_unichar (clean, g_unichar_iscntrl (c) ? ' ' : c);
  }
  return g_strstrip (g_string_free (g_steal_pointer (&clean), FALSE));
}

char *
vf_reason_last_line (const char *text, gsize length)
{
  while (length > 0) {
    const char *newline = memrchr (text, '\n', length);
    gsize start = newline == NULL ? 0 : (gsize)(newline - text) + 1;
    g_autofree char *line = vf_reason_clean (text + start, length - start);
    if (*line != '\0')
      return g_steal_pointer (&line);
    length = newline == NULL ? 0 : start - 1;
  }
  return NULL;
}

char *
vf_reason_print (const GError *reason)
{
  g_autoptr (JsonObject) object = json_object_new ();
  VfErrorCode code = reason->domain == VF_ERROR ? (VfErrorCode)reason->code : VF_ERROR_FAILED;
  g_autofree char *text = vf_reason_clean (reason->message, strlen (reason->message));
  const char *hint = vf_error_get_hint (reason);
  g_autofree char *clean_hint = hint == NULL ? NULL : vf_reason_clean (hint, strlen (hint));
  json_object_set_string_member (object, "code", vf_error_code_name (code));
  json_object_set_string_member (object, "text", text);
  vf_json_set_string (object, "hint", clean_hint);
  return vf_json_print (object);
}

GError *
vf_reason_from_json (JsonObject *object)
{
  GError *reason = NULL;
  const char *text = vf_json_string_or (object, "text", "no reason was given");
  const char *hint = vf_json_string_or (object, "hint", NULL);
  g_autofree char *clean = vf_reason_clean (text, strlen (text));
  vf_error_set (&reason, vf_error_code_from_name (vf_json_string_or (object, "code", NULL)), "%s", clean);
  if (hint != NULL) {
    g_autofree char *clean_hint = vf_reason_clean (hint, strlen (hint));
    vf_error_hint (&reason, "%s", clean_hint);
  }
  return reason;
}
