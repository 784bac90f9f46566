/* What the agent tells of its host, and what it does not. */
#include "agent_pair.h"

#include <sys/un.h>

static VfLookAnswer
ask (AgentPair *pair, VfLookKind kind, const char *name)
{
  g_autoptr (GPtrArray) wants = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_far_want_free);
  g_autoptr (GError) error = NULL;
  VfFarWant *want = g_new0 (VfFarWant, 1);
  want->kind = kind;
  want->name = g_strdup (name);
  g_ptr_array_add (wants, want);
  vf_far_host_facts (pair->link, wants, NULL, NULL, &error);
  g_assert_no_error (error);
  return want->answer;
}

static void
assert_answer (AgentPair *pair, VfLookKind kind, const char *name, bool looked, bool there)
{
  VfLookAnswer answer = ask (pair, kind, name);
  if (answer.looked != looked || answer.there != there)
    g_error ("%s '%s': looked %d, there %d", vf_look_kind_name (kind), name, answer.looked, answer.there);
}

static void
test_net_devices (AgentPair *pair, gconstpointer data)
{
  assert_answer (pair, VF_LOOK_NET_DEVICE, "lo", true, true);
  assert_answer (pair, VF_LOOK_NET_DEVICE, "no-such-dev", true, false);
  g_assert_false (ask (pair, VF_LOOK_NET_DEVICE, "lo").is_bridge);
  static const char *const wrong[] = { ".", "..", "../net/lo", "lo/", "a b", "sixteen-letters-", "lo\n" };
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_answer (pair, VF_LOOK_NET_DEVICE, wrong[i], false, false);
}

static void
test_devices (AgentPair *pair, gconstpointer data)
{
  assert_answer (pair, VF_LOOK_DEVICE, "urandom", true, true);
  assert_answer (pair, VF_LOOK_DEVICE, "mem", false, false);
  assert_answer (pair, VF_LOOK_DEVICE, "../etc/passwd", false, false);
}

static void
test_files (AgentPair *pair, gconstpointer data)
{
  g_autofree char *file = g_build_filename (pair->top, "file", NULL);
  g_autofree char *deep = g_build_filename (pair->top, "none", NULL);
  write_text (file, "x");
  assert_answer (pair, VF_LOOK_DIRECTORY, "/tmp", true, true);
  assert_answer (pair, VF_LOOK_DIRECTORY, file, true, false); /* a file is no directory */
  assert_answer (pair, VF_LOOK_DIRECTORY, deep, true, false);
  assert_answer (pair, VF_LOOK_BOOT_FILE, "/usr/share/no-such-kernel", true, false);
  assert_answer (pair, VF_LOOK_SOCKET, file, true, false);
  static const char *const outside[] = { "/root", "/etc", "/tmp/../etc", "tmp", "/tmpfoo", "/proc/1/root" };
  for (gsize i = 0; i < G_N_ELEMENTS (outside); i++) {
    assert_answer (pair, VF_LOOK_DIRECTORY, outside[i], false, false);
    assert_answer (pair, VF_LOOK_BOOT_FILE, outside[i], false, false);
    assert_answer (pair, VF_LOOK_SOCKET, outside[i], false, false);
  }
}

static void
test_sockets (AgentPair *pair, gconstpointer data)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *path = g_build_filename (pair->top, "socket", NULL);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  bool below_tmp = g_str_has_prefix (path, "/tmp/");
  assert_answer (pair, VF_LOOK_SOCKET, path, below_tmp, below_tmp);
  close (fd);
}

static void
test_addresses (AgentPair *pair, gconstpointer data)
{
  assert_answer (pair, VF_LOOK_IP_ADDRESS, "127.0.0.1", true, true);
  assert_answer (pair, VF_LOOK_IP_ADDRESS, "192.0.2.77", true, false);
  assert_answer (pair, VF_LOOK_IP_ADDRESS, "2001:db8::7", true, false);
  assert_answer (pair, VF_LOOK_IP_ADDRESS, "example.org", false, false);
}

static void
test_protocol (AgentPair *pair, gconstpointer data)
{
  static const char *const wrong[] = {
    "{}",
    "{\"wants\":{}}",
    "{\"wants\":[7]}",
    "{\"wants\":[{\"kind\":\"net-device\"}]}",
    "{\"wants\":[{\"kind\":\"passwd\",\"name\":\"x\"}]}",
    "{\"wants\":[{\"kind\":\"net-device\",\"name\":\"\"}]}",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_call_fails (pair, "host-facts", wrong[i], VF_ERROR_PROTOCOL);
}

static void
test_order_and_bridges (AgentPair *pair, gconstpointer data)
{
  static const char *const names[] = { "lo", "no-such-dev", "lo" };
  g_autoptr (GPtrArray) wants = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_far_want_free);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    VfFarWant *want = g_new0 (VfFarWant, 1);
    want->name = g_strdup (names[i]);
    g_ptr_array_add (wants, want);
  }
  g_auto (GStrv) bridges = NULL;
  g_assert_true (vf_far_host_facts (pair->link, wants, &bridges, NULL, NULL));
  g_assert_nonnull (bridges);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_cmpint (((VfFarWant *)wants->pdata[i])->answer.there, ==, i != 1);
}

#define ADD(name, function) g_test_add ("/agent/host/" name, AgentPair, NULL, agent_set_up, function, agent_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("network devices are told by plain names only", test_net_devices);
  ADD ("of devices only a few are looked for", test_devices);
  ADD ("files and directories are told below few places only", test_files);
  ADD ("a socket is told from a file", test_sockets);
  ADD ("addresses are told, names are not resolved", test_addresses);
  ADD ("questions of another shape break the protocol", test_protocol);
  ADD ("answers come in the order of the questions", test_order_and_bridges);
  return g_test_run ();
}
