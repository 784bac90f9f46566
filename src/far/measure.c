/* How fast the link carries bytes: pieces that the far end answers one by one. Only so can a slow link be left in time: the
 * first pieces are small, and each next one is chosen by what the former took. */
#include "far/far.h"

#include "far/call.h"

enum {
  PIECE_BYTES_LEAST = 32 * 1024,
  PIECE_BYTES_MOST = 8 * 1024 * 1024,
  BUFFER_BYTES = 256 * 1024, /* more than what a compressing remote shell looks back for the same bytes */
  GREETINGS = 2,
};

typedef struct {
  VfChannel *channel;
  guint32 *buffer; /* what nothing can compress */
  GCancellable *cancellable;
} Probe;

/* Sends a piece and waits for the answer; the microseconds that both took, or -1. */
static gint64
send_piece (Probe *probe, guint32 bytes, GError **error)
{
  gint64 began_us = g_get_monotonic_time ();
  guint32 length = GUINT32_TO_BE (bytes);
  guint8 answer = 0;
  bool sent = vf_channel_send (probe->channel, &length, sizeof length, probe->cancellable, error);
  for (guint32 left = bytes; sent && left > 0; left -= MIN (left, (guint32)BUFFER_BYTES))
    sent = vf_channel_send (probe->channel, probe->buffer, MIN (left, (guint32)BUFFER_BYTES), probe->cancellable, error);
  if (!sent || !vf_channel_receive_full (probe->channel, &answer, 1, probe->cancellable, error))
    return -1;
  return MAX (g_get_monotonic_time () - began_us, 1);
}

/* The last piece counts: it is the largest, and what a link carries in its first moment is more than it keeps up. A link that
 * has carried all in time is fast, and what delayed the last piece more than the one before was a busy processor. */
static bool
measure (Probe *probe, const VfMeasure *measure, guint64 *bytes_per_s, GError **error)
{
  gint64 began_us = g_get_monotonic_time ();
  gint64 round_trip_us = G_MAXINT64;
  for (guint i = 0; i < GREETINGS; i++) {
    gint64 took_us = send_piece (probe, 1, error);
    if (took_us < 0)
      return false;
    round_trip_us = MIN (round_trip_us, took_us);
  }
  guint64 piece = PIECE_BYTES_LEAST, left = measure->bytes_max, now = 0;
  while (true) {
    gint64 took_us = send_piece (probe, (guint32)piece, error);
    if (took_us < 0)
      return false;
    guint64 before = now;
    now = piece * G_USEC_PER_SEC / (guint64)MAX (took_us - round_trip_us, took_us / 8 + 1);
    left -= MIN (left, piece);
    gint64 time_us = (gint64)measure->ms_max * 1000 - (g_get_monotonic_time () - began_us);
    guint64 in_time = time_us <= 0 ? 0 : now / 1000 * (guint64)time_us / 1000;
    guint64 next = MIN (MIN (2 * piece, (guint64)PIECE_BYTES_MOST), MIN (in_time, left));
    *bytes_per_s = time_us > 0 && in_time > left ? MAX (before, now) : now;
    if (next < PIECE_BYTES_LEAST || next < piece / 2)
      return true;
    piece = next;
  }
}

bool
vf_far_measure (VfLink *link, const VfMeasure *limits, GCancellable *cancellable, guint64 *bytes_per_s, GError **error)
{
  GError *failure = NULL;
  g_autoptr (VfChannel) channel = vf_link_open (link, "sink", NULL, NULL, cancellable, &failure);
  if (channel == NULL)
    return vf_far_failed (link, failure, error);
  g_autoptr (GRand) rand = g_rand_new ();
  g_autofree guint32 *buffer = g_malloc (BUFFER_BYTES);
  for (gsize i = 0; i < BUFFER_BYTES / sizeof *buffer; i++)
    buffer[i] = g_rand_int (rand);
  Probe probe = { channel, buffer, cancellable };
  if (!measure (&probe, limits, bytes_per_s, &failure))
    return vf_far_failed (link, failure, error);
  return vf_channel_end (channel, error);
}
