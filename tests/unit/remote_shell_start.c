/* Starting an agent through a shell of the test's own, which plays ssh: drops options and host, and has /bin/sh run the rest.
 */
#include "link_pair.h"

#include "base/json.h"
#include "link/remote_shell.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *directory, *rsh, *agent;

static void
make_rsh (void)
{
  static const char script[] = "#!/bin/sh\n"
                               "while [ $# -gt 0 ]; do\n"
                               "  case $1 in\n"
                               "  -p|-l|-i) shift 2 ;;\n"
                               "  *) break ;;\n"
                               "  esac\n"
                               "done\n"
                               "shift\n"
                               "exec /bin/sh -c \"exec $*\"\n";
  directory = g_dir_make_tmp ("rsh-XXXXXX", NULL);
  rsh = g_build_filename (directory, "rsh", NULL);
  g_assert_true (g_file_set_contents (rsh, script, -1, NULL));
  g_assert_cmpint (g_chmod (rsh, 0755), ==, 0);
  g_autofree char *built = g_test_build_filename (G_TEST_BUILT, "remote_shell_agent", NULL);
  agent = g_canonicalize_filename (built, NULL);
}

static void
remove_rsh (void)
{
  g_unlink (rsh);
  g_rmdir (directory);
}

static VfRemoteShell *
start (const char *agent_path, guint timeout_s, GError **error)
{
  g_autoptr (VfDestination) destination = vf_destination_parse ("qemu+ssh://me@far:2222/system?keyfile=/k", error);
  g_auto (GStrv) argv = vf_remote_shell_argv (destination, rsh, agent_path, error);
  g_assert_nonnull (argv);
  return vf_remote_shell_start (argv, timeout_s, error);
}

static JsonObject *
ask (VfRemoteShell *shell)
{
  g_autoptr (GError) error = NULL;
  JsonObject *answer = vf_link_call (vf_remote_shell_link (shell), "who", NULL, NULL, &error);
  g_assert_no_error (error);
  return answer;
}

static void
assert_reaped (gint64 pid)
{
  g_assert_cmpint (kill ((pid_t)pid, 0), ==, -1);
  g_assert_cmpint (errno, ==, ESRCH); /* a zombie would still be there */
}

static void
test_the_agent_answers_and_leaves_no_zombie (void)
{
  g_autoptr (GError) error = NULL;
  VfRemoteShell *shell = start (agent, 20, &error);
  g_assert_no_error (error);
  g_autoptr (JsonObject) answer = ask (shell);
  g_assert_cmpstr (vf_json_string_or (answer, "args", NULL), ==, "agent|--stdio");
  gint64 start_us = g_get_monotonic_time ();
  vf_remote_shell_stop (shell);
  g_assert_cmpint (g_get_monotonic_time () - start_us, <, 3 * G_USEC_PER_SEC);
  assert_reaped (vf_json_int_or (answer, "pid", 0));
}

static void
test_an_agent_path_with_spaces_and_quotes_arrives (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *odd = g_build_filename (directory, "it's $(an) odd; name", NULL);
  g_assert_cmpint (symlink (agent, odd), ==, 0);
  g_autoptr (VfRemoteShell) shell = start (odd, 20, &error);
  g_unlink (odd);
  g_assert_no_error (error);
  g_autoptr (JsonObject) answer = ask (shell);
  g_assert_nonnull (answer);
}

static void
test_a_missing_agent_is_quoted_and_hinted_at (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (start ("/nowhere/virt-ferry", 20, &error));
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
  g_assert_true (g_str_has_prefix (error->message, "cannot reach the agent: '"));
  g_assert_nonnull (strstr (error->message, "/nowhere/virt-ferry: not found"));
  g_assert_nonnull (strstr (vf_error_get_hint (error), "--agent-path"));
}

static void
test_a_shell_that_is_missing_is_named (void)
{
  char *argv[] = { (char *)"/nowhere/ssh", (char *)"host", NULL };
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_remote_shell_start (argv, 20, &error));
  g_assert_nonnull (strstr (error->message, "cannot run remote shell '/nowhere/ssh'"));
}

static void
test_the_last_words_explain_the_death (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfRemoteShell) shell = start (agent, 20, &error);
  g_assert_no_error (error);
  g_assert_null (vf_link_call (vf_remote_shell_link (shell), "die", NULL, NULL, &error));
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
  g_assert_cmpstr (error->message, ==, "cannot reach the agent: it has hung up: 'Connection to far closed by a test.'");
}

static void
test_a_flood_of_words_is_bounded_and_blocks_nobody (void)
{
  char *argv[] = { (char *)"/bin/sh", (char *)"-c",
                   (char *)"head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo enough >&2", NULL };
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_remote_shell_start (argv, 20, &error));
  g_assert_cmpstr (error->message, ==, "cannot reach the agent: 'enough'");
}

static void
test_a_grandchild_that_keeps_stderr_does_not_hold_the_stop (void)
{
  char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"sleep 20 </dev/null >/dev/null & echo gone >&2; exit 3", NULL };
  g_autoptr (GError) error = NULL;
  gint64 start_us = g_get_monotonic_time ();
  g_assert_null (vf_remote_shell_start (argv, 20, &error));
  g_assert_nonnull (strstr (error->message, "'gone'"));
  g_assert_cmpint (g_get_monotonic_time () - start_us, <, 5 * G_USEC_PER_SEC);
}

static void
test_a_child_that_does_not_end_is_killed (void)
{
  g_autoptr (GError) error = NULL;
  VfRemoteShell *shell = start (agent, 20, &error);
  g_assert_no_error (error);
  g_autoptr (JsonObject) answer = ask (shell);
  G_GNUC_UNUSED g_autoptr (JsonObject) nothing = vf_link_call (vf_remote_shell_link (shell), "linger", NULL, NULL, &error);
  g_assert_no_error (error);
  gint64 start_us = g_get_monotonic_time ();
  vf_remote_shell_stop (shell);
  gint64 took_us = g_get_monotonic_time () - start_us;
  g_assert_cmpint (took_us, >, 4 * G_USEC_PER_SEC);
  g_assert_cmpint (took_us, <, 8 * G_USEC_PER_SEC);
  assert_reaped (vf_json_int_or (answer, "pid", 0));
}

static void
test_control_c_leaves_the_agent_alive (void)
{
  if (!g_test_subprocess ()) {
    g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed ();
    return;
  }
  g_autoptr (GError) error = NULL;
  setpgid (0, 0); /* so that the signal goes to nobody else */
  signal (SIGINT, SIG_IGN);
  signal (SIGINT, SIG_DFL);
  VfRemoteShell *shell = start (agent, 20, &error);
  g_assert_no_error (error);
  g_autoptr (JsonObject) before = ask (shell);
  g_assert_cmpint (vf_json_int_or (before, "group", 0), ==, getpgrp ()); /* ssh may read the terminal */
  g_assert_cmpint (vf_json_int_or (before, "session", 0), ==, getsid (0));
  signal (SIGINT, SIG_IGN); /* we have set up something of our own, as virt-ferry does */
  g_assert_cmpint (kill (0, SIGINT), ==, 0);
  g_assert_cmpint (kill (0, SIGINT), ==, 0);
  g_usleep (200 * 1000);
  g_autoptr (JsonObject) after = ask (shell);
  g_assert_true (vf_json_bool_or (after, "ignores_interrupt", false));
  vf_remote_shell_stop (shell);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  make_rsh ();
  g_test_add_func ("/remote-shell/the agent answers and leaves no zombie", test_the_agent_answers_and_leaves_no_zombie);
  g_test_add_func ("/remote-shell/an agent path with spaces and quotes arrives",
                   test_an_agent_path_with_spaces_and_quotes_arrives);
  g_test_add_func ("/remote-shell/a missing agent is quoted and hinted at", test_a_missing_agent_is_quoted_and_hinted_at);
  g_test_add_func ("/remote-shell/a shell that is missing is named", test_a_shell_that_is_missing_is_named);
  g_test_add_func ("/remote-shell/the last words explain the death", test_the_last_words_explain_the_death);
  g_test_add_func ("/remote-shell/a flood of words is bounded and blocks nobody",
                   test_a_flood_of_words_is_bounded_and_blocks_nobody);
  g_test_add_func ("/remote-shell/a grandchild that keeps stderr does not hold the stop",
                   test_a_grandchild_that_keeps_stderr_does_not_hold_the_stop);
  g_test_add_func ("/remote-shell/a child that does not end is killed", test_a_child_that_does_not_end_is_killed);
  g_test_add_func ("/remote-shell/control-C leaves the agent alive", test_control_c_leaves_the_agent_alive);
  int failed = g_test_run ();
  remove_rsh ();
  return failed;
}
