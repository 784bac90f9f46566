/* What a link makes of a peer that is gone, silent, another version or hostile. The peer writes its frames by hand. */
#include "link_pair.h"

#include "base/fd.h"
#include "base/json.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- death ---- */

static gpointer
close_soon (gpointer fd)
{
  g_usleep (300 * 1000);
  shutdown (GPOINTER_TO_INT (fd), SHUT_RDWR);
  return NULL;
}

typedef struct {
  VfLink *link;
  VfChannel *channel;
  GError *error;
} Opener;

static gpointer
open_in_thread (gpointer data)
{
  Opener *opener = data;
  opener->channel = vf_link_open (opener->link, "x", NULL, NULL, NULL, &opener->error);
  return NULL;
}

/* Opens channel 1 while the raw peer answers with `type` and `json`. */
static VfChannel *
open_answered (VfLink *link, int peer, VfFrameType type, const char *json, GError **error)
{
  Opener opener = { link, NULL, NULL };
  GThread *thread = g_thread_new ("opener", open_in_thread, &opener);
  VfFrame frame;
  do
    g_assert_true (raw_read (peer, &frame, NULL));
  while (frame.type != VF_FRAME_OPEN);
  raw_send (peer, type, frame.channel, json, strlen (json));
  g_thread_join (thread);
  if (opener.error != NULL)
    g_propagate_error (error, opener.error);
  return opener.channel;
}

static void
test_a_peer_that_dies_fails_what_waits (void)
{
  int fd;
  g_autoptr (VfLink) link = raw_connect (30, &fd);
  g_auto (VfFd) peer = fd;
  g_autoptr (VfChannel) channel = open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL);
  GThread *closer = g_thread_new ("closer", close_soon, GINT_TO_POINTER (peer));
  gint64 start_us = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL, call_error = NULL, dead_error = NULL;
  char byte;
  g_assert_cmpint (vf_channel_receive (channel, &byte, 1, NULL, &error), ==, -1);
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
  g_assert_null (vf_link_call (link, "y", NULL, NULL, &call_error));
  g_assert_cmpstr (error->message, ==, call_error->message);
  g_assert_true (vf_link_is_dead (link, &dead_error));
  g_assert_cmpstr (error->message, ==, dead_error->message);
  g_assert_cmpint (g_get_monotonic_time () - start_us, <, 2 * G_USEC_PER_SEC);
  g_thread_join (closer);
}

static void
test_silence_kills_after_the_timeout_and_pings_before (void)
{
  int fd;
  g_autoptr (VfLink) link = raw_connect (1, &fd);
  g_auto (VfFd) peer = fd;
  gint64 start_us = g_get_monotonic_time ();
  g_autoptr (VfChannel) channel = open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL);
  g_autoptr (GError) error = NULL;
  char byte;
  g_assert_cmpint (vf_channel_receive (channel, &byte, 1, NULL, &error), ==, -1);
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
  g_assert_nonnull (strstr (error->message, "nothing moved for 1 s"));
  gint64 took_us = g_get_monotonic_time () - start_us;
  g_assert_cmpint (took_us, >, G_USEC_PER_SEC * 9 / 10);
  g_assert_cmpint (took_us, <, 3 * G_USEC_PER_SEC);
  VfFrame frame;
  g_assert_true (raw_read (peer, &frame, NULL));
  g_assert_cmpint ((int)frame.type, ==, VF_FRAME_PING);
}

static void
test_two_idle_links_stay_alive (void)
{
  g_autoptr (LinkPair) pair = link_pair_new (1);
  g_usleep (2500 * 1000);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) answer = vf_link_call (pair->link, "answer", NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
test_a_peer_that_does_not_read_kills_the_link (void)
{
  int fd;
  g_autoptr (VfLink) link = raw_connect (1, &fd);
  g_auto (VfFd) peer = fd;
  g_autoptr (VfChannel) channel = open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL);
  g_autofree char *block = g_malloc0 (VF_LINK_CREDIT_BYTES);
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_channel_send (channel, block, VF_LINK_CREDIT_BYTES, NULL, &error)); /* the socket holds far less */
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
}

static gpointer
ping_for_ever (gpointer fd)
{
  guint8 header[VF_FRAME_HEADER_BYTES];
  vf_frame_encode (&(VfFrame){ 8, 0, VF_FRAME_PONG }, header);
  while (send (GPOINTER_TO_INT (fd), header, sizeof header, MSG_NOSIGNAL) > 0 &&
         send (GPOINTER_TO_INT (fd), "12345678", 8, MSG_NOSIGNAL) > 0)
    g_usleep (100 * 1000);
  return NULL;
}

static void
test_a_peer_that_talks_but_does_not_read_kills_the_link (void)
{
  int fd;
  VfLink *link = raw_connect (1, &fd);
  g_auto (VfFd) peer = fd;
  VfChannel *channel = open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL);
  GThread *pinger = g_thread_new ("pinger", ping_for_ever, GINT_TO_POINTER (peer));
  g_autofree char *block = g_malloc0 (VF_LINK_CREDIT_BYTES);
  g_autoptr (GError) error = NULL;
  gint64 start_us = g_get_monotonic_time ();
  g_assert_false (vf_channel_send (channel, block, VF_LINK_CREDIT_BYTES, NULL, &error));
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
  g_assert_cmpint (g_get_monotonic_time () - start_us, <, 4 * G_USEC_PER_SEC);
  vf_channel_free (channel);
  vf_link_free (link);
  g_thread_join (pinger);
}

static void
test_a_channel_that_both_have_ended_is_not_reset (void)
{
  int fd;
  g_autoptr (VfLink) link = raw_connect (30, &fd);
  g_auto (VfFd) peer = fd;
  VfChannel *channel = open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL);
  char byte;
  raw_send (peer, VF_FRAME_END, 1, "", 0);
  g_assert_cmpint (vf_channel_receive (channel, &byte, 1, NULL, NULL), ==, 0);
  g_assert_true (vf_channel_end (channel, NULL));
  vf_channel_free (channel);
  g_usleep (100 * 1000); /* for the keeper, had it something to write */
  g_clear_pointer (&link, vf_link_free);
  VfFrame frame;
  guint ends = 0;
  while (raw_read (peer, &frame, NULL)) {
    g_assert_cmpint ((int)frame.type, !=, VF_FRAME_RESET);
    ends += frame.type == VF_FRAME_END;
  }
  g_assert_cmpuint (ends, ==, 1);
}

static gpointer
close_link_soon (gpointer link)
{
  g_usleep (300 * 1000);
  vf_link_close (link);
  return NULL;
}

static void
test_closing_wakes_a_stuck_writer (void)
{
  int fd;
  g_autoptr (VfLink) link = raw_connect (60, &fd);
  g_auto (VfFd) peer = fd;
  g_autoptr (VfChannel) channel = open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL);
  g_autofree char *block = g_malloc0 (VF_LINK_CREDIT_BYTES);
  g_autoptr (GError) error = NULL;
  GThread *closer = g_thread_new ("closer", close_link_soon, link);
  gint64 start_us = g_get_monotonic_time ();
  g_assert_false (vf_channel_send (channel, block, VF_LINK_CREDIT_BYTES, NULL, &error));
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
  g_assert_cmpint (g_get_monotonic_time () - start_us, <, 5 * G_USEC_PER_SEC);
  g_thread_join (closer);
}

/* ---- a hostile agent ---- */

static void
wait_for_death (VfLink *link, const char *says)
{
  g_autoptr (GError) error = NULL;
  for (guint i = 0; i < 500 && !vf_link_is_dead (link, NULL); i++)
    g_usleep (10 * 1000);
  g_assert_true (vf_link_is_dead (link, &error));
  assert_vf_error (error, VF_ERROR_PROTOCOL);
  if (strstr (error->message, says) == NULL)
    g_error ("'%s' lacks '%s'", error->message, says);
}

typedef struct {
  const char *name;
  VfFrameType type;
  guint32 channel; /* 1 is open, 2 and more were never opened */
  const char *payload;
  gsize length;
  const char *says;
} Breach;

static const Breach agent_breaches[] = {
  { "DATA on a channel that was never opened", VF_FRAME_DATA, 2, "x", 1, "it was never opened" },
  { "END on a channel that was never opened", VF_FRAME_END, 9, "", 0, "it was never opened" },
  { "a second ACCEPT", VF_FRAME_ACCEPT, 1, "{}", 2, "accepted before" },
  { "a REFUSE after ACCEPT", VF_FRAME_REFUSE, 1, "{}", 2, "accepted before" },
  { "an OPEN from the agent", VF_FRAME_OPEN, 2, "{}", 2, "only the source" },
  { "a second HELLO", VF_FRAME_HELLO, 0, "{}", 2, "greeting is over" },
  { "credit that was not spent", VF_FRAME_CREDIT, 1, "\0\0\0\1", 4, "not spent" },
  { "credit of nothing", VF_FRAME_CREDIT, 1, "\0\0\0\0", 4, "not spent" },
  { "JSON that is none", VF_FRAME_RESET, 1, "{]", 2, "its payload" },
};

static void
test_agent_breach (gconstpointer data)
{
  const Breach *row = data;
  int fd;
  g_autoptr (VfLink) link = raw_connect (30, &fd);
  g_auto (VfFd) peer = fd;
  g_autoptr (VfChannel) channel = open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL);
  raw_send (peer, row->type, row->channel, row->payload, row->length);
  wait_for_death (link, row->says);
}

static void
test_data_beyond_the_credit_kills_the_link (void)
{
  int fd;
  g_autoptr (VfLink) link = raw_connect (30, &fd);
  g_auto (VfFd) peer = fd;
  g_autoptr (VfChannel) channel = open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL);
  g_autofree char *block = g_malloc0 (VF_LINK_DATA_BYTES_MAX);
  for (guint sent = 0; sent < VF_LINK_CREDIT_BYTES; sent += VF_LINK_DATA_BYTES_MAX)
    raw_send (peer, VF_FRAME_DATA, 1, block, VF_LINK_DATA_BYTES_MAX);
  raw_send (peer, VF_FRAME_PING, 0, "12345678", 8);
  VfFrame frame;
  do
    g_assert_true (raw_read (peer, &frame, NULL));
  while (frame.type != VF_FRAME_PONG);
  g_assert_false (vf_link_is_dead (link, NULL)); /* all of the credit is good */
  raw_send (peer, VF_FRAME_DATA, 1, block, 1);
  wait_for_death (link, "exceeds the credit");
}

static void
test_data_after_end_kills_the_link (void)
{
  int fd;
  g_autoptr (VfLink) link = raw_connect (30, &fd);
  g_auto (VfFd) peer = fd;
  g_autoptr (VfChannel) channel = open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL);
  raw_send (peer, VF_FRAME_END, 1, "", 0);
  raw_send (peer, VF_FRAME_DATA, 1, "x", 1);
  wait_for_death (link, "follows an END");
}

static void
test_data_before_accept_kills_the_link (void)
{
  int fd;
  g_autoptr (VfLink) link = raw_connect (30, &fd);
  g_auto (VfFd) peer = fd;
  g_autoptr (GError) error = NULL;
  g_assert_null (open_answered (link, peer, VF_FRAME_DATA, "x", &error));
  assert_vf_error (error, VF_ERROR_PROTOCOL);
}

static void
test_frames_for_a_channel_that_is_gone_are_passed_over (void)
{
  int fd;
  g_autoptr (VfLink) link = raw_connect (30, &fd);
  g_auto (VfFd) peer = fd;
  vf_channel_free (open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL));
  raw_send (peer, VF_FRAME_DATA, 1, "x", 1);
  raw_send (peer, VF_FRAME_CREDIT, 1, "\0\0\0\1", 4);
  raw_send (peer, VF_FRAME_END, 1, "", 0);
  raw_send_text (peer, VF_FRAME_RESET, 1, "{}");
  raw_send (peer, VF_FRAME_PING, 0, "abcdefgh", 8);
  VfFrame frame;
  g_autofree char *payload = NULL;
  do {
    g_clear_pointer (&payload, g_free);
    g_assert_true (raw_read (peer, &frame, &payload));
  } while (frame.type != VF_FRAME_PONG);
  g_assert_cmpmem (payload, 8, "abcdefgh", 8);
  g_assert_false (vf_link_is_dead (link, NULL));
}

static void
test_single_bytes_arrive_in_order (void)
{
  int fd;
  g_autoptr (VfLink) link = raw_connect (30, &fd);
  g_auto (VfFd) peer = fd;
  g_autoptr (VfChannel) channel = open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL);
  for (guint i = 0; i < 50000; i++)
    raw_send (peer, VF_FRAME_DATA, 1, &"ab"[i % 2], 1);
  g_autofree char *got = g_malloc (50000);
  g_assert_true (vf_channel_receive_full (channel, got, 50000, NULL, NULL));
  for (guint i = 0; i < 50000; i++)
    g_assert_cmpint (got[i], ==, "ab"[i % 2]);
}

static void
test_what_arrived_before_the_death_is_still_delivered (void)
{
  int fd;
  g_autoptr (VfLink) link = raw_connect (30, &fd);
  g_auto (VfFd) peer = fd;
  g_autoptr (VfChannel) channel = open_answered (link, peer, VF_FRAME_ACCEPT, "{}", NULL);
  raw_send (peer, VF_FRAME_DATA, 1, "last", 4);
  shutdown (peer, SHUT_RDWR);
  while (!vf_link_is_dead (link, NULL))
    g_usleep (1000);
  char got[4];
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_channel_receive_full (channel, got, 4, NULL, NULL));
  g_assert_cmpint (vf_channel_receive (channel, got, 1, NULL, &error), ==, -1);
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
}

/* ---- a hostile source ---- */

static void
end_server (LinkPair *pair, int peer, const char *says)
{
  g_thread_join (pair->server);
  if (says == NULL) {
    g_assert_no_error (pair->serve_error);
    g_assert_true (pair->served);
  } else {
    assert_vf_error (pair->serve_error, VF_ERROR_PROTOCOL);
    if (strstr (pair->serve_error->message, says) == NULL)
      g_error ("'%s' lacks '%s'", pair->serve_error->message, says);
  }
  g_clear_error (&pair->serve_error);
  g_free (pair);
  close (peer);
}

static const Breach source_breaches[] = {
  { "DATA on a channel that was never opened", VF_FRAME_DATA, 2, "x", 1, "it was never opened" },
  { "an ACCEPT from the source", VF_FRAME_ACCEPT, 1, "{}", 2, "does not answer" },
  { "a REFUSE from the source", VF_FRAME_REFUSE, 1, "{}", 2, "does not answer" },
  { "a number that was used before", VF_FRAME_OPEN, 1, "{}", 2, "used before" },
  { "arguments that are no JSON", VF_FRAME_OPEN, 2, "[1]", 3, "its payload" },
};

static void
test_source_breach (gconstpointer data)
{
  const Breach *row = data;
  int peer;
  LinkPair *pair = raw_serve (30, &peer);
  VfFrame frame;
  raw_send_text (peer, VF_FRAME_OPEN, 1, "{\"service\":\"echo\"}");
  g_assert_true (raw_read (peer, &frame, NULL));
  g_assert_cmpint ((int)frame.type, ==, VF_FRAME_ACCEPT);
  raw_send (peer, row->type, row->channel, row->payload, row->length);
  end_server (pair, peer, row->says);
}

static void
test_a_server_refuses_the_sixty_fifth_channel (void)
{
  int peer;
  LinkPair *pair = raw_serve (30, &peer);
  VfFrame frame;
  for (guint32 id = 1; id <= VF_LINK_CHANNELS_MAX; id++) {
    raw_send_text (peer, VF_FRAME_OPEN, id, "{\"service\":\"echo\"}");
    g_assert_true (raw_read (peer, &frame, NULL));
    g_assert_cmpint ((int)frame.type, ==, VF_FRAME_ACCEPT);
  }
  raw_send_text (peer, VF_FRAME_OPEN, 100, "{\"service\":\"echo\"}");
  g_autofree char *payload = NULL;
  g_assert_true (raw_read (peer, &frame, &payload));
  g_assert_cmpint ((int)frame.type, ==, VF_FRAME_REFUSE);
  g_assert_cmpuint (frame.channel, ==, 100);
  g_assert_nonnull (strstr (payload, "\"busy\""));
  shutdown (peer, SHUT_WR);
  end_server (pair, peer, NULL);
}

static void
test_resets_do_not_buy_more_threads (void)
{
  int peer;
  LinkPair *pair = raw_serve (30, &peer);
  guint32 id = 0;
  guint32 refused = 0;
  while (refused == 0 && id < 1000) { /* services that do not notice for a long time */
    VfFrame frame = { 0 };
    raw_send_text (peer, VF_FRAME_OPEN, ++id, "{\"service\":\"mute\"}");
    raw_send_text (peer, VF_FRAME_RESET, id, "{}");
    raw_send (peer, VF_FRAME_PING, 0, "12345678", 8);
    while (frame.type != VF_FRAME_PONG) { /* a service that is quick answers before it is reset */
      g_assert_true (raw_read (peer, &frame, NULL));
      refused = frame.type == VF_FRAME_REFUSE ? frame.channel : refused;
    }
  }
  /* one that has noticed by then makes room for one more */
  g_assert_cmpuint (refused, >, 2 * VF_LINK_CHANNELS_MAX);
  g_assert_cmpuint (refused, <, 4 * VF_LINK_CHANNELS_MAX);
  link_pair_release ();
  shutdown (peer, SHUT_WR);
  end_server (pair, peer, NULL);
}

static void
test_a_source_that_does_not_read_answers_is_given_up (void)
{
  int peer;
  LinkPair *pair = raw_serve (60, &peer);
  guint32 id = 1;
  for (guint i = 0; i < VF_LINK_CHANNELS_MAX; i++)
    raw_send_text (peer, VF_FRAME_OPEN, id++, "{\"service\":\"drain\"}");
  for (guint i = 0; i < 20000; i++) /* each is refused, and nobody reads it */
    raw_send_text (peer, VF_FRAME_OPEN, id++, "{\"service\":\"drain\"}");
  end_server (pair, peer, "does not read");
}

static void
test_an_end_in_the_middle_of_a_frame_is_an_error (void)
{
  int peer;
  LinkPair *pair = raw_serve (30, &peer);
  g_assert_true (vf_fd_write_full (peer, "\0\0\0", 3));
  shutdown (peer, SHUT_WR);
  g_thread_join (pair->server);
  assert_vf_error (pair->serve_error, VF_ERROR_UNREACHABLE);
  g_assert_nonnull (strstr (pair->serve_error->message, "middle of a frame"));
  g_clear_error (&pair->serve_error);
  g_free (pair);
  close (peer);
}

static void
add_rows (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (agent_breaches); i++) {
    g_autofree char *name = g_strdup_printf ("/link/the agent breaks a rule/%s", agent_breaches[i].name);
    g_test_add_data_func (name, &agent_breaches[i], test_agent_breach);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (source_breaches); i++) {
    g_autofree char *name = g_strdup_printf ("/link/the source breaks a rule/%s", source_breaches[i].name);
    g_test_add_data_func (name, &source_breaches[i], test_source_breach);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_rows ();
  g_test_add_func ("/link/a peer that dies fails what waits", test_a_peer_that_dies_fails_what_waits);
  g_test_add_func ("/link/silence kills after the timeout and pings before",
                   test_silence_kills_after_the_timeout_and_pings_before);
  g_test_add_func ("/link/two idle links stay alive", test_two_idle_links_stay_alive);
  g_test_add_func ("/link/a peer that does not read kills the link", test_a_peer_that_does_not_read_kills_the_link);
  g_test_add_func ("/link/a peer that talks but does not read kills the link",
                   test_a_peer_that_talks_but_does_not_read_kills_the_link);
  g_test_add_func ("/link/a channel that both have ended is not reset", test_a_channel_that_both_have_ended_is_not_reset);
  g_test_add_func ("/link/closing wakes a stuck writer", test_closing_wakes_a_stuck_writer);
  g_test_add_func ("/link/data beyond the credit kills the link", test_data_beyond_the_credit_kills_the_link);
  g_test_add_func ("/link/data after END kills the link", test_data_after_end_kills_the_link);
  g_test_add_func ("/link/data before ACCEPT kills the link", test_data_before_accept_kills_the_link);
  g_test_add_func ("/link/frames for a channel that is gone are passed over",
                   test_frames_for_a_channel_that_is_gone_are_passed_over);
  g_test_add_func ("/link/single bytes arrive in order", test_single_bytes_arrive_in_order);
  g_test_add_func ("/link/what arrived before the death is still delivered",
                   test_what_arrived_before_the_death_is_still_delivered);
  g_test_add_func ("/link/a server refuses the sixty-fifth channel", test_a_server_refuses_the_sixty_fifth_channel);
  g_test_add_func ("/link/resets do not buy more threads", test_resets_do_not_buy_more_threads);
  g_test_add_func ("/link/a source that does not read answers is given up",
                   test_a_source_that_does_not_read_answers_is_given_up);
  g_test_add_func ("/link/an end in the middle of a frame is an error", test_an_end_in_the_middle_of_a_frame_is_an_error);
  return g_test_run ();
}
