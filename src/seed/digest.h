/* What tells that two pieces of data are equal (docs/internals/wire.md).
 *
 * A chunk of 256 KiB has a tag: AES-128-GMAC with one fixed nonce under a secret key. That is a keyed universal hash: without
 * the key nobody can make two chunks of one tag (fewer than one in 2^113 for a pair that he chose), and it runs at memory
 * speed. The key is the agent's; it never leaves the link, and those who write disk contents (guests) never see a tag.
 *
 * A file has a digest: SHA-256 over "virt-ferry file 2", the size, and for every chunk that is not all zeros its number and
 * tag. Holes count as zeros and cost nothing. Digests are comparable only under the same key. */
#pragma once

#include "base/error.h"

#include <gio/gio.h>

enum {
  VF_CHUNK_BYTES = 256 * 1024,
  VF_DIGEST_BYTES = 32,
  VF_TAG_BYTES = 16,
  VF_KEY_BYTES = 16,
};

typedef struct {
  guint8 bytes[VF_KEY_BYTES];
} VfDigestKey;

typedef struct {
  guint8 bytes[VF_TAG_BYTES];
} VfTag;

typedef struct {
  guint8 bytes[VF_DIGEST_BYTES];
} VfDigest;

/* ---- keys ---- */

void vf_digest_key_make (VfDigestKey *key);         /* a new secret */
char *vf_digest_key_print (const VfDigestKey *key); /* 32 hex digits; the caller frees */
bool vf_digest_key_parse (const char *text, VfDigestKey *key, GError **error);

/* ---- tags ---- */

/* For one thread. */
typedef struct VfTagger VfTagger;
VfTagger *vf_tagger_new (const VfDigestKey *key);
void vf_tagger_free (VfTagger *tagger);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfTagger, vf_tagger_free)

void vf_tagger_tag (VfTagger *tagger, const void *chunk, gsize length, VfTag *tag);
bool vf_tag_equal (const VfTag *a, const VfTag *b);

/* ---- files ---- */

bool vf_digest_equal (const VfDigest *a, const VfDigest *b);
char *vf_digest_print (const VfDigest *digest); /* 64 hex digits; the caller frees */
bool vf_digest_parse (const char *text, VfDigest *digest, GError **error);

/* Builds a file's digest from its chunks in rising order. */
typedef struct VfFileDigest VfFileDigest;
VfFileDigest *vf_file_digest_new (guint64 file_bytes);
/* The chunk at `offset`, which is not all zeros; those are left out. */
void vf_file_digest_add (VfFileDigest *state, guint64 offset, const VfTag *tag);
void vf_file_digest_finish (VfFileDigest *state, VfDigest *digest); /* once */
void vf_file_digest_free (VfFileDigest *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfFileDigest, vf_file_digest_free)

/* Reads the first `file_bytes` of fd (holes are not read) and digests them. `path` names it in errors. */
bool vf_digest_fd (int fd, const char *path, guint64 file_bytes, const VfDigestKey *key, GCancellable *cancellable,
                   VfDigest *digest, GError **error);
