/* Services on a partial or cap of the move: own, rebase, create-cap. */
#include "agent/args.h"
#include "agent/files.h"
#include "agent/owner.h"
#include "base/names.h"
#include "chain/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

JsonObject *
vf_service_own (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  guint mode;
  g_autoptr (VfPlace) place = vf_place_new_with_id (agent, args, "path", error);
  const char *user = place != NULL ? vf_args_string (args, "user", error) : NULL;
  const char *group = user != NULL ? vf_args_string (args, "group", error) : NULL;
  if (group == NULL || !vf_args_mode (args, &mode, error))
    return NULL;
  g_auto (VfFd) fd = vf_place_open (place, O_RDONLY, error);
  if (fd == VF_FD_NONE)
    return NULL;
  if (!vf_owner_give (fd, user, group, mode)) {
    vf_error_set_errno (error, errno, "cannot give file '%s' its owner and mode", place->path);
    return NULL;
  }
  return json_object_new ();
}

/* qemu-img opens what this process has opened below its roots, not a path that could mean something else by now: the link in
 * /proc leads to the open file itself. It reopens and locks through it as through any path (tried with 7.2), the file keeps our
 * owner and mode, and no descriptor has to be inherited. */
static char *
path_of_open (int fd)
{
  return g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), fd);
}

static bool
sync_image (int fd, const char *path, GError **error)
{
  if (fsync (fd) == 0)
    return true;
  return vf_error_set_errno (error, errno, "cannot sync image '%s'", path);
}

typedef struct {
  const char *backing;
  const char *backing_format;
} Backing;

static bool
backing_of (JsonObject *args, Backing *backing, GError **error)
{
  backing->backing = vf_args_string (args, "backing", error);
  if (backing->backing == NULL)
    return false;
  backing->backing_format = vf_args_string (args, "backing_format", error);
  return backing->backing_format != NULL;
}

/* What qemu-img said names the link in /proc, which tells nobody anything. */
static bool
name_image (GError *failure, const char *path, const char *link, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (failure->message, link, -1);
  g_free (failure->message);
  failure->message = g_strjoinv (path, parts);
  g_propagate_error (error, failure);
  return false;
}

/* At least one. */
static bool
names_of (JsonObject *args, VfImageNames *names, GError **error)
{
  Backing backing = { 0 };
  if (json_object_has_member (args, "data_file") && (names->data_file = vf_args_string (args, "data_file", error)) == NULL)
    return false;
  if ((names->data_file == NULL || json_object_has_member (args, "backing")) && !backing_of (args, &backing, error))
    return false;
  names->backing = backing.backing;
  names->backing_format = backing.backing_format;
  return true;
}

JsonObject *
vf_service_rebase (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  VfImageNames names = { 0 };
  GError *failure = NULL;
  g_autoptr (VfPlace) place = vf_place_new_with_id (agent, args, "path", error);
  if (place == NULL || !names_of (args, &names, error))
    return NULL;
  g_auto (VfFd) fd = vf_place_open (place, O_RDWR, error);
  if (fd == VF_FD_NONE)
    return NULL;
  g_autofree char *link = path_of_open (fd);
  if (!vf_image_rename (link, &names, &failure)) {
    name_image (failure, place->path, link, error);
    return NULL;
  }
  return sync_image (fd, place->path, error) ? json_object_new () : NULL;
}

/* Fills the new file; the caller unlinks it when that fails. */
static bool
fill_cap (int fd, const VfPlace *place, const Backing *backing, guint64 bytes, GError **error)
{
  GError *failure = NULL;
  g_autofree char *link = path_of_open (fd);
  if (!vf_image_create_overlay (link, backing->backing, backing->backing_format, bytes, &failure))
    return name_image (failure, place->path, link, error);
  return sync_image (fd, place->path, error);
}

JsonObject *
vf_service_create_cap (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  Backing backing;
  guint64 bytes;
  g_autoptr (VfPlace) place = vf_place_new_with_id (agent, args, "path", error);
  if (place == NULL || !backing_of (args, &backing, error) || !vf_args_bytes (args, &bytes, error))
    return NULL;
  g_auto (VfFd) fd = vf_place_create (place, error);
  if (fd == VF_FD_NONE)
    return NULL;
  if (!fill_cap (fd, place, &backing, bytes, error)) {
    unlinkat (place->directory_fd, place->name, 0);
    return NULL;
  }
  g_autoptr (VfFileFacts) facts = vf_file_look_fd (fd, place->path, error);
  if (facts == NULL)
    return NULL;
  JsonObject *answer = json_object_new ();
  vf_file_id_to_json (&facts->id, answer);
  return answer;
}
