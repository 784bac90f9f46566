/* A filesystem that can forget what was never synced, and fail on request.
 *
 *   forgetfs [FUSE OPTIONS] LIVE DURABLE MOUNTPOINT
 *
 * LIVE and DURABLE are equal trees at the start. Programs see LIVE; what a loss of power would leave is in DURABLE at every
 * moment, see durable.h. To lose power: kill this program, and make LIVE a copy of DURABLE. The extended attribute
 * `user.forgetfs` of the root takes orders to fail (trouble.h), and reads as the count of what was failed.
 *
 * Locks are the kernel's. syncfs and sync reach no FUSE filesystem, so they make nothing durable here. The two names of a hard
 * link are two files in the kernel's page cache. */
#define FUSE_USE_VERSION 35

#include "durable.h"
#include "trouble.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char orders_xattr[] = "user.forgetfs";

typedef struct {
  int fd;
  Node *node;
  char *path; /* that it was opened by */
  bool writes_through;
} Handle;

static Handle *
handle_of (const struct fuse_file_info *info)
{
  return (Handle *)(uintptr_t)info->fh;
}

static int
fd_of (const struct fuse_file_info *info)
{
  return info == NULL ? -1 : handle_of (info)->fd;
}

static int
due (const char *operation, const char *path)
{
  return trouble_due (operation, path, fuse_get_context ()->pid);
}

static int
or_errno (ssize_t result)
{
  return result < 0 ? -errno : (int)result;
}

/* ---- looking ---- */

static void *
fs_init (struct fuse_conn_info *connection, struct fuse_config *config)
{
  connection->want &= ~(unsigned)(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_ATOMIC_O_TRUNC);
  config->use_ino = config->nullpath_ok = config->hard_remove = 1;
  config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
  return NULL;
}

static int
fs_getattr (const char *path, struct stat *st, struct fuse_file_info *info)
{
  g_autofree char *place = info == NULL ? durable_live_path (path) : g_strdup_printf ("/proc/self/fd/%d", fd_of (info));
  if ((info == NULL ? lstat (place, st) : stat (place, st)) < 0)
    return -errno;
  st->st_ino = durable_inode (place, info != NULL, st);
  return 0;
}

static int
fs_readlink (const char *path, char *text, size_t bytes)
{
  g_autofree char *place = durable_live_path (path);
  ssize_t got = readlink (place, text, bytes - 1);
  if (got < 0)
    return -errno;
  text[got] = 0;
  return 0;
}

static int
fs_opendir (const char *path, struct fuse_file_info *info)
{
  info->fh = (uintptr_t)g_strdup (path);
  return 0;
}

static int
fs_releasedir (const char *path, struct fuse_file_info *info)
{
  g_free ((char *)(uintptr_t)info->fh);
  return 0;
}

static int
fs_readdir (const char *path, void *into, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *info,
            enum fuse_readdir_flags flags)
{
  g_autofree char *place = durable_live_path ((const char *)(uintptr_t)info->fh);
  DIR *directory = opendir (place);
  if (directory == NULL)
    return -errno;
  for (const struct dirent *entry = readdir (directory); entry != NULL; entry = readdir (directory))
    fill (into, entry->d_name, NULL, 0, 0);
  closedir (directory);
  return 0;
}

static int
fs_statfs (const char *path, struct statvfs *facts)
{
  g_autofree char *place = durable_live_path ("/");
  return or_errno (statvfs (place, facts));
}

static int
fs_getxattr (const char *path, const char *name, char *value, size_t bytes)
{
  if (strcmp (path, "/") == 0 && strcmp (name, orders_xattr) == 0) {
    char text[16];
    int length = snprintf (text, sizeof text, "%u", trouble_count ());
    if (bytes == 0)
      return length;
    if (bytes < (size_t)length)
      return -ERANGE;
    memcpy (value, text, (size_t)length);
    return length;
  }
  g_autofree char *place = durable_live_path (path);
  return or_errno (lgetxattr (place, name, value, bytes));
}

static int
fs_listxattr (const char *path, char *names, size_t bytes)
{
  char all[65536];
  g_autofree char *place = durable_live_path (path);
  ssize_t length = llistxattr (place, all, sizeof all);
  size_t used = 0;
  for (const char *name = all; length > 0 && name < all + length; name += strlen (name) + 1) {
    size_t more = strlen (name) + 1;
    if (durable_is_own_xattr (name))
      continue;
    if (bytes > 0 && used + more > bytes)
      return -ERANGE;
    if (bytes > 0)
      memcpy (names + used, name, more);
    used += more;
  }
  return length < 0 ? -errno : (int)used;
}

/* ---- changing ---- */

static int
make (ChangeKind kind, const char *path, const char *text, mode_t mode, dev_t device)
{
  const struct fuse_context *caller = fuse_get_context ();
  int error = due ("make", path);
  if (error != 0)
    return error;
  return durable_change (&(Change){ .kind = kind,
                                    .path = path,
                                    .other = text,
                                    .mode = mode,
                                    .device = device,
                                    .user = caller->uid,
                                    .group = caller->gid },
                         -1);
}

static int
fs_mknod (const char *path, mode_t mode, dev_t device)
{
  return make (S_ISREG (mode) ? CHANGE_FILE : CHANGE_SPECIAL, path, NULL, mode, device);
}

static int
fs_mkdir (const char *path, mode_t mode)
{
  return make (CHANGE_DIRECTORY, path, NULL, mode, 0);
}

static int
fs_symlink (const char *text, const char *path)
{
  return make (CHANGE_SYMLINK, path, text, 0, 0);
}

static int
fs_link (const char *path, const char *other)
{
  return durable_change (&(Change){ .kind = CHANGE_LINK, .path = path, .other = other }, -1);
}

static int
fs_unlink (const char *path)
{
  return durable_change (&(Change){ .kind = CHANGE_UNLINK, .path = path }, -1);
}

static int
fs_rmdir (const char *path)
{
  return durable_change (&(Change){ .kind = CHANGE_RMDIR, .path = path }, -1);
}

static int
fs_rename (const char *path, const char *other, unsigned flags)
{
  return durable_change (&(Change){ .kind = CHANGE_RENAME, .path = path, .other = other, .flags = flags }, -1);
}

static int
fs_chmod (const char *path, mode_t mode, struct fuse_file_info *info)
{
  return durable_change (&(Change){ .kind = CHANGE_MODE, .path = path, .mode = mode }, fd_of (info));
}

static int
fs_chown (const char *path, uid_t user, gid_t group, struct fuse_file_info *info)
{
  return durable_change (&(Change){ .kind = CHANGE_OWNER, .path = path, .user = user, .group = group }, fd_of (info));
}

static int
fs_truncate (const char *path, off_t size, struct fuse_file_info *info)
{
  return durable_change (&(Change){ .kind = CHANGE_SIZE, .path = path, .size = size }, fd_of (info));
}

static int
fs_utimens (const char *path, const struct timespec times[2], struct fuse_file_info *info)
{
  Change change = { .kind = CHANGE_TIMES, .path = path, .times = { times[0], times[1] } };
  for (int i = 0; i < 2; i++)
    if (times[i].tv_nsec == UTIME_NOW)
      clock_gettime (CLOCK_REALTIME, &change.times[i]);
  return durable_change (&change, fd_of (info));
}

static int
fs_setxattr (const char *path, const char *name, const char *value, size_t bytes, int flags)
{
  if (strcmp (path, "/") == 0 && strcmp (name, orders_xattr) == 0)
    return trouble_order (value, bytes) ? 0 : -EINVAL;
  return durable_change (&(Change){ .kind = CHANGE_SET_XATTR,
                                    .path = path,
                                    .other = name,
                                    .value = value,
                                    .value_bytes = bytes,
                                    .flags = (unsigned)flags },
                         -1);
}

static int
fs_removexattr (const char *path, const char *name)
{
  return durable_change (&(Change){ .kind = CHANGE_REMOVE_XATTR, .path = path, .other = name }, -1);
}

/* ---- open files ---- */

static int
fs_open (const char *path, struct fuse_file_info *info)
{
  g_autofree char *place = durable_live_path (path);
  struct stat st;
  int flags = info->flags & ~(O_DIRECT | O_APPEND | O_CREAT | O_EXCL | O_TRUNC | O_SYNC | O_DSYNC | O_NOATIME);
  if ((flags & O_ACCMODE) == O_WRONLY)
    flags = (flags & ~O_ACCMODE) | O_RDWR; /* a sync reads what was written */
  int fd = open (place, flags | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  fstat (fd, &st);
  Node *node = node_of (&st);
  if (node == NULL) {
    close (fd);
    return -EIO;
  }
  Handle *handle = g_new0 (Handle, 1);
  *handle = (Handle){ fd, node_ref (node), g_strdup (path), (info->flags & (O_SYNC | O_DSYNC)) != 0 };
  info->fh = (uintptr_t)handle;
  return 0;
}

static int
fs_create (const char *path, mode_t mode, struct fuse_file_info *info)
{
  int error = make (CHANGE_FILE, path, NULL, S_IFREG | (mode & 07777), 0);
  return error != 0 ? error : fs_open (path, info);
}

static int
fs_release (const char *path, struct fuse_file_info *info)
{
  Handle *handle = handle_of (info);
  close (handle->fd);
  node_unref (handle->node);
  g_free (handle->path);
  g_free (handle);
  return 0;
}

static int
fs_read (const char *path, char *into, size_t bytes, off_t offset, struct fuse_file_info *info)
{
  int error = due ("read", handle_of (info)->path);
  return error != 0 ? error : or_errno (pread (fd_of (info), into, bytes, offset));
}

static int
fs_write (const char *path, const char *from, size_t bytes, off_t offset, struct fuse_file_info *info)
{
  Handle *handle = handle_of (info);
  int error = due ("write", handle->path);
  if (error != 0)
    return error;
  ssize_t put = pwrite (handle->fd, from, bytes, offset);
  if (put < 0)
    return -errno;
  node_wrote (handle->node, offset, put);
  if (handle->writes_through)
    durable_sync (handle->node, handle->fd);
  return (int)put;
}

static int
fs_fallocate (const char *path, int mode, off_t offset, off_t length, struct fuse_file_info *info)
{
  Handle *handle = handle_of (info);
  int error = due ("write", handle->path);
  if (error != 0)
    return error;
  if (fallocate (handle->fd, mode, offset, length) < 0)
    return -errno;
  node_wrote (handle->node, offset, length);
  return 0;
}

static int
fs_fsync (const char *path, int data_only, struct fuse_file_info *info)
{
  Handle *handle = handle_of (info);
  int error = due ("fsync", handle->path);
  if (error == 0)
    durable_sync (handle->node, handle->fd);
  return error;
}

static int
fs_fsyncdir (const char *path, int data_only, struct fuse_file_info *info)
{
  int error = due ("fsync", (const char *)(uintptr_t)info->fh);
  if (error == 0)
    durable_commit ();
  return error;
}

static off_t
fs_lseek (const char *path, off_t offset, int whence, struct fuse_file_info *info)
{
  off_t found = lseek (fd_of (info), offset, whence);
  return found < 0 ? -errno : found;
}

static const struct fuse_operations operations = {
  .init = fs_init,
  .getattr = fs_getattr,
  .readlink = fs_readlink,
  .opendir = fs_opendir,
  .releasedir = fs_releasedir,
  .readdir = fs_readdir,
  .statfs = fs_statfs,
  .getxattr = fs_getxattr,
  .listxattr = fs_listxattr,
  .mknod = fs_mknod,
  .mkdir = fs_mkdir,
  .symlink = fs_symlink,
  .link = fs_link,
  .unlink = fs_unlink,
  .rmdir = fs_rmdir,
  .rename = fs_rename,
  .chmod = fs_chmod,
  .chown = fs_chown,
  .truncate = fs_truncate,
  .utimens = fs_utimens,
  .setxattr = fs_setxattr,
  .removexattr = fs_removexattr,
  .open = fs_open,
  .create = fs_create,
  .release = fs_release,
  .read = fs_read,
  .write = fs_write,
  .fallocate = fs_fallocate,
  .fsync = fs_fsync,
  .fsyncdir = fs_fsyncdir,
  .lseek = fs_lseek,
};

int
main (int count, char **words)
{
  if (count < 4) {
    fprintf (stderr, "usage: forgetfs [FUSE OPTIONS] LIVE DURABLE MOUNTPOINT\n");
    return 1;
  }
  umask (0);
  durable_begin (words[count - 3], words[count - 2]);
  words[count - 3] = words[count - 1];
  words[count - 2] = (char *)"-s"; /* one thread */
  words[count - 1] = NULL;
  return fuse_main (count - 1, words, &operations, NULL);
}
