#include "base/json.h"
#include "link/link_private.h"
#include "link/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PUMP_BYTES = 128 * 1024 };

/* ---- one connection ---- */

/* The socket is non-blocking; the channel's alarm wakes every wait for it, so that neither direction outlives the other's
 * failure. */
typedef struct {
  VfChannel *channel;
  int fd, alarm_fd;
  GMutex lock;
  GError *failure; /* the first */
} Pump;

static void
fail_pump (Pump *pump, GError *failure)
{
  vf_channel_reset (pump->channel, failure);
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&pump->lock);
  if (pump->failure == NULL)
    pump->failure = g_steal_pointer (&failure);
  g_clear_error (&failure);
}

static void
fail_pump_errno (Pump *pump, const char *verb)
{
  GError *failure = errno == ECANCELED ? vf_channel_copy_failure (pump->channel) : NULL;
  if (failure == NULL)
    vf_error_set_errno (&failure, errno, "cannot %s the relayed socket", verb);
  fail_pump (pump, failure);
}

/* False when the channel has failed; it has the reason. */
static bool
wait_for_socket (const Pump *pump, short events)
{
  struct pollfd polled[] = { { .fd = pump->fd, .events = events }, { .fd = pump->alarm_fd, .events = POLLIN } };
  while (poll (polled, G_N_ELEMENTS (polled), -1) < 0 && errno == EINTR)
    ;
  return polled[1].revents == 0;
}

static gssize
read_socket (const Pump *pump, void *buffer, gsize length)
{
  for (;;) {
    gssize n = recv (pump->fd, buffer, length, 0);
    if (n >= 0 || (errno != EAGAIN && errno != EINTR))
      return n;
    if (!wait_for_socket (pump, POLLIN)) {
      errno = ECANCELED;
      return -1;
    }
  }
}

static bool
write_socket (const Pump *pump, const char *bytes, gsize length)
{
  while (length > 0) {
    gssize n = send (pump->fd, bytes, length, MSG_NOSIGNAL);
    if (n >= 0) {
      bytes += n;
      length -= (gsize)n;
      continue;
    }
    if (errno != EAGAIN && errno != EINTR)
      return false;
    if (!wait_for_socket (pump, POLLOUT)) {
      errno = ECANCELED;
      return false;
    }
  }
  return true;
}

static gpointer
pump_from_socket (gpointer data)
{
  Pump *pump = data;
  g_autofree char *buffer = g_malloc (PUMP_BYTES);
  GError *failure = NULL;
  gssize n;
  while ((n = read_socket (pump, buffer, PUMP_BYTES)) > 0)
    if (!vf_channel_send (pump->channel, buffer, (gsize)n, NULL, &failure))
      break;
  if (n < 0)
    fail_pump_errno (pump, "read from");
  else if (failure != NULL || !vf_channel_end (pump->channel, &failure))
    fail_pump (pump, failure);
  return NULL;
}

static void
pump_to_socket (Pump *pump)
{
  g_autofree char *buffer = g_malloc (PUMP_BYTES);
  GError *failure = NULL;
  gssize n;
  while ((n = vf_channel_receive (pump->channel, buffer, PUMP_BYTES, NULL, &failure)) > 0)
    if (!write_socket (pump, buffer, (gsize)n)) {
      fail_pump_errno (pump, "write to");
      return;
    }
  if (n < 0)
    fail_pump (pump, failure);
  else
    shutdown (pump->fd, SHUT_WR);
}

/* Leaves the descriptor open. */
static bool
pump_both_ways (VfChannel *channel, int fd, GError **error)
{
  Pump pump = { .channel = channel, .fd = fd, .alarm_fd = vf_channel_alarm_fd (channel, error) };
  if (pump.alarm_fd < 0 || !vf_stream_set_nonblocking (fd, error))
    return false;
  g_mutex_init (&pump.lock);
  GError *foreign = NULL;
  GThread *reader = g_thread_try_new ("relay-reader", pump_from_socket, &pump, &foreign);
  if (reader == NULL) {
    vf_error_adopt (&pump.failure, foreign, "cannot start a thread");
  } else {
    pump_to_socket (&pump);
    g_thread_join (reader);
  }
  g_mutex_clear (&pump.lock);
  if (pump.failure == NULL)
    return true;
  vf_channel_reset (channel, pump.failure);
  g_propagate_error (error, pump.failure);
  return false;
}

void
vf_relay_pump (VfChannel *channel, int socket_fd)
{
  g_auto (VfFd) fd = socket_fd;
  g_autoptr (GError) failure = NULL;
  if (!pump_both_ways (channel, fd, &failure))
    vf_channel_reset (channel, failure);
}

/* ---- the listening half ---- */

struct VfRelay {
  VfLink *link;
  char *socket_path;
  char *args; /* JSON */
  int listen_fd;
  GThread *listener;
  GCancellable *stop;
  int stop_fd; /* the cancellable's, for poll */
  GMutex lock;
  bool is_stopping;
  guint accepted;
  guint32 ahead_bytes; /* 0: the whole credit */
  bool is_bulk;
  GError *failure;
  GPtrArray *channels;    /* that are pumped now; owned by their threads */
  GPtrArray *connections; /* GThread of every connection that is not joined yet */
  GQueue finished;        /* of GThread: those of them that can be */
};

typedef struct {
  VfRelay *relay;
  int fd;
} Connection;

static void
note_failure (VfRelay *relay, GError *failure)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&relay->lock);
  if (relay->failure == NULL && !relay->is_stopping)
    vf_error_adopt (&relay->failure, g_steal_pointer (&failure), "cannot relay socket '%s'", relay->socket_path);
  g_clear_error (&failure);
}

/* False when the relay is being stopped. */
static bool
enlist (VfRelay *relay, VfChannel *channel)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&relay->lock);
  if (!relay->is_stopping)
    g_ptr_array_add (relay->channels, channel);
  return !relay->is_stopping;
}

static void
delist (VfRelay *relay, VfChannel *channel)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&relay->lock);
  g_ptr_array_remove_fast (relay->channels, channel);
}

static void
apply_limit (VfRelay *relay, VfChannel *channel)
{
  g_mutex_lock (&relay->lock);
  guint32 ahead_bytes = relay->ahead_bytes;
  bool is_bulk = relay->is_bulk;
  g_mutex_unlock (&relay->lock);
  if (is_bulk)
    vf_channel_mark_bulk (channel);
  if (ahead_bytes > 0)
    vf_channel_limit_ahead (channel, ahead_bytes);
}

static void
carry (VfRelay *relay, int fd)
{
  GError *failure = NULL;
  g_autoptr (JsonObject) args = vf_json_parse (relay->args, strlen (relay->args), "the relay's arguments", &failure);
  g_autoptr (VfChannel) channel = args == NULL ? NULL : vf_link_open (relay->link, "relay", args, NULL, relay->stop, &failure);
  if (channel != NULL && enlist (relay, channel)) {
    apply_limit (relay, channel);
    pump_both_ways (channel, fd, &failure);
    delist (relay, channel);
  }
  if (failure != NULL)
    note_failure (relay, failure);
}

static gpointer
carry_in_thread (gpointer data)
{
  g_autofree Connection *connection = data;
  VfRelay *relay = connection->relay;
  carry (relay, connection->fd);
  close (connection->fd);
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&relay->lock);
  g_queue_push_tail (&relay->finished, g_thread_self ());
  return NULL;
}

static void
join_finished (VfRelay *relay)
{
  for (;;) {
    g_mutex_lock (&relay->lock);
    GThread *thread = g_queue_pop_head (&relay->finished);
    g_mutex_unlock (&relay->lock);
    if (thread == NULL)
      return;
    g_ptr_array_remove_fast (relay->connections, thread);
    g_thread_join (thread);
  }
}

static void
start_connection (VfRelay *relay, int fd)
{
  GError *foreign = NULL, *failure = NULL;
  Connection *connection = g_new (Connection, 1);
  *connection = (Connection){ relay, fd };
  g_mutex_lock (&relay->lock);
  relay->accepted++;
  g_mutex_unlock (&relay->lock);
  GThread *thread = g_thread_try_new ("relay", carry_in_thread, connection, &foreign);
  if (thread != NULL) {
    g_ptr_array_add (relay->connections, thread);
    return;
  }
  g_free (connection);
  close (fd);
  vf_error_adopt (&failure, foreign, "cannot start a thread");
  note_failure (relay, failure);
}

static gpointer
listen_in_thread (gpointer data)
{
  VfRelay *relay = data;
  struct pollfd polled[] = { { .fd = relay->listen_fd, .events = POLLIN }, { .fd = relay->stop_fd, .events = POLLIN } };
  for (;;) {
    if (poll (polled, G_N_ELEMENTS (polled), -1) < 0 && errno != EINTR)
      return NULL;
    if (polled[1].revents != 0)
      return NULL;
    int fd = accept4 (relay->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
      start_connection (relay, fd);
    else if (errno != EAGAIN && errno != EINTR)
      g_usleep (100 * 1000); /* out of descriptors, perhaps: not in a busy loop */
    join_finished (relay);
  }
}

static int
make_listener (const char *path, GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  if (strlen (path) >= sizeof address.sun_path) {
    vf_error_set (error, VF_ERROR_FAILED, "cannot listen on socket '%s': its name has %zu bytes, where %zu are possible", path,
                  strlen (path), sizeof address.sun_path - 1);
    return VF_FD_NONE;
  }
  strcpy (address.sun_path, path);
  g_auto (VfFd) fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool bound = fd >= 0 && bind (fd, (struct sockaddr *)&address, sizeof address) == 0;
  if (bound && chmod (path, 0666) == 0 && listen (fd, 128) == 0)
    return vf_fd_steal (&fd);
  vf_error_set_errno (error, errno == EADDRINUSE ? EEXIST : errno, "cannot listen on socket '%s'", path);
  if (bound)
    unlink (path);
  return VF_FD_NONE;
}

VfRelay *
vf_relay_listen (VfLink *link, const char *socket_path, JsonObject *args, GError **error)
{
  int fd = make_listener (socket_path, error);
  if (fd == VF_FD_NONE)
    return NULL;
  VfRelay *relay = g_new0 (VfRelay, 1);
  relay->link = link;
  relay->socket_path = g_strdup (socket_path);
  relay->args = args == NULL ? g_strdup ("{}") : vf_json_print (args);
  relay->listen_fd = fd;
  relay->stop = g_cancellable_new ();
  relay->stop_fd = g_cancellable_get_fd (relay->stop);
  g_mutex_init (&relay->lock);
  g_queue_init (&relay->finished);
  relay->channels = g_ptr_array_new ();
  relay->connections = g_ptr_array_new ();
  relay->listener = g_thread_new ("relay-listener", listen_in_thread, relay);
  return relay;
}

void
vf_relay_mark_bulk (VfRelay *relay)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&relay->lock);
  relay->is_bulk = true;
}

void
vf_relay_limit_ahead (VfRelay *relay, guint32 bytes)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&relay->lock);
  relay->ahead_bytes = bytes;
}

guint
vf_relay_accepted (VfRelay *relay, GError **error)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&relay->lock);
  if (relay->failure != NULL && error != NULL)
    *error = g_error_copy (relay->failure);
  return relay->accepted;
}

static void
reset_channels (VfRelay *relay)
{
  g_autoptr (GError) reason = NULL;
  vf_error_set (&reason, VF_ERROR_CANCELLED, "cannot relay socket '%s': the relay was stopped", relay->socket_path);
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&relay->lock);
  relay->is_stopping = true;
  for (guint i = 0; i < relay->channels->len; i++)
    vf_channel_reset (g_ptr_array_index (relay->channels, i), reason);
}

void
vf_relay_stop (VfRelay *relay)
{
  reset_channels (relay);
  g_cancellable_cancel (relay->stop);
  g_thread_join (relay->listener);
  for (guint i = 0; i < relay->connections->len; i++)
    g_thread_join (g_ptr_array_index (relay->connections, i));
  unlink (relay->socket_path);
  close (relay->listen_fd);
  g_cancellable_release_fd (relay->stop);
  g_object_unref (relay->stop);
  g_queue_clear (&relay->finished);
  g_ptr_array_unref (relay->channels);
  g_ptr_array_unref (relay->connections);
  g_clear_error (&relay->failure);
  g_mutex_clear (&relay->lock);
  g_free (relay->socket_path);
  g_free (relay->args);
  g_free (relay);
}
