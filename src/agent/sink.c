#include "agent/service.h"

#include <string.h>

enum {
  PIECE_BYTES_MAX = 8 * 1024 * 1024,
  ALL_BYTES_MAX = 64 * 1024 * 1024,
  BUFFER_BYTES = 64 * 1024,
};

/* The source measures the link with it. */
JsonObject *
vf_service_sink (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  return json_object_new ();
}

static bool
discard (VfChannel *channel, guint32 length, guint8 *buffer, GError **error)
{
  while (length > 0) {
    gsize part = MIN (length, (guint32)BUFFER_BYTES);
    if (!vf_channel_receive_full (channel, buffer, part, NULL, error))
      return false;
    length -= (guint32)part;
  }
  return true;
}

bool
vf_service_sink_stream (VfChannel *channel, VfStreamState *state, GError **error)
{
  static const guint8 got = 'K';
  g_autofree guint8 *buffer = g_malloc (BUFFER_BYTES);
  guint64 all = 0;
  while (true) {
    guint32 length = 0;
    gssize first = vf_channel_receive (channel, &length, 1, NULL, error);
    if (first <= 0)
      return first == 0;
    if (!vf_channel_receive_full (channel, (guint8 *)&length + 1, sizeof length - 1, NULL, error))
      return false;
    length = GUINT32_FROM_BE (length);
    all += length;
    if (length == 0 || length > PIECE_BYTES_MAX || all > ALL_BYTES_MAX)
      return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot take a piece of %u bytes: too large, or too many", length);
    if (!discard (channel, length, buffer, error) || !vf_channel_send (channel, &got, 1, NULL, error))
      return false;
  }
}
