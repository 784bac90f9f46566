#include "agent/files.h"

#include "agent/args.h"
#include "agent/holders.h"
#include "base/names.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void
vf_place_free (VfPlace *place)
{
  if (place == NULL)
    return;
  vf_fd_close_value (place->directory_fd);
  g_free (place->path);
  g_free (place->name);
  g_free (place);
}

VfPlace *
vf_place_new (VfAgent *agent, JsonObject *args, const char *member, GError **error)
{
  g_autoptr (VfPlace) place = g_new0 (VfPlace, 1);
  place->directory_fd = VF_FD_NONE;
  place->path = vf_args_path (args, member, error);
  if (place->path == NULL)
    return NULL;
  place->directory_fd = vf_roots_open_directory_of (agent->roots, place->path, &place->name, error);
  return place->directory_fd == VF_FD_NONE ? NULL : g_steal_pointer (&place);
}

VfPlace *
vf_place_new_with_id (VfAgent *agent, JsonObject *args, const char *member, GError **error)
{
  const char *id = vf_args_id (args, error);
  if (id == NULL)
    return NULL;
  g_autoptr (VfPlace) place = vf_place_new (agent, args, member, error);
  if (place == NULL)
    return NULL;
  if (!vf_name_carries_id (place->path, id)) {
    vf_error_set (error, VF_ERROR_REFUSED, "cannot write '%s': its name does not carry the move's id %s", place->path, id);
    return NULL;
  }
  return g_steal_pointer (&place);
}

bool
vf_place_look (const VfPlace *place, struct stat *st, bool *present, GError **error)
{
  *present = fstatat (place->directory_fd, place->name, st, AT_SYMLINK_NOFOLLOW) == 0;
  if (*present || errno == ENOENT)
    return true;
  return vf_error_set_errno (error, errno, "cannot look at '%s'", place->path);
}

VfFileId
vf_file_id_of_stat (const struct stat *st)
{
  return (VfFileId){ .device = st->st_dev, .inode = st->st_ino };
}

bool
vf_place_sync_directory (const VfPlace *place, GError **error)
{
  g_auto (VfFd) fd = openat (place->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd == VF_FD_NONE || fsync (fd) != 0)
    return vf_error_set_errno (error, errno, "cannot sync the directory of '%s'", place->path);
  return true;
}

int
vf_place_open (const VfPlace *place, int flags, GError **error)
{
  struct stat st;
  g_auto (VfFd) fd = openat (place->directory_fd, place->name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd == VF_FD_NONE || fstat (fd, &st) != 0) {
    vf_error_set_errno (error, errno, "cannot open file '%s'", place->path);
    return VF_FD_NONE;
  }
  if (!S_ISREG (st.st_mode)) {
    vf_error_set (error, VF_ERROR_REFUSED, "cannot open file '%s': it is no regular file", place->path);
    return VF_FD_NONE;
  }
  return vf_fd_steal (&fd);
}

static bool
nobody_holds (const VfPlace *place, GError **error)
{
  g_auto (VfFd) fd = vf_place_open (place, O_PATH, error);
  return fd != VF_FD_NONE && vf_holder_check (fd, "remove file", place->path, error);
}

bool
vf_place_unlink (const VfPlace *place, GError **error)
{
  struct stat st;
  bool present;
  if (!vf_place_look (place, &st, &present, error))
    return false;
  bool is_link = present && S_ISLNK (st.st_mode);
  if (!is_link && !nobody_holds (place, error))
    return false;
  if (unlinkat (place->directory_fd, place->name, 0) != 0)
    return vf_error_set_errno (error, errno, "cannot remove file '%s'", place->path);
  return vf_place_sync_directory (place, error);
}

int
vf_place_create (const VfPlace *place, GError **error)
{
  struct stat st;
  bool present;
  if (!vf_place_look (place, &st, &present, error))
    return VF_FD_NONE;
  if (present && S_ISLNK (st.st_mode)) {
    vf_error_set (error, VF_ERROR_EXISTS, "cannot create file '%s': a symlink has the name", place->path);
    return VF_FD_NONE;
  }
  if (present && !vf_place_unlink (place, error))
    return VF_FD_NONE;
  g_auto (VfFd) fd = openat (place->directory_fd, place->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd == VF_FD_NONE) {
    vf_error_set_errno (error, errno, "cannot create file '%s'", place->path);
    return VF_FD_NONE;
  }
  return vf_place_sync_directory (place, error) ? vf_fd_steal (&fd) : VF_FD_NONE;
}

int
vf_place_open_or_create (const VfPlace *place, bool *existed, GError **error)
{
  struct stat st;
  *existed = false;
  if (!vf_place_look (place, &st, existed, error))
    return VF_FD_NONE;
  *existed = *existed && S_ISREG (st.st_mode) && st.st_nlink == 1;
  if (!*existed)
    return vf_place_create (place, error);
  g_auto (VfFd) looked = vf_place_open (place, O_PATH, error);
  if (looked == VF_FD_NONE || !vf_holder_check (looked, "write file", place->path, error))
    return VF_FD_NONE;
  return vf_place_open (place, O_RDWR, error);
}
