#include "link/link_private.h"

#include "base/json.h"

typedef struct {
  VfChannel *channel;
  JsonObject *args;
} ServiceCall;

/* The service has returned: what it left open is ended. Its channel may stay in the table, abandoned, until the peer ends it
 * too. */
static void
wind_up_locked (VfChannel *channel)
{
  VfLink *link = channel->link;
  channel->is_abandoned = true;
  if (channel->phase == VF_CHANNEL_OPENING) {
    g_autoptr (GError) reason = NULL;
    vf_error_set (&reason, VF_ERROR_FAILED, "cannot serve '%s': the service gave no answer", channel->service);
    vf_link_post_reason_locked (link, VF_FRAME_REFUSE, channel->id, reason);
    vf_channel_leave_locked (channel);
  } else if (channel->phase == VF_CHANNEL_OPEN && !channel->sent_end) {
    channel->sent_end = true;
    vf_link_post_locked (link, VF_FRAME_END, channel->id, NULL, 0);
  }
  if (channel->phase == VF_CHANNEL_OPEN && channel->got_end)
    vf_channel_leave_locked (channel);
  vf_channel_drop_chunks_locked (channel);
  vf_channel_unref_locked (channel);
}

static gpointer
run_service (gpointer data)
{
  g_autofree ServiceCall *call = data;
  VfLink *link = call->channel->link;
  link->service (call->channel, call->channel->service, call->args, link->service_data);
  json_object_unref (call->args);
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  wind_up_locked (call->channel);
  link->services--;
  g_queue_push_tail (&link->finished, g_thread_self ());
  g_cond_broadcast (&link->services_cond);
  return NULL;
}

static void
join_finished (VfLink *link)
{
  for (;;) {
    g_mutex_lock (&link->lock);
    GThread *thread = g_queue_pop_head (&link->finished);
    g_mutex_unlock (&link->lock);
    if (thread == NULL)
      return;
    g_thread_join (thread);
  }
}

static bool
admit_locked (VfLink *link, VfChannel *channel, GError **error)
{
  if (g_hash_table_size (link->channels) >= VF_LINK_CHANNELS_MAX || link->services >= VF_LINK_SERVICES_MAX)
    return vf_error_set (error, VF_ERROR_BUSY, "cannot open channel '%s': %d are open already", channel->service,
                         VF_LINK_CHANNELS_MAX);
  return true;
}

/* Called by the reader. Takes a reference of its own for the service, beside the table's. */
void
vf_link_start_service (VfLink *link, guint32 id, JsonObject *args)
{
  join_finished (link);
  g_autoptr (GError) reason = NULL;
  VfChannel *channel = vf_channel_new (link, vf_json_string_or (args, "service", ""));
  channel->id = id;
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  link->last_id = id;
  GThread *thread = NULL;
  if (admit_locked (link, channel, &reason)) {
    ServiceCall *call = g_new (ServiceCall, 1);
    *call = (ServiceCall){ channel, json_object_ref (args) };
    vf_channel_join_locked (channel);
    link->services++;
    GError *foreign = NULL;
    thread = g_thread_try_new ("link-service", run_service, call, &foreign);
    if (thread != NULL)
      return;
    link->services--;
    json_object_unref (args);
    g_free (call);
    vf_channel_leave_locked (channel);
    vf_error_adopt (&reason, foreign, "cannot open channel '%s'", channel->service);
  }
  vf_link_post_reason_locked (link, VF_FRAME_REFUSE, id, reason);
  vf_channel_unref_locked (channel);
}

static void
wait_for_services (VfLink *link)
{
  g_mutex_lock (&link->lock);
  while (link->services > 0)
    g_cond_wait (&link->services_cond, &link->lock);
  g_mutex_unlock (&link->lock);
  join_finished (link);
}

bool
vf_link_serve (int in_fd, int out_fd, guint timeout_s, JsonObject *hello, VfLinkService service, gpointer data, GError **error)
{
  g_autoptr (VfLink) link = vf_link_new (in_fd, out_fd, timeout_s, true, error);
  if (link == NULL || !vf_link_greet (link, hello, error))
    return false;
  link->service = service;
  link->service_data = data;
  vf_link_start_keeper (link);
  vf_link_read_until_dead (link);
  wait_for_services (link);
  if (link->peer_hung_up)
    return true;
  vf_link_is_dead (link, error);
  return false;
}
