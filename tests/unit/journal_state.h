/* A state directory of a test's own, and what replay said. */
#pragma once

#include "base/json.h"
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID "0123abcd"

typedef struct {
  char *directory;
  GPtrArray *seen; /* JsonObject, as replayed */
} State;

static inline void
state_begin (State *state, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  state->directory = g_dir_make_tmp ("ferry-journal-XXXXXX", &error);
  g_assert_no_error (error);
  state->seen = g_ptr_array_new_with_free_func ((GDestroyNotify)json_object_unref);
}

static inline void
remove_tree (const char *path)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;
  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);
    if (g_file_test (child, G_FILE_TEST_IS_DIR))
      remove_tree (child);
    else
      g_assert_cmpint (unlink (child), ==, 0);
  }
  g_assert_cmpint (rmdir (path), ==, 0);
}

static inline void
state_end (State *state, gconstpointer data)
{
  g_ptr_array_unref (state->seen);
  remove_tree (state->directory);
  g_free (state->directory);
}

static inline char *
journal_file (const State *state)
{
  return g_build_filename (state->directory, "moves", ID, "journal", NULL);
}

static inline bool
see (JsonObject *record, gpointer data, GError **error)
{
  State *state = data;
  g_ptr_array_add (state->seen, json_object_ref (record));
  return true;
}

static inline bool
append (VfJournal *journal, const char *kind, const char *text, GError **error)
{
  g_autoptr (JsonObject) record = json_object_new ();
  json_object_set_string_member (record, "record", kind);
  json_object_set_string_member (record, "text", text);
  return vf_journal_append (journal, record, error);
}

static inline void
append_well (VfJournal *journal, const char *kind, const char *text)
{
  g_autoptr (GError) error = NULL;
  append (journal, kind, text, &error);
  g_assert_no_error (error);
}

static inline VfJournal *
create (const State *state)
{
  g_autoptr (GError) error = NULL;
  VfJournal *journal = vf_journal_create (state->directory, ID, &error);
  g_assert_no_error (error);
  return journal;
}

static inline VfJournal *
reopen (State *state, GError **error)
{
  g_ptr_array_set_size (state->seen, 0);
  return vf_journal_open (state->directory, ID, see, state, error);
}

static inline void
assert_seen (const State *state, guint i, const char *kind, const char *text)
{
  g_assert_cmpuint (state->seen->len, >, i);
  JsonObject *record = g_ptr_array_index (state->seen, i);
  g_assert_cmpint (json_object_get_int_member (record, "seq"), ==, i + 1);
  g_assert_cmpstr (json_object_get_string_member (record, "record"), ==, kind);
  g_assert_cmpstr (json_object_get_string_member (record, "text"), ==, text);
}

static inline GBytes *
journal_bytes (const State *state)
{
  g_autofree char *path = journal_file (state);
  char *text = NULL;
  gsize length = 0;
  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  return g_bytes_new_take (text, length);
}

static inline void
put_bytes (const State *state, const char *bytes, gsize length)
{
  g_autofree char *path = journal_file (state);
  int fd = open (path, O_WRONLY | O_TRUNC | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, bytes, length), ==, (gssize)length);
  close (fd);
}

#define ADD(path, function) g_test_add (path, State, NULL, state_begin, function, state_end)
