/* JSON from outside: only well-formed, not deep, and every member of the type that is asked for. */
#include "base/json.h"
#include "said.h"

static JsonObject *
parse (const char *text, GError **error)
{
  return vf_json_parse (text, strlen (text), "answer", error);
}

static JsonObject *
parse_well (const char *text)
{
  g_autoptr (GError) error = NULL;
  JsonObject *object = parse (text, &error);
  g_assert_no_error (error);
  return object;
}

static void
what_is_no_object_in_utf8_is_refused (void)
{
  static const char *const texts[] = {
    "",        " ",  "[]",        "1",          "null",       "\"a\"",     "{",        "{\"a\":}",
    "{\"a\"}", "{]", "{\"a\":1,", "{\"a\":1}}", "]{\"a\":1}", "{\"a\":\"", "\xff\xfe", "{\"a\":\"\xc3\"}",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (parse (texts[i], &error));
    assert_failed (&error, VF_ERROR_CORRUPT, "cannot read answer: ");
  }
}

/* json-glib takes more than JSON: what its scanner skips or knows besides would blind the nesting check. */
static void
what_json_glib_takes_but_json_has_not_is_refused (void)
{
  static const char *const texts[] = {
    "{/*]*/\"a\":1}",       "{\"a\":/*\"*/1}",     "/**/{\"a\":1}",     "{'a':1}",
    "{\"a\":'x'}",          "var x = {\"a\":1};",  "{\"a\":$ff}",       "{\"a\":1} // end",
    "{\"a\":\"\\7000\"}",   "{\"a\":\"\\x41\"}",   "{\"a\":\"\\u12\"}", "{\"a\":\"\\u0000\"}",
    "{\"a\":\"\\ud800x\"}", "{\"a\":\"\\udc00\"}", "{\"\x02\":1}",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonObject) object = parse (texts[i], &error);
    if (object != NULL)
      g_error ("'%s' was taken", texts[i]);
    assert_failed (&error, VF_ERROR_CORRUPT, "cannot read answer: ");
  }
}

static void
escapes_of_json_are_taken (void)
{
  g_autoptr (JsonObject) object = parse_well ("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}");
  g_assert_cmpstr (json_object_get_string_member (object, "a"), ==, "\"\\/\b\f\n\r\t\u00e9\U0001f600");
}

static char *
nested (const char *head, const char *open, guint depth, const char *close, const char *tail)
{
  GString *text = g_string_new (head);
  for (guint i = 0; i < depth; i++)
    g_string_append (text, open);
  for (guint i = 0; i < depth; i++)
    g_string_append (text, close);
  g_string_append (text, tail);
  return g_string_free (text, FALSE);
}

static void
nesting_is_taken_to_sixty_four_and_no_deeper (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *deep = nested ("{\"a\":", "[", 63, "]", "}");
  g_autoptr (JsonObject) object = parse_well (deep);
  g_assert_nonnull (object);
  g_autofree char *deeper = nested ("{\"a\":", "[", 64, "]", "}");
  g_assert_null (parse (deeper, &error));
  assert_failed (&error, VF_ERROR_CORRUPT, "nested deeper than 64");
}

static void
no_disguise_lets_a_nesting_bomb_through (void)
{
  static const struct {
    const char *head, *open;
  } bombs[] = {
    { "{\"a\":", "[" },
    { "", "{\"a\":" },
    { "{\"]]]]\":\"\\\"]]]\",\"a\":", "[" },
    { "{\"a\":/*\"*/", "[" },
    { "{\"a\":/*]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]*/", "[/*]*/" },
    { "{\"a\":'\"',\"b\":", "[" },
    { "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "[" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (bombs); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *text = nested (bombs[i].head, bombs[i].open, 200000, "", "");
    g_assert_null (parse (text, &error));
    assert_failed (&error, VF_ERROR_CORRUPT, "cannot read answer: ");
  }
}

static void
brackets_within_text_are_no_nesting (void)
{
  g_autofree char *text = nested ("{\"a\":\"\\\\\\\"", "[", 500, "", "\\n'/*\"}");
  g_autoptr (JsonObject) object = parse_well (text);
  g_assert_cmpuint (strlen (vf_json_string (object, "a", NULL)), ==, 2 + 500 + 4);
}

static void
a_text_need_not_end_in_nul (void)
{
  g_autoptr (JsonObject) object = vf_json_parse ("{\"a\":7}}}}", 7, "x", NULL);
  g_assert_cmpint (vf_json_int_or (object, "a", 0), ==, 7);
}

static const char sample[] = "{\"text\":\"t\",\"number\":7,\"negative\":-7,\"broken\":7.5,\"truth\":true,"
                             "\"nothing\":null,\"object\":{\"a\":1},\"array\":[{\"b\":2},3]}";

typedef bool (*Getter) (JsonObject *object, const char *member, GError **error);

static bool
get_string (JsonObject *object, const char *member, GError **error)
{
  return vf_json_string (object, member, error) != NULL;
}

static bool
get_int (JsonObject *object, const char *member, GError **error)
{
  gint64 value = 0;
  return vf_json_int (object, member, &value, error);
}

static bool
get_u64 (JsonObject *object, const char *member, GError **error)
{
  guint64 value = 0;
  return vf_json_u64 (object, member, &value, error);
}

static bool
get_bool (JsonObject *object, const char *member, GError **error)
{
  bool value = false;
  return vf_json_bool (object, member, &value, error);
}

static bool
get_object (JsonObject *object, const char *member, GError **error)
{
  return vf_json_object (object, member, error) != NULL;
}

static bool
get_array (JsonObject *object, const char *member, GError **error)
{
  return vf_json_array (object, member, error) != NULL;
}

static void
a_getter_takes_its_own_type_only_and_names_the_member (void)
{
  static const struct {
    Getter get;
    const char *takes[3];
    const char *says;
  } rows[] = {
    { get_string, { "text" }, "it is not a string" },
    { get_int, { "number", "negative" }, "it is not a whole number" },
    { get_u64, { "number" }, NULL },
    { get_bool, { "truth" }, "it is not true or false" },
    { get_object, { "object" }, "it is not an object" },
    { get_array, { "array" }, "it is not an array" },
  };
  static const char *const members[] = { "text", "number", "negative", "broken", "truth", "nothing", "object", "array" };
  g_autoptr (JsonObject) object = parse_well (sample);
  for (gsize r = 0; r < G_N_ELEMENTS (rows); r++)
    for (gsize m = 0; m < G_N_ELEMENTS (members); m++) {
      g_autoptr (GError) error = NULL;
      g_autofree char *named = g_strdup_printf ("member '%s'", members[m]);
      bool wanted = g_strv_contains (rows[r].takes, members[m]);
      g_assert_cmpint (rows[r].get (object, members[m], &error), ==, wanted);
      if (wanted)
        g_assert_no_error (error);
      else if (rows[r].says != NULL)
        assert_says (error->message, rows[r].says);
      if (!wanted)
        assert_failed (&error, VF_ERROR_CORRUPT, named);
    }
}

static void
what_is_missing_is_told_so (void)
{
  static const Getter getters[] = { get_string, get_int, get_u64, get_bool, get_object, get_array };
  g_autoptr (JsonObject) object = parse_well (sample);
  for (gsize i = 0; i < G_N_ELEMENTS (getters); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_false (getters[i](object, "void", &error));
    assert_failed (&error, VF_ERROR_CORRUPT, "cannot read member 'void': it is missing");
  }
}

static void
numbers_keep_their_values_to_the_ends_of_the_range (void)
{
  gint64 value = 0;
  guint64 size = 0;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object =
      parse_well ("{\"least\":-9223372036854775808,\"most\":9223372036854775807,\"past\":9223372036854775808}");
  g_assert_true (vf_json_int (object, "least", &value, NULL));
  g_assert_cmpint (value, ==, G_MININT64);
  g_assert_true (vf_json_u64 (object, "most", &size, NULL));
  g_assert_cmpuint (size, ==, G_MAXINT64);
  /* json-glib 1.6 wraps what is past the end, later versions stop at the end; neither may become a small number */
  if (vf_json_u64 (object, "past", &size, &error))
    g_assert_cmpuint (size, ==, G_MAXINT64);
  else
    assert_failed (&error, VF_ERROR_CORRUPT, "negative");
}

static void
an_element_is_an_object_or_an_error (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object = parse_well (sample);
  JsonArray *array = vf_json_array (object, "array", NULL);
  g_assert_cmpint (vf_json_int_or (vf_json_element (array, 0, "array", NULL), "b", 0), ==, 2);
  g_assert_null (vf_json_element (array, 1, "list", &error));
  assert_failed (&error, VF_ERROR_CORRUPT, "element 1 of list");
  g_assert_null (vf_json_element (array, 2, "list", &error));
  assert_failed (&error, VF_ERROR_CORRUPT, "element 2 of list");
}

static void
an_optional_member_of_another_type_counts_as_absent (void)
{
  g_autoptr (JsonObject) object = parse_well (sample);
  g_assert_cmpstr (vf_json_string_or (object, "text", "d"), ==, "t");
  g_assert_cmpstr (vf_json_string_or (object, "number", "d"), ==, "d");
  g_assert_cmpstr (vf_json_string_or (object, "nothing", "d"), ==, "d");
  g_assert_cmpstr (vf_json_string_or (object, "void", NULL), ==, NULL);
  g_assert_cmpint (vf_json_int_or (object, "negative", 1), ==, -7);
  g_assert_cmpint (vf_json_int_or (object, "text", 1), ==, 1);
  g_assert_true (vf_json_bool_or (object, "truth", false));
  g_assert_true (vf_json_bool_or (object, "number", true));
}

static void
what_was_printed_reads_as_the_same (void)
{
  g_autoptr (JsonObject) object = json_object_new ();
  vf_json_set_string (object, "text", "\"ä\\\n\t\x01/[{");
  vf_json_set_string (object, "left_out", NULL);
  json_object_set_int_member (object, "number", G_MININT64);
  g_autofree char *line = vf_json_print (object);
  g_autofree char *pretty = vf_json_print_pretty (object);
  g_assert_null (strchr (line, '\n'));
  g_assert_nonnull (strchr (pretty, '\n'));
  g_autoptr (JsonObject) again = parse_well (line);
  g_autoptr (JsonObject) again_pretty = parse_well (pretty);
  g_assert_true (json_object_equal (object, again));
  g_assert_true (json_object_equal (object, again_pretty));
  g_assert_false (json_object_has_member (again, "left_out"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/json/what is no object in UTF-8 is refused", what_is_no_object_in_utf8_is_refused);
  g_test_add_func ("/base/json/what json-glib takes but JSON has not is refused",
                   what_json_glib_takes_but_json_has_not_is_refused);
  g_test_add_func ("/base/json/escapes of JSON are taken", escapes_of_json_are_taken);
  g_test_add_func ("/base/json/nesting is taken to sixty-four and no deeper", nesting_is_taken_to_sixty_four_and_no_deeper);
  g_test_add_func ("/base/json/no disguise lets a nesting bomb through", no_disguise_lets_a_nesting_bomb_through);
  g_test_add_func ("/base/json/brackets within text are no nesting", brackets_within_text_are_no_nesting);
  g_test_add_func ("/base/json/a text need not end in NUL", a_text_need_not_end_in_nul);
  g_test_add_func ("/base/json/a getter takes its own type only and names the member",
                   a_getter_takes_its_own_type_only_and_names_the_member);
  g_test_add_func ("/base/json/what is missing is told so", what_is_missing_is_told_so);
  g_test_add_func ("/base/json/numbers keep their values to the ends of the range",
                   numbers_keep_their_values_to_the_ends_of_the_range);
  g_test_add_func ("/base/json/an element is an object or an error", an_element_is_an_object_or_an_error);
  g_test_add_func ("/base/json/an optional member of another type counts as absent",
                   an_optional_member_of_another_type_counts_as_absent);
  g_test_add_func ("/base/json/what was printed reads as the same", what_was_printed_reads_as_the_same);
  return g_test_run ();
}
