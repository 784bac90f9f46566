/* Two links in one process: calls, streams, credit, resets, cancelling. */
#include "link_pair.h"

#include "base/json.h"

#include <string.h>

enum { MIB = 1024 * 1024 };

static VfChannel *
open_service (LinkPair *pair, const char *service)
{
  g_autoptr (GError) error = NULL;
  VfChannel *channel = vf_link_open (pair->link, service, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  return channel;
}

static void
test_a_call_brings_the_answer (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  g_autoptr (JsonObject) args = json_object_new ();
  json_object_set_string_member (args, "path", "/x");
  for (guint i = 0; i < 300; i++) { /* more than the channels that may be open: each is given back */
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonObject) answer = vf_link_call (pair->link, "answer", args, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (vf_json_string_or (answer, "path", NULL), ==, "/x");
  }
  g_assert_cmpstr (vf_json_string_or (vf_link_peer (pair->link), "qemu_img", NULL), ==, "yes");
  g_assert_cmpstr (vf_json_string_or (vf_link_peer (pair->link), "program", NULL), ==, VF_VERSION);
}

static void
test_a_refusal_carries_code_text_and_hint (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_link_call (pair->link, "refuse", NULL, NULL, &error));
  assert_vf_error (error, VF_ERROR_NO_SPACE);
  g_assert_cmpstr (error->message, ==, "cannot keep 'x': no room [31m"); /* no escape reaches the terminal */
  g_assert_cmpstr (vf_error_get_hint (error), ==, "make room");
}

static void
test_a_service_that_never_answers_is_refused (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  g_autoptr (GError) error = NULL;
  link_pair_release ();
  g_assert_null (vf_link_call (pair->link, "mute", NULL, NULL, &error));
  assert_vf_error (error, VF_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "gave no answer"));
}

typedef struct {
  VfChannel *channel;
  guint64 bytes;
} Feed;

static gpointer
feed (gpointer data)
{
  Feed *job = data;
  g_autofree guint8 *buffer = g_malloc (777777);
  for (guint64 done = 0; done < job->bytes;) {
    gsize n = (gsize)MIN (job->bytes - done, 777777);
    link_pattern (buffer, n, done);
    g_assert_true (vf_channel_send (job->channel, buffer, n, NULL, NULL));
    done += n;
  }
  g_assert_true (vf_channel_end (job->channel, NULL));
  return NULL;
}

static void
test_a_hundred_mebibytes_arrive_whole_both_ways (void)
{
  const guint64 bytes = 100 * (guint64)MIB + 13;
  g_autoptr (LinkPair) pair = link_pair_new (30);
  g_autoptr (VfChannel) channel = open_service (pair, "echo");
  Feed job = { channel, bytes };
  GThread *feeder = g_thread_new ("feeder", feed, &job);
  g_autoptr (GChecksum) got = g_checksum_new (G_CHECKSUM_SHA256), wanted = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *buffer = g_malloc (300000), *pattern = g_malloc (300000);
  guint64 done = 0;
  gssize n;
  while ((n = vf_channel_receive (channel, buffer, 300000, NULL, NULL)) > 0) {
    link_pattern (pattern, (gsize)n, done);
    g_checksum_update (got, buffer, n);
    g_checksum_update (wanted, pattern, n);
    done += (guint64)n;
  }
  g_thread_join (feeder);
  g_assert_cmpint (n, ==, 0);
  g_assert_cmpuint (done, ==, bytes);
  g_assert_cmpstr (g_checksum_get_string (got), ==, g_checksum_get_string (wanted));
  guint64 sent = 0, received = 0;
  vf_link_counters (pair->link, &sent, &received);
  g_assert_cmpuint (sent, >, bytes);
  g_assert_cmpuint (received, >, bytes);
}

static void
test_a_slow_consumer_stalls_nobody_else (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  g_autoptr (VfChannel) stuck = open_service (pair, "stuck");
  g_autofree guint8 *block = g_malloc0 (VF_LINK_CREDIT_BYTES);
  g_assert_true (vf_channel_send (stuck, block, VF_LINK_CREDIT_BYTES, NULL, NULL)); /* all credit, none comes back */
  g_autoptr (VfChannel) channel = open_service (pair, "digest");
  Feed job = { channel, 20 * MIB };
  g_thread_join (g_thread_new ("feeder", feed, &job));
  char text[64];
  g_assert_true (vf_channel_receive_full (channel, text, sizeof text, NULL, NULL));
}

static gboolean
cancel_soon (gpointer cancellable)
{
  g_usleep (200 * 1000);
  g_cancellable_cancel (cancellable);
  return FALSE;
}

static gpointer
cancel_in_thread (gpointer cancellable)
{
  cancel_soon (cancellable);
  return NULL;
}

static void
test_a_sender_without_credit_waits_until_cancelled (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  g_autoptr (VfChannel) stuck = open_service (pair, "stuck");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree guint8 *block = g_malloc0 (VF_LINK_CREDIT_BYTES);
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_channel_send (stuck, block, VF_LINK_CREDIT_BYTES, cancellable, NULL));
  GThread *canceller = g_thread_new ("canceller", cancel_in_thread, cancellable);
  g_assert_false (vf_channel_send (stuck, block, 1, cancellable, &error));
  assert_vf_error (error, VF_ERROR_CANCELLED);
  g_thread_join (canceller);
  link_pair_release ();
  g_assert_true (vf_channel_send (stuck, block, VF_LINK_CREDIT_BYTES, NULL, NULL)); /* it goes on from there */
}

static void
test_cancelling_wakes_a_receiver_and_an_opener (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  g_autoptr (VfChannel) channel = open_service (pair, "echo");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GThread *canceller = g_thread_new ("canceller", cancel_in_thread, cancellable);
  g_autoptr (GError) error = NULL;
  char byte;
  g_assert_cmpint (vf_channel_receive (channel, &byte, 1, cancellable, &error), ==, -1);
  assert_vf_error (error, VF_ERROR_CANCELLED);
  g_thread_join (canceller);
  g_clear_error (&error);
  g_cancellable_reset (cancellable);
  canceller = g_thread_new ("canceller", cancel_in_thread, cancellable);
  g_assert_null (vf_link_open (pair->link, "mute", NULL, NULL, cancellable, &error));
  assert_vf_error (error, VF_ERROR_CANCELLED);
  g_thread_join (canceller);
  g_autoptr (JsonObject) answer = vf_link_call (pair->link, "answer", NULL, NULL, NULL); /* the link lives */
  g_assert_nonnull (answer);
}

static void
test_a_reset_from_the_far_end_fails_what_waits (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  g_autoptr (VfChannel) channel = open_service (pair, "reset");
  g_autoptr (GError) error = NULL, send_error = NULL;
  char byte = 'x';
  g_assert_true (vf_channel_send (channel, &byte, 1, NULL, NULL));
  g_assert_cmpint (vf_channel_receive (channel, &byte, 1, NULL, &error), ==, -1);
  assert_vf_error (error, VF_ERROR_CORRUPT);
  g_assert_cmpstr (error->message, ==, "enough");
  g_assert_false (vf_channel_send (channel, &byte, 1, NULL, &send_error));
  assert_vf_error (send_error, VF_ERROR_CORRUPT);
}

static void
test_a_channel_that_is_freed_in_the_middle_leaves_the_link_whole (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  g_autoptr (JsonObject) args = json_object_new ();
  json_object_set_int_member (args, "bytes", 50 * MIB);
  for (guint i = 0; i < 100; i++) { /* the far end goes on sending while our RESET is under way */
    g_autoptr (GError) error = NULL;
    g_autoptr (VfChannel) channel = vf_link_open (pair->link, "pour", args, NULL, NULL, &error);
    g_assert_no_error (error);
    guint8 buffer[1000];
    g_assert_true (vf_channel_receive_full (channel, buffer, sizeof buffer, NULL, NULL));
  }
  g_assert_false (vf_link_is_dead (pair->link, NULL));
}

static void
test_sending_to_a_service_that_has_returned_fails (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  g_autoptr (VfChannel) channel = open_service (pair, "hang");
  g_autofree guint8 *block = g_malloc0 (MIB);
  char byte;
  g_assert_cmpint (vf_channel_receive (channel, &byte, 1, NULL, NULL), ==, 0);
  g_autoptr (GError) error = NULL;
  while (vf_channel_send (channel, block, MIB, NULL, &error)) /* and does not wait for credit for ever */
    ;
  assert_vf_error (error, VF_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "it has ended"));
}

static void
test_an_early_end_is_told_from_a_full_answer (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  g_autoptr (JsonObject) args = json_object_new ();
  json_object_set_int_member (args, "bytes", 10);
  g_autoptr (VfChannel) channel = vf_link_open (pair->link, "pour", args, NULL, NULL, NULL);
  guint8 buffer[11];
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_channel_receive_full (channel, buffer, sizeof buffer, NULL, &error));
  assert_vf_error (error, VF_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (error->message, "10 of 11"));
}

static void
test_the_sixty_fifth_channel_is_refused (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  VfChannel *channels[VF_LINK_CHANNELS_MAX];
  for (guint i = 0; i < VF_LINK_CHANNELS_MAX; i++)
    channels[i] = open_service (pair, "echo");
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_link_open (pair->link, "echo", NULL, NULL, NULL, &error));
  assert_vf_error (error, VF_ERROR_BUSY);
  for (guint i = 0; i < 300; i++) { /* a place that was given up can be taken at once */
    vf_channel_free (channels[i % VF_LINK_CHANNELS_MAX]);
    channels[i % VF_LINK_CHANNELS_MAX] = open_service (pair, "echo");
  }
  for (guint i = 0; i < VF_LINK_CHANNELS_MAX; i++)
    vf_channel_free (channels[i]);
  g_autoptr (JsonObject) answer = vf_link_call (pair->link, "answer", NULL, NULL, NULL);
  g_assert_nonnull (answer);
}

static void
test_a_channel_that_was_ended_first_here_frees_its_place (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  for (guint i = 0; i < 2 * VF_LINK_CHANNELS_MAX; i++) {
    g_autoptr (VfChannel) channel = open_service (pair, "drain");
    char byte;
    g_assert_true (vf_channel_end (channel, NULL));
    g_assert_cmpint (vf_channel_receive (channel, &byte, 1, NULL, NULL), ==, 0);
  }
}

static gpointer
open_and_echo (gpointer data)
{
  LinkPair *pair = data;
  for (guint i = 0; i < 20; i++) {
    g_autoptr (VfChannel) channel = open_service (pair, "echo");
    g_autofree guint8 *sent = g_malloc (50000), *got = g_malloc (50000);
    link_pattern (sent, 50000, i);
    g_assert_true (vf_channel_send (channel, sent, 50000, NULL, NULL));
    g_assert_true (vf_channel_end (channel, NULL));
    g_assert_true (vf_channel_receive_full (channel, got, 50000, NULL, NULL));
    g_assert_cmpmem (sent, 50000, got, 50000);
    g_assert_cmpint (vf_channel_receive (channel, got, 1, NULL, NULL), ==, 0);
  }
  return NULL;
}

static void
test_many_threads_share_a_link (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (30);
  GThread *threads[VF_LINK_CHANNELS_MAX];
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("client", open_and_echo, pair);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

static void
test_hanging_up_ends_the_server_well (void)
{
  LinkPair *pair = link_pair_new (30);
  g_autoptr (JsonObject) answer = vf_link_call (pair->link, "answer", NULL, NULL, NULL);
  g_assert_nonnull (answer);
  g_clear_pointer (&pair->link, vf_link_free);
  g_thread_join (pair->server);
  g_assert_no_error (pair->serve_error);
  g_assert_true (pair->served);
  g_free (pair);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/link/a call brings the answer", test_a_call_brings_the_answer);
  g_test_add_func ("/link/a refusal carries code, text and hint", test_a_refusal_carries_code_text_and_hint);
  g_test_add_func ("/link/a service that never answers is refused", test_a_service_that_never_answers_is_refused);
  g_test_add_func ("/link/100 MiB arrive whole both ways", test_a_hundred_mebibytes_arrive_whole_both_ways);
  g_test_add_func ("/link/a slow consumer stalls nobody else", test_a_slow_consumer_stalls_nobody_else);
  g_test_add_func ("/link/a sender without credit waits until cancelled", test_a_sender_without_credit_waits_until_cancelled);
  g_test_add_func ("/link/cancelling wakes a receiver and an opener", test_cancelling_wakes_a_receiver_and_an_opener);
  g_test_add_func ("/link/a reset from the far end fails what waits", test_a_reset_from_the_far_end_fails_what_waits);
  g_test_add_func ("/link/a channel freed in the middle leaves the link whole",
                   test_a_channel_that_is_freed_in_the_middle_leaves_the_link_whole);
  g_test_add_func ("/link/sending to a service that has returned fails", test_sending_to_a_service_that_has_returned_fails);
  g_test_add_func ("/link/an early end is told from a full answer", test_an_early_end_is_told_from_a_full_answer);
  g_test_add_func ("/link/the sixty-fifth channel is refused", test_the_sixty_fifth_channel_is_refused);
  g_test_add_func ("/link/a channel that was ended first here frees its place",
                   test_a_channel_that_was_ended_first_here_frees_its_place);
  g_test_add_func ("/link/many threads share a link", test_many_threads_share_a_link);
  g_test_add_func ("/link/hanging up ends the server well", test_hanging_up_ends_the_server_well);
  return g_test_run ();
}
