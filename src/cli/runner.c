#include "cli/runner.h"

#include <glib-unix.h>
#include <signal.h>

typedef struct {
  VfConsole *console;
  GCancellable *cancellable;
  GMainContext *context; /* of our own: GLib's default context is libvirt's event loop */
  GMainLoop *loop;
  VfLongWork work;
  gpointer data;
  VfResult *result;
} Run;

static gboolean
stop_asked (gpointer data)
{
  Run *run = data;
  vf_console_say (run->console, g_cancellable_is_cancelled (run->cancellable)
                                    ? "still ending safely; this cannot be hurried"
                                    : "stopping: what was begun is taken back (or, after the switch, brought to its end)");
  g_cancellable_cancel (run->cancellable);
  return G_SOURCE_CONTINUE;
}

static gboolean
quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static gpointer
run_in_thread (gpointer data)
{
  Run *run = data;
  run->result = run->work (vf_console_reporter (run->console), run->cancellable, run->data);
  g_autoptr (GSource) source = g_idle_source_new ();
  g_source_set_callback (source, quit, run->loop, NULL);
  g_source_attach (source, run->context); /* not invoke: that may call it here, before the loop runs */
  return NULL;
}

static void
listen_for (Run *run, int signal_number)
{
  g_autoptr (GSource) source = g_unix_signal_source_new (signal_number);
  g_source_set_callback (source, stop_asked, run, NULL);
  g_source_attach (source, run->context);
}

int
vf_cli_run (VfLongWork work, gpointer data)
{
  static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP };
  g_autoptr (VfConsole) console = vf_console_new (vf_console_options_style ());
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  Run run = { console, cancellable, context, loop, work, data, NULL };
  for (gsize i = 0; i < G_N_ELEMENTS (stop_signals); i++)
    listen_for (&run, stop_signals[i]);
  GThread *thread = g_thread_new ("move", run_in_thread, &run);
  g_main_loop_run (loop);
  g_thread_join (thread);
  g_autoptr (VfResult) result = run.result;
  return vf_console_result (console, result);
}
