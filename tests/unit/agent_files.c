/* Seeds into partials, names given and taken. */
#include "agent_pair.h"

enum { MIB = 1024 * 1024 };

#define PARTIAL "disk.ferry-" ID ".part"

static bool
seed_into (AgentPair *pair, const char *partial, const char *id, guint64 bytes, VfFileId *far_id, GError **error)
{
  g_auto (VfFd) from = scratch_file ();
  VfSeedCounts counts;
  VfDigest digest, again;
  bool equal = false;
  fill (from, 0, (gsize)bytes, 0x5a);
  VfSeedSource source = { .fd = from, .path = "/near/disk", .file_bytes = bytes };
  if (!vf_far_seed (pair->link, partial, id, false, &source, &counts, &digest, far_id, error))
    return false;
  VfFileId digested_id;
  g_assert_true (vf_far_compare (pair->link, partial, &source, &equal, &again, &digested_id, NULL));
  g_assert_true (equal && vf_digest_equal (&digest, &again));
  g_assert_true (vf_file_id_equal (&digested_id, far_id));
  return true;
}

/* What a disk that does not keep what it was given does: a byte of the copy changes behind the agent's back, once. */
typedef struct {
  char *path;
  bool done;
} Spoiler;

static void
spoil (const VfSeedCounts *counts, gpointer data)
{
  Spoiler *spoiler = data;
  if (spoiler->done || counts->done_bytes < 24 * MIB)
    return;
  spoiler->done = true;
  g_auto (VfFd) fd = open (spoiler->path, O_WRONLY | O_CLOEXEC);
  g_assert_true (vf_fd_pwrite_full (fd, "x", 1, 5));
}

static void
test_read_back (AgentPair *pair, gconstpointer data)
{
  for (guint read_back = 0; read_back < 2; read_back++) {
    g_autoptr (GError) error = NULL;
    g_auto (VfFd) from = scratch_file ();
    g_autofree char *name = g_strdup_printf ("back%u.ferry-" ID ".part", read_back);
    g_autofree char *partial = in_root (pair, name);
    Spoiler spoiler = { .path = partial };
    VfSeedCounts counts;
    VfDigest digest;
    VfFileId far_id;
    bool equal = false;
    fill (from, 0, 40 * MIB, 0x5a);
    VfSeedSource source = { .fd = from, .path = "/near/disk", .file_bytes = 40 * MIB };
    source.progress = spoil;
    source.progress_data = &spoiler;
    source.read_back = read_back == 1;
    vf_far_seed (pair->link, partial, ID, false, &source, &counts, &digest, &far_id, &error);
    g_assert_no_error (error);
    g_assert_true (vf_far_compare (pair->link, partial, &source, &equal, &digest, &far_id, &error));
    g_assert_cmpint (equal, ==, read_back == 1);
    if (read_back == 1)
      g_assert_cmpuint (counts.sent_bytes, ==, VF_CHUNK_BYTES); /* of the second time */
  }
}

static void
test_partial_goes_on (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (VfFd) from = scratch_file ();
  g_autofree char *partial = in_root (pair, "on.ferry-" ID ".part");
  VfSeedCounts counts;
  VfDigest digest;
  VfFileId first_id, far_id;
  VfSeedSource source = { .fd = from, .path = "/near/disk", .file_bytes = 3 * MIB };
  fill (from, 0, 3 * MIB, 0x5a);
  g_assert_true (vf_far_seed (pair->link, partial, ID, false, &source, &counts, &digest, &first_id, &error));
  g_assert_cmpuint (counts.sent_bytes, ==, 3 * MIB);
  fill (from, MIB, 1, 0x5b);
  g_assert_true (vf_far_seed (pair->link, partial, ID, false, &source, &counts, &digest, &far_id, &error));
  g_assert_cmpuint (counts.sent_bytes, ==, VF_CHUNK_BYTES);
  g_assert_true (vf_file_id_equal (&first_id, &far_id));

  /* What has a second name might be somebody's file: it is left alone. */
  g_autofree char *second = in_root (pair, "second");
  g_assert_cmpint (link (partial, second), ==, 0);
  fill (from, 0, 3 * MIB, 0x11);
  g_assert_true (vf_far_seed (pair->link, partial, ID, false, &source, &counts, &digest, &far_id, &error));
  g_assert_cmpuint (counts.sent_bytes, ==, 3 * MIB);
  g_assert_false (vf_file_id_equal (&first_id, &far_id));
  g_auto (VfFd) other = open (second, O_RDONLY | O_CLOEXEC);
  guint8 byte;
  g_assert_cmpint (vf_fd_pread_full (other, &byte, 1, 0), ==, 1);
  g_assert_cmpuint (byte, ==, 0x5a);
}

static void
test_seed (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *partial = in_root (pair, PARTIAL);
  VfFileId far_id;
  struct stat st;
  seed_into (pair, partial, ID, 3 * MIB + 1, &far_id, &error);
  g_assert_no_error (error);
  g_assert_cmpint (stat (partial, &st), ==, 0);
  g_assert_cmpuint ((guint64)st.st_size, ==, 3 * MIB + 1);
  g_assert_cmpuint (st.st_mode & 07777, ==, 0600);
  g_assert_cmpuint (st.st_ino, ==, far_id.inode);
}

static void
test_seed_again (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *partial = in_root (pair, PARTIAL);
  VfFileId far_id;
  write_text (partial, "left by an interrupted run, and longer than what comes");
  g_auto (VfFd) old = open (partial, O_RDONLY | O_CLOEXEC);
  seed_into (pair, partial, ID, 10, &far_id, &error);
  g_assert_no_error (error);
  struct stat st;
  fstat (old, &st);
  g_assert_cmpuint (st.st_ino, ==, far_id.inode);
  g_assert_cmpint (st.st_size, ==, 10);
}

static void
test_seed_held (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *partial = in_root (pair, PARTIAL);
  VfFileId far_id;
  write_text (partial, "someone reads it");
  GPid pid = hold_open (partial);
  bool seeded = seed_into (pair, partial, ID, 10, &far_id, &error);
  let_go (pid);
  g_assert_false (seeded);
  g_assert_error (error, VF_ERROR, VF_ERROR_BUSY);
  assert_text (partial, "someone reads it");
}

static void
test_seed_hostile (AgentPair *pair, gconstpointer data)
{
  g_autofree char *link = in_root (pair, "out");
  g_assert_cmpint (symlink ("..", link), ==, 0);
  assert_call_fails (pair, "receive", "{\"path\":\"ROOT/disk\",\"kind\":\"file\",\"bytes\":1,\"id\":\"" ID "\"}",
                     VF_ERROR_REFUSED);
  assert_call_fails (pair, "receive",
                     "{\"path\":\"ROOT/d.ferry-ffffffff.part\",\"kind\":\"file\",\"bytes\":1,\"id\":\"" ID "\"}",
                     VF_ERROR_REFUSED);
  assert_call_fails (pair, "receive", "{\"path\":\"ROOT/" PARTIAL "\",\"kind\":\"file\",\"bytes\":1,\"id\":\"\"}",
                     VF_ERROR_PROTOCOL);
  assert_call_fails (pair, "receive", "{\"path\":\"ROOT/" PARTIAL "\",\"kind\":\"file\",\"bytes\":-1,\"id\":\"" ID "\"}",
                     VF_ERROR_PROTOCOL);
  assert_call_fails (pair, "receive", "{\"path\":\"ROOT/" PARTIAL "\",\"kind\":\"file\",\"bytes\":\"1\",\"id\":\"" ID "\"}",
                     VF_ERROR_PROTOCOL);
  assert_call_fails (pair, "receive", "{\"path\":\"ROOT/" PARTIAL "\",\"kind\":\"directory\",\"bytes\":1,\"id\":\"" ID "\"}",
                     VF_ERROR_PROTOCOL);
  assert_call_fails (pair, "receive", "{\"path\":\"ROOT/../" PARTIAL "\",\"kind\":\"file\",\"bytes\":1,\"id\":\"" ID "\"}",
                     VF_ERROR_PROTOCOL);
  assert_call_fails (pair, "receive", "{\"path\":\"" PARTIAL "\",\"kind\":\"file\",\"bytes\":1,\"id\":\"" ID "\"}",
                     VF_ERROR_PROTOCOL);
  assert_call_fails (pair, "receive", "{\"path\":\"/etc/" PARTIAL "\",\"kind\":\"file\",\"bytes\":1,\"id\":\"" ID "\"}",
                     VF_ERROR_REFUSED);
  assert_call_fails (pair, "receive", "{\"path\":\"ROOT/out/" PARTIAL "\",\"kind\":\"file\",\"bytes\":1,\"id\":\"" ID "\"}",
                     VF_ERROR_REFUSED);
  assert_call_fails (pair, "receive", "{\"path\":\"/dev/shm/" PARTIAL "\",\"kind\":\"file\",\"bytes\":1,\"id\":\"" ID "\"}",
                     VF_ERROR_REFUSED);
  assert_call_fails (pair, "receive", "{\"path\":\"/dev/null\",\"kind\":\"block\",\"bytes\":1,\"id\":\"" ID "\"}",
                     VF_ERROR_REFUSED);
  assert_call_fails (pair, "receive", "{\"path\":\"ROOT/none\",\"kind\":\"block\",\"bytes\":1,\"id\":\"" ID "\"}",
                     VF_ERROR_NOT_FOUND);
}

static void
test_seed_does_not_follow (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *partial = in_root (pair, PARTIAL);
  g_autofree char *victim = in_root (pair, "victim");
  VfFileId far_id;
  write_text (victim, "mine");
  g_assert_cmpint (symlink ("victim", partial), ==, 0);
  seed_into (pair, partial, ID, 10, &far_id, &error);
  g_assert_nonnull (error);
  assert_text (victim, "mine");
}

/* ---- berth ---- */

static void
test_berth (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *partial = in_root (pair, PARTIAL);
  g_autofree char *final = in_root (pair, "disk");
  write_text (partial, "data");
  VfFileId id = id_of (partial);
  g_assert_true (vf_far_berth (pair->link, partial, final, ID, &id, &error));
  g_assert_no_error (error);
  g_assert_false (exists (partial));
  assert_text (final, "data");
  g_assert_true (vf_far_berth (pair->link, partial, final, ID, &id, &error)); /* once more, as after a crash */
  g_assert_cmpint (link (final, partial), ==, 0);                             /* a crash between linkat and unlinkat */
  g_assert_true (vf_far_berth (pair->link, partial, final, ID, &id, &error));
  g_assert_false (exists (partial));
  assert_text (final, "data");
}

static void
test_berth_never_replaces (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *partial = in_root (pair, PARTIAL);
  g_autofree char *final = in_root (pair, "disk");
  write_text (partial, "new");
  write_text (final, "old");
  VfFileId id = id_of (partial);
  g_assert_false (vf_far_berth (pair->link, partial, final, ID, &id, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_EXISTS);
  assert_text (final, "old");
  assert_text (partial, "new");
  g_unlink (final);
  g_assert_cmpint (symlink ("nowhere", final), ==, 0);
  g_assert_false (vf_far_berth (pair->link, partial, final, ID, &id, NULL));
  assert_text (partial, "new");
}

static void
test_berth_wrong_file (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *partial = in_root (pair, PARTIAL);
  g_autofree char *final = in_root (pair, "disk");
  write_text (partial, "new");
  VfFileId id = id_of (partial);
  id.inode++;
  g_assert_false (vf_far_berth (pair->link, partial, final, ID, &id, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
  g_clear_error (&error);
  id.inode--;
  g_assert_false (vf_far_berth (pair->link, final, partial, ID, &id, &error)); /* the partial must carry the id */
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
  g_clear_error (&error);
  g_unlink (partial);
  g_assert_false (vf_far_berth (pair->link, partial, final, ID, &id, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (vf_far_berth (pair->link, partial, "/etc/ferry-disk", ID, &id, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
}

/* ---- remove ---- */

static void
test_remove (AgentPair *pair, gconstpointer data)
{
  g_autofree char *partial = in_root (pair, PARTIAL);
  g_autofree char *final = in_root (pair, "disk");
  g_autofree char *deep = in_root (pair, "no/such/disk");
  bool removed;
  write_text (partial, "x");
  write_text (final, "y");
  VfFileId id = id_of (final);
  g_assert_true (vf_far_remove (pair->link, partial, ID, NULL, &removed, NULL) && removed);
  g_assert_true (vf_far_remove (pair->link, partial, ID, NULL, &removed, NULL) && !removed);
  g_assert_true (vf_far_remove (pair->link, final, ID, &id, &removed, NULL) && removed);
  g_assert_true (vf_far_remove (pair->link, deep, ID, NULL, &removed, NULL) && !removed);
  g_assert_false (exists (partial) || exists (final));
}

static void
test_remove_foreign (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *final = in_root (pair, "disk");
  g_autofree char *link = in_root (pair, "link.ferry-" ID ".part");
  bool removed;
  write_text (final, "someone's");
  VfFileId id = id_of (final);
  id.inode++;
  g_assert_cmpint (symlink ("disk", link), ==, 0);
  g_assert_false (vf_far_remove (pair->link, final, ID, NULL, &removed, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
  g_clear_error (&error);
  g_assert_false (vf_far_remove (pair->link, final, ID, &id, &removed, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_EXISTS);
  g_clear_error (&error);
  g_assert_true (vf_far_remove (pair->link, link, ID, NULL, &removed, &error) && removed); /* the link, not what it names */
  g_assert_false (vf_far_remove (pair->link, pair->root, ID, NULL, &removed, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
  assert_text (final, "someone's");
}

static void
test_remove_held (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *partial = in_root (pair, PARTIAL);
  bool removed;
  write_text (partial, "x");
  GPid pid = hold_open (partial);
  g_autofree char *holder = g_strdup_printf ("process %d (sleep)", (int)pid);
  bool called = vf_far_remove (pair->link, partial, ID, NULL, &removed, &error);
  let_go (pid);
  g_assert_false (called);
  g_assert_error (error, VF_ERROR, VF_ERROR_BUSY);
  g_assert_nonnull (strstr (error->message, holder));
  g_assert_true (exists (partial));
  g_assert_true (vf_far_remove (pair->link, partial, ID, NULL, &removed, NULL) && removed);
}

/* ---- symlinks ---- */

static VfFileId
id_of_link (const char *path)
{
  g_autoptr (VfFileFacts) facts = vf_file_look_link (path, NULL);
  g_assert_cmpint (facts->kind, ==, VF_FILE_LINK);
  return facts->id;
}

static void
test_symlink (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *partial = in_root (pair, "disk.0.ferry-" ID ".part");
  g_autofree char *final = in_root (pair, "disk.0");
  g_autofree char *target = in_root (pair, "HASH");
  VfFileId id, found;
  bool removed;
  write_text (target, "image");
  g_assert_true (vf_far_symlink (pair->link, partial, ID, "nowhere", &id, &error));
  g_assert_true (vf_far_symlink (pair->link, partial, ID, "./HASH", &id, &error)); /* as after a crash */
  found = id_of_link (partial);
  g_assert_true (vf_file_id_equal (&id, &found));
  for (int i = 0; i < 2; i++) {
    g_assert_true (vf_far_berth (pair->link, partial, final, ID, &id, &error));
    g_assert_no_error (error);
  }
  g_autofree char *text = g_file_read_link (final, NULL);
  g_assert_cmpstr (text, ==, "./HASH");

  g_autoptr (VfFarFacts) facts = vf_far_stat (pair->link, final, true, NULL, NULL);
  g_assert_cmpint (facts->file->kind, ==, VF_FILE_LINK);
  g_assert_cmpstr (facts->link, ==, "./HASH");
  g_assert_cmpint (facts->leads_to, ==, VF_FILE_REGULAR);
  g_autoptr (VfFarFacts) followed = vf_far_stat (pair->link, final, false, NULL, NULL);
  g_assert_cmpint (followed->file->kind, ==, VF_FILE_REGULAR);
  g_assert_null (followed->link);

  g_assert_true (vf_far_remove (pair->link, final, ID, &id, &removed, NULL) && removed);
  assert_text (target, "image");
}

static void
test_symlink_never_replaces (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *partial = in_root (pair, "disk.0.ferry-" ID ".part");
  g_autofree char *final = in_root (pair, "disk.0");
  g_autofree char *plain = in_root (pair, "plain");
  g_autofree char *out = in_root (pair, "out");
  VfFileId id;
  bool removed;
  g_assert_true (vf_far_symlink (pair->link, partial, ID, "HASH", &id, NULL));
  g_assert_cmpint (symlink ("other", final), ==, 0);
  g_assert_false (vf_far_berth (pair->link, partial, final, ID, &id, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_EXISTS);
  g_clear_error (&error);
  g_assert_false (vf_far_remove (pair->link, final, ID, &id, &removed, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_EXISTS);
  g_clear_error (&error);
  g_assert_false (vf_far_symlink (pair->link, plain, ID, "HASH", &id, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
  static const char *const outside[] = { "/etc/passwd", "../secret", "a/../../secret", "/" };
  for (gsize i = 0; i < G_N_ELEMENTS (outside); i++) {
    g_autoptr (GError) refused = NULL;
    g_assert_false (vf_far_symlink (pair->link, partial, ID, outside[i], &id, &refused));
    g_assert_error (refused, VF_ERROR, VF_ERROR_REFUSED);
    g_assert_nonnull (strstr (refused->message, "outside of the agent's roots"));
  }
  assert_call_fails (pair, "symlink", "{\"path\":\"ROOT/" PARTIAL "\",\"id\":\"" ID "\",\"text\":\"\"}", VF_ERROR_PROTOCOL);
  g_assert_cmpint (symlink ("/etc/passwd", out), ==, 0);
  g_autoptr (VfFarFacts) facts = vf_far_stat (pair->link, out, false, NULL, NULL);
  g_assert_false (facts->in_roots);
  g_assert_nonnull (strstr (facts->refused, "leads out of the agent's roots"));
}

/* ---- directories ---- */

static void
test_directories (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *directory = in_root (pair, "images");
  g_autofree char *file = in_root (pair, "images/file");
  g_autofree char *deep = in_root (pair, "a/b");
  bool done;
  struct stat st;
  g_assert_true (vf_far_mkdir (pair->link, directory, NULL, &done, NULL) && done);
  g_assert_cmpint (stat (directory, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 07777, ==, 0711);
  g_assert_true (vf_far_mkdir (pair->link, directory, NULL, &done, NULL) && !done);
  write_text (file, "x");
  g_assert_true (vf_far_rmdir (pair->link, directory, &done, NULL) && !done);
  assert_text (file, "x");
  g_assert_false (vf_far_mkdir (pair->link, file, NULL, &done, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_EXISTS);
  g_clear_error (&error);
  g_assert_false (vf_far_rmdir (pair->link, file, &done, &error));
  g_clear_error (&error);
  g_unlink (file);
  g_assert_true (vf_far_rmdir (pair->link, directory, &done, NULL) && done);
  g_assert_true (vf_far_rmdir (pair->link, directory, &done, NULL) && !done);
  VfFileFacts as = { .mode = 0750, .user = (char *)"no-such-user", .group = (char *)"no-such-group" };
  g_assert_true (vf_far_mkdir (pair->link, directory, &as, &done, NULL) && done);
  g_assert_cmpint (stat (directory, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 07777, ==, 0750);
  g_assert_true (vf_far_rmdir (pair->link, directory, &done, NULL) && done);
  g_assert_true (vf_far_rmdir (pair->link, deep, &done, NULL) && !done);
  g_assert_false (vf_far_mkdir (pair->link, deep, NULL, &done, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_NOT_FOUND);
  assert_call_fails (pair, "mkdir", "{\"path\":\"ROOT/x\",\"mode\":4095}", VF_ERROR_PROTOCOL);
  assert_call_fails (pair, "mkdir", "{\"path\":\"/tmp/ferry-x\",\"mode\":448}", VF_ERROR_REFUSED);
}

#define ADD(name, function) g_test_add ("/agent/files/" name, AgentPair, NULL, agent_set_up, function, agent_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("a seed makes a partial that only its owner reads", test_seed);
  ADD ("a copy that the disk did not keep is found by reading back, and mended", test_read_back);
  ADD ("a partial is gone on with, unless it has another name", test_partial_goes_on);
  ADD ("a partial of an earlier run gets the size of what comes", test_seed_again);
  ADD ("a partial that someone has open is busy", test_seed_held);
  ADD ("a seed with hostile arguments is refused", test_seed_hostile);
  ADD ("a seed does not write through a symlink", test_seed_does_not_follow);
  ADD ("a berth may be asked for again", test_berth);
  ADD ("a berth never replaces anything", test_berth_never_replaces);
  ADD ("a symlink is made, looked at, berthed and removed", test_symlink);
  ADD ("a symlink replaces nothing and leads nowhere outside", test_symlink_never_replaces);
  ADD ("a berth takes no other file than the verified one", test_berth_wrong_file);
  ADD ("what carries the id or is the recorded file is removed", test_remove);
  ADD ("what is not this move's is not removed", test_remove_foreign);
  ADD ("what someone has open is not removed", test_remove_held);
  ADD ("directories are made once and removed when empty", test_directories);
  return g_test_run ();
}
