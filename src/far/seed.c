/* The calls that carry or compare a file's content. */
#include "far/far.h"

#include "base/json.h"
#include "far/call.h"
#include "seed/sample.h"

enum { WORTH_A_SEARCH_BYTES = 16 * 1024 * 1024 };

/* Opens a service that answers with a file's id and the key of its digests. */
static VfChannel *
open_service (VfLink *link, const char *service, JsonObject *args, GCancellable *cancellable, JsonObject **answer,
              VfFileId *far_id, VfDigestKey *key, GError **error)
{
  GError *failure = NULL;
  g_autoptr (VfChannel) channel = vf_link_open (link, service, args, answer, cancellable, &failure);
  if (channel == NULL || !vf_file_id_from_json (*answer, far_id, &failure) ||
      !vf_digest_key_parse (vf_json_string_or (*answer, "key", NULL), key, &failure)) {
    vf_far_failed (link, failure, error);
    return NULL;
  }
  return g_steal_pointer (&channel);
}

static bool
seed_once (VfLink *link, const char *partial, const char *id, bool is_block, const VfSeedSource *source, VfSeedCounts *counts,
           VfDigest *digest, VfFileId *far_id, GError **error)
{
  g_autoptr (JsonObject) args = vf_far_args (partial, id);
  g_autoptr (JsonObject) answer = NULL;
  GError *failure = NULL;
  VfSeedSource named = *source;
  json_object_set_string_member (args, "kind", vf_file_kind_name (is_block ? VF_FILE_BLOCK : VF_FILE_REGULAR));
  json_object_set_int_member (args, "bytes", (gint64)source->file_bytes);
  json_object_set_int_member (args, "streams", source->streams);
  json_object_set_boolean_member (args, "resume", source->resumes);
  json_object_set_boolean_member (args, "read_back", source->read_back);
  g_autoptr (VfChannel) channel = open_service (link, "receive", args, source->cancellable, &answer, far_id, &named.key, error);
  if (channel == NULL)
    return false;
  if (!vf_json_bool (answer, "is_there", &named.is_there, &failure))
    return vf_far_failed (link, failure, error);
  named.peer = vf_far_host (link);
  return vf_seed_send (channel, &named, counts, digest, error);
}

/* Has the far end prepare the partial from something similar that lies there. Whatever fails only means that more travels. */
static void
look_for_similar (VfLink *link, const char *partial, const char *id, const VfSeedSource *source)
{
  g_autoptr (JsonObject) args = vf_far_args (partial, id);
  g_autoptr (JsonObject) answer = NULL;
  VfSeedSource keyed = *source;
  VfSampling sampling;
  guint8 nothing;
  json_object_set_int_member (args, "bytes", (gint64)source->file_bytes);
  g_autoptr (VfChannel) channel = vf_link_open (link, "similar", args, &answer, source->cancellable, NULL);
  if (channel != NULL && vf_json_bool_or (answer, "is_wanted", false) &&
      vf_digest_key_parse (vf_json_string_or (answer, "key", NULL), &keyed.key, NULL) &&
      vf_sampling_take (&keyed, &sampling, NULL) && vf_sampling_send (channel, &sampling, NULL))
    vf_channel_receive (channel, &nothing, sizeof nothing, source->cancellable, NULL);
}

bool
vf_far_seed (VfLink *link, const char *partial, const char *id, bool is_block, const VfSeedSource *source, VfSeedCounts *counts,
             VfDigest *digest, VfFileId *far_id, GError **error)
{
  GError *failure = NULL;
  VfSeedSource again = *source;
  *counts = (VfSeedCounts){ 0 };
  if (!is_block && source->file_bytes >= WORTH_A_SEARCH_BYTES)
    look_for_similar (link, partial, id, source);
  if (seed_once (link, partial, id, is_block, source, counts, digest, far_id, &failure))
    return true;
  if (!counts->read_back_differs) {
    g_propagate_error (error, failure);
    return false;
  }
  /* Only the chunks that the disk did not keep travel again. */
  g_clear_error (&failure);
  again.resumes = true;
  return seed_once (link, partial, id, is_block, &again, counts, digest, far_id, error);
}

/* Both ends read at the same time. */
bool
vf_far_compare (VfLink *link, const char *path, const VfSeedSource *source, bool *equal, VfDigest *digest, VfFileId *far_id,
                GError **error)
{
  VfDigest there;
  VfDigestKey key;
  guint64 there_bytes;
  GError *failure = NULL;
  g_autoptr (JsonObject) args = vf_far_args (path, NULL);
  g_autoptr (JsonObject) answer = NULL;
  g_autoptr (VfChannel) channel = open_service (link, "digest", args, source->cancellable, &answer, far_id, &key, error);
  if (channel == NULL)
    return false;
  if (!vf_json_u64 (answer, "bytes", &there_bytes, &failure))
    return vf_far_failed (link, failure, error);
  *equal = there_bytes == source->file_bytes;
  if (!vf_digest_fd (source->fd, source->path, source->file_bytes, &key, source->cancellable, digest, error))
    return false;
  if (!*equal)
    return true;
  if (!vf_channel_receive_full (channel, there.bytes, VF_DIGEST_BYTES, source->cancellable, &failure))
    return vf_far_failed (link, failure, error);
  *equal = vf_digest_equal (digest, &there);
  return true;
}
