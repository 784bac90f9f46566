#include "agent/commands.h"

#include "agent/args.h"
#include "base/fd.h"
#include "base/json.h"
#include "link/link.h"

#include <errno.h>
#include <gio/gunixinputstream.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  SILENCE_S = 30,
  READ_BYTES = 32 * 1024,
  HEADER_BYTES = 5,
  POLL_MS = 200,
  WORDS_MAX = 4096,
};

/* ---- starting it ---- */

/* By its own name, so that people find it among the processes, unless that is another program by now (an update). */
static char *
own_program (void)
{
  struct stat named, running;
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);
  bool is_it = path != NULL && stat (path, &named) == 0 && stat ("/proc/self/exe", &running) == 0 &&
               named.st_dev == running.st_dev && named.st_ino == running.st_ino;
  return is_it ? g_steal_pointer (&path) : g_strdup ("/proc/self/exe");
}

/* Words are bytes, JSON is UTF-8: they travel as base64. The program's own name comes first. */
static char **
read_words (JsonObject *args, GError **error)
{
  const char *uri = vf_args_string (args, "uri", error);
  JsonArray *array = uri == NULL ? NULL : vf_json_array (args, "words", error);
  if (array == NULL)
    return NULL;
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (words, own_program ());
  g_ptr_array_add (words, g_strdup ("--at-source"));
  g_ptr_array_add (words, g_strdup (uri));
  for (guint i = 0; i < json_array_get_length (array) && i < WORDS_MAX; i++) {
    JsonNode *node = json_array_get_element (array, i);
    const char *text = json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
    gsize length = 0;
    g_autofree guchar *bytes = text == NULL ? NULL : g_base64_decode (text, &length);
    if (bytes == NULL || memchr (bytes, '\0', length) != NULL) {
      vf_error_set (error, VF_ERROR_PROTOCOL, "cannot run a command: word %u is none", i);
      return NULL;
    }
    g_ptr_array_add (words, g_strndup ((const char *)bytes, length));
  }
  g_ptr_array_add (words, NULL);
  return (char **)g_ptr_array_steal (words, NULL);
}

/* Between fork and exec. What of this process may be ignored must not be so there, and when it is killed, the command must not
 * go on alone. */
static void
make_child_stoppable (gpointer data)
{
  static const int signals[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGPIPE };
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    signal (signals[i], SIG_DFL);
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

static GSubprocess *
spawn (JsonObject *args, GError **error)
{
  g_auto (GStrv) words = read_words (args, error);
  if (words == NULL)
    return NULL;
  g_autofree char *columns = g_strdup_printf ("%" G_GINT64_FORMAT, vf_json_int_or (args, "columns", 0));
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_setenv (launcher, "VIRT_FERRY_COLUMNS", columns, TRUE);
  g_subprocess_launcher_set_child_setup (launcher, make_child_stoppable, NULL, NULL);
  GError *foreign = NULL;
  GSubprocess *child = g_subprocess_launcher_spawnv (launcher, (const char *const *)words, &foreign);
  if (child == NULL)
    vf_error_adopt (error, foreign, "cannot run virt-ferry");
  return child;
}

/* ---- what it is told ---- */

typedef struct {
  VfChannel *channel;
  GSubprocess *child;
  GCancellable *over;
} Ear;

/* Every byte asks the command to stop; so does the end of the channel. */
static gpointer
listen_for_stops (gpointer data)
{
  const Ear *ear = data;
  guint8 byte;
  gssize n = 1;
  while (n > 0) {
    n = vf_channel_receive (ear->channel, &byte, 1, ear->over, NULL);
    if (!g_cancellable_is_cancelled (ear->over))
      g_subprocess_send_signal (ear->child, SIGTERM);
  }
  return NULL;
}

/* ---- what it says ---- */

typedef struct {
  VfChannel *channel; /* NULL: nobody listens any more, but the command must be able to go on speaking */
  guint8 record[HEADER_BYTES + READ_BYTES];
} Mouth;

static void
send_record (Mouth *mouth, char kind, guint32 number, gsize length)
{
  guint32 wire = GUINT32_TO_BE (number);
  mouth->record[0] = (guint8)kind;
  memcpy (mouth->record + 1, &wire, sizeof wire);
  if (mouth->channel != NULL && !vf_channel_send (mouth->channel, mouth->record, HEADER_BYTES + length, NULL, NULL))
    mouth->channel = NULL;
}

/* False at the end of the pipe. */
static bool
pass_on (Mouth *mouth, int fd, char kind)
{
  gssize n = read (fd, mouth->record + HEADER_BYTES, READ_BYTES);
  if (n > 0)
    send_record (mouth, kind, (guint32)n, (gsize)n);
  return n > 0 || (n < 0 && errno == EINTR);
}

/* Until both pipes have ended, or the command has and left them to somebody who says nothing. */
static void
pass_on_all (Mouth *mouth, GSubprocess *child)
{
  static const char kinds[] = { 'o', 'e' };
  struct pollfd polled[] = {
    { .fd = g_unix_input_stream_get_fd (G_UNIX_INPUT_STREAM (g_subprocess_get_stdout_pipe (child))), .events = POLLIN },
    { .fd = g_unix_input_stream_get_fd (G_UNIX_INPUT_STREAM (g_subprocess_get_stderr_pipe (child))), .events = POLLIN },
  };
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    bool has_ended = g_subprocess_get_identifier (child) == NULL;
    int ready = poll (polled, G_N_ELEMENTS (polled), POLL_MS);
    if (ready == 0 && has_ended)
      return;
    for (gsize i = 0; i < G_N_ELEMENTS (polled); i++)
      if (ready > 0 && polled[i].fd >= 0 && polled[i].revents != 0 && !pass_on (mouth, polled[i].fd, kinds[i]))
        polled[i].fd = -1;
  }
}

/* ---- the service ---- */

static void
accompany (VfChannel *channel, GSubprocess *child)
{
  g_autoptr (GCancellable) over = g_cancellable_new ();
  g_autofree Mouth *mouth = g_new0 (Mouth, 1);
  Ear ear = { channel, child, over };
  mouth->channel = channel;
  GThread *listener = g_thread_new ("stop-listener", listen_for_stops, &ear);
  pass_on_all (mouth, child);
  g_subprocess_wait (child, NULL, NULL);
  g_cancellable_cancel (over);
  g_thread_join (listener);
  if (g_subprocess_get_if_signaled (child))
    send_record (mouth, 's', (guint32)g_subprocess_get_term_sig (child), 0);
  else
    send_record (mouth, 'x', (guint32)g_subprocess_get_exit_status (child), 0);
}

static void
serve_command (VfChannel *channel, const char *name, JsonObject *args, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) child = NULL;
  if (strcmp (name, "command") != 0)
    vf_error_set (&error, VF_ERROR_NOT_FOUND, "cannot serve '%.80s': this agent runs commands only", name);
  else
    child = spawn (args, &error);
  if (child == NULL) {
    vf_channel_refuse (channel, error);
    return;
  }
  vf_channel_accept (channel, NULL, NULL);
  accompany (channel, child);
}

bool
vf_commands_run (int in_fd, int out_fd, GError **error)
{
  signal (SIGPIPE, SIG_IGN);
  return vf_link_serve (in_fd, out_fd, SILENCE_S, NULL, serve_command, NULL, error);
}
