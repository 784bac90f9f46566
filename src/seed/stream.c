#include "seed/stream.h"

#include <string.h>

gsize
vf_record_head_bytes (guint8 type)
{
  switch (type) {
  case VF_RECORD_DATA:
    return 1 + 8 + 4 + 1 + 4 + VF_DIGEST_BYTES;
  case VF_RECORD_ZERO:
    return 1 + 8 + 8;
  case VF_RECORD_END:
    return 1 + VF_DIGEST_BYTES;
  case VF_RECORD_VERDICT:
    return 1 + 1 + VF_DIGEST_BYTES;
  default:
    return 0;
  }
}

static guint8 *
put_u32 (guint8 *at, guint32 value)
{
  guint32 big = GUINT32_TO_BE (value);
  memcpy (at, &big, sizeof big);
  return at + sizeof big;
}

static guint8 *
put_u64 (guint8 *at, guint64 value)
{
  guint64 big = GUINT64_TO_BE (value);
  memcpy (at, &big, sizeof big);
  return at + sizeof big;
}

static guint32
get_u32 (const guint8 *at)
{
  guint32 big;
  memcpy (&big, at, sizeof big);
  return GUINT32_FROM_BE (big);
}

static guint64
get_u64 (const guint8 *at)
{
  guint64 big;
  memcpy (&big, at, sizeof big);
  return GUINT64_FROM_BE (big);
}

gsize
vf_record_encode (const VfRecord *record, guint8 head[VF_RECORD_HEAD_BYTES_MAX])
{
  guint8 *at = head;
  *at++ = (guint8)record->type;
  if (record->type == VF_RECORD_DATA || record->type == VF_RECORD_ZERO)
    at = put_u64 (at, record->offset);
  if (record->type == VF_RECORD_ZERO)
    at = put_u64 (at, record->bytes);
  if (record->type == VF_RECORD_DATA) {
    at = put_u32 (at, (guint32)record->bytes);
    *at++ = record->codec;
    at = put_u32 (at, record->stored_bytes);
  }
  if (record->type == VF_RECORD_VERDICT)
    *at++ = record->verdict;
  if (record->type != VF_RECORD_ZERO)
    memcpy (at, record->digest.bytes, VF_DIGEST_BYTES);
  return vf_record_head_bytes ((guint8)record->type);
}

void
vf_record_decode (const guint8 *head, VfRecord *record)
{
  *record = (VfRecord){ .type = (VfRecordType)head[0] };
  gsize head_bytes = vf_record_head_bytes (head[0]);
  if (record->type == VF_RECORD_DATA || record->type == VF_RECORD_ZERO)
    record->offset = get_u64 (head + 1);
  if (record->type == VF_RECORD_ZERO)
    record->bytes = get_u64 (head + 9);
  if (record->type == VF_RECORD_DATA) {
    record->bytes = get_u32 (head + 9);
    record->codec = head[13];
    record->stored_bytes = get_u32 (head + 14);
  }
  if (record->type == VF_RECORD_VERDICT)
    record->verdict = head[1];
  if (record->type != VF_RECORD_ZERO)
    memcpy (record->digest.bytes, head + head_bytes - VF_DIGEST_BYTES, VF_DIGEST_BYTES);
}
