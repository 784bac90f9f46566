/* Names that virt-ferry gives, and paths by whole components. */
#include "base/names.h"

#include <string.h>

#define ID "0123abcd"

static void
an_id_is_eight_lower_case_hexadecimal_digits (void)
{
  static const char *const wrong[] = { "", "0123abc", "0123abcde", "0123ABCD", "0123abcg", "../..abc", "0123 bcd" };
  for (guint i = 0; i < 100; i++) {
    g_autofree char *id = vf_id_new ();
    g_assert_true (vf_id_is_valid (id));
  }
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    g_assert_false (vf_id_is_valid (wrong[i]));
  g_assert_false (vf_id_is_valid (NULL));
}

static void
assert_takes (char *name, const char *expected)
{
  g_assert_cmpstr (name, ==, expected);
  g_free (name);
}

static void
caps_and_partials_are_named_after_what_they_stand_for (void)
{
  assert_takes (vf_name_cap ("/srv/a.qcow2", NULL, ID, 1), "/srv/a.qcow2.ferry-" ID ".cap1");
  assert_takes (vf_name_cap ("/dev/vg/lv", "/var/images", ID, 12), "/var/images/lv.ferry-" ID ".cap12");
  assert_takes (vf_name_cap ("/a", NULL, ID, 1), "/a.ferry-" ID ".cap1");
  assert_takes (vf_name_partial ("/srv/a.qcow2", ID), "/srv/a.qcow2.ferry-" ID ".part");
}

static char *
long_path (const char *letter, guint count)
{
  GString *path = g_string_new ("/srv/");
  for (guint i = 0; i < count; i++)
    g_string_append (path, letter);
  return g_string_free (path, FALSE);
}

static void
a_name_that_would_pass_255_bytes_is_cut (void)
{
  for (guint length = 1; length <= 255; length++) {
    g_autofree char *path = long_path ("x", length);
    g_autofree char *partial = vf_name_partial (path, ID);
    g_autofree char *cap = vf_name_cap (path, NULL, ID, G_MAXUINT);
    gsize whole = length + strlen (".ferry-" ID ".part");
    g_assert_cmpuint (strlen (partial) - strlen ("/srv/"), ==, MIN (whole, 255));
    g_assert_cmpuint (strlen (cap) - strlen ("/srv/"), <=, 255);
    g_assert_true (g_str_has_suffix (partial, ".ferry-" ID ".part"));
    g_assert_true (g_str_has_suffix (cap, ".ferry-" ID ".cap4294967295"));
    g_assert_true (vf_name_carries_id (partial, ID));
    g_assert_true (vf_name_carries_id (cap, ID));
  }
}

static void
a_name_is_not_cut_within_a_character (void)
{
  static const char *const letters[] = { "ä", "€", "𝄞" };
  for (gsize i = 0; i < G_N_ELEMENTS (letters); i++)
    for (guint shift = 0; shift < 4; shift++) {
      guint fits = (255 - shift) / (guint)strlen (letters[i]);
      g_autofree char *tail = long_path (letters[i], fits);
      g_autofree char *path = g_strdup_printf ("/srv/%.*s%s", shift, "abc", tail + strlen ("/srv/"));
      g_autofree char *partial = vf_name_partial (path, ID);
      gsize bytes = strlen (partial) - strlen ("/srv/");
      g_assert_true (g_utf8_validate (partial, -1, NULL));
      g_assert_cmpuint (bytes, <=, 255);
      g_assert_cmpuint (bytes, >, 255 - strlen (letters[i]));
    }
}

static void
only_caps_and_partials_of_the_move_carry_its_id (void)
{
  static const struct {
    const char *path;
    bool carries;
  } rows[] = {
    { "/srv/a.ferry-" ID ".part", true },
    { "/srv/a.ferry-" ID ".cap1", true },
    { "/srv/a.ferry-" ID ".cap12", true },
    { "/srv/a.ferry-11111111.cap1.ferry-" ID ".part", true }, /* a former move's cap may itself be moved */
    { "/srv/a.ferry-11111111.part", false },
    { "/srv/a.ferry-" ID ".part/disk.qcow2", false },
    { "/srv/a.ferry-" ID, false },
    { "/srv/a-" ID ".part", false },
    { "/srv/" ID, false },
    { "/srv/a.qcow2", false },
    { "/srv/a.ferry-" ID ".part.bak", false },
    { "/srv/a.ferry-" ID ".cap1.ferry-11111111.part", false },
    { "/srv/a.ferry-" ID ".cap", false },
    { "/srv/a.ferry-" ID ".capital", false },
    { "/srv/a.ferry-" ID ".", false },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (vf_name_carries_id (rows[i].path, ID) != rows[i].carries)
      g_error ("'%s' %s", rows[i].path, rows[i].carries ? "does not carry the ID" : "carries the ID");
  g_assert_false (vf_name_carries_id ("/srv/a.ferry-.part", ""));
  g_assert_false (vf_name_carries_id ("/srv/a.ferry-(null).part", NULL));
}

static void
paths_are_made_normal_or_refused (void)
{
  static const struct {
    const char *path, *normal;
  } rows[] = {
    { "/", "/" },        { "//", "/" },          { "/.", "/" },      { "/a//b/./c", "/a/b/c" },
    { "/a/", "/a" },     { "/a/..b", "/a/..b" }, { "/...", "/..." }, { "/a b", "/a b" },
    { "", NULL },        { "a", NULL },          { "./a", NULL },    { "/..", NULL },
    { "/a/../b", NULL }, { "/a/..", NULL },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    assert_takes (vf_path_normal (rows[i].path), rows[i].normal);
  g_assert_null (vf_path_normal (NULL));
}

static void
below_is_by_whole_components (void)
{
  static const struct {
    const char *path, *prefix;
    bool below;
  } rows[] = {
    { "/srv/vm", "/srv/vm", true },
    { "/srv/vm/a", "/srv/vm", true },
    { "/srv/vm/a/b", "/srv/vm", true },
    { "/srv/vm2", "/srv/vm", false },
    { "/srv/vm2/a", "/srv/vm", false },
    { "/srv", "/srv/vm", false },
    { "/a", "/", true },
    { "/", "/", true },
    { "/", "/a", false },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    g_assert_cmpint (vf_path_is_below (rows[i].path, rows[i].prefix), ==, rows[i].below);
}

static void
a_path_is_taken_apart_as_dirname_and_basename_do (void)
{
  assert_takes (vf_path_directory ("/a/b"), "/a");
  assert_takes (vf_path_name ("/a/b"), "b");
  assert_takes (vf_path_directory ("/a"), "/");
  assert_takes (vf_path_name ("/a"), "a");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/names/an ID is eight lower-case hexadecimal digits", an_id_is_eight_lower_case_hexadecimal_digits);
  g_test_add_func ("/base/names/caps and partials are named after what they stand for",
                   caps_and_partials_are_named_after_what_they_stand_for);
  g_test_add_func ("/base/names/a name that would pass 255 bytes is cut", a_name_that_would_pass_255_bytes_is_cut);
  g_test_add_func ("/base/names/a name is not cut within a character", a_name_is_not_cut_within_a_character);
  g_test_add_func ("/base/names/only caps and partials of the move carry its ID",
                   only_caps_and_partials_of_the_move_carry_its_id);
  g_test_add_func ("/base/names/paths are made normal or refused", paths_are_made_normal_or_refused);
  g_test_add_func ("/base/names/below is by whole components", below_is_by_whole_components);
  g_test_add_func ("/base/names/a path is taken apart as dirname and basename do",
                   a_path_is_taken_apart_as_dirname_and_basename_do);
  return g_test_run ();
}
