#include "cli/runner.h"

#include <glib-unix.h>
#include <signal.h>

/* ---- attending ---- */

typedef struct {
  GMainContext *context; /* of our own: GLib's default context is libvirt's event loop */
  GMainLoop *loop;
  void (*work) (gpointer data);
  void (*stop) (gpointer data);
  gpointer data;
} Attendance;

static gboolean
signal_came (gpointer data)
{
  const Attendance *attendance = data;
  attendance->stop (attendance->data);
  return G_SOURCE_CONTINUE;
}

static gboolean
quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static gpointer
work_in_thread (gpointer data)
{
  const Attendance *attendance = data;
  attendance->work (attendance->data);
  g_autoptr (GSource) source = g_idle_source_new ();
  g_source_set_callback (source, quit, attendance->loop, NULL);
  g_source_attach (source, attendance->context); /* not invoke: that may call it here, before the loop runs */
  return NULL;
}

static void
listen_for (Attendance *attendance, int signal_number)
{
  g_autoptr (GSource) source = g_unix_signal_source_new (signal_number);
  g_source_set_callback (source, signal_came, attendance, NULL);
  g_source_attach (source, attendance->context);
}

void
vf_cli_attend (void (*work) (gpointer data), void (*stop) (gpointer data), gpointer data)
{
  static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP };
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  Attendance attendance = { context, loop, work, stop, data };
  for (gsize i = 0; i < G_N_ELEMENTS (stop_signals); i++)
    listen_for (&attendance, stop_signals[i]);
  GThread *thread = g_thread_new ("move", work_in_thread, &attendance);
  g_main_loop_run (loop);
  g_thread_join (thread);
}

/* ---- long work ---- */

typedef struct {
  VfConsole *console;
  GCancellable *cancellable;
  VfLongWork work;
  gpointer data;
  VfResult *result;
} Run;

static void
stop_run (gpointer data)
{
  Run *run = data;
  vf_console_say (run->console, g_cancellable_is_cancelled (run->cancellable)
                                    ? "still ending safely; this cannot be hurried"
                                    : "stopping: what was begun is taken back (or, after the switch, brought to its end)");
  g_cancellable_cancel (run->cancellable);
}

static void
work_on_run (gpointer data)
{
  Run *run = data;
  run->result = run->work (vf_console_reporter (run->console), run->cancellable, run->data);
}

int
vf_cli_run (VfLongWork work, gpointer data)
{
  g_autoptr (VfConsole) console = vf_console_new (vf_console_options_style ());
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Run run = { console, cancellable, work, data, NULL };
  vf_cli_attend (work_on_run, stop_run, &run);
  g_autoptr (VfResult) result = run.result;
  return vf_console_result (console, result);
}
