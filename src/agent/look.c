/* Services that only look: stat, digest. */
#include "agent/args.h"
#include "agent/holders.h"
#include "agent/service.h"
#include "base/file.h"
#include "base/json.h"
#include "base/names.h"
#include "seed/digest.h"

#include <blkid.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* blkid_do_safeprobe's answers */
enum { PROBE_AMBIVALENT = -2, PROBE_FOUND = 0 };

static char *
probed_signature (blkid_probe probe)
{
  const char *value = NULL;
  blkid_probe_enable_superblocks (probe, 1);
  blkid_probe_set_superblocks_flags (probe, BLKID_SUBLKS_TYPE);
  blkid_probe_enable_partitions (probe, 1);
  int found = blkid_do_safeprobe (probe);
  if (found == PROBE_AMBIVALENT)
    return g_strdup ("several signatures");
  if (found == PROBE_FOUND && (blkid_probe_lookup_value (probe, "TYPE", &value, NULL) == 0 ||
                               blkid_probe_lookup_value (probe, "PTTYPE", &value, NULL) == 0))
    return g_utf8_make_valid (value, -1);
  return NULL;
}

static char *
signature_of (int fd)
{
  char magic[4] = "";
  if (vf_fd_pread_full (fd, magic, sizeof magic, 0) == sizeof magic && memcmp (magic, "QFI\xfb", sizeof magic) == 0)
    return g_strdup ("qcow2");
  blkid_probe probe = blkid_new_probe ();
  if (probe == NULL)
    return NULL;
  char *signature = blkid_probe_set_device (probe, fd, 0, 0) == 0 ? probed_signature (probe) : NULL;
  blkid_free_probe (probe);
  return signature;
}

/* The nearest directory above an absent file, as far as the roots reach; its filesystem would hold the file. */
static VfFileFacts *
look_at_absent (VfAgent *agent, const char *path, GError **error)
{
  g_autofree char *above = vf_path_directory (path);
  bool is_parent = true;
  while (vf_roots_contain (agent->roots, above)) {
    g_auto (VfFd) fd =
        vf_path_is_below (above, "/dev") ? VF_FD_NONE : vf_roots_open (agent->roots, above, O_PATH | O_DIRECTORY, 0, NULL);
    if (fd != VF_FD_NONE) {
      g_autoptr (VfFileFacts) directory = vf_file_look_fd (fd, above, error);
      if (directory == NULL)
        return NULL;
      VfFileFacts *facts = g_new0 (VfFileFacts, 1);
      *facts = (VfFileFacts){ .kind = VF_FILE_ABSENT,
                              .free_bytes = directory->free_bytes,
                              .filesystem = directory->filesystem,
                              .directory_exists = is_parent };
      return facts;
    }
    is_parent = false;
    char *next = vf_path_directory (above);
    g_free (above);
    above = next;
  }
  return g_new0 (VfFileFacts, 1); /* not even the root is there: no free space either */
}

static VfFileFacts *
look (VfAgent *agent, const char *path, int *fd, GError **error)
{
  GError *failure = NULL;
  *fd = vf_roots_open (agent->roots, path, O_PATH, 0, &failure);
  if (*fd != VF_FD_NONE)
    return vf_file_look_fd (*fd, path, error);
  if (!vf_error_is (failure, VF_ERROR_NOT_FOUND)) {
    g_propagate_error (error, failure);
    return NULL;
  }
  g_error_free (failure);
  return look_at_absent (agent, path, error);
}

/* The symlink itself, its text, and the kind of what it leads to. */
static JsonObject *
describe_link (VfAgent *agent, const char *path, int fd, const VfFileFacts *facts)
{
  char text[PATH_MAX] = "";
  ssize_t length = readlinkat (fd, "", text, sizeof text - 1);
  JsonObject *answer = vf_file_facts_to_json (facts);
  g_autofree char *valid = g_utf8_make_valid (text, MAX (length, 0));
  g_auto (VfFd) beyond = vf_roots_open (agent->roots, path, O_PATH, 0, NULL);
  g_autoptr (VfFileFacts) there = beyond != VF_FD_NONE ? vf_file_look_fd (beyond, path, NULL) : NULL;
  json_object_set_boolean_member (answer, "in_roots", true);
  json_object_set_string_member (answer, "link", valid);
  json_object_set_string_member (answer, "leads_to", vf_file_kind_name (there != NULL ? there->kind : VF_FILE_ABSENT));
  return answer;
}

static JsonObject *
stat_link (VfAgent *agent, const char *path)
{
  g_auto (VfFd) fd =
      vf_roots_contain (agent->roots, path) ? vf_roots_open (agent->roots, path, O_PATH | O_NOFOLLOW, 0, NULL) : VF_FD_NONE;
  g_autoptr (VfFileFacts) facts = fd != VF_FD_NONE ? vf_file_look_fd (fd, path, NULL) : NULL;
  return facts != NULL && facts->kind == VF_FILE_LINK ? describe_link (agent, path, fd, facts) : NULL;
}

JsonObject *
vf_service_stat (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  g_autofree char *path = vf_args_path (args, "path", error);
  if (path == NULL)
    return NULL;
  JsonObject *link = vf_json_bool_or (args, "itself", false) ? stat_link (agent, path) : NULL;
  if (link != NULL)
    return link;
  bool in_roots = vf_roots_contain (agent->roots, path);
  g_auto (VfFd) fd = VF_FD_NONE;
  g_autoptr (VfFileFacts) facts = in_roots ? look (agent, path, &fd, error) : g_new0 (VfFileFacts, 1);
  if (facts == NULL)
    return NULL;
  JsonObject *answer = vf_file_facts_to_json (facts);
  json_object_set_boolean_member (answer, "in_roots", in_roots);
  if (facts->kind == VF_FILE_REGULAR || facts->kind == VF_FILE_BLOCK) {
    g_autofree char *holder = vf_holder_of (fd);
    vf_json_set_string (answer, "held_by", holder);
  }
  if (facts->kind == VF_FILE_BLOCK) {
    g_auto (VfFd) readable = vf_roots_open (agent->roots, path, O_RDONLY, 0, NULL);
    g_autofree char *signature = readable != VF_FD_NONE ? signature_of (readable) : NULL;
    vf_json_set_string (answer, "signature", signature);
  }
  return answer;
}

JsonObject *
vf_service_digest (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  state->path = vf_args_path (args, "path", error);
  state->fd = state->path != NULL ? vf_roots_open (agent->roots, state->path, O_RDONLY, 0, error) : VF_FD_NONE;
  g_autoptr (VfFileFacts) facts = state->fd != VF_FD_NONE ? vf_file_look_fd (state->fd, state->path, error) : NULL;
  if (facts == NULL)
    return NULL;
  if (facts->kind != VF_FILE_REGULAR && facts->kind != VF_FILE_BLOCK) {
    vf_error_set (error, VF_ERROR_REFUSED, "cannot digest '%s': it is no file or block device", state->path);
    return NULL;
  }
  g_autofree char *key = vf_digest_key_print (&agent->key);
  state->key = agent->key;
  state->bytes = facts->bytes;
  JsonObject *answer = json_object_new ();
  json_object_set_string_member (answer, "key", key);
  json_object_set_int_member (answer, "bytes", (gint64)facts->bytes);
  vf_file_id_to_json (&facts->id, answer);
  return answer;
}

bool
vf_service_digest_stream (VfChannel *channel, VfStreamState *state, GError **error)
{
  VfDigest digest;
  g_autoptr (VfFileFacts) before = vf_file_look_fd (state->fd, state->path, error);
  if (before == NULL || !vf_digest_fd (state->fd, state->path, state->bytes, &state->key, NULL, &digest, error))
    return false;
  g_autoptr (VfFileFacts) after = vf_file_look_fd (state->fd, state->path, error);
  if (after == NULL)
    return false;
  if (!vf_file_is_unchanged (before, after))
    return vf_error_set (error, VF_ERROR_BUSY, "cannot digest file '%s': it was changed meanwhile", state->path);
  return vf_channel_send (channel, digest.bytes, VF_DIGEST_BYTES, NULL, error);
}
