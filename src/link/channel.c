#include "base/json.h"
#include "link/link_private.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

/* A receiver gives credit back in portions of this size, or of the smaller one once it has emptied its queue. */
enum { GIVE_BACK_BYTES = 512 * 1024, GIVE_BACK_DRAINED_BYTES = 64 * 1024 };

/* ---- life ---- */

VfChannel *
vf_channel_new (VfLink *link, const char *service)
{
  VfChannel *channel = g_new0 (VfChannel, 1);
  channel->link = link;
  channel->service = vf_reason_clean (service, MIN (strlen (service), 64));
  channel->references = 1;
  channel->send_bytes_left = channel->receive_bytes_left = VF_LINK_CREDIT_BYTES;
  channel->alarm_fd = VF_FD_NONE;
  g_cond_init (&channel->changed);
  g_queue_init (&channel->chunks);
  return channel;
}

static void
chunk_free (gpointer data)
{
  VfChunk *chunk = data;
  g_free (chunk->data);
  g_free (chunk);
}

void
vf_channel_drop_chunks_locked (VfChannel *channel)
{
  g_queue_clear_full (&channel->chunks, chunk_free);
}

void
vf_channel_unref_locked (VfChannel *channel)
{
  if (--channel->references > 0)
    return;
  vf_channel_drop_chunks_locked (channel);
  g_clear_pointer (&channel->current, chunk_free);
  g_clear_pointer (&channel->answer, json_object_unref);
  g_clear_error (&channel->failure);
  vf_fd_close_value (channel->alarm_fd);
  g_cond_clear (&channel->changed);
  g_free (channel->service);
  g_free (channel);
}

void
vf_channel_join_locked (VfChannel *channel)
{
  channel->references++;
  channel->phase = VF_CHANNEL_OPENING;
  g_hash_table_insert (channel->link->channels, GUINT_TO_POINTER (channel->id), channel);
}

/* May free the channel, when the table held the last reference. */
void
vf_channel_leave_locked (VfChannel *channel)
{
  channel->phase = VF_CHANNEL_GONE;
  g_hash_table_remove (channel->link->channels, GUINT_TO_POINTER (channel->id));
}

void
vf_channel_wake_locked (VfChannel *channel)
{
  g_cond_broadcast (&channel->changed);
  if (channel->alarm_fd != VF_FD_NONE && (channel->failure != NULL || channel->link->death != NULL))
    eventfd_write (channel->alarm_fd, 1);
}

void
vf_channel_fail_locked (VfChannel *channel, GError *failure)
{
  if (channel->failure == NULL)
    channel->failure = g_steal_pointer (&failure);
  g_clear_error (&failure);
  vf_channel_drop_chunks_locked (channel);
  vf_channel_wake_locked (channel);
  if (channel->phase != VF_CHANNEL_GONE)
    vf_channel_leave_locked (channel);
}

int
vf_channel_alarm_fd (VfChannel *channel, GError **error)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&channel->link->lock);
  if (channel->alarm_fd == VF_FD_NONE)
    channel->alarm_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (channel->alarm_fd == VF_FD_NONE)
    vf_error_set_errno (error, errno, "cannot make an event descriptor");
  vf_channel_wake_locked (channel);
  return channel->alarm_fd;
}

GError *
vf_channel_copy_failure (VfChannel *channel)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&channel->link->lock);
  const GError *failure = channel->failure != NULL ? channel->failure : channel->link->death;
  return failure == NULL ? NULL : g_error_copy (failure);
}

static void
drop (VfChannel *channel, const GError *reason)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&channel->link->lock);
  if (channel->phase == VF_CHANNEL_GONE)
    return;
  bool is_refusal = channel->link->is_serving && channel->phase == VF_CHANNEL_OPENING;
  vf_link_post_reason_locked (channel->link, is_refusal ? VF_FRAME_REFUSE : VF_FRAME_RESET, channel->id, reason);
  vf_channel_fail_locked (channel, g_error_copy (reason));
}

void
vf_channel_reset (VfChannel *channel, const GError *reason)
{
  drop (channel, reason);
}

void
vf_channel_free (VfChannel *channel)
{
  g_autoptr (GError) reason = NULL;
  VfLink *link = channel->link;
  vf_error_set (&reason, VF_ERROR_FAILED, "cannot go on with '%s': %s has dropped the channel", channel->service,
                link->is_serving ? "the agent" : "the source");
  drop (channel, reason);
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  vf_channel_unref_locked (channel);
}

/* ---- waiting ---- */

typedef bool (*Ready) (const VfChannel *channel);

static bool
has_failed (const VfChannel *channel)
{
  return channel->failure != NULL || channel->link->death != NULL;
}

static bool
is_answered (const VfChannel *channel)
{
  return channel->phase != VF_CHANNEL_OPENING;
}

static bool
has_credit (const VfChannel *channel)
{
  return channel->send_bytes_left > channel->send_bytes_kept;
}

static bool
has_input (const VfChannel *channel)
{
  return channel->chunks.length > 0 || channel->got_end;
}

static void
wake_waiter (GCancellable *cancellable, gpointer data)
{
  VfChannel *channel = data;
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&channel->link->lock);
  g_cond_broadcast (&channel->changed);
}

/* Until ready, failed or cancelled. Gives the lock away while it waits, and also to (dis)connect the cancellable, whose
 * callback takes it. */
static void
wait_locked (VfChannel *channel, Ready ready, GCancellable *cancellable)
{
  GMutex *lock = &channel->link->lock;
  if (ready (channel) || has_failed (channel))
    return;
  g_mutex_unlock (lock);
  gulong connection = 0;
  if (cancellable != NULL)
    connection = g_cancellable_connect (cancellable, G_CALLBACK (wake_waiter), channel, NULL);
  g_mutex_lock (lock);
  while (!ready (channel) && !has_failed (channel) && !g_cancellable_is_cancelled (cancellable))
    g_cond_wait (&channel->changed, lock);
  g_mutex_unlock (lock);
  g_cancellable_disconnect (cancellable, connection);
  g_mutex_lock (lock);
}

static bool
report_failure_locked (VfChannel *channel, GError **error)
{
  const GError *reason = channel->failure != NULL ? channel->failure : channel->link->death;
  if (reason != NULL && error != NULL)
    *error = g_error_copy (reason);
  if (reason != NULL)
    return false;
  return vf_error_set (error, VF_ERROR_CANCELLED, "cannot go on with '%s': stopped on request", channel->service);
}

/* ---- opening ---- */

static bool
register_opening (VfChannel *channel, GError **error)
{
  VfLink *link = channel->link;
  if (g_hash_table_size (link->channels) >= VF_LINK_CHANNELS_MAX)
    return vf_error_set (error, VF_ERROR_BUSY, "cannot open channel '%s': %d are open already", channel->service,
                         VF_LINK_CHANNELS_MAX);
  if (link->last_id == G_MAXUINT32)
    return vf_error_set (error, VF_ERROR_FAILED, "cannot open channel '%s': the link has run out of numbers", channel->service);
  channel->id = ++link->last_id;
  vf_channel_join_locked (channel);
  return true;
}

static char *
print_open (const char *service, JsonObject *args)
{
  g_autoptr (JsonObject) open = json_object_new ();
  JsonObjectIter iter;
  const char *member;
  JsonNode *node;
  if (args != NULL)
    json_object_iter_init (&iter, args);
  while (args != NULL && json_object_iter_next (&iter, &member, &node))
    json_object_set_member (open, member, json_node_copy (node));
  json_object_set_string_member (open, "service", service);
  return vf_json_print (open);
}

static bool
check_length (const char *verb, const char *service, gsize length, GError **error)
{
  if (length > VF_FRAME_PAYLOAD_BYTES_MAX)
    return vf_error_set (error, VF_ERROR_FAILED, "cannot %s channel '%s': its arguments have %zu bytes, where %d are allowed",
                         verb, service, length, VF_FRAME_PAYLOAD_BYTES_MAX);
  return true;
}

VfChannel *
vf_link_open (VfLink *link, const char *service, JsonObject *args, JsonObject **answer, GCancellable *cancellable,
              GError **error)
{
  g_autofree char *text = print_open (service, args);
  if (!check_length ("open", service, strlen (text), error))
    return NULL;
  g_autoptr (VfChannel) channel = vf_channel_new (link, service);
  channel->phase = VF_CHANNEL_GONE; /* until it has a number */
  if (!vf_link_write (link, VF_FRAME_OPEN, channel, text, strlen (text), register_opening, error))
    return NULL;
  g_mutex_lock (&link->lock);
  wait_locked (channel, is_answered, cancellable);
  bool accepted = channel->answer != NULL && channel->failure == NULL;
  if (!accepted)
    report_failure_locked (channel, error);
  else if (answer != NULL)
    *answer = json_object_ref (channel->answer);
  g_mutex_unlock (&link->lock);
  return accepted ? g_steal_pointer (&channel) : NULL;
}

JsonObject *
vf_link_call (VfLink *link, const char *service, JsonObject *args, GCancellable *cancellable, GError **error)
{
  JsonObject *answer = NULL;
  g_autoptr (VfChannel) channel = vf_link_open (link, service, args, &answer, cancellable, error);
  if (channel == NULL)
    return NULL;
  /* The answer is known; that the service has ended is only waited for, so that calls in a row do not pile up there. */
  guint8 unwanted;
  if (vf_channel_end (channel, NULL))
    vf_channel_receive (channel, &unwanted, sizeof unwanted, cancellable, NULL);
  return answer;
}

static bool
mark_accepted (VfChannel *channel, GError **error)
{
  if (channel->failure != NULL)
    return report_failure_locked (channel, error);
  g_return_val_if_fail (channel->phase == VF_CHANNEL_OPENING, false);
  channel->phase = VF_CHANNEL_OPEN;
  return true;
}

bool
vf_channel_accept (VfChannel *channel, JsonObject *answer, GError **error)
{
  g_autofree char *text = answer == NULL ? g_strdup ("{}") : vf_json_print (answer);
  gsize length = strlen (text);
  return check_length ("accept", channel->service, length, error) &&
         vf_link_write (channel->link, VF_FRAME_ACCEPT, channel, text, length, mark_accepted, error);
}

bool
vf_channel_refuse (VfChannel *channel, const GError *reason)
{
  drop (channel, reason);
  return !vf_link_is_dead (channel->link, NULL);
}

/* ---- bytes ---- */

/* Waits for credit and spends it; 0 on error. */
static guint32
take_credit (VfChannel *channel, gsize wanted, GCancellable *cancellable, GError **error)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&channel->link->lock);
  wait_locked (channel, has_credit, cancellable);
  if (has_failed (channel) || g_cancellable_is_cancelled (cancellable)) {
    report_failure_locked (channel, error);
    return 0;
  }
  g_return_val_if_fail (channel->phase != VF_CHANNEL_OPENING, 0);
  guint32 taken = MIN (MIN (wanted, VF_LINK_DATA_BYTES_MAX), channel->send_bytes_left - channel->send_bytes_kept);
  channel->send_bytes_left -= taken;
  return taken;
}

void
vf_channel_limit_ahead (VfChannel *channel, guint32 bytes)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&channel->link->lock);
  channel->send_bytes_kept = VF_LINK_CREDIT_BYTES - CLAMP (bytes, (guint32)GIVE_BACK_DRAINED_BYTES * 2, VF_LINK_CREDIT_BYTES);
}

void
vf_channel_mark_bulk (VfChannel *channel)
{
  channel->is_bulk = true;
}

/* What was taken as credit goes back when it will not be sent. */
static bool
wait_for_rate (VfChannel *channel, guint32 n, GCancellable *cancellable, GError **error)
{
  for (gint64 wait_us = vf_link_pay_for (channel->link, n); wait_us > 0; wait_us = vf_link_pay_for (channel->link, n)) {
    gint64 until_us = g_get_monotonic_time () + wait_us;
    G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&channel->link->lock);
    while (!has_failed (channel) && !g_cancellable_is_cancelled (cancellable) && g_get_monotonic_time () < until_us)
      g_cond_wait_until (&channel->changed, &channel->link->lock, until_us);
    if (!has_failed (channel) && !g_cancellable_is_cancelled (cancellable))
      continue;
    channel->send_bytes_left += n;
    return report_failure_locked (channel, error);
  }
  return true;
}

bool
vf_channel_send (VfChannel *channel, const void *data, gsize length, GCancellable *cancellable, GError **error)
{
  const guint8 *bytes = data;
  while (length > 0) {
    gsize wanted = channel->is_bulk ? MIN (length, vf_link_rate_portion (channel->link)) : length;
    guint32 n = take_credit (channel, wanted, cancellable, error);
    if (n == 0 || (channel->is_bulk && !wait_for_rate (channel, n, cancellable, error)) ||
        !vf_link_write (channel->link, VF_FRAME_DATA, channel, bytes, n, NULL, error))
      return false;
    bytes += n;
    length -= n;
  }
  return true;
}

/* Makes sure that `current` has bytes: 1; the peer has ended: 0; error: -1. */
static int
take_chunk (VfChannel *channel, GCancellable *cancellable, GError **error)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&channel->link->lock);
  if (channel->current == NULL)
    wait_locked (channel, has_input, cancellable);
  if (channel->failure != NULL || g_cancellable_is_cancelled (cancellable)) {
    report_failure_locked (channel, error);
    return -1;
  }
  if (channel->current == NULL)
    channel->current = g_queue_pop_head (&channel->chunks);
  if (channel->current != NULL)
    return 1;
  if (channel->got_end)
    return 0;
  report_failure_locked (channel, error);
  return -1;
}

/* How much to give back now that `n` more bytes have been consumed. */
static guint32
settle (VfChannel *channel, gsize n)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&channel->link->lock);
  bool drained = channel->current == NULL && channel->chunks.length == 0;
  channel->owed_bytes += (guint32)n;
  if (channel->owed_bytes < (drained ? GIVE_BACK_DRAINED_BYTES : GIVE_BACK_BYTES))
    return 0;
  if (channel->got_end || channel->phase != VF_CHANNEL_OPEN)
    return 0;
  guint32 given = channel->owed_bytes;
  channel->receive_bytes_left += given;
  channel->owed_bytes = 0;
  return given;
}

gssize
vf_channel_receive (VfChannel *channel, void *buffer, gsize length, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (length > 0, -1);
  int available = take_chunk (channel, cancellable, error);
  if (available <= 0)
    return available;
  VfChunk *chunk = channel->current;
  gsize n = MIN (length, chunk->end - chunk->start);
  memcpy (buffer, chunk->data + chunk->start, n);
  chunk->start += n;
  if (chunk->start == chunk->end)
    g_clear_pointer (&channel->current, chunk_free);
  guint32 given = GUINT32_TO_BE (settle (channel, n));
  /* If this fails the link is dead, and the next call says so: these bytes have arrived. */
  if (given != 0)
    vf_link_write (channel->link, VF_FRAME_CREDIT, channel, &given, sizeof given, NULL, NULL);
  return (gssize)n;
}

bool
vf_channel_receive_full (VfChannel *channel, void *buffer, gsize length, GCancellable *cancellable, GError **error)
{
  guint8 *bytes = buffer;
  gsize done = 0;
  while (done < length) {
    gssize n = vf_channel_receive (channel, bytes + done, length - done, cancellable, error);
    if (n < 0)
      return false;
    if (n == 0)
      return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read from '%s': it ended after %zu of %zu bytes", channel->service,
                           done, length);
    done += (gsize)n;
  }
  return true;
}

static bool
mark_ended (VfChannel *channel, GError **error)
{
  if (channel->failure != NULL)
    return report_failure_locked (channel, error);
  channel->sent_end = true;
  if (channel->got_end)
    vf_channel_leave_locked (channel);
  return true;
}

bool
vf_channel_end (VfChannel *channel, GError **error)
{
  if (channel->sent_end)
    return true;
  return vf_link_write (channel->link, VF_FRAME_END, channel, NULL, 0, mark_ended, error);
}
