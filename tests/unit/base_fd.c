/* Descriptors: whole reads and writes, also when signals and short pipes break them up. */
#include "base/fd.h"
#include "said.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

enum { BYTES = 300000 };

static guint8 *
pattern (void)
{
  guint8 *data = g_malloc (BYTES);
  for (guint i = 0; i < BYTES; i++)
    data[i] = (guint8)(i * 7 + i / 251);
  return data;
}

static void
an_owned_descriptor_closes_itself_and_keeps_errno (void)
{
  int number;
  {
    g_auto (VfFd) fd = memfd_create ("x", MFD_CLOEXEC);
    number = fd;
    errno = ENOSPC;
  }
  g_assert_cmpint (errno, ==, ENOSPC);
  g_assert_cmpint (fcntl (number, F_GETFD), ==, -1);
}

static void
a_taken_descriptor_stays_open (void)
{
  int number;
  {
    g_auto (VfFd) fd = memfd_create ("x", MFD_CLOEXEC);
    number = vf_fd_steal (&fd);
    g_assert_cmpint (fd, ==, VF_FD_NONE);
  }
  g_assert_cmpint (fcntl (number, F_GETFD), !=, -1);
  close (number);
}

typedef struct {
  int fd;
  const guint8 *data;
} Pouring;

static gpointer
pour (gpointer data)
{
  const Pouring *pouring = data;
  g_assert_true (vf_fd_write_full (pouring->fd, pouring->data, BYTES));
  close (pouring->fd);
  return NULL;
}

static void
more_than_a_pipe_holds_is_written_and_read_whole (void)
{
  int ends[2];
  g_autofree guint8 *data = pattern ();
  g_autofree guint8 *back = g_malloc0 (BYTES + 10);
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  Pouring pouring = { ends[1], data };
  GThread *writer = g_thread_new ("writer", pour, &pouring);
  g_assert_cmpint (vf_fd_read_full (ends[0], back, BYTES + 10), ==, BYTES);
  g_assert_cmpmem (back, BYTES, data, BYTES);
  g_thread_join (writer);
  close (ends[0]);
}

static void
ignore_signal (int number)
{
}

static void
a_signal_does_not_break_a_read (void)
{
  char byte = 0;
  int ends[2];
  struct sigaction action = { .sa_handler = ignore_signal };
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  g_assert_cmpint (sigaction (SIGALRM, &action, NULL), ==, 0);
  pid_t child = fork ();
  if (child == 0) {
    for (int i = 0; i < 5; i++) {
      usleep (10000);
      kill (getppid (), SIGALRM);
    }
    _exit (write (ends[1], "x", 1) == 1 ? 0 : 1);
  }
  g_assert_cmpint (vf_fd_read_full (ends[0], &byte, 1), ==, 1);
  g_assert_cmpint (byte, ==, 'x');
  close (ends[0]);
  close (ends[1]);
}

static gpointer
read_slowly (gpointer fd)
{
  GByteArray *back = g_byte_array_new ();
  guint8 part[4096];
  for (gssize n = 1; n > 0;) {
    g_usleep (200);
    n = vf_fd_read_full (GPOINTER_TO_INT (fd), part, sizeof part);
    g_byte_array_append (back, part, (guint)MAX (n, 0));
  }
  return back;
}

/* A write to a full pipe that a signal breaks off has written only a part. */
static void
a_signal_does_not_break_a_write (void)
{
  int ends[2];
  struct sigaction action = { .sa_handler = ignore_signal };
  struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
  g_autofree guint8 *data = pattern ();
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  sigset_t alarms, former;
  sigemptyset (&alarms);
  sigaddset (&alarms, SIGALRM);
  pthread_sigmask (SIG_BLOCK, &alarms, &former); /* the reader inherits this: only the writer is hit */
  GThread *reader = g_thread_new ("reader", read_slowly, GINT_TO_POINTER (ends[0]));
  pthread_sigmask (SIG_SETMASK, &former, NULL);
  g_assert_cmpint (sigaction (SIGALRM, &action, NULL), ==, 0);
  g_assert_cmpint (setitimer (ITIMER_REAL, &often, NULL), ==, 0);
  g_assert_true (vf_fd_write_full (ends[1], data, BYTES));
  g_assert_cmpint (setitimer (ITIMER_REAL, &never, NULL), ==, 0);
  close (ends[1]);
  g_autoptr (GByteArray) back = g_thread_join (reader);
  g_assert_cmpmem (back->data, back->len, data, BYTES);
  close (ends[0]);
}

static void
reading_at_a_place_ends_at_the_end_of_the_file (void)
{
  g_autofree guint8 *data = pattern ();
  guint8 back[100];
  g_auto (VfFd) fd = memfd_create ("x", MFD_CLOEXEC);
  g_assert_true (vf_fd_pwrite_full (fd, data, BYTES, 50));
  g_assert_cmpint (vf_fd_pread_full (fd, back, 100, BYTES), ==, 50);
  g_assert_cmpmem (back, 50, data + BYTES - 50, 50);
  g_assert_cmpint (vf_fd_pread_full (fd, back, 100, BYTES + 1000), ==, 0);
  g_assert_cmpint (vf_fd_pread_full (fd, back, 60, 0), ==, 60);
  g_assert_cmpint (back[49], ==, 0);
  g_assert_cmpint (back[50], ==, data[0]);
}

static void
a_full_device_is_an_error_with_its_errno (void)
{
  g_auto (VfFd) fd = open ("/dev/full", O_RDWR | O_CLOEXEC);
  g_assert_false (vf_fd_write_full (fd, "x", 1));
  g_assert_cmpint (errno, ==, ENOSPC);
  g_assert_false (vf_fd_pwrite_full (fd, "x", 1, 0));
  g_assert_cmpint (vf_fd_read_full (VF_FD_NONE, &(char){ 0 }, 1), ==, -1);
  g_assert_cmpint (errno, ==, EBADF);
  g_assert_cmpint (vf_fd_pread_full (VF_FD_NONE, &(char){ 0 }, 1, 0), ==, -1);
}

static void
a_names_directory_is_synced_or_said_to_be_missing (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *directory = g_dir_make_tmp ("ferry-fd-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "not made yet", NULL);
  g_assert_true (vf_fd_sync_directory_of (path, &error));
  g_assert_no_error (error);
  g_rmdir (directory);
  g_assert_false (vf_fd_sync_directory_of (path, &error));
  assert_failed (&error, VF_ERROR_NOT_FOUND, "cannot sync directory '");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/fd/an owned descriptor closes itself and keeps errno",
                   an_owned_descriptor_closes_itself_and_keeps_errno);
  g_test_add_func ("/base/fd/a taken descriptor stays open", a_taken_descriptor_stays_open);
  g_test_add_func ("/base/fd/more than a pipe holds is written and read whole",
                   more_than_a_pipe_holds_is_written_and_read_whole);
  g_test_add_func ("/base/fd/a signal does not break a read", a_signal_does_not_break_a_read);
  g_test_add_func ("/base/fd/a signal does not break a write", a_signal_does_not_break_a_write);
  g_test_add_func ("/base/fd/reading at a place ends at the end of the file", reading_at_a_place_ends_at_the_end_of_the_file);
  g_test_add_func ("/base/fd/a full device is an error with its errno", a_full_device_is_an_error_with_its_errno);
  g_test_add_func ("/base/fd/a name's directory is synced or said to be missing",
                   a_names_directory_is_synced_or_said_to_be_missing);
  return g_test_run ();
}
