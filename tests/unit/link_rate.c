/* One rate for all bulk channels of a link. Times are compared with each other, never with a clock's. */
#include "link_pair.h"

enum { KIB = 1024 };

static guint64
rate_of (gpointer data)
{
  return (guint64)(guint)g_atomic_int_get ((int *)data) * KIB;
}

static gpointer
send_drain (gpointer data)
{
  VfChannel *channel = data;
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *bytes = g_malloc0 (512 * KIB);
  vf_channel_send (channel, bytes, 512 * KIB, NULL, &error);
  g_assert_no_error (error);
  vf_channel_end (channel, NULL);
  guint8 sink;
  vf_channel_receive (channel, &sink, 1, NULL, NULL);
  return NULL;
}

/* Seconds that so many channels need for 512 KiB each. */
static double
seconds_for (VfLink *link, guint channels, bool is_bulk)
{
  GThread *threads[4];
  VfChannel *opened[4];
  gint64 start_us = g_get_monotonic_time ();
  for (guint i = 0; i < channels; i++) {
    opened[i] = vf_link_open (link, "drain", NULL, NULL, NULL, NULL);
    if (is_bulk)
      vf_channel_mark_bulk (opened[i]);
    threads[i] = g_thread_new ("sender", send_drain, opened[i]);
  }
  for (guint i = 0; i < channels; i++) {
    g_thread_join (threads[i]);
    vf_channel_free (opened[i]);
  }
  return (double)(g_get_monotonic_time () - start_us) / G_USEC_PER_SEC;
}

/* 512 KiB at 1 MiB/s cannot take less than 0.45 s, however fast the machine is; an upper bound would be one of the machine. */
static void
test_sum_is_capped (void)
{
  int rate = 1024;
  g_autoptr (LinkPair) pair = link_pair_new (10);
  vf_link_set_rate (pair->link, rate_of, &rate);
  g_assert_cmpfloat (seconds_for (pair->link, 1, true), >=, 0.4);
  g_assert_cmpfloat (seconds_for (pair->link, 3, true), >=, 1.3);
}

static void
test_others_are_not (void)
{
  int rate = 64; /* 8 s for a bulk channel */
  g_autoptr (LinkPair) pair = link_pair_new (10);
  vf_link_set_rate (pair->link, rate_of, &rate);
  g_assert_cmpfloat (seconds_for (pair->link, 1, false), <, 4);
}

static gpointer
raise_later (gpointer rate)
{
  g_usleep (200 * 1000);
  g_atomic_int_set ((int *)rate, 0);
  return NULL;
}

/* At 1 KiB/s it would take more than eight minutes. */
static void
test_change (void)
{
  int rate = 1;
  g_autoptr (LinkPair) pair = link_pair_new (10);
  vf_link_set_rate (pair->link, rate_of, &rate);
  GThread *raiser = g_thread_new ("raiser", raise_later, &rate);
  g_assert_cmpfloat (seconds_for (pair->link, 1, true), <, 60);
  g_thread_join (raiser);
}

static gpointer
cancel_later (gpointer cancellable)
{
  g_usleep (200 * 1000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_cancelled (void)
{
  int rate = 1;
  g_autoptr (LinkPair) pair = link_pair_new (10);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *bytes = g_malloc0 (512 * KIB);
  vf_link_set_rate (pair->link, rate_of, &rate);
  g_autoptr (VfChannel) channel = vf_link_open (pair->link, "drain", NULL, NULL, NULL, NULL);
  vf_channel_mark_bulk (channel);
  GThread *canceller = g_thread_new ("canceller", cancel_later, cancellable);
  g_assert_false (vf_channel_send (channel, bytes, 512 * KIB, cancellable, &error));
  assert_vf_error (error, VF_ERROR_CANCELLED);
  g_thread_join (canceller);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/link/rate/bulk channels together keep it", test_sum_is_capped);
  g_test_add_func ("/link/rate/other channels are not held up", test_others_are_not);
  g_test_add_func ("/link/rate/a change counts while a channel waits", test_change);
  g_test_add_func ("/link/rate/a request to stop is obeyed while a channel waits", test_cancelled);
  return g_test_run ();
}
