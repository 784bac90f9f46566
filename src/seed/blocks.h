/* The 4 KiB blocks of a chunk: those that are all zeros neither travel nor are written. A map has one bit for each, the lowest
 * for the first. */
#pragma once

#include <glib.h>

enum { VF_BLOCK_BYTES = 4096 };

/* Which blocks of the chunk have data; 0: it is all zeros. The last block may be short. */
guint64 vf_blocks_map (const guint8 *chunk, gsize length);

/* The bits that a chunk of this length can have. */
guint64 vf_blocks_all (gsize length);

/* How many bytes the blocks of the map have together. */
gsize vf_blocks_bytes (guint64 map, gsize length);

/* Moves the mapped blocks together, in place, and back; what was left out becomes zeros. */
void vf_blocks_pack (guint8 *chunk, gsize length, guint64 map);
void vf_blocks_unpack (guint8 *chunk, gsize length, guint64 map);

/* The first run of blocks with this bit value at or after byte `at`: returns its start and sets *end; `length` when there is
 * none. */
gsize vf_blocks_run (guint64 map, gsize length, gsize at, int value, gsize *end);
