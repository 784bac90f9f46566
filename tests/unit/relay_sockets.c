/* Sockets carried through a link: clients on one side, an echo server on the other. */
#include "link_pair.h"

#include "base/fd.h"
#include "link/relay.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
  char *directory, *near_path, *far_path;
  int far_listener; /* VF_FD_NONE: nobody listens there */
  GThread *far_thread;
  int link_fd; /* of the serving end, for breaking the link */
  GThread *server;
  VfLink *link;
  VfRelay *relay;
} Ferry;

static int
connect_to (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect (fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  close (fd);
  return VF_FD_NONE;
}

static int
listen_at (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 64), ==, 0);
  return fd;
}

/* The far server: echoes until it reads the end, then says "bye" and closes. A first byte '!' makes it close at once, '~' makes
 * it stop reading until the connection goes. */
static gpointer
echo_once (gpointer data)
{
  g_auto (VfFd) fd = GPOINTER_TO_INT (data);
  g_autofree char *buffer = g_malloc (60000);
  gssize n = read (fd, buffer, 60000);
  if (n > 0 && buffer[0] == '!')
    return NULL;
  if (n > 0 && buffer[0] == '~') {
    g_usleep (1500 * 1000);
    return NULL;
  }
  for (; n > 0; n = read (fd, buffer, 60000)) {
    if (!vf_fd_write_full (fd, buffer, (gsize)n))
      return NULL;
  }
  if (n == 0)
    vf_fd_write_full (fd, "bye", 3);
  return NULL;
}

static gpointer
accept_all (gpointer data)
{
  Ferry *ferry = data;
  g_autoptr (GPtrArray) threads = g_ptr_array_new ();
  int fd;
  while ((fd = accept4 (ferry->far_listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
    g_ptr_array_add (threads, g_thread_new ("echo", echo_once, GINT_TO_POINTER (fd)));
  for (guint i = 0; i < threads->len; i++)
    g_thread_join (g_ptr_array_index (threads, i));
  return NULL;
}

static void
serve_relay (VfChannel *channel, const char *service, JsonObject *args, gpointer data)
{
  Ferry *ferry = data;
  g_assert_cmpstr (service, ==, "relay");
  int fd = connect_to (ferry->far_path);
  if (fd == VF_FD_NONE) {
    g_autoptr (GError) reason = NULL;
    vf_error_set_errno (&reason, errno, "cannot connect to socket '%s'", "far");
    vf_error_hint (&reason, "start it");
    vf_channel_refuse (channel, reason);
    return;
  }
  if (vf_channel_accept (channel, NULL, NULL))
    vf_relay_pump (channel, fd);
  else
    close (fd);
}

static gpointer
serve_in_thread (gpointer data)
{
  Ferry *ferry = data;
  vf_link_serve (ferry->link_fd, ferry->link_fd, 30, NULL, serve_relay, ferry, NULL);
  return NULL;
}

static Ferry *
ferry_new (bool far_listens)
{
  int fds[2];
  g_autoptr (GError) error = NULL;
  Ferry *ferry = g_new0 (Ferry, 1);
  ferry->directory = g_dir_make_tmp ("relay-XXXXXX", NULL);
  ferry->near_path = g_build_filename (ferry->directory, "near", NULL);
  ferry->far_path = g_build_filename (ferry->directory, "far", NULL);
  ferry->far_listener = VF_FD_NONE;
  if (far_listens) {
    ferry->far_listener = listen_at (ferry->far_path);
    ferry->far_thread = g_thread_new ("far", accept_all, ferry);
  }
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  ferry->link_fd = fds[1];
  ferry->server = g_thread_new ("server", serve_in_thread, ferry);
  ferry->link = vf_link_connect (fds[0], fds[0], 30, &error);
  g_assert_no_error (error);
  ferry->relay = vf_relay_listen (ferry->link, ferry->near_path, NULL, &error);
  g_assert_no_error (error);
  return ferry;
}

static void
ferry_free (Ferry *ferry)
{
  g_clear_pointer (&ferry->relay, vf_relay_stop);
  g_clear_pointer (&ferry->link, vf_link_free);
  g_clear_pointer (&ferry->server, g_thread_join);
  if (ferry->far_thread != NULL) {
    shutdown (ferry->far_listener, SHUT_RDWR);
    g_thread_join (ferry->far_thread);
    close (ferry->far_listener);
  }
  g_assert_false (g_file_test (ferry->near_path, G_FILE_TEST_EXISTS)); /* the relay has removed its socket */
  g_unlink (ferry->far_path);
  g_rmdir (ferry->directory);
  g_free (ferry->directory);
  g_free (ferry->near_path);
  g_free (ferry->far_path);
  g_free (ferry);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Ferry, ferry_free)

typedef struct {
  int fd;
  gsize bytes;
} Writer;

static gpointer
write_pattern (gpointer data)
{
  Writer *writer = data;
  g_autofree guint8 *pattern = g_malloc (writer->bytes);
  link_pattern (pattern, writer->bytes, 0);
  vf_fd_write_full (writer->fd, pattern, writer->bytes);
  shutdown (writer->fd, SHUT_WR);
  return NULL;
}

/* Sends, half-closes, and reads everything back with the server's last word, which comes only after the half-close. */
static void
converse (const char *path, gsize bytes)
{
  g_auto (VfFd) fd = connect_to (path);
  g_assert_cmpint (fd, !=, VF_FD_NONE);
  Writer writer = { fd, bytes };
  GThread *thread = g_thread_new ("writer", write_pattern, &writer);
  g_autofree guint8 *got = g_malloc (bytes + 10), *wanted = g_malloc (bytes + 3);
  link_pattern (wanted, bytes, 0);
  memcpy (wanted + bytes, "bye", 3);
  gssize n = vf_fd_read_full (fd, got, bytes + 10);
  g_thread_join (thread);
  g_assert_cmpmem (got, (gsize)n, wanted, bytes + 3);
}

static void
test_bytes_go_both_ways_and_half_closes_are_carried (void)
{
  g_autoptr (Ferry) ferry = ferry_new (true);
  g_autoptr (GError) error = NULL;
  converse (ferry->near_path, 0);
  converse (ferry->near_path, 5);
  converse (ferry->near_path, 20 * 1024 * 1024 + 7);
  g_assert_cmpuint (vf_relay_accepted (ferry->relay, &error), ==, 3);
  g_assert_no_error (error);
}

static gpointer
converse_in_thread (gpointer path)
{
  for (guint i = 0; i < 5; i++)
    converse (path, 100000 + i);
  return NULL;
}

static void
test_many_connections_at_once (void)
{
  g_autoptr (Ferry) ferry = ferry_new (true);
  g_autoptr (GError) error = NULL;
  GThread *threads[30];
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("client", converse_in_thread, ferry->near_path);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (vf_relay_accepted (ferry->relay, &error), ==, 150);
  g_assert_no_error (error);
}

/* The far end accepts in the order in which it was connected to; each client says its number. */
static void
test_connections_arrive_in_their_order (void)
{
  g_autoptr (Ferry) ferry = ferry_new (false);
  VfFd clients[40];
  ferry->far_listener = listen_at (ferry->far_path);
  for (guint8 i = 0; i < G_N_ELEMENTS (clients); i++) {
    clients[i] = connect_to (ferry->near_path);
    g_assert_true (vf_fd_write_full (clients[i], &i, 1));
    shutdown (clients[i], SHUT_WR);
  }
  for (guint8 i = 0; i < G_N_ELEMENTS (clients); i++) {
    guint8 number = 0;
    int fd = accept4 (ferry->far_listener, NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint (vf_fd_read_full (fd, &number, 1), ==, 1);
    g_assert_cmpuint (number, ==, i);
    close (fd);
  }
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    vf_fd_close_value (clients[i]);
  close (ferry->far_listener);
}

static void
test_an_absent_server_is_reported (void)
{
  g_autoptr (Ferry) ferry = ferry_new (false);
  g_autoptr (GError) error = NULL;
  g_auto (VfFd) fd = connect_to (ferry->near_path);
  char byte;
  g_assert_cmpint (fd, !=, VF_FD_NONE);
  g_assert_cmpint (read (fd, &byte, 1), ==, 0); /* the client is let go */
  while (vf_relay_accepted (ferry->relay, &error) == 0 || error == NULL) {
    g_clear_error (&error);
    g_usleep (1000);
  }
  assert_vf_error (error, VF_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "cannot connect to socket 'far'"));
  g_assert_nonnull (strstr (error->message, ferry->near_path));
  g_assert_cmpstr (vf_error_get_hint (error), ==, "start it");
}

static void
test_a_server_that_closes_closes_the_client (void)
{
  g_autoptr (Ferry) ferry = ferry_new (true);
  g_auto (VfFd) fd = connect_to (ferry->near_path);
  char byte;
  g_assert_true (vf_fd_write_full (fd, "!", 1));
  g_assert_cmpint (read (fd, &byte, 1), ==, 0);
}

static gpointer
write_until_refused (gpointer data)
{
  g_autofree char *block = g_malloc0 (1024 * 1024);
  memset (block, '~', 1024 * 1024);
  for (guint i = 0; i < 100; i++)
    if (send (GPOINTER_TO_INT (data), block, 1024 * 1024, MSG_NOSIGNAL) < 0)
      break;
  return NULL;
}

static void
test_stopping_ends_what_is_pumped (void)
{
  g_autoptr (Ferry) ferry = ferry_new (true);
  g_auto (VfFd) idle = connect_to (ferry->near_path), busy = connect_to (ferry->near_path);
  GThread *writer = g_thread_new ("writer", write_until_refused, GINT_TO_POINTER (busy));
  g_usleep (300 * 1000);
  gint64 start_us = g_get_monotonic_time ();
  g_clear_pointer (&ferry->relay, vf_relay_stop);
  g_assert_cmpint (g_get_monotonic_time () - start_us, <, G_USEC_PER_SEC);
  char byte;
  g_assert_cmpint (read (idle, &byte, 1), <=, 0);
  g_thread_join (writer);
  g_assert_false (vf_link_is_dead (ferry->link, NULL));
}

static void
test_a_link_that_dies_ends_what_is_pumped (void)
{
  g_autoptr (Ferry) ferry = ferry_new (true);
  g_autoptr (GError) error = NULL;
  g_auto (VfFd) fd = connect_to (ferry->near_path);
  char byte;
  g_assert_true (vf_fd_write_full (fd, "x", 1));
  g_assert_cmpint (read (fd, &byte, 1), ==, 1);
  vf_link_close (ferry->link);
  g_assert_cmpint (read (fd, &byte, 1), <=, 0);
  while (vf_relay_accepted (ferry->relay, &error) == 0 || error == NULL)
    g_usleep (1000);
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
}

/* The far end's pump is stuck writing to a server that does not read, when the link goes: the serving side must still end. */
static void
test_a_stuck_server_does_not_hold_the_far_end (void)
{
  g_autoptr (Ferry) ferry = ferry_new (true);
  g_auto (VfFd) fd = connect_to (ferry->near_path);
  GThread *writer = g_thread_new ("writer", write_until_refused, GINT_TO_POINTER (fd));
  g_usleep (300 * 1000);
  gint64 start_us = g_get_monotonic_time ();
  g_clear_pointer (&ferry->relay, vf_relay_stop);
  g_clear_pointer (&ferry->link, vf_link_free);
  g_clear_pointer (&ferry->server, g_thread_join);
  g_assert_cmpint (g_get_monotonic_time () - start_us, <, G_USEC_PER_SEC);
  g_thread_join (writer);
}

static void
test_a_name_that_is_taken_is_not_replaced (void)
{
  g_autoptr (Ferry) ferry = ferry_new (true);
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_relay_listen (ferry->link, ferry->near_path, NULL, &error));
  assert_vf_error (error, VF_ERROR_EXISTS);
  g_assert_true (g_file_test (ferry->near_path, G_FILE_TEST_EXISTS));
  g_clear_error (&error);
  g_autofree char *long_path = g_strdup_printf ("%s/%0200d", ferry->directory, 1);
  g_assert_null (vf_relay_listen (ferry->link, long_path, NULL, &error));
  g_assert_nonnull (strstr (error->message, "107 are possible"));
}

static void
test_anyone_within_the_directory_may_connect (void)
{
  g_autoptr (Ferry) ferry = ferry_new (true);
  GStatBuf facts;
  g_assert_cmpint (g_stat (ferry->near_path, &facts), ==, 0);
  g_assert_cmpuint (facts.st_mode & 07777, ==, 0666);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/relay/bytes go both ways and half-closes are carried",
                   test_bytes_go_both_ways_and_half_closes_are_carried);
  g_test_add_func ("/relay/many connections at once", test_many_connections_at_once);
  g_test_add_func ("/relay/connections arrive in their order", test_connections_arrive_in_their_order);
  g_test_add_func ("/relay/an absent server is reported", test_an_absent_server_is_reported);
  g_test_add_func ("/relay/a server that closes closes the client", test_a_server_that_closes_closes_the_client);
  g_test_add_func ("/relay/stopping ends what is pumped", test_stopping_ends_what_is_pumped);
  g_test_add_func ("/relay/a link that dies ends what is pumped", test_a_link_that_dies_ends_what_is_pumped);
  g_test_add_func ("/relay/a stuck server does not hold the far end", test_a_stuck_server_does_not_hold_the_far_end);
  g_test_add_func ("/relay/a name that is taken is not replaced", test_a_name_that_is_taken_is_not_replaced);
  g_test_add_func ("/relay/anyone within the directory may connect", test_anyone_within_the_directory_may_connect);
  return g_test_run ();
}
