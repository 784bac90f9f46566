#include "seed/digest.h"

#include "seed/extents.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

static const char magic[] = "virt-ferry file 2";

struct VfTagger {
  EVP_CIPHER_CTX *context;
};

struct VfFileDigest {
  EVP_MD_CTX *context;
};

/* OpenSSL's digests fail only for want of memory, where GLib aborts too. */
static void
must (int ok)
{
  if (ok != 1)
    g_error ("cannot compute a digest: OpenSSL refused");
}

/* ---- text ---- */

static char *
print_hex (const guint8 *bytes, gsize length)
{
  GString *text = g_string_sized_new (2 * length);
  for (gsize i = 0; i < length; i++)
    g_string_append_printf (text, "%02x", bytes[i]);
  return g_string_free (text, FALSE);
}

static bool
parse_hex (const char *text, guint8 *bytes, gsize length)
{
  if (text == NULL || strlen (text) != 2 * length || strspn (text, "0123456789abcdef") != 2 * length)
    return false;
  for (gsize i = 0; i < length; i++)
    bytes[i] = (guint8)(g_ascii_xdigit_value (text[2 * i]) << 4 | g_ascii_xdigit_value (text[2 * i + 1]));
  return true;
}

char *
vf_digest_print (const VfDigest *digest)
{
  return print_hex (digest->bytes, VF_DIGEST_BYTES);
}

bool
vf_digest_parse (const char *text, VfDigest *digest, GError **error)
{
  if (parse_hex (text, digest->bytes, VF_DIGEST_BYTES))
    return true;
  return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read digest '%.80s': not 64 lower-case hexadecimal digits",
                       text != NULL ? text : "");
}

char *
vf_digest_key_print (const VfDigestKey *key)
{
  return print_hex (key->bytes, VF_KEY_BYTES);
}

/* The text stays out of the message: it is a secret. */
bool
vf_digest_key_parse (const char *text, VfDigestKey *key, GError **error)
{
  if (parse_hex (text, key->bytes, VF_KEY_BYTES))
    return true;
  return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read a digest's key: not 32 lower-case hexadecimal digits");
}

void
vf_digest_key_make (VfDigestKey *key)
{
  must (RAND_bytes (key->bytes, VF_KEY_BYTES));
}

/* ---- tags ---- */

VfTagger *
vf_tagger_new (const VfDigestKey *key)
{
  VfTagger *tagger = g_new0 (VfTagger, 1);
  tagger->context = EVP_CIPHER_CTX_new ();
  must (tagger->context != NULL && EVP_EncryptInit_ex (tagger->context, EVP_aes_128_gcm (), NULL, key->bytes, NULL) == 1);
  return tagger;
}

void
vf_tagger_free (VfTagger *tagger)
{
  EVP_CIPHER_CTX_free (tagger->context);
  g_free (tagger);
}

/* A nonce that never changes would be a fault in an authenticator; here equal chunks must have equal tags. */
void
vf_tagger_tag (VfTagger *tagger, const void *chunk, gsize length, VfTag *tag)
{
  static const guint8 nonce[12] = { 0 };
  guint8 nothing[16];
  int n = 0;
  must (EVP_EncryptInit_ex (tagger->context, NULL, NULL, NULL, nonce));
  must (EVP_EncryptUpdate (tagger->context, NULL, &n, chunk, (int)length));
  must (EVP_EncryptFinal_ex (tagger->context, nothing, &n));
  must (EVP_CIPHER_CTX_ctrl (tagger->context, EVP_CTRL_AEAD_GET_TAG, VF_TAG_BYTES, tag->bytes));
}

bool
vf_tag_equal (const VfTag *a, const VfTag *b)
{
  return memcmp (a->bytes, b->bytes, VF_TAG_BYTES) == 0;
}

/* ---- files ---- */

bool
vf_digest_equal (const VfDigest *a, const VfDigest *b)
{
  return memcmp (a->bytes, b->bytes, VF_DIGEST_BYTES) == 0;
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
vf_file_digest_add (VfFileDigest *state, guint64 offset, const VfTag *tag)
{
  guint64 number = GUINT64_TO_BE (offset / VF_CHUNK_BYTES);
  must (EVP_DigestUpdate (state->context, &number, sizeof number));
  must (EVP_DigestUpdate (state->context, tag->bytes, VF_TAG_BYTES));
}

void
vf_file_digest_finish (VfFileDigest *state, VfDigest *digest)
{
  must (EVP_DigestFinal_ex (state->context, digest->bytes, NULL));
}

void
vf_file_digest_free (VfFileDigest *state)
{
  EVP_MD_CTX_free (state->context);
  g_free (state);
}

typedef struct {
  VfExtents extents;
  const char *path;
  VfTagger *tagger;
  VfFileDigest *state;
  GCancellable *cancellable;
} Reading;

static bool
add_data (Reading *reading, const VfExtent *run, GError **error)
{
  g_autofree guint8 *chunk = g_malloc (VF_CHUNK_BYTES);
  gsize length = 0;
  for (guint64 at = run->offset; at < run->offset + run->bytes; at += length) {
    VfTag tag;
    if (g_cancellable_is_cancelled (reading->cancellable))
      return vf_error_set (error, VF_ERROR_CANCELLED, "cannot digest file '%s': stopped on request", reading->path);
    if (!vf_chunk_read (&reading->extents, reading->path, at, chunk, &length, error))
      return false;
    if (vf_bytes_are_zero (chunk, length))
      continue;
    vf_tagger_tag (reading->tagger, chunk, length, &tag);
    vf_file_digest_add (reading->state, at, &tag);
  }
  return true;
}

bool
vf_digest_fd (int fd, const char *path, guint64 file_bytes, const VfDigestKey *key, GCancellable *cancellable, VfDigest *digest,
              GError **error)
{
  g_autoptr (VfFileDigest) state = vf_file_digest_new (file_bytes);
  g_autoptr (VfTagger) tagger = vf_tagger_new (key);
  Reading reading = { .path = path, .tagger = tagger, .state = state, .cancellable = cancellable };
  vf_extents_init (&reading.extents, fd, file_bytes);
  VfExtents *extents = &reading.extents;
  for (VfExtent run = vf_extents_at (extents, 0); run.bytes > 0; run = vf_extents_at (extents, run.offset + run.bytes))
    if (!run.is_hole && !add_data (&reading, &run, error))
      return false;
  vf_file_digest_finish (state, digest);
  return true;
}
