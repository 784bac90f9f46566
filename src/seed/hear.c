#include "seed/hear.h"

static bool
broke_rule (GError **error, const char *rule)
{
  return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot hear what is there already: %s", rule);
}

static bool
check_place (const VfHearing *hearing, const VfRecord *record, GError **error)
{
  guint64 known_to = hearing->at + (guint64)hearing->count * VF_CHUNK_BYTES;
  if (record->count > VF_TOLD_MAX)
    return broke_rule (error, "too many chunks at once");
  if (record->offset < known_to && record->offset < hearing->file_bytes)
    return broke_rule (error, "chunks are told twice");
  if (record->offset > hearing->file_bytes || (record->count == 0) != (record->offset == hearing->file_bytes))
    return broke_rule (error, "the end is not where the file ends");
  if (record->count > 0 && (record->offset % VF_CHUNK_BYTES != 0 ||
                            (record->count - 1) * (guint64)VF_CHUNK_BYTES >= hearing->file_bytes - record->offset))
    return broke_rule (error, "chunks lie beyond the end of the file");
  return true;
}

static bool
hear_more (VfHearing *hearing, GError **error)
{
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  VfRecord record;
  if (!vf_channel_receive_full (hearing->channel, head, 1, hearing->cancellable, error))
    return false;
  if (head[0] != VF_RECORD_HAS)
    return broke_rule (error, "the record's type is another");
  if (!vf_channel_receive_full (hearing->channel, head + 1, vf_record_head_bytes (head[0]) - 1, hearing->cancellable, error))
    return false;
  vf_record_decode (head, &record);
  if (!check_place (hearing, &record, error))
    return false;
  hearing->at = record.offset;
  hearing->count = record.count;
  hearing->ended = record.count == 0;
  return record.count == 0 ||
         vf_channel_receive_full (hearing->channel, hearing->tags, record.count * sizeof (VfTag), hearing->cancellable, error);
}

bool
vf_hear_tag (VfHearing *hearing, guint64 offset, bool *told, VfTag *tag, GError **error)
{
  while (!hearing->ended && hearing->at + (guint64)hearing->count * VF_CHUNK_BYTES <= offset)
    if (!hear_more (hearing, error))
      return false;
  *told = !hearing->ended && offset >= hearing->at;
  if (*told)
    *tag = hearing->tags[(offset - hearing->at) / VF_CHUNK_BYTES];
  return true;
}

bool
vf_hear_end (VfHearing *hearing, GError **error)
{
  while (!hearing->ended)
    if (!hear_more (hearing, error))
      return false;
  return true;
}
