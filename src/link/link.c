#include "link/link_private.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct {
  VfFrame frame;
  guint8 payload[];
} VfPost;

/* ---- death ---- */

void
vf_link_kill_locked (VfLink *link, GError *reason)
{
  if (link->death != NULL) {
    g_error_free (reason);
    return;
  }
  link->death = reason;
  GHashTableIter iter;
  gpointer channel;
  g_hash_table_iter_init (&iter, link->channels);
  while (g_hash_table_iter_next (&iter, NULL, &channel))
    vf_channel_wake_locked (channel);
  g_cond_broadcast (&link->keeper_cond);
  eventfd_write (link->wake_fd, 1);
}

void
vf_link_kill (VfLink *link, GError *reason)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  vf_link_kill_locked (link, reason);
}

char *
vf_link_ask_epitaph (VfLink *link)
{
  return link->epitaph == NULL ? NULL : link->epitaph (link->epitaph_data);
}

static void
kill_unreachable (VfLink *link, bool hung_up, const char *why)
{
  GError *reason = NULL;
  g_autofree char *epitaph = vf_link_ask_epitaph (link);
  if (epitaph != NULL)
    vf_error_set (&reason, VF_ERROR_UNREACHABLE, "cannot reach %s: %s: '%s'", link->peer_name, why, epitaph);
  else
    vf_error_set (&reason, VF_ERROR_UNREACHABLE, "cannot reach %s: %s", link->peer_name, why);
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  if (link->death == NULL)
    link->peer_hung_up = hung_up;
  vf_link_kill_locked (link, reason);
}

/* What a stream's result means for the link; nothing for OK and WOKEN. Uses errno. */
static void
bury (VfLink *link, VfStreamResult result)
{
  if (result == VF_STREAM_END) {
    kill_unreachable (link, true, "it has hung up");
  } else if (result == VF_STREAM_SILENT) {
    g_autofree char *why = g_strdup_printf ("nothing moved for %u s", link->timeout_s);
    kill_unreachable (link, false, why);
  } else if (result == VF_STREAM_FAILED) {
    kill_unreachable (link, false, errno == EPIPE ? "it hung up in the middle of a frame" : g_strerror (errno));
  }
}

bool
vf_link_is_dead (VfLink *link, GError **error)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  if (link->death == NULL)
    return false;
  if (error != NULL)
    *error = g_error_copy (link->death);
  return true;
}

/* ---- writing ---- */

void
vf_link_post_locked (VfLink *link, VfFrameType type, guint32 id, const void *payload, gsize length)
{
  if (link->death != NULL)
    return;
  if (link->posts.length >= VF_LINK_POSTS_MAX) {
    vf_link_kill_locked (link, g_error_new (VF_ERROR, VF_ERROR_PROTOCOL,
                                            "cannot answer %s: it does not read the answers to %d frames", link->peer_name,
                                            VF_LINK_POSTS_MAX));
    return;
  }
  VfPost *post = g_malloc (sizeof *post + length);
  post->frame = (VfFrame){ .payload_bytes = (guint32)length, .channel = id, .type = type };
  if (length > 0)
    memcpy (post->payload, payload, length);
  g_queue_push_tail (&link->posts, post);
  g_cond_broadcast (&link->keeper_cond);
}

void
vf_link_post_reason_locked (VfLink *link, VfFrameType type, guint32 id, const GError *reason)
{
  g_autofree char *text = vf_reason_print (reason);
  vf_link_post_locked (link, type, id, text, strlen (text));
}

static bool
write_frame (VfLink *link, const VfFrame *frame, const void *payload, GError **error)
{
  guint8 header[VF_FRAME_HEADER_BYTES];
  vf_frame_encode (frame, header);
  struct iovec parts[] = { { header, sizeof header }, { (void *)payload, frame->payload_bytes } };
  VfStreamResult result = vf_stream_write (link, parts, frame->payload_bytes > 0 ? 2 : 1);
  bury (link, result);
  if (result != VF_STREAM_OK) {
    vf_link_is_dead (link, error);
    return false;
  }
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  link->sent_us = g_get_monotonic_time ();
  link->bytes_sent += sizeof header + frame->payload_bytes;
  return true;
}

static VfPost *
next_post (VfLink *link)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  if (link->death != NULL)
    return NULL;
  if (!link->pong_is_due)
    return g_queue_pop_head (&link->posts);
  link->pong_is_due = false;
  VfPost *pong = g_malloc (sizeof *pong + sizeof link->pong);
  pong->frame = (VfFrame){ .payload_bytes = sizeof link->pong, .type = VF_FRAME_PONG };
  memcpy (pong->payload, link->pong, sizeof link->pong);
  return pong;
}

/* With write_lock held. */
static void
write_posts (VfLink *link)
{
  bool written = true;
  while (written) {
    g_autofree VfPost *post = next_post (link);
    written = post != NULL && write_frame (link, &post->frame, post->payload, NULL);
  }
}

bool
vf_link_write (VfLink *link, VfFrameType type, VfChannel *channel, const void *payload, gsize length, VfBeforeWrite before,
               GError **error)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) writing = g_mutex_locker_new (&link->write_lock);
  write_posts (link);
  g_mutex_lock (&link->lock);
  bool allowed = link->death == NULL;
  if (!allowed && error != NULL)
    *error = g_error_copy (link->death);
  allowed = allowed && (before == NULL || before (channel, error));
  VfFrame frame = { .payload_bytes = (guint32)length, .channel = channel->id, .type = type };
  g_mutex_unlock (&link->lock);
  return allowed && write_frame (link, &frame, payload, error);
}

/* ---- the keeper ---- */

/* A third of the timeout after anything was last heard, and after anything was last sent: so the peer hears from us even when
 * what it would answer lies behind megabytes of data in a slow connection. */
static gint64
next_ping_us (VfLink *link)
{
  gint64 third_us = (gint64)link->timeout_s * G_USEC_PER_SEC / 3;
  return MAX (MIN (link->heard_us, link->sent_us), link->pinged_us) + third_us;
}

static gpointer
keep (gpointer data)
{
  VfLink *link = data;
  g_mutex_lock (&link->lock);
  while (link->death == NULL) {
    gint64 now_us = g_get_monotonic_time ();
    if (now_us >= next_ping_us (link)) {
      guint64 stamp = GUINT64_TO_BE ((guint64)now_us);
      link->pinged_us = now_us;
      vf_link_post_locked (link, VF_FRAME_PING, 0, &stamp, sizeof stamp);
    }
    if (link->posts.length == 0 && !link->pong_is_due) {
      g_cond_wait_until (&link->keeper_cond, &link->lock, next_ping_us (link));
      continue;
    }
    g_mutex_unlock (&link->lock);
    g_mutex_lock (&link->write_lock);
    write_posts (link);
    g_mutex_unlock (&link->write_lock);
    g_mutex_lock (&link->lock);
  }
  g_mutex_unlock (&link->lock);
  return NULL;
}

void
vf_link_start_keeper (VfLink *link)
{
  gint64 now_us = g_get_monotonic_time ();
  link->heard_us = link->sent_us = link->pinged_us = now_us;
  link->keeper = g_thread_new ("link-keeper", keep, link);
}

/* ---- the reader ---- */

static bool
read_frame (VfLink *link)
{
  guint8 header[VF_FRAME_HEADER_BYTES];
  VfFrame frame;
  GError *broken = NULL;
  VfStreamResult result = vf_stream_read_full (link, header, sizeof header);
  if (result == VF_STREAM_OK && !vf_frame_decode (header, &frame, &broken)) {
    vf_link_kill (link, broken);
    return false;
  }
  g_autofree guint8 *payload = NULL;
  if (result == VF_STREAM_OK && frame.payload_bytes > 0) {
    payload = g_malloc (frame.payload_bytes);
    result = vf_stream_read_full (link, payload, frame.payload_bytes);
    if (result == VF_STREAM_END) {
      errno = EPIPE;
      result = VF_STREAM_FAILED;
    }
  }
  if (result != VF_STREAM_OK) {
    bury (link, result);
    return false;
  }
  if (!vf_link_take_frame (link, &frame, g_steal_pointer (&payload), &broken)) {
    vf_link_kill (link, broken);
    return false;
  }
  return !vf_link_is_dead (link, NULL);
}

void
vf_link_read_until_dead (VfLink *link)
{
  while (read_frame (link))
    ;
}

static gpointer
read_in_thread (gpointer data)
{
  vf_link_read_until_dead (data);
  return NULL;
}

/* ---- life ---- */

static void
unref_channel (gpointer channel)
{
  vf_channel_unref_locked (channel);
}

VfLink *
vf_link_new (int in_fd, int out_fd, guint timeout_s, bool is_serving, GError **error)
{
  VfLink *link = g_new0 (VfLink, 1);
  link->in_fd = in_fd;
  link->out_fd = out_fd;
  link->timeout_s = MAX (timeout_s, 1);
  link->greeting_deadline_us = g_get_monotonic_time () + (gint64)link->timeout_s * G_USEC_PER_SEC;
  link->is_serving = is_serving;
  link->peer_name = is_serving ? "the source" : "the agent";
  link->channels = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, unref_channel);
  g_mutex_init (&link->write_lock);
  g_mutex_init (&link->rate_lock);
  g_mutex_init (&link->lock);
  g_cond_init (&link->keeper_cond);
  g_cond_init (&link->services_cond);
  g_queue_init (&link->posts);
  g_queue_init (&link->finished);
  vf_stream_ignore_sigpipe ();
  link->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (link->wake_fd < 0)
    vf_error_set_errno (error, errno, "cannot make an event descriptor");
  if (link->wake_fd >= 0 && vf_stream_set_nonblocking (in_fd, error) && vf_stream_set_nonblocking (out_fd, error))
    return link;
  vf_link_free (link);
  return NULL;
}

VfLink *
vf_link_connect_with (int in_fd, int out_fd, guint timeout_s, const VfLinkWishes *wishes, GError **error)
{
  g_autoptr (VfLink) link = vf_link_new (in_fd, out_fd, timeout_s, false, error);
  if (link == NULL)
    return NULL;
  link->epitaph = wishes->epitaph;
  link->epitaph_data = wishes->epitaph_data;
  link->greeting_deadline_us = g_get_monotonic_time () + (gint64)MAX (wishes->greeting_s, 1) * G_USEC_PER_SEC;
  if (!vf_link_greet (link, NULL, error))
    return NULL;
  vf_link_start_keeper (link);
  link->reader = g_thread_new ("link-reader", read_in_thread, link);
  return g_steal_pointer (&link);
}

VfLink *
vf_link_connect (int in_fd, int out_fd, guint timeout_s, GError **error)
{
  return vf_link_connect_with (in_fd, out_fd, timeout_s, &(VfLinkWishes){ .greeting_s = timeout_s }, error);
}

JsonObject *
vf_link_peer (VfLink *link)
{
  return link->peer;
}

void
vf_link_counters (VfLink *link, guint64 *bytes_sent, guint64 *bytes_received)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  *bytes_sent = link->bytes_sent;
  *bytes_received = link->bytes_received;
}

void
vf_link_close (VfLink *link)
{
  vf_link_kill (link, g_error_new (VF_ERROR, VF_ERROR_UNREACHABLE, "cannot reach %s: the link was closed", link->peer_name));
}

void
vf_link_free (VfLink *link)
{
  vf_link_close (link);
  g_clear_pointer (&link->reader, g_thread_join);
  g_clear_pointer (&link->keeper, g_thread_join);
  g_hash_table_unref (link->channels);
  g_queue_clear_full (&link->posts, g_free);
  g_clear_pointer (&link->peer, json_object_unref);
  g_clear_error (&link->death);
  vf_fd_close_value (link->wake_fd);
  if (link->out_fd != link->in_fd)
    vf_fd_close_value (link->out_fd);
  vf_fd_close_value (link->in_fd);
  g_mutex_clear (&link->write_lock);
  g_mutex_clear (&link->rate_lock);
  g_mutex_clear (&link->lock);
  g_cond_clear (&link->keeper_cond);
  g_cond_clear (&link->services_cond);
  g_free (link);
}
