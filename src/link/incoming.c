/* What each frame does when it arrives. Runs in the reader, which must not wait for anything but locks. */
#include "base/json.h"
#include "link/link_private.h"

#include <string.h>

enum { CHUNK_BYTES = 64 * 1024 };

typedef struct {
  VfLink *link;
  const VfFrame *frame;
  guint8 *payload;    /* taken by who keeps it: then NULL */
  JsonObject *json;   /* of the types that carry it */
  VfChannel *channel; /* of the types that belong to one */
} Incoming;

static bool
break_rule (const Incoming *in, GError **error, const char *rule)
{
  return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot take frame '%s' on channel %u from %s: %s",
                       vf_frame_type_name (in->frame->type), in->frame->channel, in->link->peer_name, rule);
}

static bool
on_hello (Incoming *in, GError **error)
{
  return break_rule (in, error, "the greeting is over");
}

static bool
on_open (Incoming *in, GError **error)
{
  if (!in->link->is_serving)
    return break_rule (in, error, "only the source opens channels");
  if (in->frame->channel <= in->link->last_id)
    return break_rule (in, error, "the number was used before");
  vf_link_start_service (in->link, in->frame->channel, in->json);
  return true;
}

static bool
on_ping (Incoming *in, GError **error)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&in->link->lock);
  memcpy (in->link->pong, in->payload, sizeof in->link->pong);
  in->link->pong_is_due = true;
  g_cond_broadcast (&in->link->keeper_cond);
  return true;
}

static bool
on_pong (Incoming *in, GError **error)
{
  return true;
}

static bool
on_accept_locked (Incoming *in, GError **error)
{
  if (in->link->is_serving)
    return break_rule (in, error, "the source does not answer");
  if (in->channel->phase != VF_CHANNEL_OPENING)
    return break_rule (in, error, "it was accepted before");
  in->channel->phase = VF_CHANNEL_OPEN;
  in->channel->answer = json_object_ref (in->json);
  vf_channel_wake_locked (in->channel);
  return true;
}

static bool
on_refuse_locked (Incoming *in, GError **error)
{
  if (in->link->is_serving)
    return break_rule (in, error, "the source does not answer");
  if (in->channel->phase != VF_CHANNEL_OPENING)
    return break_rule (in, error, "it was accepted before");
  vf_channel_fail_locked (in->channel, vf_reason_from_json (in->json));
  return true;
}

static bool
on_reset_locked (Incoming *in, GError **error)
{
  vf_channel_fail_locked (in->channel, vf_reason_from_json (in->json));
  return true;
}

/* Small frames share a chunk: else a peer that sends single bytes would make us keep a hundred for each. */
static void
append_locked (VfChannel *channel, Incoming *in)
{
  gsize length = in->frame->payload_bytes;
  VfChunk *tail = g_queue_peek_tail (&channel->chunks);
  if (tail == NULL || tail->capacity - tail->end < length) {
    tail = g_new0 (VfChunk, 1);
    tail->capacity = MAX (length, CHUNK_BYTES);
    g_queue_push_tail (&channel->chunks, tail);
    if (length == tail->capacity) {
      tail->data = g_steal_pointer (&in->payload);
      tail->end = length;
      return;
    }
    tail->data = g_malloc (tail->capacity);
  }
  memcpy (tail->data + tail->end, in->payload, length);
  tail->end += length;
}

static bool
on_data_locked (Incoming *in, GError **error)
{
  VfChannel *channel = in->channel;
  if (channel->phase != VF_CHANNEL_OPEN)
    return break_rule (in, error, "it was not accepted");
  if (channel->got_end)
    return break_rule (in, error, "it follows an END");
  if (in->frame->payload_bytes > channel->receive_bytes_left)
    return break_rule (in, error, "it exceeds the credit");
  if (channel->is_abandoned) {
    GError *reason = NULL;
    vf_error_set (&reason, VF_ERROR_FAILED, "cannot send to service '%s': it has ended", channel->service);
    vf_link_post_reason_locked (in->link, VF_FRAME_RESET, channel->id, reason);
    vf_channel_fail_locked (channel, reason);
    return true;
  }
  channel->receive_bytes_left -= in->frame->payload_bytes;
  append_locked (channel, in);
  vf_channel_wake_locked (channel);
  return true;
}

static bool
on_credit_locked (Incoming *in, GError **error)
{
  guint32 bytes;
  memcpy (&bytes, in->payload, sizeof bytes);
  bytes = GUINT32_FROM_BE (bytes);
  VfChannel *channel = in->channel;
  if (channel->phase != VF_CHANNEL_OPEN)
    return break_rule (in, error, "it was not accepted");
  if (bytes == 0 || bytes > VF_LINK_CREDIT_BYTES - channel->send_bytes_left)
    return break_rule (in, error, "it gives back what was not spent");
  channel->send_bytes_left += bytes;
  vf_channel_wake_locked (channel);
  return true;
}

static bool
on_end_locked (Incoming *in, GError **error)
{
  VfChannel *channel = in->channel;
  if (channel->phase != VF_CHANNEL_OPEN)
    return break_rule (in, error, "it was not accepted");
  if (channel->got_end)
    return break_rule (in, error, "it follows an END");
  channel->got_end = true;
  vf_channel_wake_locked (channel);
  if (channel->sent_end)
    vf_channel_leave_locked (channel);
  return true;
}

typedef bool (*Act) (Incoming *in, GError **error);

static const struct {
  Act act;
  bool is_json;
  bool on_channel; /* `act` wants in->channel, and runs with the lock held */
} acts[] = {
  [VF_FRAME_HELLO] = { on_hello, false, false },        [VF_FRAME_OPEN] = { on_open, true, false },
  [VF_FRAME_ACCEPT] = { on_accept_locked, true, true }, [VF_FRAME_REFUSE] = { on_refuse_locked, true, true },
  [VF_FRAME_DATA] = { on_data_locked, false, true },    [VF_FRAME_CREDIT] = { on_credit_locked, false, true },
  [VF_FRAME_END] = { on_end_locked, false, true },      [VF_FRAME_RESET] = { on_reset_locked, true, true },
  [VF_FRAME_PING] = { on_ping, false, false },          [VF_FRAME_PONG] = { on_pong, false, false },
};

/* Frames for a channel that has been open may still have been under way when it went. */
static bool
act_on_channel (Incoming *in, GError **error)
{
  VfLink *link = in->link;
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->lock);
  in->channel = g_hash_table_lookup (link->channels, GUINT_TO_POINTER (in->frame->channel));
  if (in->channel != NULL)
    return acts[in->frame->type].act (in, error);
  if (in->frame->channel <= link->last_id)
    return true;
  return break_rule (in, error, "it was never opened");
}

bool
vf_link_take_frame (VfLink *link, const VfFrame *frame, guint8 *payload, GError **error)
{
  g_autofree guint8 *owned = payload;
  g_autoptr (JsonObject) json = NULL;
  Incoming in = { .link = link, .frame = frame, .payload = payload };
  if (acts[frame->type].is_json) {
    g_autoptr (GError) reason = NULL;
    json = vf_json_parse ((const char *)payload, frame->payload_bytes, "its payload", &reason);
    if (json == NULL)
      return break_rule (&in, error, reason->message);
    in.json = json;
  }
  bool ok = acts[frame->type].on_channel ? act_on_channel (&in, error) : acts[frame->type].act (&in, error);
  if (in.payload == NULL)
    owned = NULL; /* kept */
  return ok;
}
