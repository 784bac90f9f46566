/* Seeds into what holds a part of the file already: only what differs travels. */
#include "seed_pair.h"

#include "seed/extents.h"

enum { MIB = 1024 * 1024, FILE_BYTES = 24 * MIB + 777 };

/* Chunks of which no two are equal. */
static void
fill_source (int fd)
{
  g_autofree guint32 *bytes = g_malloc (FILE_BYTES + 4);
  for (guint32 i = 0; i < FILE_BYTES / 4 + 1; i++)
    bytes[i] = i * 2654435761u + 1;
  g_assert_true (vf_fd_pwrite_full (fd, bytes, FILE_BYTES, 0));
}

static void
copy_range (int from, int to, guint64 offset, gsize length)
{
  g_autofree guint8 *bytes = g_malloc (length);
  g_assert_cmpint (vf_fd_pread_full (from, bytes, length, (off_t)offset), ==, (gssize)length);
  g_assert_true (vf_fd_pwrite_full (to, bytes, length, (off_t)offset));
}

static void
resume_into (int from, int to, bool is_block, VfSeedCounts *counts)
{
  g_autoptr (GError) error = NULL;
  VfDigest digest;
  SeedPair pair = { .target = {
                        .fd = to, .path = "/far/file", .file_bytes = FILE_BYTES, .is_block = is_block, .has_data = true } };
  VfSeedSource source = { .fd = from, .path = "/near/file", .file_bytes = FILE_BYTES, .key = SEED_KEY, .is_there = true };
  seed_pair_start (&pair);
  vf_seed_send (pair.channel, &source, counts, &digest, &error);
  g_assert_no_error (error);
  seed_pair_finish (&pair);
  g_assert_true (pair.is_received && vf_digest_equal (&pair.received, &digest));
  assert_same_content (from, to, FILE_BYTES);
  g_assert_cmpuint (counts->done_bytes, ==, FILE_BYTES);
  g_assert_cmpuint (counts->data_bytes + counts->zero_bytes + counts->kept_bytes, ==, FILE_BYTES);
}

static void
test_half (void)
{
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  VfSeedCounts counts;
  fill_source (from);
  g_assert_cmpint (ftruncate (to, FILE_BYTES), ==, 0);
  copy_range (from, to, 0, 10 * MIB);
  resume_into (from, to, false, &counts);
  g_assert_cmpuint (counts.kept_bytes, ==, 10 * MIB);
  g_assert_cmpuint (counts.sent_bytes, ==, FILE_BYTES - 10 * MIB);
}

static void
test_whole (void)
{
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  VfSeedCounts counts;
  fill_source (from);
  copy_range (from, to, 0, FILE_BYTES);
  resume_into (from, to, false, &counts);
  g_assert_cmpuint (counts.kept_bytes, ==, FILE_BYTES);
  g_assert_cmpuint (counts.sent_bytes, ==, 0);
}

/* One bit, in a chunk whose neighbours stay. */
static void
test_flipped_bit (void)
{
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  VfSeedCounts counts;
  guint8 byte;
  fill_source (from);
  copy_range (from, to, 0, FILE_BYTES);
  g_assert_cmpint (vf_fd_pread_full (to, &byte, 1, 7 * MIB + 99), ==, 1);
  fill (to, 7 * MIB + 99, 1, byte ^ 32);
  resume_into (from, to, false, &counts);
  g_assert_cmpuint (counts.sent_bytes, ==, VF_CHUNK_BYTES);
}

/* Old data where the file has holes, within chunks and over many of them; a former copy that was longer, or shorter. */
static void
test_garbage (void)
{
  static const gsize lengths[] = { 5 * MIB, FILE_BYTES, FILE_BYTES + 3 * MIB };
  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++) {
    g_auto (VfFd) from = scratch_file ();
    g_auto (VfFd) to = scratch_file ();
    VfSeedCounts counts;
    g_assert_cmpint (ftruncate (from, FILE_BYTES), ==, 0);
    fill (from, 2 * MIB + 4096, 4096, 1);
    fill (from, 20 * MIB, 3 * MIB, 2);
    fill (to, 0, lengths[i], 0xee);
    resume_into (from, to, false, &counts);
    g_assert_cmpuint (allocated (to), <=, allocated (from) + 8192);
  }
}

static void
test_device (void)
{
  g_auto (VfFd) backing = scratch_file ();
  g_auto (VfFd) from = scratch_file ();
  g_autofree char *node = NULL;
  VfSeedCounts counts;
  fill (backing, 0, 25 * MIB, 0xee);
  g_auto (VfFd) device = scratch_device (backing, &node);
  if (device == VF_FD_NONE) {
    g_test_skip ("no loop device to be had");
    return;
  }
  fill_source (from);
  copy_range (from, device, 4 * MIB, 4 * MIB);
  resume_into (from, device, true, &counts);
  g_assert_cmpuint (counts.kept_bytes, ==, 4 * MIB);
}

/* More than the scan may run ahead of a sender that is slow, and nearly all of it holes. */
static void
test_tebibyte (void)
{
  const guint64 bytes = G_GUINT64_CONSTANT (1) << 40;
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  g_autoptr (GError) error = NULL;
  VfSeedCounts counts;
  VfDigest digest;
  g_assert_cmpint (ftruncate (from, (off_t)bytes), ==, 0);
  g_assert_cmpint (ftruncate (to, (off_t)bytes), ==, 0);
  for (guint64 at = 0; at < bytes; at += bytes / 128) {
    fill (from, at, 4096, 1);
    fill (to, at, 4096, at % (bytes / 64) == 0 ? 1 : 2);
  }
  SeedPair pair = { .target = { .fd = to, .path = "/far/file", .file_bytes = bytes, .has_data = true } };
  VfSeedSource source = { .fd = from, .path = "/near/file", .file_bytes = bytes, .key = SEED_KEY, .is_there = true };
  seed_pair_start (&pair);
  vf_seed_send (pair.channel, &source, &counts, &digest, &error);
  g_assert_no_error (error);
  seed_pair_finish (&pair);
  g_assert_cmpuint (counts.sent_bytes, ==, 64 * 4096);
  g_assert_cmpuint (counts.kept_bytes, ==, 64 * VF_CHUNK_BYTES);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/seed/resume/the half that is there does not travel again", test_half);
  g_test_add_func ("/seed/resume/of a whole copy nothing travels", test_whole);
  g_test_add_func ("/seed/resume/one flipped bit of the copy is found and mended", test_flipped_bit);
  g_test_add_func ("/seed/resume/old data becomes holes where the file has holes", test_garbage);
  g_test_add_func ("/seed/resume/a device that was begun is gone on with", test_device);
  g_test_add_func ("/seed/resume/a sparse tebibyte is compared in seconds", test_tebibyte);
  return g_test_run ();
}
