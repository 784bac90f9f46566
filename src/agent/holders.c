#include "agent/holders.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* By device number for block devices, which may have several nodes; else by filesystem and inode. */
typedef struct {
  bool is_block;
  guint64 device;
  guint64 inode;
} Wanted;

static bool
is_wanted (const Wanted *wanted, const char *path)
{
  struct statx found;
  /* DONT_SYNC: a descriptor on a dead NFS server must not hold the agent up. */
  if (statx (AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO, &found) != 0)
    return false;
  if (wanted->is_block)
    return S_ISBLK (found.stx_mode) && makedev (found.stx_rdev_major, found.stx_rdev_minor) == wanted->device;
  return makedev (found.stx_dev_major, found.stx_dev_minor) == wanted->device && found.stx_ino == wanted->inode;
}

static bool
process_has (const char *pid, const Wanted *wanted)
{
  g_autofree char *directory = g_build_filename ("/proc", pid, "fd", NULL);
  g_autoptr (GDir) fds = g_dir_open (directory, 0, NULL);
  const char *name;
  while (fds != NULL && (name = g_dir_read_name (fds)) != NULL) {
    g_autofree char *path = g_build_filename (directory, name, NULL);
    if (is_wanted (wanted, path))
      return true;
  }
  return false;
}

static char *
process_words (const char *pid)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "comm", NULL);
  g_autofree char *comm = NULL;
  if (!g_file_get_contents (path, &comm, NULL, NULL))
    return g_strdup_printf ("process %s", pid);
  g_autofree char *valid = g_utf8_make_valid (g_strchomp (comm), -1);
  return g_strdup_printf ("process %s (%s)", pid, valid);
}

static char *
holding_process (const Wanted *wanted)
{
  g_autoptr (GDir) processes = g_dir_open ("/proc", 0, NULL);
  g_autofree char *self = g_strdup_printf ("%d", (int)getpid ());
  const char *pid;
  while (processes != NULL && (pid = g_dir_read_name (processes)) != NULL)
    if (g_ascii_isdigit (*pid) && strcmp (pid, self) != 0 && process_has (pid, wanted))
      return process_words (pid);
  return NULL;
}

/* Field 3 of mountinfo is the device number, field 5 the place, with blanks as \040. */
static char *
mounted_place (dev_t device)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents ("/proc/self/mountinfo", &text, NULL, NULL))
    return NULL;
  g_autofree char *number = g_strdup_printf ("%u:%u", major (device), minor (device));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    g_auto (GStrv) fields = g_strsplit (*line, " ", 6);
    if (g_strv_length (fields) >= 5 && strcmp (fields[2], number) == 0) {
      g_autofree char *place = g_strcompress (fields[4]);
      g_autofree char *valid = g_utf8_make_valid (place, -1);
      return g_strdup_printf ("mounted on '%s'", valid);
    }
  }
  return NULL;
}

/* Device-mapper, md and the like, which no process shows. */
static char *
stacked_device (dev_t device)
{
  g_autofree char *path = g_strdup_printf ("/sys/dev/block/%u:%u/holders", major (device), minor (device));
  g_autoptr (GDir) holders = g_dir_open (path, 0, NULL);
  const char *name = holders != NULL ? g_dir_read_name (holders) : NULL;
  return name != NULL ? g_strdup_printf ("device '%s'", name) : NULL;
}

char *
vf_holder_of (int fd)
{
  struct stat st;
  if (fstat (fd, &st) != 0)
    return NULL;
  bool is_block = S_ISBLK (st.st_mode);
  Wanted wanted = { .is_block = is_block, .device = is_block ? st.st_rdev : st.st_dev, .inode = st.st_ino };
  char *holder = is_block ? mounted_place (st.st_rdev) : NULL;
  if (holder == NULL && is_block)
    holder = stacked_device (st.st_rdev);
  return holder != NULL ? holder : holding_process (&wanted);
}

bool
vf_holder_check (int fd, const char *verb, const char *path, GError **error)
{
  g_autofree char *holder = vf_holder_of (fd);
  if (holder == NULL)
    return true;
  return vf_error_set (error, VF_ERROR_BUSY, "cannot %s '%s': it is in use: %s", verb, path, holder);
}
