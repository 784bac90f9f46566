#include "base/json.h"

#include <string.h>

#define MAX_NESTING 64

enum { UNICODE_ESCAPE_BYTES = 6 };

/* The number of "\uXXXX" at `text`, or -1. */
static int
unicode_escape (const char *text, gsize length)
{
  int value = 0;
  if (length < UNICODE_ESCAPE_BYTES || text[0] != '\\' || text[1] != 'u')
    return -1;
  for (gsize i = 2; i < UNICODE_ESCAPE_BYTES; i++) {
    if (!g_ascii_isxdigit (text[i]))
      return -1;
    value = value << 4 | g_ascii_xdigit_value (text[i]);
  }
  return value;
}

/* The bytes of the escape at `text`, or 0 for what is none, is no character or is the zero byte. json-glib takes octal ones
 * too, which make strings that are no UTF-8 (RFC 8259, section 7, has what JSON knows). */
static gsize
escape_bytes (const char *text, gsize length)
{
  if (length >= 2 && strchr ("\"\\/bfnrt", text[1]) != NULL && text[1] != '\0')
    return 2;
  int first = unicode_escape (text, length);
  if (first <= 0 || (first >= 0xdc00 && first <= 0xdfff))
    return 0;
  if (first < 0xd800 || first > 0xdbff)
    return UNICODE_ESCAPE_BYTES;
  int second = unicode_escape (text + UNICODE_ESCAPE_BYTES, length - UNICODE_ESCAPE_BYTES);
  return second >= 0xdc00 && second <= 0xdfff ? 2 * UNICODE_ESCAPE_BYTES : 0;
}

/* json-glib's parser recurses once for each level, and takes more than JSON (comments, text in single quotes, assignments,
 * escapes), in which brackets could hide. So what is not JSON's own or not nested sanely is refused before it sees the text. */
static const char *
find_fault (const char *text, gsize length)
{
  int depth = 0;
  bool in_string = false;
  for (gsize i = 0; i < length; i++) {
    char c = text[i];
    if (in_string) {
      gsize escape = c == '\\' ? escape_bytes (text + i, length - i) : 1;
      if (escape == 0 || (guchar)c < ' ')
        return "a string holds what JSON's have not";
      i += escape - 1;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > MAX_NESTING)
        return "nested deeper than " G_STRINGIFY (MAX_NESTING);
    } else if (c == '}' || c == ']') {
      if (--depth < 0)
        return "a bracket is closed that was not opened";
    } else if (c == '\0' || (!g_ascii_isalnum (c) && strchr (" \t\r\n,:+-.", c) == NULL)) {
      return "it holds what JSON has not";
    }
  }
  return NULL;
}

JsonObject *
vf_json_parse (const char *text, gsize length, const char *what, GError **error)
{
  if (length > G_MAXSSIZE || !g_utf8_validate (text, (gssize)length, NULL)) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read %s: not UTF-8 text", what);
    return NULL;
  }
  const char *fault = find_fault (text, length);
  if (fault != NULL) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read %s: %s", what, fault);
    return NULL;
  }
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  GError *foreign = NULL;
  if (!json_parser_load_from_data (parser, text, (gssize)length, &foreign)) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read %s: %s", what, foreign->message);
    g_error_free (foreign);
    return NULL;
  }
  JsonNode *root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read %s: not a JSON object", what);
    return NULL;
  }
  return json_object_ref (json_node_get_object (root));
}

static char *
print (JsonObject *object, gboolean pretty)
{
  g_autoptr (JsonNode) root = json_node_alloc ();
  json_node_init_object (root, object);
  return json_to_string (root, pretty);
}

char *
vf_json_print (JsonObject *object)
{
  return print (object, FALSE);
}

char *
vf_json_print_pretty (JsonObject *object)
{
  return print (object, TRUE);
}

static JsonNode *
member_of_type (JsonObject *object, const char *member, JsonNodeType type, GType value_type)
{
  JsonNode *node = json_object_get_member (object, member);
  if (node == NULL || json_node_get_node_type (node) != type)
    return NULL;
  if (type == JSON_NODE_VALUE && json_node_get_value_type (node) != value_type)
    return NULL;
  return node;
}

static JsonNode *
require (JsonObject *object, const char *member, JsonNodeType type, GType value_type, const char *kind, GError **error)
{
  JsonNode *node = member_of_type (object, member, type, value_type);
  if (node == NULL)
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read member '%s': %s", member,
                  json_object_has_member (object, member) ? kind : "it is missing");
  return node;
}

const char *
vf_json_string (JsonObject *object, const char *member, GError **error)
{
  JsonNode *node = require (object, member, JSON_NODE_VALUE, G_TYPE_STRING, "it is not a string", error);
  return node == NULL ? NULL : json_node_get_string (node);
}

bool
vf_json_int (JsonObject *object, const char *member, gint64 *value, GError **error)
{
  JsonNode *node = require (object, member, JSON_NODE_VALUE, G_TYPE_INT64, "it is not a whole number", error);
  if (node == NULL)
    return false;
  *value = json_node_get_int (node);
  return true;
}

bool
vf_json_u64 (JsonObject *object, const char *member, guint64 *value, GError **error)
{
  gint64 number;
  if (!vf_json_int (object, member, &number, error))
    return false;
  if (number < 0)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read member '%s': %" G_GINT64_FORMAT " is negative", member, number);
  *value = (guint64)number;
  return true;
}

bool
vf_json_bool (JsonObject *object, const char *member, bool *value, GError **error)
{
  JsonNode *node = require (object, member, JSON_NODE_VALUE, G_TYPE_BOOLEAN, "it is not true or false", error);
  if (node == NULL)
    return false;
  *value = json_node_get_boolean (node);
  return true;
}

JsonObject *
vf_json_object (JsonObject *object, const char *member, GError **error)
{
  JsonNode *node = require (object, member, JSON_NODE_OBJECT, G_TYPE_INVALID, "it is not an object", error);
  return node == NULL ? NULL : json_node_get_object (node);
}

JsonArray *
vf_json_array (JsonObject *object, const char *member, GError **error)
{
  JsonNode *node = require (object, member, JSON_NODE_ARRAY, G_TYPE_INVALID, "it is not an array", error);
  return node == NULL ? NULL : json_node_get_array (node);
}

JsonObject *
vf_json_element (JsonArray *array, guint i, const char *what, GError **error)
{
  if (i >= json_array_get_length (array) || !JSON_NODE_HOLDS_OBJECT (json_array_get_element (array, i))) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read element %u of %s: it is not an object", i, what);
    return NULL;
  }
  return json_array_get_object_element (array, i);
}

const char *
vf_json_string_or (JsonObject *object, const char *member, const char *otherwise)
{
  JsonNode *node = member_of_type (object, member, JSON_NODE_VALUE, G_TYPE_STRING);
  return node == NULL ? otherwise : json_node_get_string (node);
}

gint64
vf_json_int_or (JsonObject *object, const char *member, gint64 otherwise)
{
  JsonNode *node = member_of_type (object, member, JSON_NODE_VALUE, G_TYPE_INT64);
  return node == NULL ? otherwise : json_node_get_int (node);
}

bool
vf_json_bool_or (JsonObject *object, const char *member, bool otherwise)
{
  JsonNode *node = member_of_type (object, member, JSON_NODE_VALUE, G_TYPE_BOOLEAN);
  return node == NULL ? otherwise : json_node_get_boolean (node);
}

void
vf_json_set_string (JsonObject *object, const char *member, const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, member, value);
}
