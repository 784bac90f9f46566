/* Services that write data: receive, wipe. */
#include "agent/args.h"
#include "agent/files.h"
#include "agent/holders.h"
#include "seed/seed.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { WIPE_BYTES = 1024 * 1024 };

/* Opened exclusively, so that the kernel refuses what is mounted or claimed; who merely has it open is looked for. */
static int
open_device (VfAgent *agent, const char *path, guint64 bytes, VfFileFacts **facts, GError **error)
{
  g_auto (VfFd) looked = vf_roots_open (agent->roots, path, O_PATH, 0, error);
  if (looked == VF_FD_NONE || !vf_holder_check (looked, "write block device", path, error))
    return VF_FD_NONE;
  g_autoptr (VfFileFacts) found = vf_file_look_fd (looked, path, error);
  if (found == NULL)
    return VF_FD_NONE;
  if (found->kind != VF_FILE_BLOCK) {
    vf_error_set (error, VF_ERROR_REFUSED, "cannot write block device '%s': it is none", path);
    return VF_FD_NONE;
  }
  if (found->bytes < bytes) {
    vf_error_set (error, VF_ERROR_NO_SPACE,
                  "cannot write block device '%s': it has %" G_GUINT64_FORMAT " bytes, %" G_GUINT64_FORMAT " are needed", path,
                  found->bytes, bytes);
    return VF_FD_NONE;
  }
  g_autofree char *same = g_strdup_printf ("/proc/self/fd/%d", looked);
  int fd = open (same, O_RDWR | O_EXCL | O_CLOEXEC);
  if (fd == VF_FD_NONE)
    vf_error_set_errno (error, errno, "cannot open block device '%s'", path);
  else
    *facts = g_steal_pointer (&found);
  return fd;
}

static int
open_partial (VfAgent *agent, JsonObject *args, VfFileFacts **facts, bool *existed, GError **error)
{
  g_autoptr (VfPlace) place = vf_place_new_with_id (agent, args, "path", error);
  g_auto (VfFd) fd = place != NULL ? vf_place_open_or_create (place, existed, error) : VF_FD_NONE;
  if (fd == VF_FD_NONE)
    return VF_FD_NONE;
  *facts = vf_file_look_fd (fd, place->path, error);
  return *facts != NULL ? vf_fd_steal (&fd) : VF_FD_NONE;
}

JsonObject *
vf_service_receive (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  g_autoptr (VfFileFacts) facts = NULL;
  bool resume;
  const char *kind = vf_args_string (args, "kind", error);
  if (kind == NULL || vf_args_id (args, error) == NULL || !vf_args_bytes (args, &state->bytes, error) ||
      !vf_args_streams (args, &state->streams, error) || !vf_args_flag (args, "resume", &resume, error) ||
      !vf_args_flag (args, "read_back", &state->read_back, error))
    return NULL;
  state->path = vf_args_path (args, "path", error);
  if (state->path == NULL)
    return NULL;
  VfFileKind wanted = vf_file_kind_from_name (kind);
  if (wanted != VF_FILE_REGULAR && wanted != VF_FILE_BLOCK) {
    vf_error_set (error, VF_ERROR_PROTOCOL, "cannot receive '%s': '%.40s' is no kind that can be received", state->path, kind);
    return NULL;
  }
  state->is_block = wanted == VF_FILE_BLOCK;
  state->fd = state->is_block ? open_device (agent, state->path, state->bytes, &facts, error)
                              : open_partial (agent, args, &facts, &state->has_data, error);
  if (state->fd == VF_FD_NONE)
    return NULL;
  state->has_data = state->is_block ? resume : state->has_data && facts->allocated > 0;
  g_autofree char *key = vf_digest_key_print (&agent->key);
  state->key = agent->key;
  JsonObject *answer = json_object_new ();
  json_object_set_string_member (answer, "key", key);
  json_object_set_boolean_member (answer, "is_there", state->has_data);
  vf_file_id_to_json (&facts->id, answer);
  return answer;
}

bool
vf_service_receive_stream (VfChannel *channel, VfStreamState *state, GError **error)
{
  VfDigest digest;
  VfSeedTarget target = {
    .fd = state->fd,
    .path = state->path,
    .file_bytes = state->bytes,
    .is_block = state->is_block,
    .has_data = state->has_data,
    .read_back = state->read_back,
    .key = state->key,
    .streams = state->streams,
  };
  return vf_seed_receive (channel, &target, &digest, error);
}

static bool
zero_ends (int fd, guint64 device_bytes)
{
  g_autofree guint8 *zeros = g_malloc0 (WIPE_BYTES);
  gsize length = (gsize)MIN (device_bytes, (guint64)WIPE_BYTES);
  return vf_fd_pwrite_full (fd, zeros, length, 0) && vf_fd_pwrite_full (fd, zeros, length, (off_t)(device_bytes - length)) &&
         fsync (fd) == 0;
}

JsonObject *
vf_service_wipe (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  g_autoptr (VfFileFacts) facts = NULL;
  g_autofree char *path = vf_args_path (args, "path", error);
  if (path == NULL || vf_args_id (args, error) == NULL)
    return NULL;
  g_auto (VfFd) fd = open_device (agent, path, 0, &facts, error);
  if (fd == VF_FD_NONE)
    return NULL;
  if (!zero_ends (fd, facts->bytes)) {
    vf_error_set_errno (error, errno, "cannot wipe block device '%s'", path);
    return NULL;
  }
  return json_object_new ();
}
