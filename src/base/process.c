#include "base/process.h"

#include <string.h>
#include <sys/resource.h>

enum { OUTPUT_BYTES_MAX = 16 * 1024 * 1024 };

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
cancel_on_deadline (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static void
forward_cancel (GCancellable *outer, gpointer inner)
{
  g_cancellable_cancel (inner);
}

typedef struct {
  GMainLoop *loop;
  GBytes *out;
  GBytes *err;
  GError *error;
} Conversation;

static void
conversation_ended (GObject *child, GAsyncResult *result, gpointer data)
{
  Conversation *conversation = data;
  g_subprocess_communicate_finish (G_SUBPROCESS (child), result, &conversation->out, &conversation->err, &conversation->error);
  g_main_loop_quit (conversation->loop);
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
  if (limits->deadline_s > 0) {
    timer = g_timeout_source_new_seconds (limits->deadline_s);
    g_source_set_callback (timer, cancel_on_deadline, stop, NULL);
    g_source_attach (timer, context);
  }
  if (limits->cancellable != NULL)
    forwarding = g_cancellable_connect (limits->cancellable, G_CALLBACK (forward_cancel), stop, NULL);
  g_subprocess_communicate_async (child, NULL, stop, conversation_ended, conversation);
  g_main_loop_run (loop);
  if (timer != NULL)
    g_source_destroy (timer);
  if (forwarding != 0)
    g_cancellable_disconnect (limits->cancellable, forwarding);
  bool stopped = g_cancellable_is_cancelled (stop);
  if (stopped)
    g_subprocess_force_exit (child);
  g_subprocess_wait (child, NULL, NULL);
  g_main_context_pop_thread_default (context);
  return !stopped;
}

static char *
last_line (GBytes *text)
{
  gsize length = 0;
  const char *data = text == NULL ? "" : g_bytes_get_data (text, &length);
  g_autofree char *copy = g_strndup (data != NULL ? data : "", MIN (length, 4096));
  g_autofree char *valid = g_utf8_make_valid (copy, -1);
  g_strchomp (valid);
  const char *newline = strrchr (valid, '\n');
  return g_strdup (newline != NULL ? newline + 1 : valid);
}

static bool
report_failure (const char *program, GSubprocess *child, GBytes *err, GError **error)
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

  Conversation conversation = { 0 };
  bool ended = converse (child, limits, &conversation);
  g_autoptr (GBytes) out = conversation.out;
  g_autoptr (GBytes) err = conversation.err;
  g_autoptr (GError) talk_error = conversation.error;
  if (!ended && limits->cancellable != NULL && g_cancellable_is_cancelled (limits->cancellable))
    return vf_error_set (error, VF_ERROR_CANCELLED, "cannot run '%s': stopped on request", argv[0]);
  if (!ended)
    return vf_error_set (error, VF_ERROR_TIMEOUT, "cannot run '%s': not done after %u s", argv[0], limits->deadline_s);
  if (talk_error != NULL)
    return vf_error_adopt (error, g_steal_pointer (&talk_error), "cannot read from '%s'", argv[0]);
  if (!g_subprocess_get_successful (child))
    return report_failure (argv[0], child, err, error);
  gsize length = 0;
  const char *data = g_bytes_get_data (out, &length);
  if (length > OUTPUT_BYTES_MAX)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read from '%s': more than %d bytes", argv[0], OUTPUT_BYTES_MAX);
  if (output != NULL)
    *output = g_strndup (data != NULL ? data : "", length);
  return true;
}
