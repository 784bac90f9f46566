/* Services that give and take names: mkdir, rmdir, berth, remove. Each may be asked again after a crash. */
#include "agent/args.h"
#include "agent/files.h"
#include "agent/owner.h"
#include "base/json.h"
#include "base/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static JsonObject *
answer_with (const char *member, bool value)
{
  JsonObject *answer = json_object_new ();
  json_object_set_boolean_member (answer, member, value);
  return answer;
}

static bool
make_directory (const VfPlace *place, JsonObject *args, guint mode, GError **error)
{
  if (mkdirat (place->directory_fd, place->name, 0700) != 0)
    return vf_error_set_errno (error, errno, "cannot make directory '%s'", place->path);
  /* Not mkdirat's mode: the umask is this process's affair, not the source's. */
  g_auto (VfFd) fd = openat (place->directory_fd, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const char *user = vf_json_string_or (args, "user", "");
  const char *group = vf_json_string_or (args, "group", "");
  if (fd == VF_FD_NONE || !vf_owner_give (fd, user, group, mode))
    return vf_error_set_errno (error, errno, "cannot give directory '%s' its owner and mode", place->path);
  return vf_place_sync_directory (place, error);
}

JsonObject *
vf_service_mkdir (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  struct stat st;
  guint mode;
  bool present;
  g_autoptr (VfPlace) place = vf_place_new (agent, args, "path", error);
  if (place == NULL || !vf_args_mode (args, &mode, error) || !vf_place_look (place, &st, &present, error))
    return NULL;
  if (present && S_ISLNK (st.st_mode) && fstatat (place->directory_fd, place->name, &st, 0) != 0)
    st.st_mode = S_IFLNK;
  if (present && !S_ISDIR (st.st_mode)) {
    vf_error_set (error, VF_ERROR_EXISTS, "cannot make directory '%s': something else has the name", place->path);
    return NULL;
  }
  if (!present && !make_directory (place, args, mode, error))
    return NULL;
  return answer_with ("made", !present);
}

JsonObject *
vf_service_rmdir (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  GError *failure = NULL;
  g_autoptr (VfPlace) place = vf_place_new (agent, args, "path", &failure);
  if (place == NULL && vf_error_is (failure, VF_ERROR_NOT_FOUND)) {
    g_error_free (failure);
    return answer_with ("removed", false);
  }
  if (place == NULL) {
    g_propagate_error (error, failure);
    return NULL;
  }
  bool removed = unlinkat (place->directory_fd, place->name, AT_REMOVEDIR) == 0;
  if (!removed && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST) {
    vf_error_set_errno (error, errno, "cannot remove directory '%s'", place->path);
    return NULL;
  }
  if (removed && !vf_place_sync_directory (place, error))
    return NULL;
  return answer_with ("removed", removed);
}

/* ---- berth ---- */

typedef struct {
  const VfPlace *partial, *final;
  bool partial_is_it, final_is_it; /* what has the name is the file that was verified */
} Berth;

static bool
is_the_file (const VfPlace *place, const VfFileId *id, bool *present, bool *is_it, GError **error)
{
  struct stat st;
  if (!vf_place_look (place, &st, present, error))
    return false;
  VfFileId found = *present ? vf_file_id_of_stat (&st) : (VfFileId){ 0 };
  *is_it = *present && (S_ISREG (st.st_mode) || S_ISLNK (st.st_mode)) && vf_file_id_equal (&found, id);
  return true;
}

static bool
berth_look (Berth *berth, const VfFileId *id, GError **error)
{
  bool partial_present, final_present;
  if (!is_the_file (berth->partial, id, &partial_present, &berth->partial_is_it, error) ||
      !is_the_file (berth->final, id, &final_present, &berth->final_is_it, error))
    return false;
  if (partial_present && !berth->partial_is_it)
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot berth file '%s': it is not the file that was verified",
                         berth->partial->path);
  if (final_present && !berth->final_is_it)
    return vf_error_set (error, VF_ERROR_EXISTS, "cannot berth file '%s': the name is taken", berth->final->path);
  if (!partial_present && !final_present)
    return vf_error_set (error, VF_ERROR_NOT_FOUND, "cannot berth file '%s': it does not exist", berth->partial->path);
  return true;
}

static bool
berth_by_link (const Berth *berth, GError **error)
{
  const VfPlace *from = berth->partial, *to = berth->final;
  if (linkat (from->directory_fd, from->name, to->directory_fd, to->name, 0) != 0)
    return vf_error_set_errno (error, errno, "cannot berth file '%s'", to->path);
  if (unlinkat (from->directory_fd, from->name, 0) != 0)
    return vf_error_set_errno (error, errno, "cannot remove the name '%s'", from->path);
  return true;
}

/* Both names on the one file are what a crash between linkat and unlinkat leaves. */
static bool
berth_move (const Berth *berth, GError **error)
{
  const VfPlace *from = berth->partial, *to = berth->final;
  if (berth->partial_is_it && berth->final_is_it && unlinkat (from->directory_fd, from->name, 0) != 0)
    return vf_error_set_errno (error, errno, "cannot remove the name '%s'", from->path);
  if (berth->final_is_it)
    return true;
  if (renameat2 (from->directory_fd, from->name, to->directory_fd, to->name, RENAME_NOREPLACE) == 0)
    return true;
  if (errno == EINVAL || errno == ENOSYS) /* filesystems without NOREPLACE */
    return berth_by_link (berth, error);
  return vf_error_set_errno (error, errno, "cannot berth file '%s'", to->path);
}

JsonObject *
vf_service_berth (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  VfFileId id;
  g_autoptr (VfPlace) partial = vf_place_new_with_id (agent, args, "partial", error);
  if (partial == NULL)
    return NULL;
  g_autoptr (VfPlace) final = vf_place_new (agent, args, "path", error);
  if (final == NULL || !vf_args_file_id (args, &id, error))
    return NULL;
  Berth berth = { .partial = partial, .final = final };
  if (!berth_look (&berth, &id, error) || !berth_move (&berth, error) || !vf_place_sync_directory (final, error) ||
      !vf_place_sync_directory (partial, error))
    return NULL;
  return json_object_new ();
}

/* ---- remove ---- */

static bool
may_remove (const VfPlace *place, const struct stat *st, JsonObject *args, GError **error)
{
  const char *id = vf_args_id (args, error);
  VfFileId wanted, found = vf_file_id_of_stat (st);
  if (id == NULL)
    return false;
  if (!S_ISREG (st->st_mode) && !S_ISLNK (st->st_mode))
    return vf_error_set (error, VF_ERROR_EXISTS, "cannot remove '%s': it is no regular file or symlink", place->path);
  if (vf_name_carries_id (place->path, id))
    return true;
  if (!vf_args_has_file_id (args))
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot remove file '%s': its name does not carry the move's id %s",
                         place->path, id);
  if (!vf_args_file_id (args, &wanted, error))
    return false;
  if (!vf_file_id_equal (&wanted, &found))
    return vf_error_set (error, VF_ERROR_EXISTS, "cannot remove file '%s': it is not the file that move %s made", place->path,
                         id);
  return true;
}

JsonObject *
vf_service_remove (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  struct stat st;
  bool present;
  GError *failure = NULL;
  g_autoptr (VfPlace) place = vf_place_new (agent, args, "path", &failure);
  if (place == NULL && vf_error_is (failure, VF_ERROR_NOT_FOUND)) {
    g_error_free (failure);
    return answer_with ("removed", false);
  }
  if (place == NULL) {
    g_propagate_error (error, failure);
    return NULL;
  }
  if (!vf_place_look (place, &st, &present, error))
    return NULL;
  if (present && (!may_remove (place, &st, args, error) || !vf_place_unlink (place, error)))
    return NULL;
  return answer_with ("removed", present);
}
