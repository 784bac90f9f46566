#include "base/file.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/names.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *const kind_names[] = {
  [VF_FILE_ABSENT] = "absent", [VF_FILE_REGULAR] = "file", [VF_FILE_DIRECTORY] = "directory",
  [VF_FILE_BLOCK] = "block",   [VF_FILE_LINK] = "link",    [VF_FILE_OTHER] = "other",
};

G_STATIC_ASSERT (G_N_ELEMENTS (kind_names) == VF_FILE_OTHER + 1);

const char *
vf_file_kind_name (VfFileKind kind)
{
  g_return_val_if_fail ((gsize)kind < G_N_ELEMENTS (kind_names), "other");
  return kind_names[kind];
}

VfFileKind
vf_file_kind_from_name (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kind_names); i++)
    if (g_strcmp0 (name, kind_names[i]) == 0)
      return (VfFileKind)i;
  return VF_FILE_OTHER;
}

static VfFileKind
kind_from_mode (mode_t mode)
{
  switch (mode & S_IFMT) {
  case S_IFREG:
    return VF_FILE_REGULAR;
  case S_IFDIR:
    return VF_FILE_DIRECTORY;
  case S_IFBLK:
    return VF_FILE_BLOCK;
  case S_IFLNK:
    return VF_FILE_LINK;
  default:
    return VF_FILE_OTHER;
  }
}

bool
vf_file_id_equal (const VfFileId *a, const VfFileId *b)
{
  return a->device == b->device && a->inode == b->inode;
}

void
vf_file_id_to_json (const VfFileId *id, JsonObject *object)
{
  json_object_set_int_member (object, "device", (gint64)id->device);
  json_object_set_int_member (object, "inode", (gint64)id->inode);
}

bool
vf_file_id_from_json (JsonObject *object, VfFileId *id, GError **error)
{
  gint64 device, inode;
  if (!vf_json_int (object, "device", &device, error) || !vf_json_int (object, "inode", &inode, error))
    return false;
  *id = (VfFileId){ .device = (guint64)device, .inode = (guint64)inode };
  return true;
}

static char *
user_name (uid_t uid)
{
  struct passwd entry, *found = NULL;
  char buffer[4096];
  if (getpwuid_r (uid, &entry, buffer, sizeof buffer, &found) == 0 && found != NULL)
    return g_strdup (found->pw_name);
  return g_strdup_printf ("%u", (guint)uid);
}

static char *
group_name (gid_t gid)
{
  struct group entry, *found = NULL;
  char buffer[16384];
  if (getgrgid_r (gid, &entry, buffer, sizeof buffer, &found) == 0 && found != NULL)
    return g_strdup (found->gr_name);
  return g_strdup_printf ("%u", (guint)gid);
}

/* With dynamic_ownership and remember_owner libvirt gives a file to QEMU's user while a guest uses it, and writes down whose it
 * was (libvirt's src/security/security_util.c; only root can read or write it). Asked through the link in /proc, since a
 * descriptor that may only look has no attributes. False: it is its owner's. */
static bool
remembered_owner (int fd, guint *user, guint *group)
{
  char text[64];
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  ssize_t length = getxattr (path, "trusted.libvirt.security.dac", text, sizeof text - 1);
  if (length <= 0)
    return false;
  text[length] = '\0';
  int end = 0;
  return sscanf (text, "+%10u:+%10u%n", user, group, &end) == 2 && text[end] == '\0';
}

static void
fill_owner (VfFileFacts *facts, int fd, const struct stat *st)
{
  guint user = st->st_uid;
  guint group = st->st_gid;
  if (facts->kind == VF_FILE_REGULAR && !remembered_owner (fd, &user, &group)) {
    user = st->st_uid;
    group = st->st_gid;
  }
  facts->user = user_name (user);
  facts->group = group_name (group);
}

/* The kernel's table is asked when the descriptor is an O_PATH one: opening a device can have effects, looking must not. */
static bool
device_size (int fd, dev_t device, guint64 *bytes)
{
  if (ioctl (fd, BLKGETSIZE64, bytes) == 0)
    return true;
  g_autofree char *path = g_strdup_printf ("/sys/dev/block/%u:%u/size", major (device), minor (device));
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return false;
  *bytes = g_ascii_strtoull (text, NULL, 10) * 512;
  return true;
}

static gint64
nanoseconds (const struct timespec *when)
{
  return (gint64)when->tv_sec * G_GINT64_CONSTANT (1000000000) + when->tv_nsec;
}

static bool
fill_from_filesystem (VfFileFacts *facts, int fd, const char *path, GError **error)
{
  struct stat st;
  struct statvfs fs;
  if (fstat (fd, &st) != 0 || fstatvfs (fd, &fs) != 0)
    return vf_error_set_errno (error, errno, "cannot look at the filesystem of '%s'", path);
  facts->filesystem = st.st_dev;
  facts->free_bytes = (guint64)fs.f_bavail * fs.f_frsize;
  return true;
}

VfFileFacts *
vf_file_look_fd (int fd, const char *path, GError **error)
{
  g_autoptr (VfFileFacts) facts = g_new0 (VfFileFacts, 1);
  struct stat st;
  if (fstat (fd, &st) != 0) {
    vf_error_set_errno (error, errno, "cannot look at file '%s'", path);
    return NULL;
  }
  facts->kind = kind_from_mode (st.st_mode);
  facts->bytes = (guint64)st.st_size;
  facts->allocated = (guint64)st.st_blocks * 512;
  if (facts->kind == VF_FILE_BLOCK && !device_size (fd, st.st_rdev, &facts->bytes)) {
    vf_error_set (error, VF_ERROR_FAILED, "cannot learn the size of device '%s'", path);
    return NULL;
  }
  if (facts->kind == VF_FILE_BLOCK)
    facts->allocated = facts->bytes;
  facts->id = (VfFileId){ .device = st.st_dev, .inode = st.st_ino };
  facts->mtime_ns = nanoseconds (&st.st_mtim);
  facts->ctime_ns = nanoseconds (&st.st_ctim);
  facts->mode = st.st_mode & 07777;
  fill_owner (facts, fd, &st);
  facts->directory_exists = true;
  if (!fill_from_filesystem (facts, fd, path, error))
    return NULL;
  return g_steal_pointer (&facts);
}

static VfFileFacts *
look_at_absent (const char *path, GError **error)
{
  g_autoptr (VfFileFacts) facts = g_new0 (VfFileFacts, 1);
  g_autofree char *directory = vf_path_directory (path);
  g_auto (VfFd) fd = open (directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  facts->kind = VF_FILE_ABSENT;
  facts->directory_exists = fd != VF_FD_NONE;
  while (fd == VF_FD_NONE && errno == ENOENT && strcmp (directory, "/") != 0 && strcmp (directory, ".") != 0) {
    char *above = vf_path_directory (directory);
    g_free (directory);
    directory = above;
    fd = open (directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  }
  if (fd == VF_FD_NONE) {
    vf_error_set_errno (error, errno, "cannot look at directory '%s'", directory);
    return NULL;
  }
  if (!fill_from_filesystem (facts, fd, directory, error))
    return NULL;
  return g_steal_pointer (&facts);
}

static VfFileFacts *
look_at (const char *path, int flags, GError **error)
{
  g_auto (VfFd) fd = open (path, O_PATH | O_CLOEXEC | flags);
  if (fd == VF_FD_NONE && errno == ENOENT)
    return look_at_absent (path, error);
  if (fd == VF_FD_NONE) {
    vf_error_set_errno (error, errno, "cannot look at file '%s'", path);
    return NULL;
  }
  return vf_file_look_fd (fd, path, error);
}

VfFileFacts *
vf_file_look (const char *path, GError **error)
{
  return look_at (path, 0, error);
}

VfFileFacts *
vf_file_look_link (const char *path, GError **error)
{
  return look_at (path, O_NOFOLLOW, error);
}

void
vf_file_facts_free (VfFileFacts *facts)
{
  if (facts == NULL)
    return;
  g_free (facts->user);
  g_free (facts->group);
  g_free (facts);
}

bool
vf_file_is_unchanged (const VfFileFacts *before, const VfFileFacts *after)
{
  return before->kind == after->kind && vf_file_id_equal (&before->id, &after->id) && before->bytes == after->bytes &&
         before->mtime_ns == after->mtime_ns;
}

JsonObject *
vf_file_facts_to_json (const VfFileFacts *facts)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "kind", vf_file_kind_name (facts->kind));
  json_object_set_int_member (object, "bytes", (gint64)facts->bytes);
  json_object_set_int_member (object, "allocated", (gint64)facts->allocated);
  vf_file_id_to_json (&facts->id, object);
  json_object_set_int_member (object, "mtime_ns", facts->mtime_ns);
  json_object_set_int_member (object, "ctime_ns", facts->ctime_ns);
  json_object_set_int_member (object, "mode", facts->mode);
  vf_json_set_string (object, "user", facts->user);
  vf_json_set_string (object, "group", facts->group);
  json_object_set_int_member (object, "free_bytes", (gint64)facts->free_bytes);
  json_object_set_int_member (object, "filesystem", (gint64)facts->filesystem);
  json_object_set_boolean_member (object, "directory_exists", facts->directory_exists);
  return object;
}

static bool
read_numbers (JsonObject *object, VfFileFacts *facts, GError **error)
{
  gint64 filesystem;
  guint64 mode;
  if (!vf_json_u64 (object, "bytes", &facts->bytes, error) || !vf_json_u64 (object, "allocated", &facts->allocated, error) ||
      !vf_file_id_from_json (object, &facts->id, error) || !vf_json_int (object, "mtime_ns", &facts->mtime_ns, error) ||
      !vf_json_int (object, "ctime_ns", &facts->ctime_ns, error) || !vf_json_u64 (object, "mode", &mode, error) ||
      !vf_json_u64 (object, "free_bytes", &facts->free_bytes, error) ||
      !vf_json_int (object, "filesystem", &filesystem, error) ||
      !vf_json_bool (object, "directory_exists", &facts->directory_exists, error))
    return false;
  if (mode > 07777)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read member 'mode': %" G_GUINT64_FORMAT " is not a mode", mode);
  facts->mode = (guint)mode;
  facts->filesystem = (guint64)filesystem;
  return true;
}

VfFileFacts *
vf_file_facts_from_json (JsonObject *object, GError **error)
{
  g_autoptr (VfFileFacts) facts = g_new0 (VfFileFacts, 1);
  const char *kind = vf_json_string (object, "kind", error);
  if (kind == NULL || !read_numbers (object, facts, error))
    return NULL;
  facts->kind = vf_file_kind_from_name (kind);
  facts->user = g_strdup (vf_json_string_or (object, "user", NULL));
  facts->group = g_strdup (vf_json_string_or (object, "group", NULL));
  return g_steal_pointer (&facts);
}
