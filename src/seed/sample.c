#include "seed/sample.h"

#include "base/fd.h"
#include "seed/extents.h"
#include "seed/stream.h"

static gsize
length_at (guint64 file_bytes, guint64 offset)
{
  return (gsize)MIN (file_bytes - offset, (guint64)VF_CHUNK_BYTES);
}

static bool
sample_at (const VfExtents *extents, const VfSeedSource *source, VfTagger *tagger, guint64 offset, VfSampling *sampling,
           GError **error)
{
  g_autofree guint8 *chunk = g_malloc (VF_CHUNK_BYTES);
  gsize length = 0;
  if (!vf_chunk_read (extents, source->path, offset, chunk, &length, error))
    return false;
  if (vf_bytes_are_zero (chunk, length))
    return true;
  VfSample *sample = &sampling->samples[sampling->count++];
  sample->offset = offset;
  vf_tagger_tag (tagger, chunk, length, &sample->tag);
  return true;
}

bool
vf_sampling_take (const VfSeedSource *source, VfSampling *sampling, GError **error)
{
  g_autoptr (VfTagger) tagger = vf_tagger_new (&source->key);
  VfExtents extents;
  guint64 next = 0;
  *sampling = (VfSampling){ .file_bytes = source->file_bytes };
  vf_extents_init (&extents, source->fd, source->file_bytes);
  for (guint i = 0; i < VF_SAMPLES_MAX; i++) {
    guint64 at = source->file_bytes / VF_SAMPLES_MAX * i;
    at = MAX (at - at % VF_CHUNK_BYTES, next);
    VfExtent run = vf_extents_at (&extents, at);
    if (run.is_hole)
      run = vf_extents_at (&extents, run.offset + run.bytes);
    if (run.bytes == 0)
      return true;
    next = run.offset + VF_CHUNK_BYTES;
    if (!sample_at (&extents, source, tagger, run.offset, sampling, error))
      return false;
  }
  return true;
}

guint
vf_sampling_count (const VfSampling *sampling, int fd, const VfDigestKey *key)
{
  g_autoptr (VfTagger) tagger = vf_tagger_new (key);
  g_autofree guint8 *chunk = g_malloc (VF_CHUNK_BYTES);
  guint found = 0;
  for (guint i = 0; i < sampling->count && (found > 0 || i < VF_SAMPLES_LEAST); i++) {
    const VfSample *sample = &sampling->samples[i];
    gsize length = length_at (sampling->file_bytes, sample->offset);
    VfTag tag;
    if (vf_fd_pread_full (fd, chunk, length, (off_t)sample->offset) != (gssize)length)
      continue;
    vf_tagger_tag (tagger, chunk, length, &tag);
    found += vf_tag_equal (&tag, &sample->tag);
  }
  return found;
}

bool
vf_sampling_send (VfChannel *channel, const VfSampling *sampling, GError **error)
{
  guint8 bytes[VF_RECORD_HEAD_BYTES_MAX];
  for (guint i = 0; i < sampling->count; i++) {
    VfRecord record = { .type = VF_RECORD_HAS, .offset = sampling->samples[i].offset, .count = 1 };
    if (!vf_channel_send (channel, bytes, vf_record_encode (&record, bytes), NULL, error) ||
        !vf_channel_send (channel, sampling->samples[i].tag.bytes, VF_TAG_BYTES, NULL, error))
      return false;
  }
  return vf_channel_end (channel, error);
}

bool
vf_sampling_receive (VfChannel *channel, guint64 file_bytes, VfSampling *sampling, GError **error)
{
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  *sampling = (VfSampling){ .file_bytes = file_bytes };
  for (;;) {
    gssize n = vf_channel_receive (channel, head, 1, NULL, error);
    if (n <= 0)
      return n == 0;
    VfRecord record;
    VfTag tag;
    if (head[0] != VF_RECORD_HAS || sampling->count == VF_SAMPLES_MAX)
      return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read a file's samples: more than %d, or something else",
                           VF_SAMPLES_MAX);
    if (!vf_channel_receive_full (channel, head + 1, vf_record_head_bytes (head[0]) - 1, NULL, error) ||
        !vf_channel_receive_full (channel, tag.bytes, VF_TAG_BYTES, NULL, error))
      return false;
    vf_record_decode (head, &record);
    if (record.count != 1 || record.offset >= file_bytes || record.offset % VF_CHUNK_BYTES != 0)
      return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read a file's samples: one lies at %" G_GUINT64_FORMAT,
                           record.offset);
    sampling->samples[sampling->count++] = (VfSample){ record.offset, tag };
  }
}
