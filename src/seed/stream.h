/* Records of the seed stream (docs/internals/wire.md): pure encoding and decoding of what stands before the bytes. The rules
 * are the receiver's. */
#pragma once

#include "seed/digest.h"

typedef enum {
  VF_RECORD_DATA = 'D',
  VF_RECORD_ZERO = 'Z',
  VF_RECORD_END = 'E',
  VF_RECORD_VERDICT = 'V',
} VfRecordType;

enum {
  VF_VERDICT_GOOD = 1,
  VF_RECORD_HEAD_BYTES_MAX = 50, /* of a data record: type, offset, length, codec, stored length, digest */
};

typedef struct {
  VfRecordType type;
  guint64 offset;       /* data, zero */
  guint64 bytes;        /* data, zero: of the file */
  guint8 codec;         /* data: a VfCodecKind */
  guint32 stored_bytes; /* data: how many follow */
  guint8 verdict;       /* verdict */
  VfDigest digest;      /* data: of the plain bytes; end, verdict: of the file */
} VfRecord;

/* Bytes of a record's head, type byte included; 0 for an unknown type. */
gsize vf_record_head_bytes (guint8 type);

/* Writes the head and returns its length. */
gsize vf_record_encode (const VfRecord *record, guint8 head[VF_RECORD_HEAD_BYTES_MAX]);

/* Reads a whole head of a known type. */
void vf_record_decode (const guint8 *head, VfRecord *record);
