/* Rendezvous and relay. */
#include "agent_pair.h"

#include <sys/un.h>

typedef struct {
  AgentPair agent;
  char *name; /* of the rendezvous */
  char *directory;
} Meeting;

static void
set_up (Meeting *meeting, gconstpointer data)
{
  agent_set_up (&meeting->agent, data);
  meeting->name = g_strdup_printf ("test-%d-%08x", (int)getpid (), g_random_int ());
  meeting->directory = g_build_filename ("/run/virt-ferry", meeting->name, NULL);
}

static void
tear_down (Meeting *meeting, gconstpointer data)
{
  vf_far_rendezvous (meeting->agent.link, meeting->name, false, NULL);
  agent_tear_down (&meeting->agent, data);
  g_free (meeting->name);
  g_free (meeting->directory);
}

static bool
lacks_root (void)
{
  if (geteuid () != 0)
    g_test_skip ("only root makes directories below /run");
  return geteuid () != 0;
}

static int
listen_at (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 1), ==, 0);
  return fd;
}

static void
test_directory (Meeting *meeting, gconstpointer data)
{
  if (lacks_root ())
    return;
  g_autoptr (GError) error = NULL;
  VfLink *link = meeting->agent.link;
  g_autofree char *socket_path = g_build_filename (meeting->directory, "nbd.sock", NULL);
  g_autofree char *file = g_build_filename (meeting->directory, "file", NULL);
  struct stat st;
  for (int i = 0; i < 2; i++)
    g_assert_true (vf_far_rendezvous (link, meeting->name, true, &error));
  g_assert_no_error (error);
  g_assert_cmpint (stat (meeting->directory, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 07777, ==, 01733);
  g_assert_cmpint (stat ("/run/virt-ferry", &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 07777, ==, 0711);
  g_auto (VfFd) listener = listen_at (socket_path);
  write_text (file, "no socket");
  g_assert_false (vf_far_rendezvous (link, meeting->name, false, &error));
  g_assert_nonnull (error);
  assert_text (file, "no socket");
  g_assert_false (exists (socket_path));
  g_unlink (file);
  g_assert_true (vf_far_rendezvous (link, meeting->name, false, NULL));
  g_assert_false (exists (meeting->directory));
  g_assert_true (vf_far_rendezvous (link, meeting->name, false, NULL));
}

static void
test_hostile_names (Meeting *meeting, gconstpointer data)
{
  static const char *const names[] = {
    "",    ".",   "..",   ".x",      "../libvirt",
    "a/b", "a b", "a\\n", "\\u0001", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *making = g_strdup_printf ("{\"name\":\"%s\",\"present\":true}", names[i]);
    g_autofree char *by_name = g_strdup_printf ("{\"socket\":\"rendezvous\",\"name\":\"%s\",\"file\":\"x\"}", names[i]);
    g_autofree char *by_file = g_strdup_printf ("{\"socket\":\"rendezvous\",\"name\":\"x\",\"file\":\"%s\"}", names[i]);
    assert_call_fails (&meeting->agent, "rendezvous", making, VF_ERROR_PROTOCOL);
    assert_call_fails (&meeting->agent, "relay", by_name, VF_ERROR_PROTOCOL);
    assert_call_fails (&meeting->agent, "relay", by_file, VF_ERROR_PROTOCOL);
  }
  assert_call_fails (&meeting->agent, "relay", "{\"socket\":\"ssh-agent\"}", VF_ERROR_PROTOCOL);
}

static void
test_libvirt_path (Meeting *meeting, gconstpointer data)
{
  static const char *const refused[] = { "/etc/passwd", "/run", "/tmp/x", "/runx/y" };
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autofree char *text = g_strdup_printf ("{\"socket\":\"libvirt\",\"path\":\"%s\"}", refused[i]);
    assert_call_fails (&meeting->agent, "relay", text, VF_ERROR_REFUSED);
  }
  assert_call_fails (&meeting->agent, "relay", "{\"socket\":\"libvirt\",\"path\":\"/run/../etc/x\"}", VF_ERROR_PROTOCOL);
  assert_call_fails (&meeting->agent, "relay", "{\"socket\":\"libvirt\",\"path\":\"/run/ferry-none\"}", VF_ERROR_NOT_FOUND);
}

typedef struct {
  char *path;
  guint delay_ms;
} Late;

/* Listens after a while, answers one connection with what it heard, twice. */
static gpointer
late_listener (gpointer data)
{
  Late *late = data;
  char heard[8] = "";
  g_usleep (late->delay_ms * 1000);
  g_auto (VfFd) listener = listen_at (late->path);
  g_auto (VfFd) fd = accept (listener, NULL, NULL);
  gssize n = vf_fd_read_full (fd, heard, 4);
  if (n == 4)
    vf_fd_write_full (fd, heard, 4);
  n = vf_fd_read_full (fd, heard, sizeof heard); /* until the half-close */
  if (n == 0)
    vf_fd_write_full (fd, "end", 3);
  return NULL;
}

static void
relay_once (Meeting *meeting, JsonObject *args, Late *late)
{
  g_autoptr (GError) error = NULL;
  char back[8] = "";
  GThread *thread = g_thread_new ("late", late_listener, late);
  g_autoptr (VfChannel) channel = vf_link_open (meeting->agent.link, "relay", args, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vf_channel_send (channel, "ping", 4, NULL, NULL));
  g_assert_true (vf_channel_receive_full (channel, back, 4, NULL, NULL));
  g_assert_cmpstr (back, ==, "ping");
  g_assert_true (vf_channel_end (channel, NULL));
  g_assert_true (vf_channel_receive_full (channel, back, 3, NULL, NULL));
  g_assert_true (memcmp (back, "end", 3) == 0);
  g_thread_join (thread);
}

static void
test_late_socket (Meeting *meeting, gconstpointer data)
{
  if (lacks_root ())
    return;
  g_autofree char *path = g_build_filename (meeting->directory, "migrate.sock", NULL);
  g_autoptr (JsonObject) args = json_object_new ();
  Late late = { .path = path, .delay_ms = 400 };
  g_assert_true (vf_far_rendezvous (meeting->agent.link, meeting->name, true, NULL));
  json_object_set_string_member (args, "socket", "rendezvous");
  json_object_set_string_member (args, "name", meeting->name);
  json_object_set_string_member (args, "file", "migrate.sock");
  relay_once (meeting, args, &late);
}

static void
test_named_libvirt (Meeting *meeting, gconstpointer data)
{
  if (lacks_root ())
    return;
  g_autofree char *path = g_build_filename (meeting->directory, "libvirt-sock", NULL);
  g_autofree char *named = g_strconcat ("/var", path, NULL); /* as an old URI may say */
  g_autoptr (JsonObject) args = json_object_new ();
  Late late = { .path = path };
  g_assert_true (vf_far_rendezvous (meeting->agent.link, meeting->name, true, NULL));
  GError *early = call_text (&meeting->agent, "relay", "{\"socket\":\"libvirt\",\"path\":\"/run/virt-ferry\"}");
  g_assert_nonnull (early); /* no socket */
  g_error_free (early);
  json_object_set_string_member (args, "socket", "libvirt");
  json_object_set_string_member (args, "path", named);
  GThread *thread = g_thread_new ("late", late_listener, &late);
  while (!exists (path))
    g_usleep (1000);
  g_usleep (20 * 1000); /* bound, and listening a moment later */
  g_autoptr (GError) error = NULL;
  g_autoptr (VfChannel) channel = vf_link_open (meeting->agent.link, "relay", args, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vf_channel_end (channel, NULL));
  g_thread_join (thread);
}

static void
test_symlink_in_rendezvous (Meeting *meeting, gconstpointer data)
{
  if (lacks_root ())
    return;
  g_autofree char *real = g_build_filename (meeting->agent.top, "real.sock", NULL);
  g_autofree char *link = g_build_filename (meeting->directory, "migrate.sock", NULL);
  g_autofree char *text =
      g_strdup_printf ("{\"socket\":\"rendezvous\",\"name\":\"%s\",\"file\":\"migrate.sock\"}", meeting->name);
  g_assert_true (vf_far_rendezvous (meeting->agent.link, meeting->name, true, NULL));
  g_auto (VfFd) listener = listen_at (real);
  g_assert_cmpint (symlink (real, link), ==, 0);
  assert_call_fails (&meeting->agent, "relay", text, VF_ERROR_FAILED);
  g_unlink (link);
}

#define ADD(name, function) g_test_add ("/agent/sockets/" name, Meeting, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("a rendezvous is made and removed with its sockets only", test_directory);
  ADD ("names that are not plain are refused", test_hostile_names);
  ADD ("libvirt's socket lies below run or nowhere", test_libvirt_path);
  ADD ("a socket that appears later is waited for", test_late_socket);
  ADD ("libvirt's socket may be named", test_named_libvirt);
  ADD ("a symlink in a rendezvous is not followed", test_symlink_in_rendezvous);
  return g_test_run ();
}
