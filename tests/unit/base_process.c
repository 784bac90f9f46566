/* Child processes: what they say, how they end, and that none outlives its bounds. */
#include "base/process.h"
#include "said.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static bool
run_shell (const char *script, const VfProcessLimits *limits, char **output, GError **error)
{
  const char *argv[] = { "sh", "-c", script, NULL };
  return vf_process_run (argv, limits, output, error);
}

static void
the_output_is_given_and_the_input_is_empty (void)
{
  VfProcessLimits limits = { .deadline_s = 20 };
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  g_assert_true (run_shell ("printf 'a\\nb'; cat; echo ignored >&2", &limits, &output, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (output, ==, "a\nb");
  g_assert_true (run_shell ("echo not wanted", &limits, NULL, &error));
}

static void
arguments_are_not_read_by_a_shell_and_messages_are_english (void)
{
  VfProcessLimits limits = { .deadline_s = 20 };
  const char *argv[] = { "printf", "%s|%s", "a b;$(id)", "", NULL };
  g_autofree char *output = NULL;
  g_assert_true (vf_process_run (argv, &limits, &output, NULL));
  g_assert_cmpstr (output, ==, "a b;$(id)|");
  g_autofree char *locale = NULL;
  g_assert_true (run_shell ("echo $LC_ALL", &limits, &locale, NULL));
  g_assert_cmpstr (locale, ==, "C\n");
}

static void
an_exit_code_is_told_with_the_last_line_of_the_messages (void)
{
  VfProcessLimits limits = { .deadline_s = 20 };
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  g_assert_false (run_shell ("echo first >&2; echo 'the reason' >&2; exit 7", &limits, &output, &error));
  g_assert_null (output);
  g_assert_cmpstr (error->message, ==, "cannot run 'sh': exit code 7: the reason");
  assert_failed (&error, VF_ERROR_FAILED, "sh");
  g_assert_false (run_shell ("exit 3", &limits, NULL, &error));
  assert_failed (&error, VF_ERROR_FAILED, "exit code 3: no message");
  g_assert_false (run_shell ("printf 'bad \\377 byte\\n\\n' >&2; exit 3", &limits, NULL, &error));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  assert_failed (&error, VF_ERROR_FAILED, "exit code 3: bad ");
}

static void
the_last_line_is_told_also_behind_many_others (void)
{
  VfProcessLimits limits = { .deadline_s = 20 };
  g_autoptr (GError) error = NULL;
  g_assert_false (run_shell ("seq 1 5000 >&2; echo 'the reason' >&2; exit 1", &limits, NULL, &error));
  g_assert_cmpstr (error->message, ==, "cannot run 'sh': exit code 1: the reason");
}

static void
a_signal_is_told_by_its_number_and_name (void)
{
  VfProcessLimits limits = { .deadline_s = 20 };
  g_autoptr (GError) error = NULL;
  g_assert_false (run_shell ("echo oh >&2; kill -TERM $$", &limits, NULL, &error));
  assert_failed (&error, VF_ERROR_FAILED, "killed by signal 15 (Terminated): oh");
}

static void
a_program_that_is_not_there_is_not_found (void)
{
  VfProcessLimits limits = { 0 };
  const char *argv[] = { "no-such-program-of-ferry", NULL };
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_process_run (argv, &limits, NULL, &error));
  assert_failed (&error, VF_ERROR_NOT_FOUND, "cannot run 'no-such-program-of-ferry'");
}

/* The shell replaces itself, so the pid that it printed is the sleeper's. */
static void
assert_gone (const char *pid_file)
{
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (pid_file, &text, NULL, NULL));
  g_assert_cmpint (kill ((pid_t)g_ascii_strtoll (text, NULL, 10), 0), ==, -1);
  g_assert_cmpint (errno, ==, ESRCH);
  g_assert_cmpint (remove (pid_file), ==, 0);
}

static char *
pid_file_new (void)
{
  g_autofree char *name = g_strdup_printf ("ferry-process-%d", (int)getpid ());
  return g_build_filename (g_get_tmp_dir (), name, NULL);
}

static void
the_deadline_kills (void)
{
  VfProcessLimits limits = { .deadline_s = 1 };
  g_autofree char *pid_file = pid_file_new ();
  g_autofree char *script = g_strdup_printf ("trap '' TERM; echo $$ > %s; exec sleep 600", pid_file);
  g_autoptr (GError) error = NULL;
  gint64 begun = g_get_monotonic_time ();
  g_assert_false (run_shell (script, &limits, NULL, &error));
  g_assert_cmpint (g_get_monotonic_time () - begun, <, 10 * G_USEC_PER_SEC);
  assert_failed (&error, VF_ERROR_TIMEOUT, "not done after 1 s");
  assert_gone (pid_file);
}

static void
a_child_that_hides_its_output_is_still_waited_for (void)
{
  VfProcessLimits limits = { .deadline_s = 20 };
  g_autoptr (GError) error = NULL;
  g_assert_false (run_shell ("exec >&- 2>&-; sleep 0.2; exit 5", &limits, NULL, &error));
  assert_failed (&error, VF_ERROR_FAILED, "exit code 5");
}

static gpointer
cancel_soon (gpointer cancellable)
{
  g_usleep (100000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
cancelling_kills_from_another_thread (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  VfProcessLimits limits = { .deadline_s = 60, .cancellable = cancellable };
  g_autofree char *pid_file = pid_file_new ();
  g_autofree char *script = g_strdup_printf ("echo $$ > %s; exec sleep 600", pid_file);
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("cancel", cancel_soon, cancellable);
  g_assert_false (run_shell (script, &limits, NULL, &error));
  g_thread_join (thread);
  assert_failed (&error, VF_ERROR_CANCELLED, "stopped on request");
  assert_gone (pid_file);
}

static void
what_was_cancelled_before_does_not_run_on (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  VfProcessLimits limits = { .deadline_s = 60, .cancellable = cancellable };
  g_autoptr (GError) error = NULL;
  g_cancellable_cancel (cancellable);
  g_assert_false (run_shell ("sleep 600", &limits, NULL, &error));
  assert_failed (&error, VF_ERROR_CANCELLED, "stopped on request");
}

static void
sixteen_mebibytes_of_output_are_given_and_no_more (void)
{
  VfProcessLimits limits = { .deadline_s = 60 };
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  g_assert_true (run_shell ("head -c 16777216 /dev/zero | tr '\\0' x", &limits, &output, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (strlen (output), ==, 16777216);
  g_assert_false (run_shell ("head -c 16777217 /dev/zero", &limits, NULL, &error));
  assert_failed (&error, VF_ERROR_CORRUPT, "more than 16777216 bytes");
}

static void
endless_output_is_stopped_before_the_deadline (void)
{
  VfProcessLimits limits = { .deadline_s = 20 };
  g_autoptr (GError) error = NULL;
  g_assert_false (run_shell ("exec cat /dev/zero", &limits, NULL, &error));
  assert_failed (&error, VF_ERROR_CORRUPT, "more than 16777216 bytes");
  g_assert_false (run_shell ("exec cat /dev/zero >&2", &limits, NULL, &error));
  assert_failed (&error, VF_ERROR_CORRUPT, "more than 16777216 bytes");
}

static void
a_child_has_no_more_processor_time_than_allowed (void)
{
  VfProcessLimits limits = { .deadline_s = 20, .cpu_s_max = 1 };
  g_autoptr (GError) error = NULL;
  g_assert_false (run_shell ("while :; do :; done", &limits, NULL, &error));
  assert_failed (&error, VF_ERROR_FAILED, "killed by signal");
}

static void
a_child_has_no_more_memory_than_allowed_and_leaves_no_core (void)
{
  VfProcessLimits limits = { .deadline_s = 20, .memory_bytes_max = 64 * 1024 * 1024 };
  g_autofree char *output = NULL;
  struct rlimit core;
  getrlimit (RLIMIT_CORE, &core);
  core.rlim_cur = core.rlim_max; /* so that there is something to take away */
  setrlimit (RLIMIT_CORE, &core);
  g_assert_true (run_shell ("ulimit -v; ulimit -c", &limits, &output, NULL));
  g_assert_cmpstr (output, ==, "65536\n0\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/process/the output is given and the input is empty", the_output_is_given_and_the_input_is_empty);
  g_test_add_func ("/base/process/arguments are not read by a shell and messages are English",
                   arguments_are_not_read_by_a_shell_and_messages_are_english);
  g_test_add_func ("/base/process/an exit code is told with the last line of the messages",
                   an_exit_code_is_told_with_the_last_line_of_the_messages);
  g_test_add_func ("/base/process/the last line is told also behind many others",
                   the_last_line_is_told_also_behind_many_others);
  g_test_add_func ("/base/process/a signal is told by its number and name", a_signal_is_told_by_its_number_and_name);
  g_test_add_func ("/base/process/a program that is not there is not found", a_program_that_is_not_there_is_not_found);
  g_test_add_func ("/base/process/the deadline kills", the_deadline_kills);
  g_test_add_func ("/base/process/a child that hides its output is still waited for",
                   a_child_that_hides_its_output_is_still_waited_for);
  g_test_add_func ("/base/process/cancelling kills from another thread", cancelling_kills_from_another_thread);
  g_test_add_func ("/base/process/what was cancelled before does not run on", what_was_cancelled_before_does_not_run_on);
  g_test_add_func ("/base/process/sixteen mebibytes of output are given and no more",
                   sixteen_mebibytes_of_output_are_given_and_no_more);
  g_test_add_func ("/base/process/endless output is stopped before the deadline",
                   endless_output_is_stopped_before_the_deadline);
  g_test_add_func ("/base/process/a child has no more processor time than allowed",
                   a_child_has_no_more_processor_time_than_allowed);
  g_test_add_func ("/base/process/a child has no more memory than allowed and leaves no core",
                   a_child_has_no_more_memory_than_allowed_and_leaves_no_core);
  return g_test_run ();
}
