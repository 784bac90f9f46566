/* One writer at a time. */
#include "journal_state.h"

#include <sys/wait.h>

/* A child that opens (or makes) the journal, says so, and holds it until it is killed. */
static pid_t
hold_in_child (State *state)
{
  int pipe_fds[2];
  char ready = 0;
  g_assert_cmpint (pipe (pipe_fds), ==, 0);
  pid_t child = fork ();
  if (child == 0) {
    g_autoptr (VfJournal) journal = create (state);
    append_well (journal, "begin", "by the child");
    g_assert_cmpint (write (pipe_fds[1], "r", 1), ==, 1);
    for (;;)
      pause ();
  }
  close (pipe_fds[1]);
  g_assert_cmpint (read (pipe_fds[0], &ready, 1), ==, 1);
  close (pipe_fds[0]);
  return child;
}

static void
end_child (pid_t child)
{
  g_assert_cmpint (kill (child, SIGKILL), ==, 0);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
}

static void
a_second_writer_is_refused_and_told_who_has_it (State *state, gconstpointer data)
{
  pid_t child = hold_in_child (state);
  g_autoptr (GError) error = NULL;
  VfJournal *journal = reopen (state, &error);
  end_child (child);
  g_autofree char *said = g_strdup_printf ("process %d has it", child);
  g_assert_null (journal);
  g_assert_true (vf_error_is (error, VF_ERROR_BUSY));
  g_assert_nonnull (strstr (error->message, said));
  g_assert_cmpuint (state->seen->len, ==, 0);
}

static void
reading_goes_on_beside_a_writer_and_names_it (State *state, gconstpointer data)
{
  pid_t child = hold_in_child (state);
  gint64 held = 0;
  g_autoptr (GError) error = NULL;
  bool read_well = vf_journal_read (state->directory, ID, see, state, &held, &error);
  end_child (child);
  g_assert_no_error (error);
  g_assert_true (read_well);
  g_assert_cmpint (held, ==, child);
  assert_seen (state, 0, "begin", "by the child");
}

static void
the_lock_ends_with_its_holder (State *state, gconstpointer data)
{
  end_child (hold_in_child (state));
  gint64 held = -1;
  g_assert_true (vf_journal_read (state->directory, ID, see, state, &held, NULL));
  g_assert_cmpint (held, ==, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJournal) journal = reopen (state, &error);
  g_assert_no_error (error);
  append_well (journal, "phase", "by the parent");
}

static void
one_process_cannot_open_twice (State *state, gconstpointer data)
{
  g_autoptr (VfJournal) first = create (state);
  g_assert_nonnull (first);
  g_autoptr (GError) error = NULL;
  g_assert_null (reopen (state, &error));
  g_assert_true (vf_error_is (error, VF_ERROR_BUSY));
}

static void
reading_does_not_take_the_lock (State *state, gconstpointer data)
{
  g_autoptr (VfJournal) journal = create (state);
  append_well (journal, "begin", "");
  g_assert_true (vf_journal_read (state->directory, ID, see, state, NULL, NULL));
  append_well (journal, "phase", "");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/journal/lock/a second writer is refused and told who has it", a_second_writer_is_refused_and_told_who_has_it);
  ADD ("/journal/lock/reading goes on beside a writer and names it", reading_goes_on_beside_a_writer_and_names_it);
  ADD ("/journal/lock/the lock ends with its holder", the_lock_ends_with_its_holder);
  ADD ("/journal/lock/one process cannot open twice", one_process_cannot_open_twice);
  ADD ("/journal/lock/reading does not take the lock", reading_does_not_take_the_lock);
  return g_test_run ();
}
