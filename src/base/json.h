/* Typed access to JSON from outside (journal, wire, qemu-img): every getter checks presence and type, and names both the member
 * and what holds it in its error. */
#pragma once

#include "base/error.h"

#include <json-glib/json-glib.h>

/* Parses `text` (`length` bytes, need not end in NUL) whose root must be an object. `what` names the text in errors.
 * Nesting deeper than 64 is refused. Returns a new object (json_object_unref). */
JsonObject *vf_json_parse (const char *text, gsize length, const char *what, GError **error);

/* One line of JSON without white space; the caller frees. */
char *vf_json_print (JsonObject *object);

/* Indented JSON for people; the caller frees. */
char *vf_json_print_pretty (JsonObject *object);

/* Required members. The string, object and array are borrowed from `object`. NULL and false mean error. */
const char *vf_json_string (JsonObject *object, const char *member, GError **error);
bool vf_json_int (JsonObject *object, const char *member, gint64 *value, GError **error);
bool vf_json_u64 (JsonObject *object, const char *member, guint64 *value, GError **error); /* refuses negative numbers */
bool vf_json_bool (JsonObject *object, const char *member, bool *value, GError **error);
JsonObject *vf_json_object (JsonObject *object, const char *member, GError **error);
JsonArray *vf_json_array (JsonObject *object, const char *member, GError **error);

/* The i-th element of an array as an object. */
JsonObject *vf_json_element (JsonArray *array, guint i, const char *what, GError **error);

/* Optional members: absent (or null) gives the default; a wrong type is treated as absent. */
const char *vf_json_string_or (JsonObject *object, const char *member, const char *otherwise);
gint64 vf_json_int_or (JsonObject *object, const char *member, gint64 otherwise);
bool vf_json_bool_or (JsonObject *object, const char *member, bool otherwise);

/* Sets a string member; NULL leaves it out. */
void vf_json_set_string (JsonObject *object, const char *member, const char *value);
