#include "base/process.h"

#include <string.h>
#include <sys/resource.h>

enum {
  OUTPUT_BYTES_MAX = 16 * 1024 * 1024,
  READ_BYTES = 64 * 1024,
};

typedef struct {
  guint64 memory_bytes_max;
  guint cpu_s_max;
} ChildLimits;

/* Runs in the child between fork and exec: only async-signal-safe calls. */
static void
apply_limits (gpointer data)
{
  const ChildLimits *limits = data;
  if (limits->memory_bytes_max > 0)
    setrlimit (RLIMIT_AS, &(struct rlimit){ limits->memory_bytes_max, limits->memory_bytes_max });
  if (limits->cpu_s_max > 0)
    setrlimit (RLIMIT_CPU, &(struct rlimit){ limits->cpu_s_max, limits->cpu_s_max });
  setrlimit (RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

static gboolean
stop_now (gpointer stop)
{
  g_cancellable_cancel (stop);
  return G_SOURCE_REMOVE;
}

/* What is under way with a child: reading both its outputs, and waiting for its end. */
typedef struct {
  GMainLoop *loop;
  GCancellable *stop; /* cancelled in the thread of the loop only */
  guint pending;
  bool too_much;
  GByteArray *out;
  GByteArray *err;
  GError *error; /* the first */
} Conversation;

typedef struct {
  Conversation *conversation;
  GByteArray *text;
} Reading;

/* Runs in the thread of who cancels. GLib's sources for a cancellable leak when they go while another thread cancels it, so
 * `stop` is cancelled by the loop. */
static void
forward_cancel (GCancellable *outer, gpointer data)
{
  const Conversation *conversation = data;
  g_autoptr (GSource) source = g_timeout_source_new (0);
  g_source_set_callback (source, stop_now, g_object_ref (conversation->stop), g_object_unref);
  g_source_attach (source, g_main_loop_get_context (conversation->loop));
}

static void
conversation_clear (Conversation *conversation)
{
  g_byte_array_unref (conversation->out);
  g_byte_array_unref (conversation->err);
  g_clear_error (&conversation->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Conversation, conversation_clear)

/* Takes `error`. */
static void
part_ended (Conversation *conversation, GError *error)
{
  g_autoptr (GError) owned = error;
  if (conversation->error == NULL)
    conversation->error = g_steal_pointer (&owned);
  if (--conversation->pending == 0)
    g_main_loop_quit (conversation->loop);
}

static void
child_ended (GObject *child, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_subprocess_wait_finish (G_SUBPROCESS (child), result, &error);
  part_ended (data, error);
}

static void
some_was_read (GObject *pipe, GAsyncResult *result, gpointer data)
{
  Reading *reading = data;
  Conversation *conversation = reading->conversation;
  GError *error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (pipe), result, &error);
  gsize length = bytes == NULL ? 0 : g_bytes_get_size (bytes);
  if (length == 0) {
    part_ended (conversation, error);
    return;
  }
  g_byte_array_append (reading->text, g_bytes_get_data (bytes, NULL), (guint)length);
  if (reading->text->len > OUTPUT_BYTES_MAX) {
    conversation->too_much = true;
    g_cancellable_cancel (conversation->stop);
    part_ended (conversation, NULL);
    return;
  }
  g_input_stream_read_bytes_async (G_INPUT_STREAM (pipe), READ_BYTES, G_PRIORITY_DEFAULT, conversation->stop, some_was_read,
                                   reading);
}

static void
begin_reading (Reading *reading, GInputStream *pipe)
{
  reading->conversation->pending++;
  g_input_stream_read_bytes_async (pipe, READ_BYTES, G_PRIORITY_DEFAULT, reading->conversation->stop, some_was_read, reading);
}

static gboolean
kill_child (GCancellable *stop, gpointer child)
{
  g_subprocess_force_exit (child);
  return G_SOURCE_REMOVE;
}

/* Returns when the child has ended, which a cancelled `stop` makes it do: the wait itself would not hear of one that was
 * cancelled before. */
static void
talk (GSubprocess *child, Conversation *conversation)
{
  Reading out = { conversation, conversation->out };
  Reading err = { conversation, conversation->err };
  begin_reading (&out, g_subprocess_get_stdout_pipe (child));
  begin_reading (&err, g_subprocess_get_stderr_pipe (child));
  conversation->pending++;
  g_subprocess_wait_async (child, NULL, child_ended, conversation);
  g_autoptr (GSource) killer = g_cancellable_source_new (conversation->stop);
  g_source_set_callback (killer, G_SOURCE_FUNC (kill_child), child, NULL);
  g_source_attach (killer, g_main_context_get_thread_default ());
  g_main_loop_run (conversation->loop);
  g_source_destroy (killer);
}

/* Waits for the child in a main context of this thread's own, so that a deadline works beside any other loop. Returns whether
 * it ended by itself. */
static bool
converse (GSubprocess *child, const VfProcessLimits *limits, Conversation *conversation)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_main_context_push_thread_default (context);
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  g_autoptr (GCancellable) stop = g_cancellable_new ();
  g_autoptr (GSource) timer = NULL;
  gulong forwarding = 0;
  conversation->loop = loop;
  conversation->stop = stop;
  if (limits->deadline_s > 0) {
    timer = g_timeout_source_new_seconds (limits->deadline_s);
    g_source_set_callback (timer, stop_now, stop, NULL);
    g_source_attach (timer, context);
  }
  if (limits->cancellable != NULL)
    forwarding = g_cancellable_connect (limits->cancellable, G_CALLBACK (forward_cancel), conversation, NULL);
  talk (child, conversation);
  if (timer != NULL)
    g_source_destroy (timer);
  if (forwarding != 0)
    g_cancellable_disconnect (limits->cancellable, forwarding);
  g_main_context_pop_thread_default (context);
  return !g_cancellable_is_cancelled (stop);
}

static char *
last_line (const GByteArray *text)
{
  guint kept = MIN (text->len, 4096);
  g_autofree char *copy = kept == 0 ? g_strdup ("") : g_strndup ((const char *)text->data + text->len - kept, kept);
  g_autofree char *valid = g_utf8_make_valid (copy, -1);
  g_strchomp (valid);
  const char *newline = strrchr (valid, '\n');
  return g_strdup (newline != NULL ? newline + 1 : valid);
}

static bool
report_failure (const char *program, GSubprocess *child, const GByteArray *err, GError **error)
{
  g_autofree char *said = last_line (err);
  if (g_subprocess_get_if_signaled (child))
    return vf_error_set (error, VF_ERROR_FAILED, "cannot run '%s': killed by signal %d (%s)%s%s", program,
                         g_subprocess_get_term_sig (child), g_strsignal (g_subprocess_get_term_sig (child)),
                         *said != '\0' ? ": " : "", said);
  return vf_error_set (error, VF_ERROR_FAILED, "cannot run '%s': exit code %d: %s", program,
                       g_subprocess_get_exit_status (child), *said != '\0' ? said : "no message");
}

bool
vf_process_run (const char *const *argv, const VfProcessLimits *limits, char **output, GError **error)
{
  ChildLimits child_limits = { limits->memory_bytes_max, limits->cpu_s_max };
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_setenv (launcher, "LC_ALL", "C", TRUE);
  g_subprocess_launcher_set_child_setup (launcher, apply_limits, &child_limits, NULL);
  GError *foreign = NULL;
  g_autoptr (GSubprocess) child = g_subprocess_launcher_spawnv (launcher, argv, &foreign);
  if (child == NULL)
    return vf_error_adopt (error, foreign, "cannot run '%s'", argv[0]);

  g_auto (Conversation) conversation = { .out = g_byte_array_new (), .err = g_byte_array_new () };
  bool ended = converse (child, limits, &conversation);
  if (conversation.too_much)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read from '%s': more than %d bytes", argv[0], OUTPUT_BYTES_MAX);
  if (!ended && limits->cancellable != NULL && g_cancellable_is_cancelled (limits->cancellable))
    return vf_error_set (error, VF_ERROR_CANCELLED, "cannot run '%s': stopped on request", argv[0]);
  if (!ended)
    return vf_error_set (error, VF_ERROR_TIMEOUT, "cannot run '%s': not done after %u s", argv[0], limits->deadline_s);
  if (conversation.error != NULL)
    return vf_error_adopt (error, g_steal_pointer (&conversation.error), "cannot read from '%s'", argv[0]);
  if (!g_subprocess_get_successful (child))
    return report_failure (argv[0], child, conversation.err, error);
  if (output != NULL)
    *output =
        conversation.out->len == 0 ? g_strdup ("") : g_strndup ((const char *)conversation.out->data, conversation.out->len);
  return true;
}
