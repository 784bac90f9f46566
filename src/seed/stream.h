/* Records of the seed stream (docs/internals/wire.md): pure encoding and decoding of what stands before the bytes. The rules
 * are the receiver's. */
#pragma once

#include "seed/digest.h"

typedef enum {
  VF_RECORD_DATA = 'D',
  VF_RECORD_ZERO = 'Z',
  VF_RECORD_KEEP = 'K',
  VF_RECORD_END = 'E',
  VF_RECORD_HAS = 'H',
  VF_RECORD_AGAIN = 'A',
  VF_RECORD_VERDICT = 'V',
} VfRecordType;

enum {
  VF_VERDICT_GOOD = 1,
  VF_VERDICT_READ_BACK_DIFFERS = 2, /* what the disk gave back is not what was written */
  VF_TOLD_MAX = 512,                /* chunks in one `has` record */
  VF_RECORD_HEAD_BYTES_MAX = 38,    /* of a data record: type, offset, map, codec, stored length, tag */
};

typedef struct {
  VfRecordType type;
  guint64 offset;       /* data, zero, keep, has, again */
  guint64 bytes;        /* zero, keep: of the file */
  guint32 count;        /* has: so many tags follow */
  guint64 map;          /* data: the blocks that follow (seed/blocks.h) */
  guint8 codec;         /* data: a VfCodecKind */
  guint32 stored_bytes; /* data: how many follow */
  guint8 verdict;       /* verdict */
  VfTag tag;            /* data: of the whole chunk */
  VfDigest digest;      /* end, verdict: of the file */
} VfRecord;

/* Bytes of a record's head, type byte included; 0 for an unknown type. */
gsize vf_record_head_bytes (guint8 type);

/* Writes the head and returns its length. */
gsize vf_record_encode (const VfRecord *record, guint8 head[VF_RECORD_HEAD_BYTES_MAX]);

/* Reads a whole head of a known type. */
void vf_record_decode (const guint8 *head, VfRecord *record);
