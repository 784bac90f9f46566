/* Real images in a directory of a test's own. */
#pragma once

#include "chain/image.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *directory;
} Files;

static inline void
files_begin (Files *files, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  files->directory = g_dir_make_tmp ("ferry-images-XXXXXX", &error);
  g_assert_no_error (error);
}

static inline void
remove_tree (const char *path)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;
  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);
    if (g_file_test (child, G_FILE_TEST_IS_DIR) && !g_file_test (child, G_FILE_TEST_IS_SYMLINK))
      remove_tree (child);
    else
      g_assert_cmpint (unlink (child), ==, 0);
  }
  g_assert_cmpint (rmdir (path), ==, 0);
}

static inline void
files_end (Files *files, gconstpointer data)
{
  remove_tree (files->directory);
  g_free (files->directory);
}

/* The caller frees. */
static inline char *
at (const Files *files, const char *name)
{
  return g_build_filename (files->directory, name, NULL);
}

/* Runs a program in the directory; its words end with NULL. */
static inline bool
run_in (const Files *files, const char *program, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  va_list words;
  va_start (words, program);
  for (const char *word = program; word != NULL; word = va_arg (words, const char *))
    g_ptr_array_add (argv, (char *)word);
  va_end (words);
  g_ptr_array_add (argv, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *out = NULL;
  g_autofree char *err = NULL;
  int status = 0;
  g_spawn_sync (files->directory, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, &status, &error);
  g_assert_no_error (error);
  if (status != 0)
    g_test_message ("%s: %s%s", program, out, err);
  return status == 0;
}

#define RUN(files, ...) g_assert_true (run_in (files, __VA_ARGS__, NULL))

/* A qcow2 of 1 MiB over `backing` (or alone). It is made under a plain name and renamed, for the names that qemu-img would
 * misread. */
static inline void
make_overlay (const Files *files, const char *name, const char *backing, const char *backing_format)
{
  if (backing == NULL)
    RUN (files, "qemu-img", "create", "-q", "-f", "qcow2", "making", "1M");
  else
    RUN (files, "qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", backing_format, "making", "1M");
  g_autofree char *from = at (files, "making");
  g_autofree char *to = at (files, name);
  g_assert_cmpint (rename (from, to), ==, 0);
}

static inline void
make_raw (const Files *files, const char *name)
{
  g_autofree char *path = at (files, name);
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ftruncate (fd, 1 << 20), ==, 0);
  close (fd);
}

/* Overwrites bytes of a file. */
static inline void
patch (const char *path, off_t offset, const void *bytes, gsize length)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (pwrite (fd, bytes, length, offset), ==, (gssize)length);
  close (fd);
}

static inline bool
have_qemu_img (void)
{
  if (vf_image_reader_is_there (NULL))
    return true;
  g_test_skip ("there is no qemu-img");
  return false;
}

/* Adds a test that needs qemu-img and a directory. */
#define ADD(path, function) g_test_add (path, Files, NULL, files_begin, function, files_end)
