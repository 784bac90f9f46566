/* Torn and damaged journals. */
#include "journal_state.h"

#include <zlib.h>

/* Three records; returns the file's bytes, and where the second and third lines begin. */
static GBytes *
make_three (State *state, gsize begins[2])
{
  VfJournal *journal = create (state);
  append_well (journal, "begin", "one");
  append_well (journal, "phase", "two {}} 0\\n");
  append_well (journal, "done", "three }");
  vf_journal_free (journal);
  GBytes *bytes = journal_bytes (state);
  gsize length = 0;
  const char *text = g_bytes_get_data (bytes, &length);
  const char *second = strchr (text, '\n') + 1;
  begins[0] = (gsize)(second - text);
  begins[1] = (gsize)(strchr (second, '\n') + 1 - text);
  return bytes;
}

/* Puts the first `length` bytes there, opens, and expects `records` of them. */
static void
assert_opens_with (State *state, const char *text, gsize length, guint records)
{
  put_bytes (state, text, length);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJournal) journal = reopen (state, &error);
  g_assert_no_error (error);
  g_assert_nonnull (journal);
  g_assert_cmpuint (state->seen->len, ==, records);
}

static void
assert_damaged (State *state, const char *text, gsize length, const char *part)
{
  put_bytes (state, text, length);
  g_autoptr (GError) error = NULL;
  g_assert_null (reopen (state, &error));
  g_assert_nonnull (error);
  g_assert_true (vf_error_is (error, VF_ERROR_UNDECIDED));
  g_assert_nonnull (vf_error_get_hint (error));
  if (strstr (error->message, part) == NULL)
    g_error ("'%s' does not say '%s'", error->message, part);
}

static void
a_record_torn_at_any_byte_is_dropped_and_written_over (State *state, gconstpointer data)
{
  gsize begins[2], whole;
  g_autoptr (GBytes) bytes = make_three (state, begins);
  const char *text = g_bytes_get_data (bytes, &whole);
  for (gsize length = begins[1]; length < whole; length++) {
    assert_opens_with (state, text, length, 2);
    VfJournal *journal = reopen (state, NULL);
    append_well (journal, "done", "x");
    vf_journal_free (journal);
    gsize written;
    g_autoptr (GBytes) after = journal_bytes (state);
    const char *after_text = g_bytes_get_data (after, &written);
    g_assert_cmpint (after_text[written - 1], ==, '\n'); /* nothing of the torn one is left behind it */
    g_autoptr (VfJournal) again = reopen (state, NULL);
    g_assert_nonnull (again);
    g_assert_cmpuint (state->seen->len, ==, 3);
    assert_seen (state, 2, "done", "x");
  }
}

static void
a_torn_first_record_leaves_an_empty_journal (State *state, gconstpointer data)
{
  gsize begins[2];
  g_autoptr (GBytes) bytes = make_three (state, begins);
  const char *text = g_bytes_get_data (bytes, NULL);
  for (gsize length = 0; length < begins[0]; length++)
    assert_opens_with (state, text, length, 0);
}

static void
reading_alone_does_not_cut_a_torn_record (State *state, gconstpointer data)
{
  gsize begins[2], whole;
  g_autoptr (GBytes) bytes = make_three (state, begins);
  const char *text = g_bytes_get_data (bytes, &whole);
  put_bytes (state, text, whole - 5);
  g_assert_true (vf_journal_read (state->directory, ID, see, state, NULL, NULL));
  g_assert_cmpuint (state->seen->len, ==, 2);
  vf_journal_free (reopen (state, NULL));
  g_autoptr (GBytes) after = journal_bytes (state);
  g_assert_cmpuint (g_bytes_get_size (after), ==, whole - 5);
}

/* Every byte before the last record, changed in several ways. */
static void
damage_before_the_last_record_is_refused_at_every_byte (State *state, gconstpointer data)
{
  static const char others[] = { '\n', '\0', '}', '0', ' ' };
  gsize begins[2], whole;
  g_autoptr (GBytes) bytes = make_three (state, begins);
  const char *text = g_bytes_get_data (bytes, &whole);
  g_autofree char *copy = g_memdup2 (text, whole);
  for (gsize i = 0; i < begins[1]; i++) {
    for (gsize k = 0; k <= sizeof others; k++) {
      copy[i] = k < sizeof others ? others[k] : (char)(text[i] ^ 1);
      if (copy[i] != text[i])
        assert_damaged (state, copy, whole, i < begins[0] ? ": line 1: " : ": line 2: ");
    }
    copy[i] = text[i];
  }
}

static void
bytes_that_are_gone_before_the_last_record_are_refused (State *state, gconstpointer data)
{
  gsize begins[2], whole;
  g_autoptr (GBytes) bytes = make_three (state, begins);
  const char *text = g_bytes_get_data (bytes, &whole);
  g_autofree char *copy = g_malloc (whole);
  for (gsize i = 0; i < begins[1]; i++) {
    memcpy (copy, text, i);
    memcpy (copy + i, text + i + 1, whole - i - 1);
    assert_damaged (state, copy, whole - 1, ": line ");
  }
}

static void
a_wrong_byte_in_the_last_record_drops_it (State *state, gconstpointer data)
{
  gsize begins[2], whole;
  g_autoptr (GBytes) bytes = make_three (state, begins);
  const char *text = g_bytes_get_data (bytes, &whole);
  g_autofree char *copy = g_memdup2 (text, whole);
  for (gsize i = begins[1]; i < whole; i++) {
    copy[i] = '\0'; /* a block that was not written reads as zeros */
    assert_opens_with (state, copy, whole, 2);
    copy[i] = text[i];
  }
}

static void
a_tail_of_zeros_is_torn (State *state, gconstpointer data)
{
  gsize begins[2], whole;
  g_autoptr (GBytes) bytes = make_three (state, begins);
  const char *text = g_bytes_get_data (bytes, &whole);
  g_autofree char *longer = g_malloc0 (whole + 8192);
  memcpy (longer, text, whole);
  assert_opens_with (state, longer, whole + 8192, 3);
}

/* A line with a right checksum, whatever it says. */
static char *
sealed (const char *json)
{
  return g_strdup_printf ("%08lx %s\n", crc32 (0, (const Bytef *)json, (uInt)strlen (json)), json);
}

static void
a_whole_line_that_is_no_record_is_damage_even_as_the_last (State *state, gconstpointer data)
{
  static const char *const texts[] = {
    "[]",
    "{}",
    "{\"seq\":1,\"record\":\"x\"}",
    "{\"seq\":1,\"time\":\"noon\",\"record\":\"x\"}",
    "{\"seq\":1,\"time\":2}",
    "{\"seq\":1,\"time\":2,\"record\":3}",
    "{\"seq\":-1,\"time\":2,\"record\":\"x\"}",
    "{\"seq\":0,\"time\":2,\"record\":\"x\"}",
    "{\"seq\":2,\"time\":2,\"record\":\"x\"}",
    "{\"seq\":1,\"time\":2,\"record\":\"x\"",
    "{\"seq\":1,\"time\":2,\"record\":\"\xff\"}",
  };
  vf_journal_free (create (state));
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autofree char *line = sealed (texts[i]);
    assert_damaged (state, line, strlen (line), ": line 1: ");
  }
}

static void
a_record_that_comes_twice_is_damage (State *state, gconstpointer data)
{
  gsize begins[2], whole;
  g_autoptr (GBytes) bytes = make_three (state, begins);
  const char *text = g_bytes_get_data (bytes, &whole);
  g_autofree char *twice = g_strdup_printf ("%s%s", text, text + begins[1]);
  assert_damaged (state, twice, strlen (twice), ": line 4: its seq does not follow");
}

static void
a_checksum_in_capitals_is_none (State *state, gconstpointer data)
{
  g_autofree char *line = sealed ("{\"seq\":1,\"time\":2,\"record\":\"y\"}");
  g_autofree char *upper = g_ascii_strup (line, 8);
  memcpy (line, upper, 8);
  g_assert_null (vf_journal_parse_line (line, strlen (line) - 1, NULL));
}

static void
a_journal_without_end_is_refused (State *state, gconstpointer data)
{
  gsize begins[2];
  g_bytes_unref (make_three (state, begins));
  g_autofree char *path = journal_file (state);
  g_assert_cmpint (truncate (path, (off_t)20 << 20), ==, 0);
  g_autoptr (GError) error = NULL;
  g_assert_null (reopen (state, &error));
  g_assert_nonnull (strstr (error->message, "longer than any record"));
  g_clear_error (&error);
  g_assert_cmpint (truncate (path, ((off_t)256 << 20) + 1), ==, 0);
  g_assert_null (reopen (state, &error));
  g_assert_nonnull (strstr (error->message, "larger than any journal"));
}

static void
records_longer_than_one_reading_are_replayed (State *state, gconstpointer data)
{
  g_autofree char *text = g_strnfill (3 << 20, 'x');
  VfJournal *journal = create (state);
  append_well (journal, "begin", text);
  append_well (journal, "phase", "short");
  append_well (journal, "phase", text);
  vf_journal_free (journal);
  g_autoptr (VfJournal) again = reopen (state, NULL);
  g_assert_nonnull (again);
  g_assert_cmpuint (state->seen->len, ==, 3);
  assert_seen (state, 2, "phase", text);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/journal/damage/a record torn at any byte is dropped and written over",
       a_record_torn_at_any_byte_is_dropped_and_written_over);
  ADD ("/journal/damage/a torn first record leaves an empty journal", a_torn_first_record_leaves_an_empty_journal);
  ADD ("/journal/damage/reading alone does not cut a torn record", reading_alone_does_not_cut_a_torn_record);
  ADD ("/journal/damage/damage before the last record is refused at every byte",
       damage_before_the_last_record_is_refused_at_every_byte);
  ADD ("/journal/damage/bytes that are gone before the last record are refused",
       bytes_that_are_gone_before_the_last_record_are_refused);
  ADD ("/journal/damage/a wrong byte in the last record drops it", a_wrong_byte_in_the_last_record_drops_it);
  ADD ("/journal/damage/a tail of zeros is torn", a_tail_of_zeros_is_torn);
  ADD ("/journal/damage/a whole line that is no record is damage even as the last",
       a_whole_line_that_is_no_record_is_damage_even_as_the_last);
  ADD ("/journal/damage/a record that comes twice is damage", a_record_that_comes_twice_is_damage);
  ADD ("/journal/damage/a checksum in capitals is none", a_checksum_in_capitals_is_none);
  ADD ("/journal/damage/a journal without end is refused", a_journal_without_end_is_refused);
  ADD ("/journal/damage/records longer than one reading are replayed", records_longer_than_one_reading_are_replayed);
  return g_test_run ();
}
