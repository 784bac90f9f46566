#include "link/link_private.h"
#include "link/remote_shell.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
  SAID_BYTES_MAX = 64 * 1024,
  PIPE_BYTES = 1024 * 1024,
  CHILD_END_MS = 5000,
  LAST_WORDS_MS = 1000,
  PASSWORD_S = 120, /* as long as sshd's LoginGraceTime */
  EXIT_NOT_FOUND = 127,
};

struct VfRemoteShell {
  GSubprocess *child;
  VfLink *link;
  int said_fd, stop_fd;
  GThread *listener;
  GMutex lock;
  GCond ended_cond;
  GString *said; /* the last SAID_BYTES_MAX of its standard error */
  bool said_all;
};

/* ---- its standard error ---- */

static bool
take_words (VfRemoteShell *shell)
{
  char buffer[4096];
  gssize n = read (shell->said_fd, buffer, sizeof buffer);
  if (n < 0)
    return errno == EINTR;
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&shell->lock);
  g_string_append_len (shell->said, buffer, n);
  if (shell->said->len > SAID_BYTES_MAX)
    g_string_erase (shell->said, 0, (gssize)(shell->said->len - SAID_BYTES_MAX));
  return n > 0;
}

/* Until the end, or until told to stop: a process that the shell left behind may hold the pipe open for ever. */
static gpointer
listen_to_words (gpointer data)
{
  VfRemoteShell *shell = data;
  struct pollfd polled[] = { { .fd = shell->said_fd, .events = POLLIN }, { .fd = shell->stop_fd, .events = POLLIN } };
  bool more = true;
  while (more) {
    if (poll (polled, G_N_ELEMENTS (polled), -1) < 0)
      continue;
    more = polled[0].revents != 0 ? take_words (shell) : polled[1].revents == 0;
  }
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&shell->lock);
  shell->said_all = true;
  g_cond_broadcast (&shell->ended_cond);
  return NULL;
}

/* The link's epitaph: the last line of the standard error, once that has ended. */
static char *
last_words (gpointer data)
{
  VfRemoteShell *shell = data;
  gint64 until_us = g_get_monotonic_time () + LAST_WORDS_MS * 1000;
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&shell->lock);
  while (!shell->said_all && g_cond_wait_until (&shell->ended_cond, &shell->lock, until_us))
    ;
  return vf_reason_last_line (shell->said->str, shell->said->len);
}

/* ---- the child ---- */

/* Between fork and exec. Ctrl-C and a hang-up of the terminal go to the whole foreground group, but the shell must outlive
 * them: the move is undone through it. Its life hangs on its standard input alone. It stays in our session and group, so that
 * ssh may ask for a password on the terminal; OpenSSH leaves signals ignored that it finds ignored. */
static void
ignore_terminal_signals (gpointer data)
{
  signal (SIGINT, SIG_IGN);
  signal (SIGQUIT, SIG_IGN);
  signal (SIGHUP, SIG_IGN);
}

typedef struct {
  VfFd ours, theirs;
} PipeEnds;

static void
pipe_ends_close (PipeEnds *ends)
{
  vf_fd_close_value (ends->ours);
  vf_fd_close_value (ends->theirs);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PipeEnds, pipe_ends_close)

static bool
open_pipe (PipeEnds *ends, bool we_write, GError **error)
{
  int fds[2];
  if (pipe2 (fds, O_CLOEXEC) != 0)
    return vf_error_set_errno (error, errno, "cannot make a pipe");
  fcntl (fds[0], F_SETPIPE_SZ, PIPE_BYTES); /* may be denied: only slower then */
  ends->ours = fds[we_write ? 1 : 0];
  ends->theirs = fds[we_write ? 0 : 1];
  return true;
}

static GSubprocess *
spawn (char **argv, PipeEnds *in, PipeEnds *out, PipeEnds *said, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_subprocess_launcher_take_stdin_fd (launcher, vf_fd_steal (&in->theirs));
  g_subprocess_launcher_take_stdout_fd (launcher, vf_fd_steal (&out->theirs));
  g_subprocess_launcher_take_stderr_fd (launcher, vf_fd_steal (&said->theirs));
  g_subprocess_launcher_set_child_setup (launcher, ignore_terminal_signals, NULL, NULL);
  GError *foreign = NULL;
  GSubprocess *child = g_subprocess_launcher_spawnv (launcher, (const char *const *)argv, &foreign);
  if (child == NULL)
    vf_error_adopt (error, foreign, "cannot run remote shell '%s'", argv[0]);
  return child;
}

static void
child_ended (GObject *child, GAsyncResult *result, gpointer loop)
{
  g_subprocess_wait_finish (G_SUBPROCESS (child), result, NULL);
  g_main_loop_quit (loop);
}

static gboolean
give_up (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

/* GSubprocess reaps by itself, in GLib's own thread; this only waits for it. False when the child still runs. */
static bool
wait_for_child (GSubprocess *child, guint ms)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_main_context_push_thread_default (context);
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GSource) timer = g_timeout_source_new (ms);
  g_source_set_callback (timer, give_up, cancellable, NULL);
  g_source_attach (timer, context);
  g_subprocess_wait_async (child, cancellable, child_ended, loop);
  g_main_loop_run (loop);
  g_source_destroy (timer);
  g_main_context_pop_thread_default (context);
  return !g_cancellable_is_cancelled (cancellable);
}

static void
end_child (GSubprocess *child)
{
  if (wait_for_child (child, CHILD_END_MS))
    return;
  g_subprocess_force_exit (child);
  g_subprocess_wait (child, NULL, NULL);
}

/* ---- together ---- */

static bool
start_listener (VfRemoteShell *shell, GError **error)
{
  shell->stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (shell->stop_fd < 0)
    return vf_error_set_errno (error, errno, "cannot make an event descriptor");
  shell->listener = g_thread_new ("shell-stderr", listen_to_words, shell);
  return true;
}

/* With a terminal a password may be asked for, and a person types slowly. */
static guint
greeting_seconds (guint timeout_s)
{
  g_auto (VfFd) terminal = open ("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  return terminal == VF_FD_NONE ? timeout_s : MAX (timeout_s, PASSWORD_S);
}

static void
hint_at_exit_code (VfRemoteShell *shell, GError **error)
{
  if (!wait_for_child (shell->child, LAST_WORDS_MS) || !g_subprocess_get_if_exited (shell->child))
    return;
  if (g_subprocess_get_exit_status (shell->child) == EXIT_NOT_FOUND)
    vf_error_hint (error,
                   "install virt-ferry on that host, or say where it is: --agent-path, of the source --source-agent-path");
}

static VfRemoteShell *
shell_new (GSubprocess *child, int said_fd)
{
  VfRemoteShell *shell = g_new0 (VfRemoteShell, 1);
  shell->child = child;
  shell->said_fd = said_fd;
  shell->stop_fd = VF_FD_NONE;
  shell->said = g_string_new (NULL);
  g_mutex_init (&shell->lock);
  g_cond_init (&shell->ended_cond);
  return shell;
}

VfRemoteShell *
vf_remote_shell_start (char **argv, guint timeout_s, GError **error)
{
  g_auto (PipeEnds) in = { VF_FD_NONE, VF_FD_NONE }, out = { VF_FD_NONE, VF_FD_NONE }, said = { VF_FD_NONE, VF_FD_NONE };
  if (!open_pipe (&in, true, error) || !open_pipe (&out, false, error) || !open_pipe (&said, false, error))
    return NULL;
  GSubprocess *child = spawn (argv, &in, &out, &said, error);
  if (child == NULL)
    return NULL;
  g_autoptr (VfRemoteShell) shell = shell_new (child, vf_fd_steal (&said.ours));
  if (!start_listener (shell, error))
    return NULL;
  VfLinkWishes wishes = { greeting_seconds (timeout_s), last_words, shell };
  shell->link = vf_link_connect_with (vf_fd_steal (&out.ours), vf_fd_steal (&in.ours), timeout_s, &wishes, error);
  if (shell->link != NULL)
    return g_steal_pointer (&shell);
  hint_at_exit_code (shell, error);
  return NULL;
}

VfLink *
vf_remote_shell_link (VfRemoteShell *shell)
{
  return shell->link;
}

void
vf_remote_shell_stop (VfRemoteShell *shell)
{
  g_clear_pointer (&shell->link, vf_link_free);
  end_child (shell->child);
  if (shell->listener != NULL) {
    eventfd_write (shell->stop_fd, 1);
    g_thread_join (shell->listener);
  }
  g_object_unref (shell->child);
  g_string_free (shell->said, TRUE);
  vf_fd_close_value (shell->said_fd);
  vf_fd_close_value (shell->stop_fd);
  g_mutex_clear (&shell->lock);
  g_cond_clear (&shell->ended_cond);
  g_free (shell);
}
