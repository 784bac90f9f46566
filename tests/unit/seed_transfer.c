/* Whole seeds over a link on a socketpair. */
#include "seed_pair.h"

#include <sched.h>
#include <sys/mount.h>
#include <time.h>

enum { MIB = 1024 * 1024 };

typedef struct {
  VfSeedCounts counts;
  VfDigest sent;
} Outcome;

static bool
transfer (int from, guint64 bytes, int to, bool is_block, Outcome *outcome, GError **error)
{
  SeedPair pair = { .target = { .fd = to, .path = "/far/file", .file_bytes = bytes, .is_block = is_block } };
  VfSeedSource source = { .key = SEED_KEY, .fd = from, .path = "/near/file", .peer = "far", .file_bytes = bytes };
  seed_pair_start (&pair);
  bool sent = vf_seed_send (pair.channel, &source, &outcome->counts, &outcome->sent, error);
  seed_pair_finish (&pair);
  if (sent)
    g_assert_no_error (pair.receive_error);
  if (sent)
    g_assert_true (pair.is_received && vf_digest_equal (&pair.received, &outcome->sent));
  g_clear_error (&pair.receive_error);
  return sent;
}

static void
assert_transfers (int from, guint64 bytes, int to, bool is_block, Outcome *outcome)
{
  g_autoptr (GError) error = NULL;
  VfDigest digest;
  transfer (from, bytes, to, is_block, outcome, &error);
  g_assert_no_error (error);
  g_assert_true (vf_digest_fd (to, "to", bytes, &(VfDigestKey)SEED_KEY, NULL, &digest, &error));
  g_assert_true (vf_digest_equal (&digest, &outcome->sent));
  g_assert_cmpuint (outcome->counts.done_bytes, ==, bytes);
  g_assert_cmpuint (outcome->counts.data_bytes + outcome->counts.zero_bytes, ==, bytes);
  assert_same_content (from, to, bytes);
}

static void
test_sizes (void)
{
  static const guint64 sizes[] = { 0, 1, 511, VF_CHUNK_BYTES - 1, VF_CHUNK_BYTES, VF_CHUNK_BYTES + 1, 10 * MIB + 12345 };
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_auto (VfFd) from = scratch_file ();
    g_auto (VfFd) to = scratch_file ();
    struct stat st;
    Outcome outcome;
    for (guint64 at = 0; at < sizes[i]; at += 100 * 1000)
      fill (from, at, (gsize)MIN (sizes[i] - at, (guint64)100 * 1000), (guint8)(1 + at % 251));
    assert_transfers (from, sizes[i], to, false, &outcome);
    fstat (to, &st);
    g_assert_cmpuint ((guint64)st.st_size, ==, sizes[i]);
    g_assert_cmpuint (outcome.counts.data_bytes, ==, sizes[i]);
  }
}

static void
test_sparse (void)
{
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  Outcome outcome;
  g_assert_cmpint (ftruncate (from, 256 * MIB + 777), ==, 0);
  fill (from, 0, 4096, 1);
  fill (from, 100 * MIB + 4096, 8192, 2);
  fill (from, 256 * MIB, 777, 3);
  assert_transfers (from, 256 * MIB + 777, to, false, &outcome);
  g_assert_cmpuint (outcome.counts.data_bytes, ==, 3 * 4096 + 777);
  g_assert_cmpuint (allocated (to), <=, allocated (from) + 3 * 4096);
}

static void
test_written_zeros (void)
{
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  Outcome outcome;
  fill (from, 0, 32 * MIB, 0);
  fill (from, 16 * MIB, 1, 9);
  assert_transfers (from, 32 * MIB, to, false, &outcome);
  g_assert_cmpuint (allocated (from), >=, 32 * MIB);
  g_assert_cmpuint (outcome.counts.data_bytes, ==, 4096);
  g_assert_cmpuint (allocated (to), <=, 8192);
}

static void
test_tebibyte (void)
{
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  g_autoptr (GError) error = NULL;
  Outcome outcome;
  const guint64 bytes = G_GUINT64_CONSTANT (1) << 40;
  g_assert_cmpint (ftruncate (from, (off_t)bytes), ==, 0);
  fill (from, bytes / 2 + 3, 5, 1);
  fill (from, bytes - 1, 1, 2);
  gint64 start = g_get_monotonic_time ();
  transfer (from, bytes, to, false, &outcome, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 10 * G_USEC_PER_SEC);
  g_assert_cmpuint (allocated (to), <=, allocated (from));
}

static void
test_block_device (void)
{
  g_auto (VfFd) backing = scratch_file ();
  g_auto (VfFd) from = scratch_file ();
  g_autofree char *node = NULL;
  Outcome outcome;
  const guint64 bytes = 16 * MIB - 1000; /* an odd end within the device */
  fill (backing, 0, 16 * MIB, 0xee);
  g_auto (VfFd) device = scratch_device (backing, &node);
  if (device == VF_FD_NONE) {
    g_test_skip ("no loop device to be had");
    return;
  }
  g_assert_cmpint (ftruncate (from, (off_t)bytes), ==, 0);
  fill (from, 5 * MIB + 1, 300 * 1000, 7);
  assert_transfers (from, bytes, device, true, &outcome);
  guint8 beyond;
  g_assert_cmpint (vf_fd_pread_full (device, &beyond, 1, (off_t)bytes), ==, 1);
  g_assert_cmpuint (beyond, ==, 0xee);
}

static void
test_from_block_device (void)
{
  g_auto (VfFd) backing = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  g_autofree char *node = NULL;
  Outcome outcome;
  g_assert_cmpint (ftruncate (backing, 8 * MIB), ==, 0);
  fill (backing, 3 * MIB, 4096, 7);
  g_auto (VfFd) device = scratch_device (backing, &node);
  if (device == VF_FD_NONE) {
    g_test_skip ("no loop device to be had");
    return;
  }
  assert_transfers (device, 8 * MIB, to, false, &outcome);
  g_assert_cmpuint (outcome.counts.data_bytes, ==, 4096);
}

static void
write_meanwhile (const VfSeedCounts *counts, gpointer fd)
{
  fill (GPOINTER_TO_INT (fd), 1, 1, (guint8)(counts->done_bytes / MIB));
}

static void
test_source_changes (void)
{
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  g_autoptr (GError) error = NULL;
  Outcome outcome;
  fill (from, 0, 64 * MIB, 5);
  SeedPair pair = { .target = { .fd = to, .path = "/far/file", .file_bytes = 64 * MIB } };
  VfSeedSource source = { .key = SEED_KEY, .fd = from, .path = "/near/file", .peer = "far", .file_bytes = 64 * MIB };
  source.progress = write_meanwhile;
  source.progress_data = GINT_TO_POINTER (from);
  seed_pair_start (&pair);
  g_usleep (20 * 1000); /* timestamps have a coarse clock */
  g_assert_false (vf_seed_send (pair.channel, &source, &outcome.counts, &outcome.sent, &error));
  seed_pair_finish (&pair);
  g_assert_error (error, VF_ERROR, VF_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, "'/near/file': it was changed"));
  g_assert_false (pair.is_received);
  g_clear_error (&pair.receive_error);
}

static void
test_wrong_size (void)
{
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  g_autoptr (GError) error = NULL;
  Outcome outcome;
  fill (from, 0, 1000, 5);
  g_assert_false (transfer (from, 1001, to, false, &outcome, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_CORRUPT);
}

static void
test_cancelled (void)
{
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Outcome outcome;
  fill (from, 0, 8 * MIB, 5);
  SeedPair pair = { .target = { .fd = to, .path = "/far/file", .file_bytes = 8 * MIB } };
  VfSeedSource source = {
    .key = SEED_KEY, .fd = from, .path = "/near/file", .file_bytes = 8 * MIB, .cancellable = cancellable
  };
  seed_pair_start (&pair);
  g_cancellable_cancel (cancellable);
  g_assert_false (vf_seed_send (pair.channel, &source, &outcome.counts, &outcome.sent, &error));
  seed_pair_finish (&pair);
  g_assert_error (error, VF_ERROR, VF_ERROR_CANCELLED);
  g_clear_error (&pair.receive_error);
}

static void
test_full (void)
{
  g_autofree char *directory = g_dir_make_tmp ("ferry-full-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "file", NULL);
  g_autoptr (GError) error = NULL;
  Outcome outcome;
  /* The mount is this process's alone and ends with it. */
  if (unshare (CLONE_NEWNS) != 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount ("ferry", directory, "tmpfs", 0, "size=1m") != 0) {
    g_rmdir (directory);
    g_test_skip ("cannot mount a small tmpfs");
    return;
  }
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  fill (from, 0, 4 * MIB, 5);
  g_assert_false (transfer (from, 4 * MIB, to, false, &outcome, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_NO_SPACE);
  g_assert_true (g_str_has_prefix (error->message, "on far: cannot write file '/far/file' at offset "));
  g_assert_nonnull (strstr (error->message, " of its 4194304 bytes are missing: "));
  vf_fd_close_value (vf_fd_steal (&to));
  umount (directory);
  g_rmdir (directory);
}

/* ---- a relay that flips one byte ---- */

typedef struct {
  int from, to;
  guint64 flip_after; /* the first such byte of the file's pattern after so many bytes; 0: none */
} Wire;

enum { PATTERN = 0xa5 };

static gpointer
wire_thread (gpointer data)
{
  Wire *wire = data;
  g_autofree guint8 *bytes = g_malloc (65536);
  guint64 done = 0;
  gssize n;
  while ((n = read (wire->from, bytes, 65536)) > 0) {
    done += (guint64)n;
    guint8 *found = wire->flip_after > 0 && done > wire->flip_after ? memchr (bytes, PATTERN, (gsize)n) : NULL;
    if (found != NULL) {
      *found ^= 4;
      wire->flip_after = 0;
    }
    if (!vf_fd_write_full (wire->to, bytes, (gsize)n))
      break;
  }
  shutdown (wire->to, SHUT_WR);
  return NULL;
}

static void
test_flipped_byte (void)
{
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  g_autoptr (GError) error = NULL;
  int near[2], far[2];
  Outcome outcome;
  fill (from, 0, 4 * MIB, PATTERN);
  socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, near);
  socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, far);
  Wire there = { .from = near[1], .to = far[1], .flip_after = MIB + 200000 };
  Wire back = { .from = far[1], .to = near[1] };
  GThread *there_thread = g_thread_new ("there", wire_thread, &there);
  GThread *back_thread = g_thread_new ("back", wire_thread, &back);
  SeedPair pair = { .target = { .fd = to, .path = "/far/file", .file_bytes = 4 * MIB } };
  VfSeedSource source = { .key = SEED_KEY, .fd = from, .path = "/near/file", .peer = "far", .file_bytes = 4 * MIB };
  seed_pair_start_on (&pair, near[0], far[0]);
  vf_seed_send (pair.channel, &source, &outcome.counts, &outcome.sent, &error);
  g_assert_no_error (error);
  seed_pair_finish (&pair);
  g_thread_join (there_thread);
  g_thread_join (back_thread);
  close (near[1]);
  close (far[1]);
  g_assert_true (pair.is_received);
  g_assert_cmpuint (outcome.counts.again_bytes, ==, VF_CHUNK_BYTES);
  assert_same_content (from, to, 4 * MIB);
}

static void
count_progress (const VfSeedCounts *counts, gpointer data)
{
  guint64 *last = data;
  g_assert_cmpuint (counts->done_bytes, >, last[0]);
  last[0] = counts->done_bytes;
  last[1]++;
}

static void
test_progress (void)
{
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  guint64 seen[2] = { 0 };
  Outcome outcome;
  fill (from, 0, 20 * MIB, 0);
  fill (from, 20 * MIB, 20 * MIB, 1);
  SeedPair pair = { .target = { .fd = to, .path = "/far/file", .file_bytes = 40 * MIB } };
  VfSeedSource source = { .key = SEED_KEY, .fd = from, .path = "/near/file", .file_bytes = 40 * MIB };
  source.progress = count_progress;
  source.progress_data = seen;
  seed_pair_start (&pair);
  g_assert_true (vf_seed_send (pair.channel, &source, &outcome.counts, &outcome.sent, NULL));
  seed_pair_finish (&pair);
  g_assert_cmpuint (seen[0], ==, 40 * MIB);
  g_assert_cmpuint (seen[1], >=, 5);
}

/* Not a check: how fast one seed is on this machine. Run by `-m perf`. */
static void
test_speed (void)
{
  if (!g_test_perf ()) {
    g_test_skip ("only with -m perf");
    return;
  }
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  Outcome outcome;
  for (guint i = 0; i < 1024; i++)
    fill (from, (guint64)i * MIB, MIB, (guint8)(1 + i % 255));
  clock_t cpu_start = clock ();
  gint64 start = g_get_monotonic_time ();
  g_assert_true (transfer (from, (guint64)1024 * MIB, to, false, &outcome, NULL));
  double seconds = (double)(g_get_monotonic_time () - start) / G_USEC_PER_SEC;
  g_test_message ("%.2f s, %.2f s of CPU in both ends", seconds, (double)(clock () - cpu_start) / CLOCKS_PER_SEC);
  g_test_maximized_result (1024 / seconds, "MiB/s of one seed: %.0f", 1024 / seconds);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/seed/transfer/files of every awkward size arrive whole", test_sizes);
  g_test_add_func ("/seed/transfer/a sparse file stays sparse", test_sparse);
  g_test_add_func ("/seed/transfer/written zeros arrive as holes", test_written_zeros);
  g_test_add_func ("/seed/transfer/a sparse tebibyte takes seconds", test_tebibyte);
  g_test_add_func ("/seed/transfer/zeros replace old garbage on a block device", test_block_device);
  g_test_add_func ("/seed/transfer/a block device is read without its zeros being sent", test_from_block_device);
  g_test_add_func ("/seed/transfer/a source that changes meanwhile is refused by name", test_source_changes);
  g_test_add_func ("/seed/transfer/a source of another size than planned is refused", test_wrong_size);
  g_test_add_func ("/seed/transfer/a request to stop is obeyed", test_cancelled);
  g_test_add_func ("/seed/transfer/a full target says how many bytes are missing", test_full);
  g_test_add_func ("/seed/transfer/a byte flipped in transit is found and its chunk sent again", test_flipped_byte);
  g_test_add_func ("/seed/transfer/progress rises to the size of the file", test_progress);
  g_test_add_func ("/seed/transfer/one seed has a speed", test_speed);
  return g_test_run ();
}
