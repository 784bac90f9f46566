#include "cli/console.h"

#include "base/json.h"
#include "base/units.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
  BAR_EVERY_US = 100 * 1000,
  JSON_EVERY_US = 500 * 1000,
  RATE_WINDOW_US = 3 * 1000 * 1000,
};

struct VfConsole {
  VfConsoleStyle style;
  VfReporter reporter;
  GMutex lock;
  bool bar_is_drawn;
  gint64 drawn_us;
  char *phase; /* of the last progress */
  /* the rate is what happened since the window began */
  gint64 window_us;
  guint64 window_bytes;
  double rate;
};

static gboolean option_json;
static gboolean option_progress;
static gboolean option_no_progress;

static const GOptionEntry entries[] = {
  { "json", 0, 0, G_OPTION_ARG_NONE, &option_json, "one JSON object a line on standard output", NULL },
  { "progress", 0, 0, G_OPTION_ARG_NONE, &option_progress, "show a bar though standard error is no terminal", NULL },
  { "no-progress", 0, 0, G_OPTION_ARG_NONE, &option_no_progress, "show no bar", NULL },
  G_OPTION_ENTRY_NULL,
};

void
vf_console_options_add (GOptionContext *context)
{
  g_option_context_add_main_entries (context, entries, NULL);
}

guint
vf_console_columns (void)
{
  enum { LEAST = 20, USUAL = 80 };
  struct winsize size = { 0 };
  const char *elsewhere = g_getenv ("VIRT_FERRY_COLUMNS");
  guint64 columns = elsewhere != NULL ? g_ascii_strtoull (elsewhere, NULL, 10) : 0;
  if (isatty (STDERR_FILENO))
    columns = ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= LEAST ? size.ws_col : USUAL;
  return columns > 0 ? (guint)CLAMP (columns, LEAST, 1000) : 0;
}

VfConsoleStyle
vf_console_options_style (void)
{
  bool wanted = option_progress || (vf_console_columns () > 0 && !option_json);
  return (VfConsoleStyle){ .json = option_json, .progress = wanted && !option_no_progress };
}

/* ---- drawing; the lock is held ---- */

static void
wipe_bar (VfConsole *console)
{
  if (console->bar_is_drawn)
    fputs ("\r\033[K", stderr);
  console->bar_is_drawn = false;
}

static void
print_json (JsonObject *object)
{
  g_autofree char *line = vf_json_print (object);
  puts (line);
  fflush (stdout);
  json_object_unref (object);
}

static JsonObject *
event_new (const char *kind)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "event", kind);
  return object;
}

static void
update_rate (VfConsole *console, const VfProgress *progress, gint64 now)
{
  bool other = g_strcmp0 (console->phase, progress->phase) != 0 || progress->done_bytes < console->window_bytes;
  if (other) {
    g_free (console->phase);
    console->phase = g_strdup (progress->phase);
    console->window_us = now;
    console->window_bytes = progress->done_bytes;
    console->rate = 0;
    return;
  }
  gint64 passed = now - console->window_us;
  if (passed > JSON_EVERY_US)
    console->rate = (double)(progress->done_bytes - console->window_bytes) * G_USEC_PER_SEC / (double)passed;
  if (passed > RATE_WINDOW_US) {
    console->window_us = now;
    console->window_bytes = progress->done_bytes;
  }
}

static gint64
eta_seconds (const VfConsole *console, const VfProgress *progress)
{
  if (console->rate < 1 || progress->total_bytes <= progress->done_bytes)
    return -1;
  return (gint64)((double)(progress->total_bytes - progress->done_bytes) / console->rate);
}

/* --progress asks for a bar where there is no terminal, too. */
static guint
bar_columns (void)
{
  guint columns = vf_console_columns ();
  return columns > 0 ? columns : 80;
}

static void
draw_bar (VfConsole *console, const VfProgress *progress)
{
  enum { CELLS = 20 };
  double part = progress->total_bytes == 0
                    ? 0
                    : (double)MIN (progress->done_bytes, progress->total_bytes) / (double)progress->total_bytes;
  guint full = (guint)(part * CELLS);
  gint64 eta = eta_seconds (console, progress);
  g_autofree char *done = vf_print_bytes (progress->done_bytes);
  g_autofree char *total = vf_print_bytes (progress->total_bytes);
  g_autofree char *rate = vf_print_bytes ((guint64)console->rate);
  g_autofree char *left = eta < 0 ? g_strdup ("-:--") : vf_print_seconds ((guint64)eta);
  g_autofree char *cells = g_strnfill (full, '#');
  g_autofree char *line =
      g_strdup_printf ("  %-7s [%-*s] %3.0f %%  %s of %s  %s/s  ETA %s  %s", progress->phase, CELLS, cells, part * 100, done,
                       total, rate, left, progress->detail != NULL ? progress->detail : "");
  g_autofree char *cut = g_utf8_substring (line, 0, MIN ((glong)bar_columns () - 1, g_utf8_strlen (line, -1)));
  fprintf (stderr, "\r%s\033[K", cut);
  fflush (stderr);
  console->bar_is_drawn = true;
}

/* ---- the reporter ---- */

static void
tell_phase (const char *phase, const char *title, gpointer data)
{
  VfConsole *console = data;
  g_mutex_lock (&console->lock);
  wipe_bar (console);
  if (console->style.json) {
    JsonObject *event = event_new ("phase");
    json_object_set_string_member (event, "name", phase);
    print_json (event);
  } else {
    fprintf (stderr, "  %-7s %s\n", phase, title);
  }
  console->drawn_us = 0;
  g_mutex_unlock (&console->lock);
}

static void
print_progress_event (VfConsole *console, const VfProgress *progress)
{
  JsonObject *event = event_new ("progress");
  gint64 eta = eta_seconds (console, progress);
  json_object_set_string_member (event, "phase", progress->phase);
  vf_json_set_string (event, "detail", progress->detail);
  json_object_set_int_member (event, "done_bytes", (gint64)progress->done_bytes);
  json_object_set_int_member (event, "total_bytes", (gint64)progress->total_bytes);
  json_object_set_int_member (event, "rate", (gint64)console->rate);
  if (eta >= 0)
    json_object_set_int_member (event, "eta_s", eta);
  print_json (event);
}

static void
tell_progress (const VfProgress *progress, gpointer data)
{
  VfConsole *console = data;
  g_mutex_lock (&console->lock);
  gint64 now = g_get_monotonic_time ();
  update_rate (console, progress, now);
  if (now - console->drawn_us >= (console->style.json ? JSON_EVERY_US : BAR_EVERY_US)) {
    console->drawn_us = now;
    if (console->style.json)
      print_progress_event (console, progress);
    else if (console->style.progress)
      draw_bar (console, progress);
  }
  g_mutex_unlock (&console->lock);
}

static void
tell_finding (const VfFinding *finding, gpointer data)
{
  VfConsole *console = data;
  g_mutex_lock (&console->lock);
  wipe_bar (console);
  if (console->style.json) {
    JsonObject *event = vf_finding_to_json (finding);
    json_object_set_string_member (event, "event", "finding");
    print_json (event);
  } else {
    fprintf (stderr, "%s [%s] %s: %s\n", vf_finding_level_name (finding->level), finding->code, finding->object, finding->text);
    if (finding->hint != NULL)
      fprintf (stderr, "  hint: %s\n", finding->hint);
  }
  g_mutex_unlock (&console->lock);
}

static void
tell_note (const char *text, gpointer data)
{
  VfConsole *console = data;
  g_mutex_lock (&console->lock);
  wipe_bar (console);
  if (console->style.json) {
    JsonObject *event = event_new ("note");
    json_object_set_string_member (event, "text", text);
    print_json (event);
  } else {
    fprintf (stderr, "          %s\n", text);
  }
  g_mutex_unlock (&console->lock);
}

VfConsole *
vf_console_new (VfConsoleStyle style)
{
  VfConsole *console = g_new0 (VfConsole, 1);
  console->style = style;
  g_mutex_init (&console->lock);
  console->reporter = (VfReporter){ tell_phase, tell_progress, tell_finding, tell_note, console };
  return console;
}

void
vf_console_free (VfConsole *console)
{
  g_mutex_clear (&console->lock);
  g_free (console->phase);
  g_free (console);
}

const VfReporter *
vf_console_reporter (VfConsole *console)
{
  return &console->reporter;
}

void
vf_console_say (VfConsole *console, const char *text)
{
  tell_note (text, console);
}

static void
print_success (const VfResult *result)
{
  g_autofree char *sent = vf_print_bytes (result->bytes_sent);
  if (result->bytes_sent > 0 || result->bytes_reused > 0)
    fprintf (stderr, "moved in %.1f s: %s of data sent, %u round%s", result->seconds, sent, result->rounds,
             result->rounds == 1 ? "" : "s");
  else
    fputs ("done", stderr);
  if (result->downtime_ms > 0)
    fprintf (stderr, "; the guest stood still for %" G_GUINT64_FORMAT " ms", result->downtime_ms);
  fputc ('\n', stderr);
}

int
vf_console_result (VfConsole *console, const VfResult *result)
{
  g_mutex_lock (&console->lock);
  wipe_bar (console);
  if (console->style.json) {
    print_json (vf_result_to_json (result));
  } else {
    if (result->error != NULL)
      fprintf (stderr, "virt-ferry: %s\n", result->error->message);
    else
      print_success (result);
    if (vf_error_get_hint (result->error) != NULL)
      fprintf (stderr, "hint: %s\n", vf_error_get_hint (result->error));
    if (result->guest != NULL)
      fprintf (stderr, "guest: %s\n", result->guest);
    if (result->data != NULL)
      fprintf (stderr, "data: %s\n", result->data);
    if (result->next != NULL)
      fprintf (stderr, "next: %s\n", result->next);
  }
  g_mutex_unlock (&console->lock);
  return (int)result->exit;
}
