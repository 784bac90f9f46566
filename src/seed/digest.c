#include "seed/digest.h"

#include "seed/extents.h"

#include <openssl/evp.h>
#include <string.h>

enum { ZERO_BATCH = 128 };

static const char magic[] = "virt-ferry file 1";

struct VfFileDigest {
  EVP_MD_CTX *context;
};

bool
vf_digest_equal (const VfDigest *a, const VfDigest *b)
{
  return memcmp (a->bytes, b->bytes, VF_DIGEST_BYTES) == 0;
}

char *
vf_digest_print (const VfDigest *digest)
{
  GString *text = g_string_sized_new (2 * VF_DIGEST_BYTES);
  for (gsize i = 0; i < VF_DIGEST_BYTES; i++)
    g_string_append_printf (text, "%02x", digest->bytes[i]);
  return g_string_free (text, FALSE);
}

bool
vf_digest_parse (const char *text, VfDigest *digest, GError **error)
{
  if (text == NULL || strlen (text) != 2 * VF_DIGEST_BYTES || strspn (text, "0123456789abcdef") != 2 * VF_DIGEST_BYTES)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read digest '%.80s': not 64 lower-case hexadecimal digits",
                         text != NULL ? text : "");
  for (gsize i = 0; i < VF_DIGEST_BYTES; i++)
    digest->bytes[i] = (guint8)(g_ascii_xdigit_value (text[2 * i]) << 4 | g_ascii_xdigit_value (text[2 * i + 1]));
  return true;
}

/* OpenSSL's digests fail only for want of memory, where GLib aborts too. */
static void
must (int ok)
{
  if (ok != 1)
    g_error ("cannot compute SHA-256: OpenSSL refused");
}

void
vf_digest_of_bytes (const void *data, gsize length, VfDigest *digest)
{
  must (EVP_Digest (data, length, digest->bytes, NULL, EVP_sha256 (), NULL));
}

/* 128 times the digest of a chunk of zeros, so that a tebibyte of hole is hashed in few calls. */
static const VfDigest *
zero_chunk_digests (void)
{
  static VfDigest zeros[ZERO_BATCH];
  static gsize made = 0;
  if (g_once_init_enter (&made)) {
    g_autofree guint8 *chunk = g_malloc0 (VF_CHUNK_BYTES);
    vf_digest_of_bytes (chunk, VF_CHUNK_BYTES, &zeros[0]);
    for (gsize i = 1; i < ZERO_BATCH; i++)
      zeros[i] = zeros[0];
    g_once_init_leave (&made, 1);
  }
  return zeros;
}

VfFileDigest *
vf_file_digest_new (guint64 file_bytes)
{
  VfFileDigest *state = g_new0 (VfFileDigest, 1);
  guint64 size = GUINT64_TO_BE (file_bytes);
  state->context = EVP_MD_CTX_new ();
  must (state->context != NULL && EVP_DigestInit_ex (state->context, EVP_sha256 (), NULL) == 1);
  must (EVP_DigestUpdate (state->context, magic, sizeof magic - 1));
  must (EVP_DigestUpdate (state->context, &size, sizeof size));
  return state;
}

void
vf_file_digest_add_chunk (VfFileDigest *state, const VfDigest *chunk)
{
  must (EVP_DigestUpdate (state->context, chunk->bytes, VF_DIGEST_BYTES));
}

void
vf_file_digest_add_zeros (VfFileDigest *state, guint64 length)
{
  guint64 chunks = length / VF_CHUNK_BYTES;
  gsize rest = (gsize)(length % VF_CHUNK_BYTES);
  while (chunks > 0) {
    gsize batch = (gsize)MIN (chunks, (guint64)ZERO_BATCH);
    must (EVP_DigestUpdate (state->context, zero_chunk_digests (), batch * sizeof (VfDigest)));
    chunks -= batch;
  }
  if (rest > 0) {
    g_autofree guint8 *zeros = g_malloc0 (rest);
    VfDigest digest;
    vf_digest_of_bytes (zeros, rest, &digest);
    vf_file_digest_add_chunk (state, &digest);
  }
}

G_STATIC_ASSERT (sizeof (VfDigest) == VF_DIGEST_BYTES);

void
vf_file_digest_finish (VfFileDigest *state, VfDigest *digest)
{
  must (EVP_DigestFinal_ex (state->context, digest->bytes, NULL));
}

void
vf_file_digest_free (VfFileDigest *state)
{
  if (state == NULL)
    return;
  EVP_MD_CTX_free (state->context);
  g_free (state);
}

static bool
add_data (VfFileDigest *state, const VfExtents *extents, const char *path, const VfExtent *run, GCancellable *cancellable,
          GError **error)
{
  g_autofree guint8 *chunk = g_malloc (VF_CHUNK_BYTES);
  gsize length = 0;
  for (guint64 at = run->offset; at < run->offset + run->bytes; at += length) {
    VfDigest digest;
    if (g_cancellable_is_cancelled (cancellable))
      return vf_error_set (error, VF_ERROR_CANCELLED, "cannot digest file '%s': stopped on request", path);
    if (!vf_chunk_read (extents, path, at, chunk, &length, error))
      return false;
    vf_digest_of_bytes (chunk, length, &digest);
    vf_file_digest_add_chunk (state, &digest);
  }
  return true;
}

bool
vf_digest_fd (int fd, const char *path, guint64 file_bytes, GCancellable *cancellable, VfDigest *digest, GError **error)
{
  g_autoptr (VfFileDigest) state = vf_file_digest_new (file_bytes);
  VfExtents extents;
  vf_extents_init (&extents, fd, file_bytes);
  for (VfExtent run = vf_extents_at (&extents, 0); run.bytes > 0; run = vf_extents_at (&extents, run.offset + run.bytes)) {
    if (run.is_hole)
      vf_file_digest_add_zeros (state, run.bytes);
    else if (!add_data (state, &extents, path, &run, cancellable, error))
      return false;
  }
  vf_file_digest_finish (state, digest);
  return true;
}
