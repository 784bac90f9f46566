/* Errors: codes, hints, a later failure attached to the first, foreign errors taken over. */
#include "said.h"

#include <errno.h>
#include <gio/gio.h>

static void
codes_have_the_names_that_stand_on_the_wire (void)
{
  static const char *const names[] = { "failed",      "usage",   "refused",   "not-found", "exists",  "no-space", "busy",
                                       "unreachable", "timeout", "cancelled", "protocol",  "corrupt", "undecided" };
  g_assert_cmpuint (G_N_ELEMENTS (names), ==, VF_ERROR_UNDECIDED + 1);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_assert_cmpstr (vf_error_code_name ((VfErrorCode)i), ==, names[i]);
    g_assert_cmpint (vf_error_code_from_name (names[i]), ==, i);
  }
  g_assert_cmpint (vf_error_code_from_name ("of a later version"), ==, VF_ERROR_FAILED);
  g_assert_cmpint (vf_error_code_from_name (NULL), ==, VF_ERROR_FAILED);
}

static void
setting_an_error_that_nobody_wants_does_nothing (void)
{
  g_assert_false (vf_error_set (NULL, VF_ERROR_BUSY, "x"));
  g_assert_false (vf_error_set_errno (NULL, ENOENT, "x"));
  g_assert_false (vf_error_adopt (NULL, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "x"), "y"));
  vf_error_hint (NULL, "x");
  g_assert_null (vf_error_get_hint (NULL));
  g_assert_false (vf_error_is (NULL, VF_ERROR_FAILED));
}

static void
errno_chooses_the_code_and_is_told (void)
{
  static const struct {
    int number;
    VfErrorCode code;
  } rows[] = {
    { ENOENT, VF_ERROR_NOT_FOUND }, { ENOTDIR, VF_ERROR_NOT_FOUND }, { EEXIST, VF_ERROR_EXISTS },
    { ENOTEMPTY, VF_ERROR_EXISTS }, { ENOSPC, VF_ERROR_NO_SPACE },   { EDQUOT, VF_ERROR_NO_SPACE },
    { EBUSY, VF_ERROR_BUSY },       { ETXTBSY, VF_ERROR_BUSY },      { EIO, VF_ERROR_FAILED },
    { EACCES, VF_ERROR_FAILED },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *expected = g_strdup_printf ("cannot read file 'a': %s", g_strerror (rows[i].number));
    g_assert_false (vf_error_set_errno (&error, rows[i].number, "cannot read file '%s'", "a"));
    g_assert_cmpstr (error->message, ==, expected);
    assert_failed (&error, rows[i].code, "cannot");
  }
}

static void
the_first_hint_stays_and_travels_with_copies (void)
{
  g_autoptr (GError) error = NULL;
  vf_error_set (&error, VF_ERROR_REFUSED, "cannot x");
  g_assert_null (vf_error_get_hint (error));
  vf_error_hint (&error, "try %d", 1);
  vf_error_hint (&error, "try 2");
  g_assert_cmpstr (vf_error_get_hint (error), ==, "try 1");
  g_assert_cmpstr (error->message, ==, "cannot x");
  g_autoptr (GError) copy = g_error_copy (error);
  g_assert_cmpstr (vf_error_get_hint (copy), ==, "try 1");
  g_autoptr (GError) foreign = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "x");
  vf_error_hint (&foreign, "never");
  g_assert_null (vf_error_get_hint (foreign));
}

static void
a_later_failure_is_attached_and_the_first_code_and_hint_win (void)
{
  g_autoptr (GError) first = NULL;
  g_autoptr (GError) later = NULL;
  vf_error_set (&first, VF_ERROR_NO_SPACE, "cannot write");
  vf_error_hint (&first, "free some");
  vf_error_set (&later, VF_ERROR_BUSY, "cannot unlink");
  vf_error_attach (&first, &later, "and while undoing");
  g_assert_null (later);
  g_assert_true (vf_error_is (first, VF_ERROR_NO_SPACE));
  g_assert_cmpstr (first->message, ==, "cannot write; and while undoing: cannot unlink");
  g_assert_cmpstr (vf_error_get_hint (first), ==, "free some");
}

static void
a_later_failure_without_a_first_becomes_the_first (void)
{
  g_autoptr (GError) first = NULL;
  g_autoptr (GError) later = NULL;
  vf_error_attach (&first, &later, "x");
  g_assert_null (first);
  vf_error_attach (&first, NULL, "x");
  g_assert_null (first);
  vf_error_set (&later, VF_ERROR_BUSY, "cannot unlink");
  vf_error_attach (&first, &later, "x");
  g_assert_null (later);
  g_assert_cmpstr (first->message, ==, "cannot unlink");
  vf_error_set (&later, VF_ERROR_BUSY, "nobody reads this");
  vf_error_attach (NULL, &later, "x");
  g_assert_null (later);
}

static void
a_foreign_error_is_taken_over_with_the_nearest_code (void)
{
  const struct {
    GQuark domain;
    int foreign;
    VfErrorCode code;
  } rows[] = {
    { G_IO_ERROR, G_IO_ERROR_CANCELLED, VF_ERROR_CANCELLED },   { G_IO_ERROR, G_IO_ERROR_NOT_FOUND, VF_ERROR_NOT_FOUND },
    { G_IO_ERROR, G_IO_ERROR_NO_SPACE, VF_ERROR_NO_SPACE },     { G_IO_ERROR, G_IO_ERROR_TIMED_OUT, VF_ERROR_TIMEOUT },
    { G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE, VF_ERROR_FAILED },    { G_FILE_ERROR, G_FILE_ERROR_NOENT, VF_ERROR_NOT_FOUND },
    { G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT, VF_ERROR_NOT_FOUND }, { G_SPAWN_ERROR, G_SPAWN_ERROR_ACCES, VF_ERROR_FAILED },
    { G_FILE_ERROR, G_FILE_ERROR_IO, VF_ERROR_FAILED },         { G_CONVERT_ERROR, G_CONVERT_ERROR_FAILED, VF_ERROR_FAILED },
    { VF_ERROR, VF_ERROR_UNDECIDED, VF_ERROR_UNDECIDED },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    GError *foreign = g_error_new_literal (rows[i].domain, rows[i].foreign, "it %s");
    g_assert_false (vf_error_adopt (&error, foreign, "cannot start '%s'", "qemu-img"));
    g_assert_cmpstr (error->message, ==, "cannot start 'qemu-img': it %s");
    assert_failed (&error, rows[i].code, "cannot");
  }
}

static void
the_hint_of_an_own_error_is_taken_over_too (void)
{
  g_autoptr (GError) error = NULL;
  GError *inner = NULL;
  vf_error_set (&inner, VF_ERROR_BUSY, "cannot lock");
  vf_error_hint (&inner, "wait %%");
  vf_error_adopt (&error, inner, "cannot begin");
  g_assert_cmpstr (vf_error_get_hint (error), ==, "wait %");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/error/codes have the names that stand on the wire", codes_have_the_names_that_stand_on_the_wire);
  g_test_add_func ("/base/error/setting an error that nobody wants does nothing",
                   setting_an_error_that_nobody_wants_does_nothing);
  g_test_add_func ("/base/error/errno chooses the code and is told", errno_chooses_the_code_and_is_told);
  g_test_add_func ("/base/error/the first hint stays and travels with copies", the_first_hint_stays_and_travels_with_copies);
  g_test_add_func ("/base/error/a later failure is attached and the first code and hint win",
                   a_later_failure_is_attached_and_the_first_code_and_hint_win);
  g_test_add_func ("/base/error/a later failure without a first becomes the first",
                   a_later_failure_without_a_first_becomes_the_first);
  g_test_add_func ("/base/error/a foreign error is taken over with the nearest code",
                   a_foreign_error_is_taken_over_with_the_nearest_code);
  g_test_add_func ("/base/error/the hint of an own error is taken over too", the_hint_of_an_own_error_is_taken_over_too);
  return g_test_run ();
}
