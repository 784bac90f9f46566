/* Writing what was received into a file or device: holes left out or zeroed, pushed to disk while more comes. */
#pragma once

#include "seed/seed.h"

/* Writes the mapped blocks of the chunk at `offset`; on a device the whole chunk. errno tells of a failure. Any thread. */
bool vf_write_chunk (const VfSeedTarget *target, guint64 offset, const guint8 *chunk, gsize length, guint64 map);

/* Makes the range read as zeros: a new file's hole needs nothing. errno tells of a failure. */
bool vf_write_zeros (const VfSeedTarget *target, guint64 offset, guint64 length);

/* Pushes to disk behind the writer, so that the last fsync is short. */
typedef struct {
  int fd;
  guint64 window_at, previous_at;
} VfPush;

/* Everything before `written` has been written. errno tells of a failed write-back: it is reported once, and fsync then stays
 * silent. */
bool vf_push_behind (VfPush *push, guint64 written);
