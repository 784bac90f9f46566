#include "journal/replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF". */
typedef struct {
  long pid;
  unsigned int device_major, device_minor;
  unsigned long long inode;
} Lock;

static bool
parse_lock (const char *text, Lock *lock)
{
  return sscanf (text, "%*u: FLOCK %*s WRITE %ld %x:%x:%llu", &lock->pid, &lock->device_major, &lock->device_minor,
                 &lock->inode) == 4;
}

/* For filesystems (btrfs, overlayfs) whose stat shows another device number than /proc/locks. */
static bool
process_has_open (long pid, const struct stat *file)
{
  g_autofree char *directory = g_strdup_printf ("/proc/%ld/fd", pid);
  g_autoptr (GDir) open_files = g_dir_open (directory, 0, NULL);
  const char *name;
  while (open_files != NULL && (name = g_dir_read_name (open_files)) != NULL) {
    struct stat other;
    g_autofree char *path = g_build_filename (directory, name, NULL);
    if (stat (path, &other) == 0 && other.st_dev == file->st_dev && other.st_ino == file->st_ino)
      return true;
  }
  return false;
}

static bool
lock_is_on (const Lock *lock, const struct stat *file)
{
  if (lock->inode != (unsigned long long)file->st_ino)
    return false;
  if (lock->device_major == major (file->st_dev) && lock->device_minor == minor (file->st_dev))
    return true;
  return process_has_open (lock->pid, file);
}

gint64
vf_journal_holder (int fd)
{
  struct stat file;
  g_autofree char *locks = NULL;
  if (fstat (fd, &file) != 0 || !g_file_get_contents ("/proc/locks", &locks, NULL, NULL))
    return 0;
  g_auto (GStrv) lines = g_strsplit (locks, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    Lock lock;
    if (parse_lock (*line, &lock) && lock_is_on (&lock, &file))
      return lock.pid;
  }
  return 0;
}
