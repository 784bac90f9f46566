/* Where a file has data: runs of whole chunks that are holes, or are to be read. */
#pragma once

#include "base/error.h"

typedef struct {
  int fd; /* borrowed; its offset moves */
  guint64 file_bytes;
  bool all_data; /* the filesystem or device cannot tell */
} VfExtents;

typedef struct {
  guint64 offset; /* a chunk boundary */
  guint64 bytes;  /* up to another, or to the end of the file; 0 at the end */
  bool is_hole;
} VfExtent;

void vf_extents_init (VfExtents *extents, int fd, guint64 file_bytes);

/* The run that begins at the chunk boundary `offset`. A chunk that lies partly in a hole counts as data. */
VfExtent vf_extents_at (VfExtents *extents, guint64 offset);

/* True if all `length` bytes are zero. */
bool vf_bytes_are_zero (const guint8 *bytes, gsize length);

/* Reads the chunk at `offset` of a file of `file_bytes`; *length gets how much that is. A file that ends before is
 * VF_ERROR_CORRUPT. */
bool vf_chunk_read (const VfExtents *extents, const char *path, guint64 offset, guint8 *chunk, gsize *length, GError **error);
