/* Which symlinks a path leads through. */
#include "base/trail.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *top;
} Scratch;

static char *
at (Scratch *scratch, const char *name)
{
  return g_build_filename (scratch->top, name, NULL);
}

static void
make_link (Scratch *scratch, const char *name, const char *text)
{
  g_autofree char *path = at (scratch, name);
  g_assert_cmpint (symlink (text, path), ==, 0);
}

static void
set_up (Scratch *scratch, gconstpointer data)
{
  g_autofree char *made = g_dir_make_tmp ("ferry-trail-XXXXXX", NULL);
  scratch->top = realpath (made, NULL);
  static const char *const directories[] = { "0", "0/42", "1" };
  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++) {
    g_autofree char *path = at (scratch, directories[i]);
    g_mkdir (path, 0700);
  }
  g_autofree char *image = at (scratch, "1/HASH");
  g_file_set_contents (image, "image", -1, NULL);
}

static void
tear_down (Scratch *scratch, gconstpointer data)
{
  const char *argv[] = { "rm", "-rf", "--", scratch->top, NULL };
  g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  free (scratch->top);
}

static VfTrail *
follow (Scratch *scratch, const char *name)
{
  GError *error = NULL;
  g_autofree char *path = at (scratch, name);
  VfTrail *trail = vf_trail_follow (path, &error);
  g_assert_no_error (error);
  return trail;
}

static void
assert_real (Scratch *scratch, const VfTrail *trail, const char *name)
{
  g_autofree char *path = at (scratch, name);
  g_assert_cmpstr (trail->real, ==, path);
}

static void
assert_step (Scratch *scratch, const VfTrail *trail, guint index, const char *name, const char *text, const char *to)
{
  const VfTrailStep *step = trail->steps->pdata[index];
  g_autofree char *path = at (scratch, name);
  g_autofree char *target = at (scratch, to);
  g_assert_cmpstr (step->path, ==, path);
  g_assert_cmpstr (step->text, ==, text);
  g_assert_cmpstr (step->to, ==, target);
  g_assert_cmpint (step->facts->kind, ==, VF_FILE_LINK);
}

static void
test_plain (Scratch *scratch, gconstpointer data)
{
  g_autoptr (VfTrail) trail = follow (scratch, "1/HASH");
  assert_real (scratch, trail, "1/HASH");
  g_assert_cmpuint (trail->steps->len, ==, 0);
  g_assert_null (trail->problem);
  g_autoptr (VfTrail) absent = follow (scratch, "1/none/at/all");
  assert_real (scratch, absent, "1/none/at/all");
  g_assert_null (absent->problem);
}

static void
test_relative (Scratch *scratch, gconstpointer data)
{
  make_link (scratch, "0/42/disk.0", "../../1/HASH");
  g_autoptr (VfTrail) trail = follow (scratch, "0/42/disk.0");
  assert_real (scratch, trail, "1/HASH");
  g_assert_cmpuint (trail->steps->len, ==, 1);
  assert_step (scratch, trail, 0, "0/42/disk.0", "../../1/HASH", "1/HASH");
  g_assert_false (((VfTrailStep *)trail->steps->pdata[0])->is_directory);
  g_autofree char *directory = at (scratch, "0/42");
  g_assert_cmpstr (trail->directory, ==, directory);
}

static void
test_chain (Scratch *scratch, gconstpointer data)
{
  g_autofree char *absolute = at (scratch, "one");
  make_link (scratch, "one", "1/HASH");
  make_link (scratch, "two", absolute);
  make_link (scratch, "zero", "0");
  make_link (scratch, "0/42/.snap", ".");
  g_autoptr (VfTrail) trail = follow (scratch, "two");
  assert_real (scratch, trail, "1/HASH");
  g_assert_cmpuint (trail->steps->len, ==, 2);
  assert_step (scratch, trail, 0, "two", absolute, "one");
  assert_step (scratch, trail, 1, "one", "1/HASH", "1/HASH");

  make_link (scratch, "0/42/disk.0", "../../zero/../1/HASH");
  g_autoptr (VfTrail) through = follow (scratch, "zero/42/.snap/disk.0");
  assert_real (scratch, through, "1/HASH");
  g_assert_cmpuint (through->steps->len, ==, 4);
  assert_step (scratch, through, 0, "zero", "0", "0");
  assert_step (scratch, through, 1, "0/42/.snap", ".", "0/42");
  assert_step (scratch, through, 2, "0/42/disk.0", "../../zero/../1/HASH", "1/HASH");
  assert_step (scratch, through, 3, "zero", "0", "0");
  for (guint i = 0; i < through->steps->len; i++)
    g_assert_cmpint (((VfTrailStep *)through->steps->pdata[i])->is_directory, ==, i != 2);
}

/* "a/.." is not "." where a is a link: the kernel goes up from where the link leads. */
static void
test_dots (Scratch *scratch, gconstpointer data)
{
  make_link (scratch, "deep", "0/42");
  g_autoptr (VfTrail) trail = follow (scratch, "deep/../../1/HASH");
  assert_real (scratch, trail, "1/HASH");
}

static void
test_dangling (Scratch *scratch, gconstpointer data)
{
  make_link (scratch, "0/42/disk.0", "../../1/GONE");
  g_autoptr (VfTrail) trail = follow (scratch, "0/42/disk.0");
  g_assert_nonnull (strstr (trail->problem, "1/GONE', which does not exist"));
  make_link (scratch, "a", "b");
  make_link (scratch, "b", "a");
  g_autoptr (VfTrail) loop = follow (scratch, "a");
  g_assert_nonnull (strstr (loop->problem, "in a circle"));
}

static void
test_devices (Scratch *scratch, gconstpointer data)
{
  make_link (scratch, "0/42/disk.0", "/dev/stdin"); /* a link itself, to another */
  g_autoptr (VfTrail) trail = follow (scratch, "0/42/disk.0");
  g_assert_cmpstr (trail->real, ==, "/dev/stdin");
  g_assert_cmpuint (trail->steps->len, ==, 1);
}

#define ADD(name, function) g_test_add ("/trail/" name, Scratch, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("a path without links is its own", test_plain);
  ADD ("a relative link is told with what it names", test_relative);
  ADD ("links to links and through directories are told in order", test_chain);
  ADD ("two dots go up from where a link leads", test_dots);
  ADD ("a dangling link and a circle are problems", test_dangling);
  ADD ("nothing is followed among devices", test_devices);
  return g_test_run ();
}
