#include "base/fd.h"
#include "base/file.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

typedef struct {
  char *directory;
  char *path;
} Scratch;

static void
set_up (Scratch *scratch, gconstpointer data)
{
  scratch->directory = g_dir_make_tmp ("ferry-file-XXXXXX", NULL);
  scratch->path = g_build_filename (scratch->directory, "disk", NULL);
}

static void
tear_down (Scratch *scratch, gconstpointer data)
{
  g_unlink (scratch->path);
  g_rmdir (scratch->directory);
  g_free (scratch->path);
  g_free (scratch->directory);
}

static VfFileFacts *
look (const char *path)
{
  g_autoptr (GError) error = NULL;
  VfFileFacts *facts = vf_file_look (path, &error);
  g_assert_no_error (error);
  return facts;
}

static void
test_regular (Scratch *scratch, gconstpointer data)
{
  struct stat st;
  g_auto (VfFd) fd = open (scratch->path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  g_assert_cmpint (ftruncate (fd, 10 << 20), ==, 0);
  g_assert_true (vf_fd_pwrite_full (fd, "x", 1, 0));
  g_assert_cmpint (fsync (fd), ==, 0);
  stat (scratch->path, &st);
  g_autoptr (VfFileFacts) facts = look (scratch->path);
  g_assert_cmpint (facts->kind, ==, VF_FILE_REGULAR);
  g_assert_cmpuint (facts->bytes, ==, 10 << 20);
  g_assert_cmpuint (facts->allocated, <, 1 << 20);
  g_assert_cmpuint (facts->allocated, >, 0);
  g_assert_cmpuint (facts->id.inode, ==, st.st_ino);
  g_assert_cmpuint (facts->mode, ==, st.st_mode & 07777);
  g_assert_cmpstr (facts->user, ==, g_get_user_name ());
  g_assert_cmpuint (facts->free_bytes, >, 0);
  g_assert_cmpuint (facts->filesystem, ==, st.st_dev);
  g_assert_true (facts->directory_exists);
}

static void
test_absent (Scratch *scratch, gconstpointer data)
{
  g_autofree char *deep = g_build_filename (scratch->directory, "no", "such", "file", NULL);
  g_autoptr (VfFileFacts) here = look (scratch->directory);
  g_autoptr (VfFileFacts) facts = look (scratch->path);
  g_autoptr (VfFileFacts) deep_facts = look (deep);
  g_assert_cmpint (facts->kind, ==, VF_FILE_ABSENT);
  g_assert_true (facts->directory_exists);
  g_assert_null (facts->user);
  g_assert_cmpint (deep_facts->kind, ==, VF_FILE_ABSENT);
  g_assert_false (deep_facts->directory_exists);
  g_assert_cmpuint (deep_facts->filesystem, ==, here->filesystem);
  g_assert_cmpuint (deep_facts->free_bytes, >, 0);
}

static void
test_below_a_file (Scratch *scratch, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *below = g_build_filename (scratch->path, "file", NULL);
  g_assert_true (g_file_set_contents (scratch->path, "x", 1, NULL));
  g_assert_null (vf_file_look (below, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, below));
}

static void
test_other_kinds (Scratch *scratch, gconstpointer data)
{
  g_assert_cmpint (mkfifo (scratch->path, 0600), ==, 0);
  g_autoptr (VfFileFacts) fifo = look (scratch->path); /* would wait for a writer if it were opened */
  g_autoptr (VfFileFacts) directory = look (scratch->directory);
  g_autoptr (VfFileFacts) null = look ("/dev/null");
  g_assert_cmpint (fifo->kind, ==, VF_FILE_OTHER);
  g_assert_cmpint (directory->kind, ==, VF_FILE_DIRECTORY);
  g_assert_cmpint (null->kind, ==, VF_FILE_OTHER);
}

static void
test_device (Scratch *scratch, gconstpointer data)
{
  g_auto (VfFd) backing = open (scratch->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_auto (VfFd) control = open ("/dev/loop-control", O_RDWR | O_CLOEXEC);
  struct loop_config config = { .fd = (guint32)backing, .info = { .lo_flags = LO_FLAGS_AUTOCLEAR } };
  g_assert_cmpint (ftruncate (backing, 3 << 20), ==, 0);
  if (control != VF_FD_NONE)
    flock (control, LOCK_EX); /* as scratch_device in seed_pair.h: no two tests try for one number */
  int number = control != VF_FD_NONE ? ioctl (control, LOOP_CTL_GET_FREE) : -1;
  g_autofree char *node = g_strdup_printf ("/dev/loop%d", number);
  g_auto (VfFd) device = number >= 0 ? open (node, O_RDWR | O_CLOEXEC) : VF_FD_NONE;
  if (device == VF_FD_NONE || ioctl (device, LOOP_CONFIGURE, &config) != 0) {
    g_test_skip ("no loop device to be had");
    return;
  }
  g_autoptr (VfFileFacts) by_path = look (node);
  g_autoptr (VfFileFacts) by_fd = vf_file_look_fd (device, node, NULL);
  g_assert_cmpint (by_path->kind, ==, VF_FILE_BLOCK);
  g_assert_cmpuint (by_path->bytes, ==, 3 << 20);
  g_assert_cmpuint (by_path->allocated, ==, 3 << 20);
  g_assert_cmpuint (by_fd->bytes, ==, 3 << 20);
}

static void
test_changes (Scratch *scratch, gconstpointer data)
{
  g_assert_true (g_file_set_contents (scratch->path, "one", 3, NULL));
  g_autoptr (VfFileFacts) before = look (scratch->path);
  g_autoptr (VfFileFacts) same = look (scratch->path);
  g_assert_true (vf_file_is_unchanged (before, same));
  g_usleep (20 * 1000); /* the clock of timestamps is coarse */
  g_auto (VfFd) fd = open (scratch->path, O_RDWR | O_CLOEXEC);
  g_assert_true (vf_fd_pwrite_full (fd, "two", 3, 0));
  g_autoptr (VfFileFacts) after = look (scratch->path);
  g_assert_false (vf_file_is_unchanged (before, after));
}

static void
test_json (Scratch *scratch, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfFileFacts) facts = look (scratch->directory);
  facts->id.inode = G_MAXUINT64 - 5; /* some filesystems count from above */
  g_autoptr (JsonObject) object = vf_file_facts_to_json (facts);
  g_autoptr (VfFileFacts) again = vf_file_facts_from_json (object, &error);
  g_assert_no_error (error);
  g_assert_true (vf_file_is_unchanged (facts, again));
  g_assert_cmpuint (again->free_bytes, ==, facts->free_bytes);
  g_assert_cmpuint (again->filesystem, ==, facts->filesystem);
  g_assert_cmpuint (again->mode, ==, facts->mode);
  g_assert_cmpstr (again->user, ==, facts->user);
  g_assert_cmpstr (again->group, ==, facts->group);
  g_assert_true (again->directory_exists);
}

/* Needs root, and a filesystem that keeps such attributes. */
static void
test_lent (Scratch *scratch, gconstpointer data)
{
  static const struct {
    const char *memory, *user, *group;
  } tries[] = { { "+4000001:+4000002", "4000001", "4000002" }, { "+4000001:+4000002x", NULL, NULL }, { "alice", NULL, NULL } };
  g_autofree char *path = g_build_filename (scratch->directory, "lent", NULL);
  g_assert_true (g_file_set_contents (path, "x", 1, NULL));
  g_autoptr (VfFileFacts) own = look (path);
  for (gsize i = 0; i < G_N_ELEMENTS (tries); i++) {
    if (setxattr (path, "trusted.libvirt.security.dac", tries[i].memory, strlen (tries[i].memory), 0) != 0) {
      g_test_skip ("attributes of that kind cannot be set here");
      return;
    }
    g_autoptr (VfFileFacts) lent = look (path);
    g_assert_cmpstr (lent->user, ==, tries[i].user != NULL ? tries[i].user : own->user);
    g_assert_cmpstr (lent->group, ==, tries[i].group != NULL ? tries[i].group : own->group);
  }
}

static void
test_bad_json (Scratch *scratch, gconstpointer data)
{
  static const char *const members[] = { "kind",     "bytes", "allocated",  "device",     "inode",           "mtime_ns",
                                         "ctime_ns", "mode",  "free_bytes", "filesystem", "directory_exists" };
  g_autoptr (VfFileFacts) facts = look (scratch->directory);
  for (gsize i = 0; i < G_N_ELEMENTS (members); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonObject) object = vf_file_facts_to_json (facts);
    json_object_remove_member (object, members[i]);
    g_assert_null (vf_file_facts_from_json (object, &error));
    g_assert_error (error, VF_ERROR, VF_ERROR_CORRUPT);
    g_assert_nonnull (strstr (error->message, members[i]));
  }
}

#define ADD(name, function) g_test_add ("/file/" name, Scratch, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("a regular file's size and space are told", test_regular);
  ADD ("an absent file tells the free space where it would be", test_absent);
  ADD ("a path through a file is an error and no absence", test_below_a_file);
  ADD ("looking at a fifo does not wait for its writer", test_other_kinds);
  ADD ("a block device has a size", test_device);
  ADD ("a write between two looks is seen", test_changes);
  ADD ("a file that libvirt has lent tells whom it belongs to", test_lent);
  ADD ("facts survive the way through JSON", test_json);
  ADD ("a missing member is named", test_bad_json);
  return g_test_run ();
}
