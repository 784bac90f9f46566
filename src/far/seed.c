/* The calls that carry or compare a file's content. */
#include "far/far.h"

#include "base/json.h"
#include "far/call.h"

static VfChannel *
open_receive (VfLink *link, JsonObject *args, GCancellable *cancellable, VfFileId *far_id, GError **error)
{
  GError *failure = NULL;
  g_autoptr (JsonObject) answer = NULL;
  g_autoptr (VfChannel) channel = vf_link_open (link, "receive", args, &answer, cancellable, &failure);
  if (channel == NULL || !vf_file_id_from_json (answer, far_id, &failure)) {
    vf_far_failed (link, failure, error);
    return NULL;
  }
  return g_steal_pointer (&channel);
}

bool
vf_far_seed (VfLink *link, const char *partial, const char *id, bool is_block, const VfSeedSource *source, VfSeedCounts *counts,
             VfDigest *digest, VfFileId *far_id, GError **error)
{
  g_autoptr (JsonObject) args = json_object_new ();
  VfSeedSource named = *source;
  json_object_set_string_member (args, "path", partial);
  json_object_set_string_member (args, "id", id);
  json_object_set_string_member (args, "kind", vf_file_kind_name (is_block ? VF_FILE_BLOCK : VF_FILE_REGULAR));
  json_object_set_int_member (args, "bytes", (gint64)source->file_bytes);
  g_autoptr (VfChannel) channel = open_receive (link, args, source->cancellable, far_id, error);
  named.peer = vf_far_host (link);
  return channel != NULL && vf_seed_send (channel, &named, counts, digest, error);
}

bool
vf_far_digest (VfLink *link, const char *path, GCancellable *cancellable, VfDigest *digest, VfFileId *far_id, GError **error)
{
  GError *failure = NULL;
  g_autoptr (JsonObject) answer = vf_far_call (link, "digest", vf_far_args (path, NULL), cancellable, error);
  if (answer == NULL)
    return false;
  if (!vf_digest_parse (vf_json_string_or (answer, "digest", NULL), digest, &failure) ||
      !vf_file_id_from_json (answer, far_id, &failure))
    return vf_far_failed (link, failure, error);
  return true;
}
