/* How a link greets: chatter before the greeting, other versions, pipes. The peer writes its frames by hand. */
#include "link_pair.h"

#include "base/fd.h"
#include "base/json.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  const char *name;
  const char *before; /* what comes instead of, or before, the magic */
  bool greets;
  bool hangs_up;
  VfErrorCode code; /* when it does not connect */
  const char *says; /* NULL: it connects */
} Greeting;

static const Greeting greetings[] = {
  { "no chatter", "", true, false, 0, NULL },
  { "chatter is skipped", "Welcome to host!\nYou have mail.\n", true, false, 0, NULL },
  { "chatter without a newline is skipped", "tput: no terminal", true, false, 0, NULL },
  { "half of the magic before the magic is skipped", "VFERRY1VFERRYVFE", true, false, 0, NULL },
  { "chatter is quoted at the end", "motd\nbash: virt-ferry: command not found\n\n", false, true, VF_ERROR_UNREACHABLE,
    "cannot reach the agent: 'bash: virt-ferry: command not found'" },
  { "escapes in chatter are not", "motd\n\x1b[2Jx\n", false, true, VF_ERROR_UNREACHABLE, "'[2Jx'" },
  { "a peer that hangs up at once", "", false, true, VF_ERROR_UNREACHABLE, "hung up before it said anything" },
  { "a silent peer", "", false, false, VF_ERROR_UNREACHABLE, "did not answer in time" },
  { "chatter and then silence is quoted", "Password:", false, false, VF_ERROR_UNREACHABLE, "'Password:'" },
  { "a magic without HELLO", "VFERRY1\n", false, true, VF_ERROR_UNREACHABLE, "hung up" },
  { "a magic and garbage", "VFERRY1\nabcdefghijklmnopqrstuvwxyz", false, true, VF_ERROR_PROTOCOL, "type" },
};

static void
test_greeting (gconstpointer data)
{
  const Greeting *row = data;
  int fds[2];
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_auto (VfFd) peer = fds[1];
  g_assert_true (vf_fd_write_full (peer, row->before, strlen (row->before)));
  if (row->greets)
    raw_greet (peer);
  if (row->hangs_up)
    shutdown (peer, SHUT_WR);
  g_autoptr (VfLink) link = vf_link_connect (fds[0], fds[0], 1, &error);
  if (row->says == NULL) {
    g_assert_no_error (error);
    g_assert_nonnull (link);
    return;
  }
  g_assert_null (link);
  assert_vf_error (error, row->code);
  if (strstr (error->message, row->says) == NULL)
    g_error ("'%s' lacks '%s'", error->message, row->says);
}

static void
test_chatter_is_bounded (void)
{
  int fds[2];
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_auto (VfFd) peer = fds[1];
  g_autofree char *chatter = g_malloc (40000);
  memset (chatter, 'x', 40000);
  g_assert_true (vf_fd_write_full (peer, chatter, 40000));
  raw_greet (peer);
  g_assert_null (vf_link_connect (fds[0], fds[0], 20, &error));
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
}

static void
greet_as (int fd, const char *hello)
{
  g_assert_true (vf_fd_write_full (fd, "VFERRY1\n", 8));
  raw_send_text (fd, VF_FRAME_HELLO, 0, hello);
}

static void
test_the_first_frame_must_be_hello (void)
{
  int fds[2];
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_auto (VfFd) peer = fds[1];
  g_assert_true (vf_fd_write_full (peer, "VFERRY1\n", 8));
  raw_send_text (peer, VF_FRAME_ACCEPT, 1, "{\"protocol\":1}");
  g_assert_null (vf_link_connect (fds[0], fds[0], 5, &error));
  assert_vf_error (error, VF_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (error->message, "its first frame is ACCEPT, not HELLO"));
}

static void
test_another_protocol_is_refused_with_both_versions (void)
{
  int fds[2];
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_auto (VfFd) peer = fds[1];
  greet_as (peer, "{\"program\":\"9.8\",\"protocol\":77}");
  g_assert_null (vf_link_connect (fds[0], fds[0], 5, &error));
  assert_vf_error (error, VF_ERROR_REFUSED);
  g_assert_nonnull (strstr (error->message, "protocol 77 (virt-ferry 9.8)"));
  g_assert_nonnull (strstr (error->message, "protocol 1 (virt-ferry " VF_VERSION ")"));
  g_assert_nonnull (strstr (vf_error_get_hint (error), "same version"));
}

static void
test_a_server_refuses_another_protocol_too (void)
{
  int fds[2];
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_auto (VfFd) peer = fds[1];
  greet_as (peer, "{\"program\":\"9.8\"}");
  g_assert_false (vf_link_serve (fds[0], fds[0], 5, NULL, link_pair_serve, NULL, &error));
  assert_vf_error (error, VF_ERROR_REFUSED);
}

static void
test_pipes_serve_as_well_and_do_not_kill (void)
{
  int in[2], out[2];
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (pipe (in), ==, 0);
  g_assert_cmpint (pipe (out), ==, 0);
  raw_greet (in[1]);
  g_autoptr (VfLink) link = vf_link_connect (in[0], out[1], 5, &error);
  g_assert_no_error (error);
  close (out[0]); /* writing would raise SIGPIPE */
  g_assert_null (vf_link_call (link, "answer", NULL, NULL, &error));
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
  close (in[1]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (greetings); i++) {
    g_autofree char *name = g_strdup_printf ("/link/greeting/%s", greetings[i].name);
    g_test_add_data_func (name, &greetings[i], test_greeting);
  }
  g_test_add_func ("/link/chatter is bounded", test_chatter_is_bounded);
  g_test_add_func ("/link/the first frame must be HELLO", test_the_first_frame_must_be_hello);
  g_test_add_func ("/link/another protocol is refused with both versions", test_another_protocol_is_refused_with_both_versions);
  g_test_add_func ("/link/a server refuses another protocol too", test_a_server_refuses_another_protocol_too);
  g_test_add_func ("/link/pipes serve as well and do not kill", test_pipes_serve_as_well_and_do_not_kill);
  return g_test_run ();
}
