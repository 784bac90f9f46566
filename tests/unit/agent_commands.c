/* A command that is run for somebody elsewhere: this very program plays virt-ferry when it is started as one. */
#include "agent/commands.h"
#include "far/command.h"
#include "link_pair.h"

#include "base/json.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  MANY_BYTES = 3000000,
  ALARM_S = 20,
};

typedef struct {
  int server_fd;
  GThread *thread;
  VfLink *link;
  GString *said[2];
} Pair;

static gpointer
serve (gpointer data)
{
  Pair *pair = data;
  vf_commands_run (pair->server_fd, pair->server_fd, NULL);
  return NULL;
}

static void
set_up (Pair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  int fds[2];
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  pair->server_fd = fds[1];
  pair->thread = g_thread_new ("agent", serve, pair);
  pair->link = vf_link_connect (fds[0], fds[0], 30, &error);
  g_assert_no_error (error);
  pair->said[0] = g_string_new (NULL);
  pair->said[1] = g_string_new (NULL);
}

/* The agent's thread ends only when its commands have, soon: well before the alarm of one that waits. */
static void
tear_down (Pair *pair, gconstpointer data)
{
  vf_link_free (pair->link);
  gint64 start_us = g_get_monotonic_time ();
  g_thread_join (pair->thread);
  g_assert_cmpint (g_get_monotonic_time () - start_us, <, ALARM_S / 2 * G_USEC_PER_SEC);
  g_string_free (pair->said[0], TRUE);
  g_string_free (pair->said[1], TRUE);
}

static void
collect (int fd, const void *bytes, gsize length, gpointer data)
{
  Pair *pair = data;
  g_string_append_len (pair->said[fd - 1], bytes, (gssize)length);
}

static VfChannel *
start (Pair *pair, const char *const *words)
{
  g_autoptr (GError) error = NULL;
  VfFarCommand command = { (char **)words, "qemu+unix:///system?socket=/a b", 77 };
  VfChannel *channel = vf_far_command_start (pair->link, &command, &error);
  g_assert_no_error (error);
  return channel;
}

static VfFarEnd
follow (Pair *pair, VfChannel *channel)
{
  g_autoptr (GError) error = NULL;
  VfFarEnd end = { 0 };
  vf_far_command_follow (channel, collect, pair, &end, &error);
  g_assert_no_error (error);
  return end;
}

static void
test_every_word_arrives_unharmed (Pair *pair, gconstpointer data)
{
  static const char *const words[] = {
    "words", "", " ", "a b", "it's \"so\" $(x) `y` \\ *", "-x", "--", "M\xc3\xbcller", "\xff\xfe", "line\nline\r\t", NULL
  };
  g_autoptr (VfChannel) channel = start (pair, words);
  VfFarEnd end = follow (pair, channel);
  g_assert_false (end.by_signal);
  g_assert_cmpuint (end.number, ==, 5);
  GString *wanted = g_string_new ("77|--at-source|qemu+unix:///system?socket=/a b|");
  for (const char *const *word = words; *word != NULL; word++)
    g_string_append_printf (wanted, "%s|", *word);
  g_assert_cmpstr (pair->said[0]->str, ==, wanted->str);
  g_assert_cmpstr (pair->said[1]->str, ==, "no input\n");
  g_string_free (wanted, TRUE);
}

static void
test_much_output_arrives_whole (Pair *pair, gconstpointer data)
{
  static const char *const words[] = { "many", NULL };
  g_autoptr (VfChannel) channel = start (pair, words);
  VfFarEnd end = follow (pair, channel);
  g_assert_cmpuint (end.number, ==, 0);
  g_assert_cmpuint (pair->said[0]->len, ==, MANY_BYTES);
  g_assert_cmpuint (pair->said[1]->len, ==, MANY_BYTES);
  g_assert_cmpuint (strspn (pair->said[0]->str, "o"), ==, MANY_BYTES);
}

static void
test_a_killed_command_is_told_from_one_that_ended (Pair *pair, gconstpointer data)
{
  static const char *const words[] = { "die", NULL };
  g_autoptr (VfChannel) channel = start (pair, words);
  VfFarEnd end = follow (pair, channel);
  g_assert_true (end.by_signal);
  g_assert_cmpuint (end.number, ==, SIGKILL);
}

static void
wait_until_it_waits (Pair *pair, VfChannel *channel)
{
  g_autoptr (GError) error = NULL;
  guint8 record[5 + 6];
  g_assert_true (vf_channel_receive_full (channel, record, sizeof record, NULL, &error));
  g_assert_cmpmem (record, sizeof record, "o\0\0\0\6ready\n", sizeof record);
}

static void
test_a_wish_to_stop_arrives_as_often_as_it_is_said (Pair *pair, gconstpointer data)
{
  static const char *const words[] = { "wait", "2", NULL };
  g_autoptr (VfChannel) channel = start (pair, words);
  wait_until_it_waits (pair, channel);
  g_assert_true (vf_far_command_stop (channel));
  g_usleep (300 * 1000); /* signals of one kind do not queue */
  g_assert_true (vf_far_command_stop (channel));
  VfFarEnd end = follow (pair, channel);
  g_assert_cmpuint (end.number, ==, 3);
}

/* tear_down sees that it ends. */
static void
test_a_lost_connection_stops_the_command (Pair *pair, gconstpointer data)
{
  static const char *const words[] = { "wait", "1", NULL };
  VfChannel *channel = start (pair, words);
  wait_until_it_waits (pair, channel);
  vf_link_close (pair->link);
  g_autoptr (GError) error = NULL;
  VfFarEnd end;
  g_assert_false (vf_far_command_follow (channel, collect, pair, &end, &error));
  assert_vf_error (error, VF_ERROR_UNREACHABLE);
  vf_channel_free (channel);
}

static void
test_nothing_else_is_served (Pair *pair, gconstpointer data)
{
  static const struct {
    const char *service, *args;
    VfErrorCode code;
  } bad[] = {
    { "stat", "{\"path\": \"/etc/passwd\"}", VF_ERROR_NOT_FOUND },
    { "command", "{}", VF_ERROR_PROTOCOL },
    { "command", "{\"uri\": \"qemu:///system\", \"words\": [1]}", VF_ERROR_PROTOCOL },
    { "command", "{\"uri\": \"qemu:///system\", \"words\": [null]}", VF_ERROR_PROTOCOL },
    { "command", "{\"uri\": \"qemu:///system\", \"words\": [[]]}", VF_ERROR_PROTOCOL },
    { "command", "{\"uri\": \"qemu:///system\", \"words\": [\"YQBi\"]}", VF_ERROR_PROTOCOL },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonObject) args = vf_json_parse (bad[i].args, strlen (bad[i].args), "args", &error);
    g_assert_no_error (error);
    g_assert_null (vf_link_call (pair->link, bad[i].service, args, NULL, &error));
    assert_vf_error (error, bad[i].code);
  }
}

/* ---- what plays virt-ferry ---- */

static volatile sig_atomic_t signals_came;

static void
count_signal (int number)
{
  signals_came++;
}

static int
wait_for_signals (int wanted)
{
  struct sigaction action = { .sa_handler = count_signal };
  sigset_t term, before;
  sigemptyset (&term);
  sigaddset (&term, SIGTERM);
  sigprocmask (SIG_BLOCK, &term, &before);
  sigaction (SIGTERM, &action, NULL);
  alarm (ALARM_S);
  puts ("ready");
  fflush (stdout);
  while (signals_came < wanted)
    sigsuspend (&before);
  return 3;
}

static int
play (int argc, char **argv)
{
  if (strcmp (argv[3], "wait") == 0)
    return wait_for_signals (atoi (argv[4]));
  if (strcmp (argv[3], "die") == 0)
    return raise (SIGKILL);
  if (strcmp (argv[3], "many") == 0) {
    for (int i = 0; i < MANY_BYTES; i++) {
      putchar ('o');
      fputc ('e', stderr);
    }
    return 0;
  }
  printf ("%s|", getenv ("VIRT_FERRY_COLUMNS"));
  for (int i = 1; i < argc; i++)
    printf ("%s|", argv[i]);
  fputs (getchar () == EOF ? "no input\n" : "input\n", stderr);
  return 5;
}

int
main (int argc, char **argv)
{
  if (argc > 3 && strcmp (argv[1], "--at-source") == 0)
    return play (argc, argv);
  g_test_init (&argc, &argv, NULL);
#define TEST(name, function) g_test_add ("/commands/" name, Pair, NULL, set_up, function, tear_down)
  TEST ("every word arrives unharmed", test_every_word_arrives_unharmed);
  TEST ("much output arrives whole", test_much_output_arrives_whole);
  TEST ("a killed command is told from one that ended", test_a_killed_command_is_told_from_one_that_ended);
  TEST ("a wish to stop arrives as often as it is said", test_a_wish_to_stop_arrives_as_often_as_it_is_said);
  TEST ("a lost connection stops the command", test_a_lost_connection_stops_the_command);
  TEST ("nothing else is served", test_nothing_else_is_served);
  return g_test_run ();
}
