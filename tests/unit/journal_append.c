/* Making, writing and listing journals. */
#include "journal_state.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void
what_was_appended_is_replayed_in_order (State *state, gconstpointer data)
{
  VfJournal *journal = create (state);
  append_well (journal, "begin", "ä\n\t\"\\ \xe2\x80\xa8");
  append_well (journal, "phase", "");
  vf_journal_free (journal);
  g_autoptr (GError) error = NULL;
  journal = reopen (state, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (state->seen->len, ==, 2);
  append_well (journal, "done", "later");
  vf_journal_free (journal);
  g_autoptr (VfJournal) again = reopen (state, &error);
  g_assert_no_error (error);
  g_assert_nonnull (again);
  g_assert_cmpuint (state->seen->len, ==, 3);
  assert_seen (state, 0, "begin", "ä\n\t\"\\ \xe2\x80\xa8");
  assert_seen (state, 1, "phase", "");
  assert_seen (state, 2, "done", "later");
}

static void
seq_and_time_are_the_journals_and_stand_first (State *state, gconstpointer data)
{
  g_autoptr (VfJournal) journal = create (state);
  g_autoptr (JsonObject) changeable = json_object_new ();
  json_object_set_int_member (changeable, "a", 1);
  json_object_set_string_member (changeable, "time", "never");
  json_object_set_int_member (changeable, "seq", 77);
  json_object_set_string_member (changeable, "record", "begin");
  gint64 before = g_get_real_time ();
  g_assert_true (vf_journal_append (journal, changeable, NULL));
  g_assert_cmpint (json_object_get_int_member (changeable, "seq"), ==, 1);
  g_assert_cmpint (json_object_get_int_member (changeable, "time"), >=, before);
  g_autoptr (GBytes) bytes = journal_bytes (state);
  const char *line = g_bytes_get_data (bytes, NULL);
  g_assert_true (g_str_has_prefix (line + 8, " {\"seq\":1,\"time\":"));
  g_assert_nonnull (strstr (line, ",\"record\":\"begin\",\"a\":1}\n"));
}

static void
the_checksum_is_zlibs (State *state, gconstpointer data)
{
  static const char line[] = "4d127783 {\"seq\":1,\"time\":2,\"record\":\"x\"}"; /* by Python's zlib.crc32 */
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) record = vf_journal_parse_line (line, strlen (line), &error);
  g_assert_no_error (error);
  g_autofree char *printed = vf_journal_print_line (record);
  g_autofree char *expected = g_strconcat (line, "\n", NULL);
  g_assert_cmpstr (printed, ==, expected);
}

static guint
mode_of (const char *path)
{
  struct stat facts;
  g_assert_cmpint (stat (path, &facts), ==, 0);
  return facts.st_mode & 07777;
}

static void
only_its_owner_may_look_at_a_journal (State *state, gconstpointer data)
{
  g_autofree char *deep = g_build_filename (state->directory, "not", "there", "yet", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJournal) journal = vf_journal_create (deep, ID, &error);
  g_assert_no_error (error);
  g_assert_nonnull (journal);
  g_autofree char *moves = g_build_filename (deep, "moves", NULL);
  g_autofree char *move = g_build_filename (moves, ID, NULL);
  g_autofree char *file = g_build_filename (move, "journal", NULL);
  g_assert_cmpuint (mode_of (deep), ==, 0700);
  g_assert_cmpuint (mode_of (moves), ==, 0700);
  g_assert_cmpuint (mode_of (move), ==, 0700);
  g_assert_cmpuint (mode_of (file), ==, 0600);
}

static void
an_id_is_used_once (State *state, gconstpointer data)
{
  vf_journal_free (create (state));
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_journal_create (state->directory, ID, &error));
  g_assert_true (vf_error_is (error, VF_ERROR_EXISTS));
}

static void
what_is_no_id_opens_nothing (State *state, gconstpointer data)
{
  static const char *const ids[] = { "", "..", "0123ABCD", "0123abc", "../../etc" };
  for (gsize i = 0; i < G_N_ELEMENTS (ids); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (vf_journal_create (state->directory, ids[i], &error));
    g_assert_true (vf_error_is (error, VF_ERROR_USAGE));
    g_clear_error (&error);
    g_assert_null (vf_journal_open (state->directory, ids[i], see, state, &error));
    g_assert_true (vf_error_is (error, VF_ERROR_USAGE));
    g_clear_error (&error);
    g_assert_false (vf_journal_read (state->directory, ids[i], see, state, NULL, &error));
    g_assert_true (vf_error_is (error, VF_ERROR_USAGE));
  }
}

static void
a_move_that_is_not_there_is_not_found (State *state, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (reopen (state, &error));
  g_assert_true (vf_error_is (error, VF_ERROR_NOT_FOUND));
  g_assert_nonnull (strstr (error->message, "there is no move '0123abcd'"));
}

static void
a_record_that_replay_would_refuse_is_not_written (State *state, gconstpointer data)
{
  g_autoptr (VfJournal) journal = create (state);
  append_well (journal, "begin", "");
  g_autofree char *long_text = g_strnfill (16 << 20, 'x');
  g_autoptr (GError) error = NULL;
  g_assert_false (append (journal, "phase", long_text, &error));
  g_assert_nonnull (strstr (error->message, "longer than 16777216 bytes"));
  g_clear_error (&error);
  g_assert_false (append (journal, "phase", "/path/\xff", &error));
  g_assert_nonnull (strstr (error->message, "UTF-8"));
  g_clear_error (&error);
  g_autoptr (JsonObject) kindless = json_object_new ();
  g_assert_false (vf_journal_append (journal, kindless, &error));
  g_assert_nonnull (strstr (error->message, "'record'"));
  append_well (journal, "phase", "next"); /* and the journal goes on */
  g_assert_true (vf_journal_read (state->directory, ID, see, state, NULL, NULL));
  g_assert_cmpuint (state->seen->len, ==, 2);
  assert_seen (state, 1, "phase", "next");
}

static bool
refuse_second (JsonObject *record, gpointer data, GError **error)
{
  guint *count = data;
  return ++*count < 2 || vf_error_set (error, VF_ERROR_UNDECIDED, "cannot apply record: unknown kind");
}

static void
an_error_of_apply_ends_the_replay (State *state, gconstpointer data)
{
  VfJournal *journal = create (state);
  for (guint i = 0; i < 3; i++)
    append_well (journal, "begin", "");
  vf_journal_free (journal);
  guint count = 0;
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_journal_open (state->directory, ID, refuse_second, &count, &error));
  g_assert_cmpuint (count, ==, 2);
  g_assert_cmpstr (error->message, ==, "cannot apply record: unknown kind");
  g_autoptr (VfJournal) unlocked = reopen (state, NULL);
  g_assert_nonnull (unlocked);
}

/* In a child, for the limit stays. Exit code: 0 when everything is as it must be. */
static int
write_beyond_limit (State *state)
{
  g_autoptr (VfJournal) journal = create (state);
  g_autoptr (GError) error = NULL;
  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &(struct rlimit){ 200, RLIM_INFINITY });
  if (!append (journal, "begin", "", &error) || append (journal, "phase",
                                                        "0123456789012345678901234567890123456789"
                                                        "0123456789012345678901234567890123456789"
                                                        "0123456789012345678901234567890123456789",
                                                        &error))
    return 1;
  g_clear_error (&error);
  setrlimit (RLIMIT_FSIZE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
  if (append (journal, "phase", "", &error)) /* would stand behind half a record */
    return 2;
  return strstr (error->message, "an earlier write failed") != NULL ? 0 : 3;
}

static void
after_a_failed_write_the_journal_refuses (State *state, gconstpointer data)
{
  pid_t child = fork ();
  if (child == 0)
    _exit (write_beyond_limit (state));
  int status = 0;
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJournal) journal = reopen (state, &error); /* the half record is a torn one */
  g_assert_no_error (error);
  g_assert_cmpuint (state->seen->len, ==, 1);
  append_well (journal, "phase", "after");
}

static gpointer
append_many (gpointer journal)
{
  for (guint i = 0; i < 20; i++)
    append_well (journal, "phase", "");
  return NULL;
}

static void
threads_may_append_at_once (State *state, gconstpointer data)
{
  VfJournal *journal = create (state);
  GThread *threads[4];
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("append", append_many, journal);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  vf_journal_free (journal);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJournal) again = reopen (state, &error);
  g_assert_no_error (error);
  g_assert_nonnull (again);
  g_assert_cmpuint (state->seen->len, ==, 80);
}

static void
moves_are_listed_oldest_first (State *state, gconstpointer data)
{
  static const char *const ids[] = { "ffffffff", "00000000", "88888888" };
  for (gsize i = 0; i < G_N_ELEMENTS (ids); i++) {
    g_autoptr (VfJournal) journal = vf_journal_create (state->directory, ids[i], NULL);
    append_well (journal, "begin", "");
    g_usleep (10);
  }
  vf_journal_free (vf_journal_create (state->directory, "99999999", NULL)); /* crashed before its first record */
  g_autofree char *stray = g_build_filename (state->directory, "moves", "stray", NULL);
  g_autofree char *empty = g_build_filename (state->directory, "moves", "11111111", NULL);
  g_assert_cmpint (mkdir (stray, 0700), ==, 0);
  g_assert_cmpint (mkdir (empty, 0700), ==, 0);
  g_autoptr (GPtrArray) list = vf_journal_list (state->directory, NULL);
  g_assert_cmpuint (list->len, ==, 4);
  g_assert_cmpstr (g_ptr_array_index (list, 0), ==, "99999999");
  for (gsize i = 0; i < G_N_ELEMENTS (ids); i++)
    g_assert_cmpstr (g_ptr_array_index (list, i + 1), ==, ids[i]);
}

static void
an_absent_state_directory_has_no_moves (State *state, gconstpointer data)
{
  g_autofree char *absent = g_build_filename (state->directory, "absent", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) list = vf_journal_list (absent, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (list->len, ==, 0);
}

static void
the_environment_names_the_state_directory (State *state, gconstpointer data)
{
  g_setenv ("VIRT_FERRY_STATE", "/elsewhere", TRUE);
  g_autofree char *chosen = vf_journal_state_directory ();
  g_assert_cmpstr (chosen, ==, "/elsewhere");
  g_unsetenv ("VIRT_FERRY_STATE");
  g_autofree char *usual = vf_journal_state_directory ();
  g_assert_cmpstr (usual, ==, "/var/lib/virt-ferry");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/journal/append/what was appended is replayed in order", what_was_appended_is_replayed_in_order);
  ADD ("/journal/append/seq and time are the journal's and stand first", seq_and_time_are_the_journals_and_stand_first);
  ADD ("/journal/append/the checksum is zlib's", the_checksum_is_zlibs);
  ADD ("/journal/append/only its owner may look at a journal", only_its_owner_may_look_at_a_journal);
  ADD ("/journal/append/an ID is used once", an_id_is_used_once);
  ADD ("/journal/append/what is no ID opens nothing", what_is_no_id_opens_nothing);
  ADD ("/journal/append/a move that is not there is not found", a_move_that_is_not_there_is_not_found);
  ADD ("/journal/append/a record that replay would refuse is not written", a_record_that_replay_would_refuse_is_not_written);
  ADD ("/journal/append/an error of apply ends the replay", an_error_of_apply_ends_the_replay);
  ADD ("/journal/append/after a failed write the journal refuses", after_a_failed_write_the_journal_refuses);
  ADD ("/journal/append/threads may append at once", threads_may_append_at_once);
  ADD ("/journal/append/moves are listed oldest first", moves_are_listed_oldest_first);
  ADD ("/journal/append/an absent state directory has no moves", an_absent_state_directory_has_no_moves);
  ADD ("/journal/append/the environment names the state directory", the_environment_names_the_state_directory);
  return g_test_run ();
}
