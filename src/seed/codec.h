/* How the bytes of a data record are stored (docs/internals/wire.md). zstd does the work; this is the bound around it: a record
 * expands to exactly the length that it announced, at most one chunk, or it is refused. */
#pragma once

#include "base/error.h"

typedef enum {
  VF_CODEC_STORED = 0,
  VF_CODEC_ZSTD = 1,
} VfCodecKind;

typedef struct VfCodec VfCodec;

/* For one thread. */
VfCodec *vf_codec_new (void);
void vf_codec_free (VfCodec *codec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfCodec, vf_codec_free)

/* Replaces `bytes` (at most a chunk) in place by its compressed form where that is at least a sixteenth shorter; `level` of
 * zstd (1 to 19), 0: store. Returns the kind; *length becomes the stored length. */
VfCodecKind vf_codec_shrink (VfCodec *codec, int level, guint8 *bytes, gsize *length);

/* Expands what was stored with zstd into `plain`, which must become exactly `plain_bytes` long. */
bool vf_codec_expand (VfCodec *codec, const guint8 *stored, gsize stored_bytes, guint8 *plain, gsize plain_bytes);
