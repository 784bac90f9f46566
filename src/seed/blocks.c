#include "seed/blocks.h"

#include "seed/digest.h"
#include "seed/extents.h"

#include <string.h>

G_STATIC_ASSERT (VF_CHUNK_BYTES / VF_BLOCK_BYTES == 64); /* the bits of a map */

static gsize
block_length (gsize length, gsize block)
{
  return MIN (length - block * VF_BLOCK_BYTES, (gsize)VF_BLOCK_BYTES);
}

static gsize
block_count (gsize length)
{
  return (length + VF_BLOCK_BYTES - 1) / VF_BLOCK_BYTES;
}

guint64
vf_blocks_all (gsize length)
{
  gsize blocks = block_count (length);
  return blocks == 64 ? G_MAXUINT64 : (G_GUINT64_CONSTANT (1) << blocks) - 1;
}

guint64
vf_blocks_map (const guint8 *chunk, gsize length)
{
  guint64 map = 0;
  for (gsize block = 0; block < block_count (length); block++)
    if (!vf_bytes_are_zero (chunk + block * VF_BLOCK_BYTES, block_length (length, block)))
      map |= G_GUINT64_CONSTANT (1) << block;
  return map;
}

gsize
vf_blocks_bytes (guint64 map, gsize length)
{
  gsize last = block_count (length) - 1;
  gsize bytes = (gsize)__builtin_popcountll (map) * VF_BLOCK_BYTES;
  return map >> last & 1 ? bytes - VF_BLOCK_BYTES + block_length (length, last) : bytes;
}

void
vf_blocks_pack (guint8 *chunk, gsize length, guint64 map)
{
  gsize to = 0, end = 0;
  for (gsize at = vf_blocks_run (map, length, 0, 1, &end); at < length; at = vf_blocks_run (map, length, end, 1, &end)) {
    if (at != to)
      memmove (chunk + to, chunk + at, end - at);
    to += end - at;
  }
}

void
vf_blocks_unpack (guint8 *chunk, gsize length, guint64 map)
{
  gsize from = vf_blocks_bytes (map, length);
  if (from == length)
    return;
  for (gsize block = block_count (length); block-- > 0;) {
    gsize bytes = block_length (length, block);
    guint8 *place = chunk + block * VF_BLOCK_BYTES;
    if (map >> block & 1) {
      from -= bytes;
      memmove (place, chunk + from, bytes);
    } else {
      memset (place, 0, bytes);
    }
  }
}

gsize
vf_blocks_run (guint64 map, gsize length, gsize at, int value, gsize *end)
{
  gsize blocks = block_count (length);
  gsize first = (at + VF_BLOCK_BYTES - 1) / VF_BLOCK_BYTES; /* the end of a short block is the next one's start */
  while (first < blocks && (int)(map >> first & 1) != value)
    first++;
  gsize last = first;
  while (last < blocks && (int)(map >> last & 1) == value)
    last++;
  *end = MIN (last * VF_BLOCK_BYTES, length);
  return MIN (first * VF_BLOCK_BYTES, length);
}
