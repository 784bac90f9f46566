#include "seed_pair.h"

#include "seed/extents.h"

#include <openssl/evp.h>

static const VfDigestKey key = SEED_KEY;

static void
tag_by_hand (const guint8 *bytes, gsize length, guint8 tag[16])
{
  guint8 nonce[12] = { 0 };
  int n;
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new ();
  g_assert_cmpint (EVP_EncryptInit_ex (context, EVP_aes_128_gcm (), NULL, key.bytes, nonce), ==, 1);
  g_assert_cmpint (EVP_EncryptUpdate (context, NULL, &n, bytes, (int)length), ==, 1);
  g_assert_cmpint (EVP_EncryptFinal_ex (context, tag, &n), ==, 1);
  g_assert_cmpint (EVP_CIPHER_CTX_ctrl (context, EVP_CTRL_AEAD_GET_TAG, 16, tag), ==, 1);
  EVP_CIPHER_CTX_free (context);
}

/* The format's own words, computed the long way round. */
static void
digest_by_hand (const guint8 *bytes, gsize length, VfDigest *digest)
{
  g_autoptr (GByteArray) text = g_byte_array_new ();
  guint64 size = GUINT64_TO_BE ((guint64)length);
  g_byte_array_append (text, (const guint8 *)"virt-ferry file 2", 17);
  g_byte_array_append (text, (const guint8 *)&size, 8);
  for (gsize at = 0; at < length; at += 256 * 1024) {
    guint8 tag[16];
    guint64 number = GUINT64_TO_BE ((guint64)at / (256 * 1024));
    gsize chunk = MIN (length - at, 256 * 1024);
    if (vf_bytes_are_zero (bytes + at, chunk))
      continue;
    tag_by_hand (bytes + at, chunk, tag);
    g_byte_array_append (text, (const guint8 *)&number, 8);
    g_byte_array_append (text, tag, sizeof tag);
  }
  EVP_Digest (text->data, text->len, digest->bytes, NULL, EVP_sha256 (), NULL);
}

static void
test_definition (void)
{
  static const gsize sizes[] = { 0, 1, VF_CHUNK_BYTES - 1, VF_CHUNK_BYTES, VF_CHUNK_BYTES + 1, 3 * VF_CHUNK_BYTES + 17 };
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree guint8 *bytes = g_malloc0 (sizes[i] + 1);
    g_auto (VfFd) fd = scratch_file ();
    VfDigest wanted, digest;
    for (gsize at = 0; at < sizes[i]; at++)
      bytes[at] = (guint8)(at * 31 + at / 256);
    g_assert_true (vf_fd_pwrite_full (fd, bytes, sizes[i], 0));
    digest_by_hand (bytes, sizes[i], &wanted);
    g_assert_true (vf_digest_fd (fd, "file", sizes[i], &key, NULL, &digest, NULL));
    g_assert_true (vf_digest_equal (&wanted, &digest));
  }
}

static void
test_holes_are_zeros (void)
{
  const gsize length = 300 * VF_CHUNK_BYTES + 5;
  g_auto (VfFd) sparse = scratch_file ();
  g_auto (VfFd) full = scratch_file ();
  VfDigest of_sparse, of_full, by_hand;
  g_autofree guint8 *zeros = g_malloc0 (length);
  g_assert_cmpint (ftruncate (sparse, (off_t)length), ==, 0);
  g_assert_true (vf_fd_pwrite_full (full, zeros, length, 0));
  digest_by_hand (zeros, length, &by_hand);
  g_assert_true (vf_digest_fd (sparse, "sparse", length, &key, NULL, &of_sparse, NULL));
  g_assert_true (vf_digest_fd (full, "full", length, &key, NULL, &of_full, NULL));
  g_assert_true (vf_digest_equal (&of_sparse, &of_full));
  g_assert_true (vf_digest_equal (&of_sparse, &by_hand));
}

static void
test_text (void)
{
  g_autoptr (GError) error = NULL;
  VfDigest digest, again;
  for (gsize i = 0; i < VF_DIGEST_BYTES; i++)
    digest.bytes[i] = (guint8)(0xf0 + 9 * i);
  g_autofree char *text = vf_digest_print (&digest);
  g_assert_true (g_str_has_prefix (text, "f0f9020b14"));
  g_assert_true (vf_digest_parse (text, &again, &error));
  g_assert_true (vf_digest_equal (&digest, &again));
  text[63] = 'G';
  g_assert_false (vf_digest_parse (text, &again, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_CORRUPT);
  g_assert_false (vf_digest_parse ("ba78", &again, NULL));
  g_assert_false (vf_digest_parse (NULL, &again, NULL));
}

static void
test_key_text (void)
{
  g_autoptr (GError) error = NULL;
  VfDigestKey made, again, other;
  vf_digest_key_make (&made);
  vf_digest_key_make (&other);
  g_autofree char *text = vf_digest_key_print (&made);
  g_assert_true (vf_digest_key_parse (text, &again, &error));
  g_assert_cmpmem (&made, sizeof made, &again, sizeof again);
  g_assert_true (memcmp (&made, &other, sizeof made) != 0);
  text[1] = 'x';
  g_assert_false (vf_digest_key_parse (text, &again, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_CORRUPT);
  g_assert_null (strstr (error->message, text + 2)); /* a secret */
}

/* Another place, another size, another key, another byte: another digest. */
static void
test_differs (void)
{
  const gsize length = 4 * VF_CHUNK_BYTES;
  VfDigestKey other_key = SEED_KEY;
  VfDigest first, digest;
  g_auto (VfFd) fd = scratch_file ();
  g_assert_cmpint (ftruncate (fd, (off_t)length), ==, 0);
  fill (fd, VF_CHUNK_BYTES, 100, 7);
  g_assert_true (vf_digest_fd (fd, "file", length, &key, NULL, &first, NULL));
  other_key.bytes[15] ^= 1;
  g_assert_true (vf_digest_fd (fd, "file", length, &other_key, NULL, &digest, NULL));
  g_assert_false (vf_digest_equal (&first, &digest));
  g_assert_true (vf_digest_fd (fd, "file", length - VF_CHUNK_BYTES, &key, NULL, &digest, NULL));
  g_assert_false (vf_digest_equal (&first, &digest));
  fill (fd, VF_CHUNK_BYTES, 100, 0);
  fill (fd, 2 * VF_CHUNK_BYTES, 100, 7);
  g_assert_true (vf_digest_fd (fd, "file", length, &key, NULL, &digest, NULL));
  g_assert_false (vf_digest_equal (&first, &digest));
}

static void
test_short_file (void)
{
  g_auto (VfFd) fd = scratch_file ();
  g_autoptr (GError) error = NULL;
  VfDigest digest;
  fill (fd, 0, 1000, 1);
  g_assert_false (vf_digest_fd (fd, "/some/file", 2000, &key, NULL, &digest, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_CORRUPT);
  g_assert_cmpstr (error->message, ==, "cannot read file '/some/file': it ends at 1000 of 2000 bytes");
}

static void
test_truncated_to_a_hole (void)
{
  g_auto (VfFd) fd = scratch_file ();
  g_autoptr (GError) error = NULL;
  VfDigest digest;
  fill (fd, 0, VF_CHUNK_BYTES, 1);
  g_assert_false (vf_digest_fd (fd, "/some/file", 10 * VF_CHUNK_BYTES, &key, NULL, &digest, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_CORRUPT);
}

static void
test_cancelled (void)
{
  g_auto (VfFd) fd = scratch_file ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  VfDigest digest;
  fill (fd, 0, 1000, 1);
  g_cancellable_cancel (cancellable);
  g_assert_false (vf_digest_fd (fd, "file", 1000, &key, cancellable, &digest, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_CANCELLED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/digest/a file's digest is what the wire protocol defines", test_definition);
  g_test_add_func ("/digest/holes and written zeros are equal", test_holes_are_zeros);
  g_test_add_func ("/digest/its text form goes both ways and refuses anything else", test_text);
  g_test_add_func ("/digest/a key's text goes both ways and is in no error", test_key_text);
  g_test_add_func ("/digest/place, size and key count", test_differs);
  g_test_add_func ("/digest/a file that ends early is not taken for zeros", test_short_file);
  g_test_add_func ("/digest/a file that ends chunks early is not taken for a hole", test_truncated_to_a_hole);
  g_test_add_func ("/digest/a request to stop is obeyed", test_cancelled);
  return g_test_run ();
}
