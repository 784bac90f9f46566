/* A result as machines read it. */
#include "base/json.h"
#include "move/result.h"
#include "said.h"

static void
the_exit_codes_and_their_names_stay (void)
{
  static const char *const names[] = { "done", "usage", "refused", "undone", "interrupted", "unsettled", "undecided" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_cmpstr (vf_exit_name ((VfExit)i), ==, names[i]);
  g_assert_cmpint (VF_EXIT_UNDECIDED, ==, 6);
}

static void
a_failure_tells_what_where_and_what_next (void)
{
  g_autoptr (VfResult) result = vf_result_new ();
  result->id = g_strdup ("0123abcd");
  result->exit = VF_EXIT_UNDONE;
  result->guest = g_strdup ("running at alpha");
  result->data = g_strdup ("its data is whole");
  result->next = g_strdup ("virt-ferry migrate");
  vf_error_set (&result->error, VF_ERROR_NO_SPACE, "cannot write");
  vf_error_hint (&result->error, "free some");
  g_autoptr (JsonObject) object = vf_result_to_json (result);
  static const char *const rows[][2] = {
    { "event", "result" },
    { "id", "0123abcd" },
    { "outcome", "undone" },
    { "guest", "running at alpha" },
    { "data", "its data is whole" },
    { "text", "cannot write" },
    { "code", "no-space" },
    { "hint", "free some" },
    { "next", "virt-ferry migrate" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    g_assert_cmpstr (vf_json_string_or (object, rows[i][0], NULL), ==, rows[i][1]);
  g_assert_cmpint (vf_json_int_or (object, "exit", 0), ==, 3);
  g_assert_false (json_object_has_member (object, "disks"));
  g_assert_false (json_object_has_member (object, "downtime_ms"));
}

static void
a_success_tells_bytes_downtime_and_chains (void)
{
  g_autoptr (VfResult) result = vf_result_new ();
  result->bytes_allocated = 1;
  result->bytes_sent = 2;
  result->bytes_reused = 3;
  result->bytes_zero = 4;
  result->downtime_ms = 55;
  result->rounds = 6;
  result->seconds = 1.5;
  result->disks = json_array_new ();
  g_autoptr (JsonObject) object = vf_result_to_json (result);
  JsonObject *bytes = vf_json_object (object, "bytes", NULL);
  static const char *const names[] = { "allocated", "sent", "reused", "zero" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_cmpint (vf_json_int_or (bytes, names[i], 0), ==, i + 1);
  g_assert_cmpint (vf_json_int_or (object, "downtime_ms", 0), ==, 55);
  g_assert_cmpint (vf_json_int_or (object, "rounds", 0), ==, 6);
  g_assert_cmpfloat (json_object_get_double_member (object, "seconds"), ==, 1.5);
  g_assert_nonnull (vf_json_array (object, "disks", NULL));
  g_assert_false (json_object_has_member (object, "text"));
  g_assert_false (json_object_has_member (object, "next"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/move/result/the exit codes and their names stay", the_exit_codes_and_their_names_stay);
  g_test_add_func ("/move/result/a failure tells what, where and what next", a_failure_tells_what_where_and_what_next);
  g_test_add_func ("/move/result/a success tells bytes, downtime and chains", a_success_tells_bytes_downtime_and_chains);
  return g_test_run ();
}
