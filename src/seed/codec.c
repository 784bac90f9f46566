#include "seed/codec.h"

#include "seed/digest.h"

#include <string.h>
#include <zstd.h>

struct VfCodec {
  ZSTD_CCtx *compressor; /* made when first needed */
  ZSTD_DCtx *decompressor;
  guint8 shrunk[VF_CHUNK_BYTES];
};

VfCodec *
vf_codec_new (void)
{
  return g_new0 (VfCodec, 1);
}

void
vf_codec_free (VfCodec *codec)
{
  ZSTD_freeCCtx (codec->compressor);
  ZSTD_freeDCtx (codec->decompressor);
  g_free (codec);
}

VfCodecKind
vf_codec_shrink (VfCodec *codec, int level, guint8 *bytes, gsize *length)
{
  if (level == 0)
    return VF_CODEC_STORED;
  if (codec->compressor == NULL)
    codec->compressor = ZSTD_createCCtx ();
  gsize worth = *length - *length / 16; /* room for no more: zstd gives up where it would not pay */
  gsize shrunk = ZSTD_compressCCtx (codec->compressor, codec->shrunk, worth, bytes, *length, level);
  if (ZSTD_isError (shrunk) || shrunk >= *length)
    return VF_CODEC_STORED;
  memcpy (bytes, codec->shrunk, shrunk);
  *length = shrunk;
  return VF_CODEC_ZSTD;
}

bool
vf_codec_expand (VfCodec *codec, const guint8 *stored, gsize stored_bytes, guint8 *plain, gsize plain_bytes)
{
  if (codec->decompressor == NULL)
    codec->decompressor = ZSTD_createDCtx ();
  return ZSTD_decompressDCtx (codec->decompressor, plain, plain_bytes, stored, stored_bytes) == plain_bytes;
}
