/* Greeting, looking, images, block devices. */
#include "agent_pair.h"

#include <sys/mount.h>

enum { MIB = 1024 * 1024 };

#define PARTIAL "disk.ferry-" ID ".part"
#define CAP "disk.ferry-" ID ".cap1"

static void
test_hello (AgentPair *pair, gconstpointer data)
{
  JsonObject *hello = vf_link_peer (pair->link);
  gint64 protocol = 0;
  char host[256] = "";
  gethostname (host, sizeof host - 1);
  g_assert_true (vf_json_int (hello, "protocol", &protocol, NULL));
  g_assert_cmpint (protocol, ==, VF_LINK_PROTOCOL);
  g_assert_cmpstr (vf_json_string_or (hello, "program", NULL), ==, VF_VERSION);
  g_assert_cmpstr (vf_json_string_or (hello, "host", NULL), ==, host);
  JsonArray *roots = vf_json_array (hello, "roots", NULL);
  g_assert_cmpstr (json_array_get_string_element (roots, 0), ==, pair->root);
  g_autofree char *tool = g_find_program_in_path ("qemu-img");
  const char *version = vf_json_string_or (hello, "qemu_img", NULL);
  g_assert_true (json_object_has_member (hello, "qemu_img"));
  g_assert_cmpint (tool != NULL, ==, version != NULL && g_ascii_isdigit (*version));
}

static void
test_unknown_service (AgentPair *pair, gconstpointer data)
{
  assert_call_fails (pair, "exec", "{\"path\":\"/bin/sh\"}", VF_ERROR_NOT_FOUND);
  assert_call_fails (pair, "", "{}", VF_ERROR_NOT_FOUND);
}

static void
test_no_arguments (AgentPair *pair, gconstpointer data)
{
  static const char *const services[] = { "stat",       "mkdir", "similar", "receive", "digest", "own",        "rebase",
                                          "create-cap", "berth", "remove",  "rmdir",   "wipe",   "rendezvous", "relay" };
  for (gsize i = 0; i < G_N_ELEMENTS (services); i++) {
    assert_call_fails (pair, services[i], "{}", VF_ERROR_PROTOCOL);
    assert_call_fails (pair, services[i], "{\"path\":7,\"id\":[],\"kind\":{},\"name\":1,\"socket\":null}", VF_ERROR_PROTOCOL);
  }
}

/* ---- stat ---- */

static VfFarFacts *
far_stat (AgentPair *pair, const char *path)
{
  g_autoptr (GError) error = NULL;
  VfFarFacts *facts = vf_far_stat (pair->link, path, false, NULL, &error);
  g_assert_no_error (error);
  return facts;
}

static void
test_stat (AgentPair *pair, gconstpointer data)
{
  g_autofree char *path = in_root (pair, "disk");
  g_autofree char *deep = in_root (pair, "no/such/disk");
  write_text (path, "12345");
  VfFileId id = id_of (path);
  g_autoptr (VfFarFacts) here = far_stat (pair, path);
  g_autoptr (VfFarFacts) directory = far_stat (pair, pair->root);
  g_autoptr (VfFarFacts) absent = far_stat (pair, deep);
  g_autoptr (VfFarFacts) outside = far_stat (pair, "/etc/passwd");
  g_assert_cmpint (here->file->kind, ==, VF_FILE_REGULAR);
  g_assert_cmpuint (here->file->bytes, ==, 5);
  g_assert_true (here->in_roots && vf_file_id_equal (&here->file->id, &id));
  g_assert_null (here->held_by);
  g_assert_cmpint (directory->file->kind, ==, VF_FILE_DIRECTORY);
  g_assert_cmpint (absent->file->kind, ==, VF_FILE_ABSENT);
  g_assert_false (absent->file->directory_exists);
  g_assert_cmpuint (absent->file->filesystem, ==, here->file->filesystem);
  g_assert_cmpuint (absent->file->free_bytes, >, 0);
  g_assert_false (outside->in_roots);
  g_assert_cmpint (outside->file->kind, ==, VF_FILE_ABSENT); /* not looked at */
}

static void
test_stat_held (AgentPair *pair, gconstpointer data)
{
  g_autofree char *path = in_root (pair, "disk");
  write_text (path, "12345");
  GPid pid = hold_open (path);
  g_autofree char *holder = g_strdup_printf ("process %d (sleep)", (int)pid);
  g_autoptr (VfFarFacts) facts = far_stat (pair, path);
  let_go (pid);
  g_assert_cmpstr (facts->held_by, ==, holder);
}

static void
test_digest_refusals (AgentPair *pair, gconstpointer data)
{
  assert_call_fails (pair, "digest", "{\"path\":\"ROOT\"}", VF_ERROR_REFUSED);
  assert_call_fails (pair, "digest", "{\"path\":\"ROOT/none\"}", VF_ERROR_NOT_FOUND);
  assert_call_fails (pair, "digest", "{\"path\":\"/etc/shadow\"}", VF_ERROR_REFUSED);
}

/* ---- images ---- */

static char *
image_info (const char *path)
{
  g_autofree char *text = NULL;
  const char *argv[] = { "qemu-img", "info", "-f", "qcow2", path, NULL };
  g_assert_true (g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text, NULL, NULL, NULL));
  return g_steal_pointer (&text);
}

static bool
lacks_qemu_img (void)
{
  g_autofree char *tool = g_find_program_in_path ("qemu-img");
  if (tool == NULL)
    g_test_skip ("qemu-img is not installed");
  return tool == NULL;
}

static void
test_cap (AgentPair *pair, gconstpointer data)
{
  if (lacks_qemu_img ())
    return;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = in_root (pair, "odd,name: x" CAP);
  VfFileId far_id;
  struct stat st;
  for (int i = 0; i < 2; i++) { /* the second replaces the first */
    g_assert_true (vf_far_create_cap (pair->link, path, ID, "/not/there,really:x", "raw", 5 * MIB, &far_id, &error));
    g_assert_no_error (error);
  }
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpuint (st.st_ino, ==, far_id.inode);
  g_assert_cmpuint (st.st_mode & 07777, ==, 0600);
  g_autofree char *info = image_info (path);
  g_assert_nonnull (strstr (info, "backing file: /not/there,really:x\n"));
  g_assert_nonnull (strstr (info, "backing file format: raw\n"));
  g_assert_nonnull (strstr (info, "(5242880 bytes)"));
}

static void
test_cap_hostile (AgentPair *pair, gconstpointer data)
{
  static const char *const backings[] = { "json:{}", "nbd:localhost:10809", "ssh://x/y", "fat:rw:/etc" };
  g_autofree char *path = in_root (pair, CAP);
  g_autofree char *foreign = in_root (pair, "disk");
  VfFileId far_id;
  for (gsize i = 0; i < G_N_ELEMENTS (backings); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_false (vf_far_create_cap (pair->link, path, ID, backings[i], "raw", MIB, &far_id, &error));
    g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
  }
  g_assert_false (vf_far_create_cap (pair->link, path, ID, "/base", "raw,x=y", MIB, &far_id, NULL));
  g_assert_false (vf_far_create_cap (pair->link, path, ID, "/base", "nonsense", MIB, &far_id, NULL));
  g_assert_false (vf_far_create_cap (pair->link, path, ID, "/base", "raw", G_MAXINT64, &far_id, NULL));
  g_assert_false (exists (path)); /* what failed left nothing behind */
  write_text (foreign, "x");
  g_assert_false (vf_far_create_cap (pair->link, foreign, ID, "/base", "raw", MIB, &far_id, NULL));
  assert_text (foreign, "x");
}

static void
test_rebase (AgentPair *pair, gconstpointer data)
{
  if (lacks_qemu_img ())
    return;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = in_root (pair, PARTIAL);
  VfFileId far_id;
  g_assert_true (vf_far_create_cap (pair->link, path, ID, "/old/base", "raw", MIB, &far_id, &error));
  g_assert_true (vf_far_rebase (pair->link, path, ID, &(VfImageNames){ "../new/base.qcow2", "qcow2", NULL }, &error));
  g_assert_no_error (error);
  VfFileId now = id_of (path);
  g_assert_true (vf_file_id_equal (&now, &far_id));
  g_autofree char *info = image_info (path);
  g_assert_nonnull (strstr (info, "backing file: ../new/base.qcow2 "));
  g_assert_nonnull (strstr (info, "backing file format: qcow2\n"));
  g_assert_false (vf_far_rebase (pair->link, path, ID, &(VfImageNames){ .data_file = "/new/data" }, &error));
  g_assert_nonnull (strstr (error->message, "it has no data file"));
}

static void
test_rename_data_file (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = in_root (pair, PARTIAL);
  guint8 header[1024] = { 'Q', 'F', 'I', 0xfb, 0, 0, 0, 3, [23] = 9, [79] = 4, [103] = 104 };
  g_file_set_contents (path, (const char *)header, sizeof header, NULL);
  g_assert_true (vf_far_rebase (pair->link, path, ID, &(VfImageNames){ .data_file = "/new/data" }, &error));
  g_assert_no_error (error);
  g_autofree char *written = NULL;
  g_assert_true (g_file_get_contents (path, &written, NULL, NULL));
  g_assert_cmpmem (written + 104, 17, "DATA\0\0\0\x09/new/data", 17);
  g_assert_false (vf_far_rebase (pair->link, path, ID, &(VfImageNames){ .data_file = "nbd:x" }, &error));
  g_assert_nonnull (strstr (error->message, "no absolute path"));
}

static void
test_rebase_hostile (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = in_root (pair, PARTIAL);
  guint8 header[104] = { 'Q', 'F', 'I', 0xfb, 0, 0, 0, 3, [23] = 8, [103] = 104 }; /* its clusters are too small */
  write_text (path, "no qcow2");
  g_assert_false (vf_far_rebase (pair->link, path, ID, &(VfImageNames){ "/base", "raw", NULL }, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
  g_assert_nonnull (strstr (error->message, path));
  g_clear_error (&error);
  g_file_set_contents (path, (const char *)header, sizeof header, NULL);
  g_assert_false (vf_far_rebase (pair->link, path, ID, &(VfImageNames){ "/base", "raw", NULL }, &error));
  g_assert_nonnull (strstr (error->message, "cluster size"));
}

static void
test_own (AgentPair *pair, gconstpointer data)
{
  if (geteuid () != 0) {
    g_test_skip ("only root gives files away");
    return;
  }
  g_autoptr (GError) error = NULL;
  g_autofree char *path = in_root (pair, PARTIAL);
  char user[] = "nobody", unknown[] = "no-such-group-here", number[] = "12345";
  VfFileFacts as = { .user = user, .group = unknown, .mode = 0640 };
  struct stat st;
  write_text (path, "x");
  g_assert_true (vf_far_own (pair->link, path, ID, &as, &error));
  g_assert_no_error (error);
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 07777, ==, 0640);
  g_assert_cmpuint (st.st_uid, !=, 0);
  g_assert_cmpuint (st.st_gid, ==, 0);
  as.group = number;
  g_assert_true (vf_far_own (pair->link, path, ID, &as, &error));
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpuint (st.st_gid, ==, 12345);
  assert_call_fails (pair, "own",
                     "{\"path\":\"ROOT/" PARTIAL "\",\"id\":\"" ID "\",\"user\":\"root\",\"group\":\"root\",\"mode\":2541}",
                     VF_ERROR_PROTOCOL);
  assert_call_fails (pair, "own",
                     "{\"path\":\"ROOT/disk\",\"id\":\"" ID "\",\"user\":\"root\",\"group\":\"root\",\"mode\":420}",
                     VF_ERROR_REFUSED);
}

/* ---- block devices ---- */

static bool
device_of (guint64 bytes, int *device, char **node)
{
  g_auto (VfFd) backing = scratch_file ();
  fill (backing, 0, (gsize)bytes, 0xee);
  *device = scratch_device (backing, node);
  if (*device == VF_FD_NONE)
    g_test_skip ("no loop device to be had");
  return *device != VF_FD_NONE;
}

static bool
seed_device (AgentPair *pair, const char *node, guint64 bytes, GError **error)
{
  g_auto (VfFd) from = scratch_file ();
  VfSeedCounts counts;
  VfDigest digest;
  VfFileId far_id;
  fill (from, 0, 4096, 1);
  g_assert_cmpint (ftruncate (from, (off_t)bytes), ==, 0);
  VfSeedSource source = { .fd = from, .path = "/near/disk", .file_bytes = bytes };
  return vf_far_seed (pair->link, node, ID, true, &source, &counts, &digest, &far_id, error);
}

static void
test_device (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *node = NULL;
  g_auto (VfFd) device = VF_FD_NONE;
  guint8 ends[2] = { 9, 9 };
  if (!device_of (4 * MIB, &device, &node))
    return;
  seed_device (pair, node, 4 * MIB, &error);
  g_assert_no_error (error);
  vf_fd_pread_full (device, &ends[0], 1, 0);
  vf_fd_pread_full (device, &ends[1], 1, 4 * MIB - 1);
  g_assert_cmpuint (ends[0], ==, 1);
  g_assert_cmpuint (ends[1], ==, 0);
  g_assert_false (seed_device (pair, node, 4 * MIB + 1, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (error->message, "it has 4194304 bytes, 4194305 are needed")); /* before anything was written */
}

static void
test_device_held (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *node = NULL;
  g_auto (VfFd) device = VF_FD_NONE;
  if (!device_of (MIB, &device, &node))
    return;
  GPid pid = hold_open (node);
  g_autoptr (VfFarFacts) facts = far_stat (pair, node);
  bool seeded = seed_device (pair, node, MIB, &error);
  let_go (pid);
  g_assert_false (seeded);
  g_assert_error (error, VF_ERROR, VF_ERROR_BUSY);
  g_test_message ("held by %s, the child is %d", facts->held_by, (int)pid);
  g_assert_nonnull (strstr (facts->held_by, "(sleep)"));
  g_assert_nonnull (strstr (error->message, facts->held_by));
  g_assert_false (vf_far_wipe (pair->link, "/dev/null", ID, NULL));
}

static void
test_device_mounted (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *node = NULL;
  g_autofree char *place = g_build_filename (pair->top, "a place", NULL);
  g_auto (VfFd) device = VF_FD_NONE;
  if (!device_of (4 * MIB, &device, &node))
    return;
  const char *argv[] = { "mkfs.ext4", "-q", node, NULL };
  g_mkdir (place, 0700);
  g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  if (mount (node, place, "ext4", 0, NULL) != 0) {
    g_test_skip ("cannot make and mount an ext4");
    return;
  }
  g_autoptr (VfFarFacts) facts = far_stat (pair, node);
  bool seeded = seed_device (pair, node, MIB, &error);
  umount (place);
  g_assert_false (seeded);
  g_assert_error (error, VF_ERROR, VF_ERROR_BUSY);
  g_assert_cmpstr (facts->signature, ==, "ext4");
  g_assert_true (g_str_has_prefix (facts->held_by, "mounted on '"));
  g_assert_true (g_str_has_suffix (facts->held_by, "/a place'"));
}

static void
test_device_signature (AgentPair *pair, gconstpointer data)
{
  g_autofree char *node = NULL;
  g_auto (VfFd) device = VF_FD_NONE;
  if (!device_of (4 * MIB, &device, &node))
    return;
  g_autoptr (VfFarFacts) none = far_stat (pair, node);
  g_assert_cmpint (none->file->kind, ==, VF_FILE_BLOCK);
  g_assert_cmpuint (none->file->bytes, ==, 4 * MIB);
  g_assert_null (none->signature);
  g_assert_null (none->held_by);
  g_assert_true (vf_fd_pwrite_full (device, "QFI\xfb", 4, 0));
  g_autoptr (VfFarFacts) qcow2 = far_stat (pair, node);
  g_assert_cmpstr (qcow2->signature, ==, "qcow2");
}

static void
test_wipe (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *node = NULL;
  g_auto (VfFd) device = VF_FD_NONE;
  guint8 bytes[4] = { 9, 9, 9, 9 };
  const off_t places[] = { 0, MIB, 3 * MIB - 1, 4 * MIB - 1 };
  const guint8 wanted[] = { 0, 0xee, 0xee, 0 };
  if (!device_of (4 * MIB, &device, &node))
    return;
  vf_far_wipe (pair->link, node, ID, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (places); i++) {
    vf_fd_pread_full (device, &bytes[i], 1, places[i]);
    g_assert_cmpuint (bytes[i], ==, wanted[i]);
  }
  g_autofree char *file = in_root (pair, "file");
  write_text (file, "x");
  g_assert_false (vf_far_wipe (pair->link, file, ID, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
  assert_text (file, "x");
}

/* ---- sink ---- */

static void
test_measure (AgentPair *pair, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfMeasure limits = { .ms_max = 200, .bytes_max = 2 * MIB };
  guint64 bytes_per_s = 0, sent_before = 0, sent = 0, received = 0;
  vf_link_counters (pair->link, &sent_before, &received);
  g_assert_true (vf_far_measure (pair->link, &limits, NULL, &bytes_per_s, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (bytes_per_s, >, 0);
  vf_link_counters (pair->link, &sent, &received);
  g_assert_cmpuint (sent - sent_before, <, 2 * MIB + MIB / 4);
  g_assert_cmpuint (sent - sent_before, >, 32 * 1024);
}

static void
test_sink_hostile (AgentPair *pair, gconstpointer data)
{
  static const guint32 lengths[] = { 0, 8 * MIB + 1, G_MAXUINT32 };
  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VfChannel) channel = vf_link_open (pair->link, "sink", NULL, NULL, NULL, &error);
    g_assert_no_error (error);
    guint32 length = GUINT32_TO_BE (lengths[i]);
    guint8 answer;
    vf_channel_send (channel, &length, sizeof length, NULL, NULL);
    g_assert_false (vf_channel_receive_full (channel, &answer, 1, NULL, &error));
    g_assert_error (error, VF_ERROR, VF_ERROR_PROTOCOL);
  }
}

#define ADD(name, function) g_test_add ("/agent/services/" name, AgentPair, NULL, agent_set_up, function, agent_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("the greeting tells host and roots and tool", test_hello);
  ADD ("an unknown service is refused as not found", test_unknown_service);
  ADD ("no service works without its arguments", test_no_arguments);
  ADD ("stat tells what is there and does not look outside", test_stat);
  ADD ("stat names who has a file open", test_stat_held);
  ADD ("only files and devices below the roots are digested", test_digest_refusals);
  ADD ("a cap names a backing file that nobody opens", test_cap);
  ADD ("a cap with hostile arguments is refused", test_cap_hostile);
  ADD ("a rebase writes another name into the same file", test_rebase);
  ADD ("a rebase of what is no plain qcow2 is refused", test_rebase_hostile);
  ADD ("a data file gets another name", test_rename_data_file);
  ADD ("an owner unknown here is passed over", test_own);
  ADD ("a device is seeded unless it is too small", test_device);
  ADD ("a device that a process has open is busy", test_device_held);
  ADD ("a mounted device is busy", test_device_mounted);
  ADD ("a device's signature is told", test_device_signature);
  ADD ("a wipe zeroes both ends and nothing between", test_wipe);
  ADD ("the link is measured with few bytes", test_measure);
  ADD ("a piece of a wrong size ends a measurement", test_sink_hostile);
  return g_test_run ();
}
