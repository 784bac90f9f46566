#include "agent/roots.h"
#include "base/fd.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *top;  /* outside */
  char *root; /* top/root */
  VfRoots *roots;
} Scratch;

static char *
below (const char *directory, const char *name)
{
  return g_build_filename (directory, name, NULL);
}

static void
set_up (Scratch *scratch, gconstpointer data)
{
  scratch->top = g_dir_make_tmp ("ferry-roots-XXXXXX", NULL);
  scratch->root = below (scratch->top, "root");
  g_mkdir (scratch->root, 0700);
  g_autofree char *secret = below (scratch->top, "secret");
  g_autofree char *inner = below (scratch->root, "inner");
  g_autofree char *disk = below (scratch->root, "disk");
  g_file_set_contents (secret, "secret", -1, NULL);
  g_file_set_contents (disk, "disk", -1, NULL);
  g_mkdir (inner, 0700);
  scratch->roots = vf_roots_new ((const char *const[]){ scratch->root, "/dev", NULL });
}

static void
tear_down (Scratch *scratch, gconstpointer data)
{
  const char *argv[] = { "rm", "-rf", "--", scratch->top, NULL };
  g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  vf_roots_free (scratch->roots);
  g_free (scratch->root);
  g_free (scratch->top);
}

static GError *
refusal (Scratch *scratch, const char *path, int flags)
{
  GError *error = NULL;
  g_auto (VfFd) fd = vf_roots_open (scratch->roots, path, flags, 0600, &error);
  g_assert_cmpint (fd, ==, VF_FD_NONE);
  g_assert_nonnull (error);
  return error;
}

static void
assert_refused_link (Scratch *scratch, const char *target, const char *then)
{
  g_autofree char *link = below (scratch->root, "link");
  g_autofree char *path = g_strconcat (link, then, NULL);
  g_assert_cmpint (symlink (target, link), ==, 0);
  g_autoptr (GError) error = refusal (scratch, path, O_RDONLY);
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
  g_assert_nonnull (strstr (error->message, "symbolic link"));
  g_assert_nonnull (vf_error_get_hint (error));
  g_autofree char *name = NULL;
  g_autofree char *in_it = g_strconcat (path, "/new", NULL);
  g_assert_cmpint (vf_roots_open_directory_of (scratch->roots, in_it, &name, NULL), ==, VF_FD_NONE);
  g_assert_null (name);
  g_unlink (link);
}

static void
test_inside (Scratch *scratch, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = below (scratch->root, "disk");
  char text[5] = "";
  g_auto (VfFd) fd = vf_roots_open (scratch->roots, path, O_RDONLY, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vf_fd_read_full (fd, text, 4), ==, 4);
  g_assert_cmpstr (text, ==, "disk");
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
}

static void
test_symlinks_out (Scratch *scratch, gconstpointer data)
{
  g_autofree char *secret = below (scratch->top, "secret");
  assert_refused_link (scratch, secret, "");
  assert_refused_link (scratch, "../secret", "");
  assert_refused_link (scratch, "inner/../../secret", "");
  assert_refused_link (scratch, "..", "/secret");
  assert_refused_link (scratch, "/", "/etc/passwd");
}

static void
test_symlink_inside (Scratch *scratch, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *link = below (scratch->root, "inner/link");
  g_assert_cmpint (symlink ("../disk", link), ==, 0);
  g_auto (VfFd) fd = vf_roots_open (scratch->roots, link, O_RDONLY, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vf_roots_open (scratch->roots, link, O_RDONLY | O_NOFOLLOW, 0, NULL), ==, VF_FD_NONE);
}

/* A link from one root into another, by its absolute name, through a directory link, and to a device. */
static void
test_symlink_to_root (Scratch *scratch, gconstpointer data)
{
  g_autofree char *other = below (scratch->top, "other");
  g_autofree char *file = below (other, "image");
  g_autofree char *to_file = below (scratch->root, "to-file");
  g_autofree char *to_other = below (scratch->root, "to-other");
  g_autofree char *through = below (scratch->root, "inner/through");
  g_autofree char *circle = below (scratch->root, "circle");
  g_autofree char *device = below (scratch->root, "device");
  g_autoptr (VfRoots) both = vf_roots_new ((const char *const[]){ scratch->root, other, "/dev", NULL });
  g_mkdir (other, 0700);
  g_file_set_contents (file, "image", -1, NULL);
  g_assert_cmpint (symlink (file, to_file), ==, 0);
  g_assert_cmpint (symlink ("../other", to_other), ==, 0);
  g_assert_cmpint (symlink ("../to-other/image", through), ==, 0);
  g_assert_cmpint (symlink (circle, circle), ==, 0);
  g_assert_cmpint (symlink ("/dev/null", device), ==, 0);
  const char *const names[] = { to_file, through };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GError) error = NULL;
    char text[6] = "";
    g_auto (VfFd) fd = vf_roots_open (both, names[i], O_RDONLY, 0, &error);
    g_assert_no_error (error);
    g_assert_cmpint (vf_fd_read_full (fd, text, 5), ==, 5);
    g_assert_cmpstr (text, ==, "image");
    g_autoptr (GError) outside = refusal (scratch, names[i], O_RDONLY);
    g_assert_error (outside, VF_ERROR, VF_ERROR_REFUSED);
  }
  g_autofree char *in_it = below (to_other, "new");
  g_autofree char *name = NULL;
  g_auto (VfFd) directory = vf_roots_open_directory_of (both, in_it, &name, NULL);
  g_assert_cmpint (faccessat (directory, "image", F_OK, 0), ==, 0);
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (vf_roots_open (both, circle, O_RDONLY, 0, &error), ==, VF_FD_NONE);
  g_assert_nonnull (strstr (error->message, "more than 40 symbolic links"));
  g_clear_error (&error);
  g_assert_cmpint (vf_roots_open (both, device, O_PATH, 0, &error), ==, VF_FD_NONE);
  g_assert_nonnull (strstr (error->message, "no block device"));
  g_auto (VfFd) link = vf_roots_open (both, to_file, O_PATH | O_NOFOLLOW, 0, NULL);
  g_assert_cmpint (link, !=, VF_FD_NONE);
}

static void
test_dotdot (Scratch *scratch, gconstpointer data)
{
  g_autofree char *path = below (scratch->root, "inner/../../secret"); /* not normal, as no caller passes it */
  g_autoptr (GError) error = refusal (scratch, path, O_RDONLY);
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
}

static void
test_magic_link (Scratch *scratch, gconstpointer data)
{
  g_autofree char *secret = below (scratch->top, "secret");
  g_auto (VfFd) fd = open (secret, O_RDONLY | O_CLOEXEC);
  g_autofree char *magic = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (VfRoots) proc = vf_roots_new ((const char *const[]){ "/proc", NULL });
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (vf_roots_open (proc, magic, O_RDONLY, 0, &error), ==, VF_FD_NONE);
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
}

static void
test_outside (Scratch *scratch, gconstpointer data)
{
  g_autofree char *sibling = g_strconcat (scratch->root, "-too", NULL);
  const char *paths[] = { "/etc/passwd", "/", scratch->top, sibling };
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (GError) error = refusal (scratch, paths[i], O_RDONLY);
    g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
    g_assert_nonnull (strstr (error->message, "outside of the agent's roots"));
    g_assert_nonnull (strstr (vf_error_get_hint (error), VF_AGENT_CONFIG));
    g_assert_false (vf_roots_contain (scratch->roots, paths[i]));
  }
}

static void
test_dev (Scratch *scratch, gconstpointer data)
{
  static const char *const paths[] = { "/dev/null", "/dev/shm", "/dev" };
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (GError) error = refusal (scratch, paths[i], O_RDONLY);
    g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
    g_clear_error (&error);
    error = refusal (scratch, paths[i], O_PATH);
    g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
  }
  g_autoptr (GError) creating = refusal (scratch, "/dev/shm/ferry-new", O_WRONLY | O_CREAT | O_EXCL);
  g_assert_error (creating, VF_ERROR, VF_ERROR_REFUSED);
  g_assert_false (g_file_test ("/dev/shm/ferry-new", G_FILE_TEST_EXISTS));
  g_autofree char *name = NULL;
  g_assert_cmpint (vf_roots_open_directory_of (scratch->roots, "/dev/shm/x", &name, NULL), ==, VF_FD_NONE);
}

static void
test_fifo (Scratch *scratch, gconstpointer data)
{
  g_autofree char *path = below (scratch->root, "fifo");
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_autoptr (GError) error = refusal (scratch, path, O_RDONLY);
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
}

static void
test_directory_of (Scratch *scratch, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = below (scratch->root, "inner/new");
  g_autofree char *name = NULL;
  g_auto (VfFd) fd = vf_roots_open_directory_of (scratch->roots, path, &name, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (name, ==, "new");
  g_autofree char *none = NULL;
  g_assert_cmpint (vf_roots_open_directory_of (scratch->roots, scratch->root, &none, &error), ==, VF_FD_NONE);
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
}

static void
test_absent (Scratch *scratch, gconstpointer data)
{
  g_autofree char *path = below (scratch->root, "absent");
  g_autoptr (GError) error = refusal (scratch, path, O_RDONLY);
  g_assert_error (error, VF_ERROR, VF_ERROR_NOT_FOUND);
}

static void
test_config (Scratch *scratch, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = below (scratch->top, "agent.conf");
  g_autoptr (VfRoots) defaults = vf_roots_load (path, &error);
  g_assert_no_error (error);
  g_assert_true (g_strv_contains (vf_roots_list (defaults), "/var/lib/libvirt"));
  g_assert_true (g_strv_contains (vf_roots_list (defaults), "/dev"));
  g_file_set_contents (path, "[agent]\nroots=/data//vms/;/x\n", -1, NULL);
  g_autoptr (VfRoots) listed = vf_roots_load (path, &error);
  g_assert_no_error (error);
  g_assert_true (vf_roots_contain (listed, "/data/vms/a"));
  g_assert_false (vf_roots_contain (listed, "/data/vmsa"));
  g_assert_false (vf_roots_contain (listed, "/var/lib/libvirt/images"));
  g_assert_false (vf_roots_contain (listed, "/dev/sda"));
}

static void
test_bad_config (Scratch *scratch, gconstpointer data)
{
  static const char *const texts[] = { "[agent]\nroots=data\n", "[agent]\nroots=/data/../etc\n", "nonsense" };
  g_autofree char *path = below (scratch->top, "agent.conf");
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    g_file_set_contents (path, texts[i], -1, NULL);
    g_assert_null (vf_roots_load (path, &error));
    g_assert_nonnull (strstr (error->message, path));
  }
}

#define ADD(name, function) g_test_add ("/roots/" name, Scratch, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("a file below a root is opened", test_inside);
  ADD ("no symlink leads out of a root", test_symlinks_out);
  ADD ("a symlink that stays below its root is followed", test_symlink_inside);
  ADD ("a symlink is followed into another root, step by step", test_symlink_to_root);
  ADD ("dots do not lead out of a root", test_dotdot);
  ADD ("links of proc are not followed", test_magic_link);
  ADD ("a path outside is refused with a hint", test_outside);
  ADD ("below dev there are block devices only", test_dev);
  ADD ("a fifo is refused without waiting for its writer", test_fifo);
  ADD ("the directory of a path is opened and its name told", test_directory_of);
  ADD ("what is absent is told as absent", test_absent);
  ADD ("the configuration replaces the roots", test_config);
  ADD ("a wrong configuration is refused by name", test_bad_config);
  return g_test_run ();
}
