/* The digest of a file: SHA-256 over "virt-ferry file 1", the size, and the SHA-256 of every 256 KiB chunk. Holes count as
 * zeros. Cryptographic, since it decides that data need not travel, or may be trusted (docs/internals/wire.md). */
#pragma once

#include "base/error.h"

#include <gio/gio.h>

enum {
  VF_CHUNK_BYTES = 256 * 1024,
  VF_DIGEST_BYTES = 32,
};

typedef struct {
  guint8 bytes[VF_DIGEST_BYTES];
} VfDigest;

bool vf_digest_equal (const VfDigest *a, const VfDigest *b);
char *vf_digest_print (const VfDigest *digest); /* 64 hex digits; the caller frees */
bool vf_digest_parse (const char *text, VfDigest *digest, GError **error);

/* SHA-256 of `length` bytes. */
void vf_digest_of_bytes (const void *data, gsize length, VfDigest *digest);

/* Builds a file's digest from its chunks in order. */
typedef struct VfFileDigest VfFileDigest;
VfFileDigest *vf_file_digest_new (guint64 file_bytes);
void vf_file_digest_add_chunk (VfFileDigest *state, const VfDigest *chunk);
/* Adds the chunks of `length` zero bytes beginning at a chunk boundary; the last may be short. Cheap per chunk. */
void vf_file_digest_add_zeros (VfFileDigest *state, guint64 length);
void vf_file_digest_finish (VfFileDigest *state, VfDigest *digest); /* once */
void vf_file_digest_free (VfFileDigest *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfFileDigest, vf_file_digest_free)

/* Reads the first `file_bytes` of fd (holes are not read) and digests them. `path` names it in errors. */
bool vf_digest_fd (int fd, const char *path, guint64 file_bytes, GCancellable *cancellable, VfDigest *digest, GError **error);
