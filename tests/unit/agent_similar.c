/* What lies below the agent's roots under another name need not travel. */
#include "agent_pair.h"

#include "seed/clone.h"
#include "seed/sample.h"
#include "seed/stream.h"

enum { MIB = 1024 * 1024, FILE_BYTES = 20 * MIB + 777 };

#define PARTIAL "disk.ferry-" ID ".part"

/* Chunks of which no two are equal; `salt` tells files apart. */
static void
fill_unlike (int fd, gsize length, guint32 salt)
{
  g_autofree guint32 *bytes = g_malloc (length + 4);
  for (guint32 i = 0; i < length / 4 + 1; i++)
    bytes[i] = (i + 1) * 2654435761u + salt;
  g_assert_true (vf_fd_pwrite_full (fd, bytes, length, 0));
}

static int
make_file (const char *path, gsize length, guint32 salt)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_assert_cmpint (g_mkdir_with_parents (directory, 0700), ==, 0);
  int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  g_assert_cmpint (fd, >=, 0);
  fill_unlike (fd, length, salt);
  return fd;
}

static void
seed (AgentPair *pair, int from, VfSeedCounts *counts)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *partial = in_root (pair, PARTIAL);
  VfSeedSource source = { .fd = from, .path = "/near/disk", .file_bytes = FILE_BYTES };
  VfDigest digest;
  VfFileId far_id;
  vf_far_seed (pair->link, partial, ID, false, &source, counts, &digest, &far_id, &error);
  g_assert_no_error (error);
  g_auto (VfFd) made = open (partial, O_RDONLY | O_CLOEXEC);
  assert_same_content (from, made, FILE_BYTES);
}

static void
test_golden (AgentPair *pair, gconstpointer data)
{
  g_autofree char *golden = in_root (pair, "images/deep/golden.raw");
  g_autofree char *other = in_root (pair, "images/other.raw");
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) unlike = make_file (other, FILE_BYTES, 5);
  g_auto (VfFd) like = make_file (golden, FILE_BYTES, 1);
  g_auto (VfFd) as_it_was = scratch_file ();
  struct stat before, after;
  VfSeedCounts counts;
  fill_unlike (from, FILE_BYTES, 1);
  fill_unlike (as_it_was, FILE_BYTES, 1);
  fill (from, 9 * MIB, 1, 3); /* one chunk is another */
  fstat (like, &before);
  seed (pair, from, &counts);
  g_assert_cmpuint (counts.sent_bytes, ==, VF_CHUNK_BYTES);
  g_assert_cmpuint (counts.kept_bytes, ==, FILE_BYTES - VF_CHUNK_BYTES);
  fstat (like, &after);
  g_assert_cmpint (before.st_mtim.tv_nsec, ==, after.st_mtim.tv_nsec);
  assert_same_content (like, as_it_was, FILE_BYTES);
}

/* A former copy that is shorter, and one that is longer. */
static void
test_other_lengths (AgentPair *pair, gconstpointer data)
{
  for (guint i = 0; i < 2; i++) {
    const gsize length = i == 0 ? 15 * MIB : 30 * MIB;
    g_autofree char *former = in_root (pair, i == 0 ? "former-short" : "former-long");
    g_autofree char *partial = in_root (pair, PARTIAL);
    g_auto (VfFd) from = scratch_file ();
    g_auto (VfFd) like = make_file (former, length, 1 + i);
    VfSeedCounts counts;
    fill_unlike (from, FILE_BYTES, 1 + i);
    seed (pair, from, &counts);
    g_assert_cmpuint (counts.kept_bytes, >=, 14 * MIB);
    unlink (partial);
  }
}

static void
test_unlike (AgentPair *pair, gconstpointer data)
{
  g_autofree char *other = in_root (pair, "other.raw");
  g_autofree char *unfinished = in_root (pair, "disk.ferry-76543210.part");
  g_autofree char *away = in_root (pair, "away");
  g_autofree char *outside = g_strdup_printf ("%s-outside", pair->root);
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) unlike = make_file (other, FILE_BYTES, 5);
  g_auto (VfFd) partial = make_file (unfinished, FILE_BYTES, 1); /* of another move */
  g_auto (VfFd) far_away = make_file (outside, FILE_BYTES, 1);
  VfSeedCounts counts;
  g_assert_cmpint (symlink (outside, away), ==, 0);
  fill_unlike (from, FILE_BYTES, 1);
  seed (pair, from, &counts);
  g_assert_cmpuint (counts.kept_bytes, ==, 0);
  unlink (outside);
}

/* More samples than there may be, or beyond the file: refused, and nothing is made. */
static void
test_hostile (AgentPair *pair, gconstpointer data)
{
  static const guint64 offsets[] = { 1, FILE_BYTES, G_MAXUINT64 - VF_CHUNK_BYTES + 1, 0 };
  g_autofree char *partial = in_root (pair, PARTIAL);
  for (gsize i = 0; i < G_N_ELEMENTS (offsets); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonObject) args = json_object_new ();
    VfSampling sampling = { .file_bytes = FILE_BYTES, .count = offsets[i] == 0 ? VF_SAMPLES_MAX : 1 };
    guint8 nothing;
    sampling.samples[0].offset = offsets[i];
    json_object_set_string_member (args, "path", partial);
    json_object_set_string_member (args, "id", ID);
    json_object_set_int_member (args, "bytes", FILE_BYTES);
    g_autoptr (VfChannel) channel = vf_link_open (pair->link, "similar", args, NULL, NULL, &error);
    g_assert_no_error (error);
    if (offsets[i] == 0) { /* twice as many */
      VfRecord record = { .type = VF_RECORD_HAS, .count = 1 };
      guint8 head[VF_RECORD_HEAD_BYTES_MAX], tag[VF_TAG_BYTES] = { 0 };
      for (guint j = 0; j < VF_SAMPLES_MAX; j++) {
        vf_channel_send (channel, head, vf_record_encode (&record, head), NULL, NULL);
        vf_channel_send (channel, tag, sizeof tag, NULL, NULL);
      }
    }
    vf_sampling_send (channel, &sampling, NULL);
    g_assert_cmpint (vf_channel_receive (channel, &nothing, 1, NULL, &error), ==, -1);
    g_assert_error (error, VF_ERROR, VF_ERROR_PROTOCOL);
    g_assert_false (exists (partial));
  }
}

static void
test_clone (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (VfFd) from = scratch_file ();
  g_auto (VfFd) to = scratch_file ();
  VfCloneKind kind;
  g_assert_cmpint (ftruncate (from, 64 * MIB), ==, 0);
  fill (from, 5 * MIB + 3, 100, 1);
  fill (from, 40 * MIB, 2 * MIB, 2);
  g_assert_true (vf_clone (from, to, 64 * MIB, &kind, &error));
  assert_same_content (from, to, 64 * MIB);
  g_assert_cmpuint (allocated (to), <=, allocated (from) + 2 * VF_CHUNK_BYTES);
  struct stat st;
  g_assert_cmpint (ftruncate (to, 0), ==, 0);
  g_assert_true (vf_clone (from, to, 41 * MIB, &kind, &error));
  fstat (to, &st);
  g_assert_cmpint (st.st_size, ==, 41 * MIB);
  assert_same_content (from, to, 41 * MIB);
}

#define ADD(name, function) g_test_add ("/agent/similar/" name, AgentPair, NULL, agent_set_up, function, agent_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("of what lies there under another name only the difference travels, and it is not touched", test_golden);
  ADD ("a former copy may be shorter or longer", test_other_lengths);
  ADD ("neither unlike files nor links nor other moves' partials are used", test_unlike);
  ADD ("hostile samples are refused and make nothing", test_hostile);
  ADD ("a clone is equal, sparse, and as long as was asked for", test_clone);
  return g_test_run ();
}
