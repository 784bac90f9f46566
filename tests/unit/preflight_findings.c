/* Every finding that stands in the way of a move, from facts made by hand: one test a code. */
#include "preflight/preflight.h"
#include "scene.h"

typedef struct {
  Scene *scene;
  VfDestinationFacts *destination;
  VfPlan *plan;
  GPtrArray *findings;
} Trial;

static void
trial_free (Trial *trial)
{
  scene_free (trial->scene);
  vf_destination_facts_free (trial->destination);
  g_clear_pointer (&trial->plan, vf_plan_free);
  g_ptr_array_unref (trial->findings);
  g_free (trial);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Trial, trial_free)

static Trial *
trial_of (Scene *scene)
{
  Trial *trial = g_new0 (Trial, 1);
  trial->scene = scene;
  trial->findings = vf_findings_new ();
  trial->destination = vf_destination_facts_new ();
  trial->destination->host = g_strdup ("bravo");
  trial->destination->source_host = g_strdup ("alpha");
  trial->destination->qemu_img = g_strdup ("7.2.22");
  trial->destination->libvirt_version = trial->destination->source_libvirt_version = 12000000;
  trial->destination->qemu_version = trial->destination->source_qemu_version = 10001000;
  return trial;
}

/* "shop", with a destination that has the directory and none of the files: nothing is in its way. */
static Trial *
clean (void)
{
  Trial *trial = trial_of (scene_shop ());
  static const char *const names[] = { "top.qcow2", "base.qcow2", "branch.qcow2", "cd.iso", "before.mem" };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename ("/srv/vm", names[i], NULL);
    scene_there (trial->scene, path, VF_FILE_ABSENT);
  }
  scene_there (trial->scene, "/srv/vm", VF_FILE_DIRECTORY);
  return trial;
}

/* One disk vda on a device, which is there and free. */
static Trial *
on_device (void)
{
  Scene *scene = scene_new (SCENE_DEVICE ("vda", "/dev/vg/a"));
  scene_chain (scene, "vda", NULL, scene_image ("/dev/vg/a", "raw", NULL, NULL), NULL);
  scene_there (scene, "/dev/vg/a", VF_FILE_BLOCK);
  scene_file (scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY);
  scene_there (scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY);
  return trial_of (scene);
}

static Trial *
with_disks (const char *disks_xml)
{
  Trial *trial = clean ();
  g_autofree char *xml = g_strdup_printf ("<domain type='kvm'><name>shop</name><devices>%s</devices></domain>", disks_xml);
  g_clear_pointer (&trial->scene->inventory->domain, vf_domain_xml_free);
  trial->scene->inventory->domain = vf_domain_xml_parse (xml, NULL);
  g_assert_nonnull (trial->scene->inventory->domain);
  return trial;
}

static void
run (Trial *trial)
{
  if (trial->plan == NULL)
    trial->plan = scene_plan (trial->scene);
  VfPreflight preflight = { trial->scene->inventory, trial->scene->request, trial->plan,
                            trial->scene->far_table, trial->destination,    trial->findings };
  g_ptr_array_set_size (trial->findings, 0);
  vf_preflight_run (&preflight);
}

/* Exactly one finding above a note, of this code; its text has `part`. Takes the trial. */
static void
assert_only (Trial *taken, VfFindingLevel level, const char *code, const char *object, const char *part)
{
  g_autoptr (Trial) trial = taken;
  guint above = 0;
  run (trial);
  for (guint i = 0; i < trial->findings->len; i++) {
    const VfFinding *finding = trial->findings->pdata[i];
    if (finding->level < level && strcmp (finding->code, code) != 0)
      continue;
    above++;
    if (strcmp (finding->code, code) != 0)
      g_error ("'%s' (%s) besides '%s'", finding->code, finding->text, code);
    g_assert_cmpint (finding->level, ==, level);
    g_assert_cmpstr (finding->object, ==, object);
    assert_says (finding->text, part);
  }
  if (above != 1)
    g_error ("%u findings instead of '%s'", above, code);
  g_assert_cmpint (vf_findings_refuse (trial->findings), ==, level == VF_FINDING_REFUSE);
}

static void
assert_refused_for (Trial *taken, const char *code, const char *object, const char *part)
{
  assert_only (taken, VF_FINDING_REFUSE, code, object, part);
}

static void
nothing_stands_in_the_way_of_a_clean_move (void)
{
  g_autoptr (Trial) file = clean ();
  g_autoptr (Trial) device = on_device ();
  run (file);
  run (device);
  for (guint i = 0; i < file->findings->len; i++)
    g_error ("'%s'", ((VfFinding *)file->findings->pdata[i])->text);
  for (guint i = 0; i < device->findings->len; i++)
    g_error ("'%s'", ((VfFinding *)device->findings->pdata[i])->text);
}

static void
a_paused_guest_may_move (void)
{
  g_autoptr (Trial) trial = clean ();
  g_free (trial->scene->inventory->state);
  trial->scene->inventory->state = g_strdup ("paused");
  run (trial);
  g_assert_false (vf_findings_refuse (trial->findings));
}

static void
a_destination_that_was_not_reached_adds_no_guesses (void)
{
  g_autoptr (Trial) trial = clean ();
  g_clear_pointer (&trial->destination->host, g_free);
  g_clear_pointer (&trial->destination->qemu_img, g_free);
  g_hash_table_remove_all (trial->scene->far_table);
  run (trial);
  g_assert_cmpuint (trial->findings->len, ==, 0);
}

/* ---- the guest ---- */

static void
not_running (void)
{
  Trial *trial = clean ();
  g_free (trial->scene->inventory->state);
  trial->scene->inventory->state = g_strdup ("shut off");
  assert_refused_for (trial, "not-running", "shop", "the guest is shut off");
}

static void
job_active (void)
{
  Trial *trial = clean ();
  trial->scene->inventory->job = g_strdup ("migration");
  assert_refused_for (trial, "job-active", "shop", "a migration job is running");
}

static void
block_job_active (void)
{
  Trial *trial = clean ();
  g_ptr_array_add (trial->scene->inventory->block_jobs, g_strdup ("vda: copy"));
  assert_refused_for (trial, "block-job-active", "shop", "vda: copy");
}

static void
a_disk_that_is_mirrored (void)
{
  assert_refused_for (
      with_disks ("<disk type='file'><driver type='qcow2'/><source file='/srv/vm/top.qcow2'/><mirror type='file' "
                  "job='copy'><source file='/x'/></mirror><target dev='vda'/></disk>"),
      "block-job-active", "vda", "is being mirrored (copy)");
}

static void
checkpoints (void)
{
  Trial *trial = clean ();
  trial->scene->inventory->checkpoints = 2;
  assert_refused_for (trial, "checkpoints", "shop", "2 checkpoint(s)");
}

static void
nvram (void)
{
  Trial *trial = clean ();
  trial->scene->inventory->domain->nvram = g_strdup ("/var/lib/shop_VARS.fd");
  assert_refused_for (trial, "nvram", "/var/lib/shop_VARS.fd", "UEFI variables");
}

static void
tpm (void)
{
  Trial *trial = clean ();
  trial->scene->inventory->domain->has_tpm = true;
  assert_refused_for (trial, "tpm", "shop", "emulated TPM");
}

static void
managed_save (void)
{
  Trial *trial = clean ();
  trial->scene->inventory->has_managed_save = true;
  assert_refused_for (trial, "managed-save", "shop", "managed save image");
}

#define VDA(inside)                                                                                                            \
  "<disk type='file'><driver type='qcow2'/><source file='/srv/vm/top.qcow2'/><target dev='vda'/>" inside "</disk>"

static void
shareable (void)
{
  assert_refused_for (with_disks (VDA ("<shareable/>")), "shareable", "vda", "another guest may write it");
}

static void
transient_disk (void)
{
  assert_refused_for (with_disks (VDA ("<transient/>")), "transient-disk", "vda", "the disk is transient");
}

static void
an_encrypted_disk (void)
{
  assert_refused_for (with_disks (VDA ("<encryption format='luks'/>")), "encrypted", "vda", "the disk is encrypted");
}

static void
disk_source (void)
{
  assert_refused_for (with_disks (VDA () "<disk type='volume'><source pool='p' volume='v'/><target dev='vdb'/></disk>"),
                      "disk-source", "vdb", "of type 'volume'");
}

static void
network_disk (void)
{
  assert_only (with_disks (VDA () "<disk type='network'><source protocol='rbd' name='p/i'/><target dev='vdb'/></disk>"),
               VF_FINDING_WARN, "network-disk", "vdb", "lies on the network");
}

/* ---- chains ---- */

static Trial *
with_broken_chain (guint head, VfChainState state, const char *at, const char *reason)
{
  Trial *trial = clean ();
  VfChain *chain = ((VfHead *)trial->scene->inventory->heads->pdata[head])->chain;
  chain->state = state;
  chain->at = g_strdup (at);
  chain->reason = g_strdup (reason);
  return trial;
}

enum { RUNNING_HEAD = 0, SNAPSHOT_HEAD = 2 };

static void
missing_layer (void)
{
  assert_refused_for (with_broken_chain (RUNNING_HEAD, VF_CHAIN_MISSING, "/srv/gone", "No such file"), "missing-layer",
                      "/srv/gone", "disk 'vda' needs it");
}

static void
a_layer_that_only_a_snapshot_misses_is_a_warning (void)
{
  assert_only (with_broken_chain (SNAPSHOT_HEAD, VF_CHAIN_MISSING, "/srv/gone", "No such file"), VF_FINDING_WARN,
               "missing-layer", "/srv/gone", "disk 'vda' of snapshot 'before' needs it");
}

static void
backing_format (void)
{
  assert_refused_for (with_broken_chain (RUNNING_HEAD, VF_CHAIN_NO_FORMAT, "/srv/vm/top.qcow2", "x"), "backing-format",
                      "/srv/vm/top.qcow2", "does not record the format");
  assert_refused_for (with_broken_chain (SNAPSHOT_HEAD, VF_CHAIN_NO_FORMAT, "/srv/vm/branch.qcow2", "x"), "backing-format",
                      "/srv/vm/branch.qcow2", "of snapshot 'before'");
}

static void
unsupported_layer (void)
{
  assert_refused_for (with_broken_chain (RUNNING_HEAD, VF_CHAIN_UNSUPPORTED, "/srv/x", "its format 'vmdk' is neither"),
                      "unsupported-layer", "/srv/x", "its format 'vmdk' is neither (disk 'vda')");
}

static void
chain_loop (void)
{
  assert_refused_for (with_broken_chain (RUNNING_HEAD, VF_CHAIN_LOOP, "/srv/x", "x"), "chain-loop", "/srv/x",
                      "backs on itself");
}

static void
unreadable_layer (void)
{
  assert_refused_for (with_broken_chain (RUNNING_HEAD, VF_CHAIN_UNREADABLE, "/srv/x", "bad header"), "unreadable-layer",
                      "/srv/x", "bad header (disk 'vda')");
  assert_only (with_broken_chain (SNAPSHOT_HEAD, VF_CHAIN_UNREADABLE, "/srv/x", "bad header"), VF_FINDING_WARN,
               "unreadable-layer", "/srv/x", "bad header");
}

/* The base is in two chains and must be told of once. */
static VfImage *
base_of (Trial *trial, guint head)
{
  return ((VfHead *)trial->scene->inventory->heads->pdata[head])->chain->images->pdata[1];
}

static void
data_file (void)
{
  Trial *trial = clean ();
  base_of (trial, RUNNING_HEAD)->data_file = g_strdup ("/srv/vm/data");
  base_of (trial, SNAPSHOT_HEAD)->data_file = g_strdup ("/srv/vm/data");
  assert_refused_for (trial, "data-file", "/srv/vm/base.qcow2", "'/srv/vm/data'");
}

static void
an_encrypted_image (void)
{
  Trial *trial = clean ();
  base_of (trial, RUNNING_HEAD)->encrypted = true;
  assert_refused_for (trial, "encrypted", "/srv/vm/base.qcow2", "the image is encrypted");
}

static void
corrupt (void)
{
  Trial *trial = clean ();
  base_of (trial, RUNNING_HEAD)->corrupt = true;
  assert_refused_for (trial, "corrupt", "/srv/vm/base.qcow2", "marked corrupt");
}

static void
top_has_dependents (void)
{
  Trial *trial = clean ();
  scene_chain (trial->scene, "vda", "odd", scene_image ("/srv/vm/odd.qcow2", "qcow2", "top.qcow2", "qcow2"), NULL);
  assert_refused_for (trial, "top-has-dependents", "/srv/vm/top.qcow2", "'/srv/vm/odd.qcow2' backs on it");
}

/* ---- the destination ---- */

static void
same_host (void)
{
  Trial *trial = clean ();
  g_free (trial->destination->host);
  trial->destination->host = g_strdup ("alpha");
  assert_refused_for (trial, "same-host", "alpha", "both ends call themselves 'alpha'");
}

static void
uuid_taken (void)
{
  Trial *trial = clean ();
  trial->destination->uuid_taken = trial->destination->name_taken = true;
  trial->destination->taken_name = g_strdup ("shop-old");
  assert_refused_for (trial, "uuid-taken", "6695eb01-f6a4-8304-79aa-97f2502e193f", "the guest 'shop-old' at bravo");
}

static void
name_taken (void)
{
  Trial *trial = clean ();
  trial->destination->name_taken = true;
  assert_refused_for (trial, "name-taken", "shop", "another guest of that name exists at bravo");
}

static void
no_qemu_img (void)
{
  Trial *trial = clean ();
  g_clear_pointer (&trial->destination->qemu_img, g_free);
  assert_refused_for (trial, "no-qemu-img", "bravo", "no qemu-img at bravo");
}

static void
older_qemu (void)
{
  Trial *trial = clean ();
  trial->destination->qemu_version = 7002022;
  trial->destination->source_qemu_version = 10000013;
  assert_only (trial, VF_FINDING_WARN, "older-qemu", "bravo", "QEMU at bravo is 7.2, here it is 10.0");
}

static void
a_newer_qemu_is_no_finding (void)
{
  g_autoptr (Trial) trial = clean ();
  trial->destination->qemu_version = 10000013;
  run (trial);
  g_assert_cmpuint (trial->findings->len, ==, 0);
}

/* ---- storage there ---- */

static void
outside_roots (void)
{
  Trial *trial = clean ();
  scene_there (trial->scene, "/srv/vm/cd.iso", VF_FILE_ABSENT)->in_roots = false;
  assert_refused_for (trial, "outside-roots", "/srv/vm/cd.iso", "the agent at bravo may not open");
}

static void
a_top_of_that_name_is_in_the_way_whatever_it_holds (void)
{
  Trial *trial = clean ();
  scene_there (trial->scene, "/srv/vm/top.qcow2", VF_FILE_REGULAR);
  g_hash_table_insert (trial->destination->equal, g_strdup ("/srv/vm/top.qcow2"), GINT_TO_POINTER (1));
  assert_refused_for (trial, "file-in-the-way", "/srv/vm/top.qcow2", "the guest's writes must not go into it");
}

static void
a_layer_of_another_size_is_in_the_way (void)
{
  Trial *trial = clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR)->file->bytes = 1;
  assert_refused_for (trial, "file-in-the-way", "/srv/vm/base.qcow2", "with other content exists at bravo");
}

static void
a_layer_of_other_content_is_in_the_way (void)
{
  Trial *trial = clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR);
  g_hash_table_insert (trial->destination->equal, g_strdup ("/srv/vm/base.qcow2"), GINT_TO_POINTER (0));
  assert_refused_for (trial, "file-in-the-way", "/srv/vm/base.qcow2", "with other content exists at bravo");
}

static void
a_layer_that_was_not_compared_is_in_the_way (void)
{
  Trial *trial = clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR);
  assert_refused_for (trial, "file-in-the-way", "/srv/vm/base.qcow2", "other content");
}

static void
a_directory_of_that_name_is_in_the_way (void)
{
  Trial *trial = clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_DIRECTORY);
  assert_refused_for (trial, "file-in-the-way", "/srv/vm/base.qcow2", "a directory of that name");
}

static void
reused (void)
{
  Trial *trial = clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR);
  g_hash_table_insert (trial->destination->equal, g_strdup ("/srv/vm/base.qcow2"), GINT_TO_POINTER (1));
  assert_only (trial, VF_FINDING_NOTE, "reused", "/srv/vm/base.qcow2", "used as it is");
}

static void
no_device_for_a_top (void)
{
  Trial *trial = on_device ();
  scene_there (trial->scene, "/dev/vg/a", VF_FILE_ABSENT);
  assert_refused_for (trial, "no-device", "/dev/vg/a", "no block device of that name at bravo");
}

static void
no_device_for_a_lower_layer (void)
{
  Trial *trial = clean ();
  scene_chain (trial->scene, "vda", "odd", scene_image ("/dev/vg/base", "raw", NULL, NULL), NULL);
  scene_there (trial->scene, "/dev/vg/base", VF_FILE_ABSENT);
  assert_refused_for (trial, "no-device", "/dev/vg/base", "no block device of that name at bravo");
}

static void
no_device_where_a_file_is_sent_onto_one (void)
{
  Trial *trial = clean ();
  vf_request_add_disk (trial->scene->request, "vda=/dev/vg/typo", NULL);
  scene_there (trial->scene, "/dev/vg/typo", VF_FILE_ABSENT);
  scene_there (trial->scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY);
  assert_refused_for (trial, "no-device", "/dev/vg/typo", "no block device of that name at bravo");
}

static void
a_file_below_dev_shm_needs_no_device (void)
{
  g_autoptr (Trial) trial = clean ();
  vf_request_add_map (trial->scene->request, "/srv/vm/cd.iso=/dev/shm/cd.iso", NULL);
  scene_there (trial->scene, "/dev/shm/cd.iso", VF_FILE_ABSENT);
  run (trial);
  g_assert_false (vf_findings_refuse (trial->findings));
}

static void
device_in_use (void)
{
  Trial *trial = on_device ();
  ((VfFarFacts *)g_hash_table_lookup (trial->scene->far_table, "/dev/vg/a"))->held_by = g_strdup ("mounted on /mnt");
  assert_refused_for (trial, "device-in-use", "/dev/vg/a", "in use: mounted on /mnt");
}

static void
device_not_empty (void)
{
  Trial *trial = on_device ();
  ((VfFarFacts *)g_hash_table_lookup (trial->scene->far_table, "/dev/vg/a"))->signature = g_strdup ("ext4");
  assert_refused_for (trial, "device-not-empty", "/dev/vg/a", "holds something: ext4");
}

static void
device_size_of_raw_is_exact (void)
{
  static const gint64 differences[] = { -1, 1 };
  for (gsize i = 0; i < G_N_ELEMENTS (differences); i++) {
    Trial *trial = on_device ();
    scene_there (trial->scene, "/dev/vg/a", VF_FILE_BLOCK)->file->bytes += (guint64)differences[i];
    assert_refused_for (trial, "device-size", "/dev/vg/a", "needs exactly 67108864");
  }
}

static void
device_size_of_qcow2_is_at_least_the_files (void)
{
  for (gint64 difference = -1; difference <= 1; difference++) {
    Trial *trial = clean ();
    vf_request_add_disk (trial->scene->request, "vda=/dev/vg/x", NULL);
    scene_there (trial->scene, "/dev/vg/x", VF_FILE_BLOCK)->file->bytes = (guint64)(9 * SCENE_MIB + difference);
    scene_there (trial->scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY);
    run (trial);
    if (difference >= 0) {
      g_assert_false (vf_findings_refuse (trial->findings));
      trial_free (trial);
    } else {
      assert_refused_for (trial, "device-size", "/dev/vg/x", "needs at least 9437184");
    }
  }
}

static void
new_directory (void)
{
  Trial *trial = clean ();
  scene_there (trial->scene, "/srv/vm", VF_FILE_ABSENT);
  scene_there (trial->scene, "/srv", VF_FILE_DIRECTORY);
  assert_only (trial, VF_FINDING_NOTE, "new-directory", "/srv/vm", "will be made at bravo");
}

/* ---- room ---- */

/* Five files of 8 MiB each, and a cap that may grow to the disk's 64 MiB. */
enum { NEEDED_THERE = (5 * 8 + 64) * SCENE_MIB, NEEDED_HERE = 64 * SCENE_MIB };

static void
set_free_there (Trial *trial, guint64 bytes)
{
  GHashTableIter iter;
  gpointer facts;
  g_hash_table_iter_init (&iter, trial->scene->far_table);
  while (g_hash_table_iter_next (&iter, NULL, &facts))
    ((VfFarFacts *)facts)->file->free_bytes = bytes;
}

static void
exactly_enough_room_is_enough (void)
{
  g_autoptr (Trial) trial = clean ();
  set_free_there (trial, NEEDED_THERE);
  ((VfFileFacts *)vf_inventory_file (trial->scene->inventory, "/srv/vm"))->free_bytes = NEEDED_HERE;
  run (trial);
  g_assert_cmpuint (trial->findings->len, ==, 0);
}

static void
no_space_at_the_destination (void)
{
  Trial *trial = clean ();
  set_free_there (trial, NEEDED_THERE - 1);
  assert_refused_for (trial, "no-space", "/srv/vm/top.qcow2", "at bravo needs 104.0 MiB");
}

static void
no_space_at_the_source (void)
{
  Trial *trial = clean ();
  ((VfFileFacts *)vf_inventory_file (trial->scene->inventory, "/srv/vm"))->free_bytes = NEEDED_HERE - 1;
  assert_refused_for (trial, "no-space", "/srv/vm", "at alpha needs 64.0 MiB");
}

static void
each_filesystem_is_reckoned_by_itself (void)
{
  g_autoptr (Trial) trial = clean ();
  set_free_there (trial, NEEDED_THERE - 8 * SCENE_MIB);
  ((VfFarFacts *)g_hash_table_lookup (trial->scene->far_table, "/srv/vm/cd.iso"))->file->filesystem = 8;
  run (trial);
  g_assert_cmpuint (trial->findings->len, ==, 0);
}

static void
a_reused_file_needs_no_room (void)
{
  g_autoptr (Trial) trial = clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR);
  g_hash_table_insert (trial->destination->equal, g_strdup ("/srv/vm/base.qcow2"), GINT_TO_POINTER (1));
  set_free_there (trial, NEEDED_THERE - 8 * SCENE_MIB);
  run (trial);
  g_assert_false (vf_findings_refuse (trial->findings));
}

static void
a_small_cap_limit_needs_less_room (void)
{
  g_autoptr (Trial) trial = clean ();
  trial->scene->request->max_cap_bytes = SCENE_MIB;
  set_free_there (trial, (5 * 8 + 2) * SCENE_MIB);
  run (trial);
  g_assert_cmpuint (trial->findings->len, ==, 0);
}

static void
the_caps_of_devices_need_room_in_their_own_directory (void)
{
  Trial *there = on_device ();
  scene_there (there->scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY)->file->free_bytes = 64 * SCENE_MIB - 1;
  assert_refused_for (there, "no-space", "/var/lib/libvirt/images", "at bravo needs 64.0 MiB");
  Trial *here = on_device ();
  scene_file (here->scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY)->free_bytes = 64 * SCENE_MIB - 1;
  assert_refused_for (here, "no-space", "/var/lib/libvirt/images", "at alpha needs 64.0 MiB");
}

#define ADD(name, function) g_test_add_func ("/preflight/" name, function)

static void
add_guest_tests (void)
{
  ADD ("guest/not-running", not_running);
  ADD ("guest/job-active", job_active);
  ADD ("guest/block-job-active", block_job_active);
  ADD ("guest/block-job-active: a disk that is mirrored", a_disk_that_is_mirrored);
  ADD ("guest/checkpoints", checkpoints);
  ADD ("guest/nvram", nvram);
  ADD ("guest/tpm", tpm);
  ADD ("guest/managed-save", managed_save);
  ADD ("guest/shareable", shareable);
  ADD ("guest/transient-disk", transient_disk);
  ADD ("guest/encrypted", an_encrypted_disk);
  ADD ("guest/disk-source", disk_source);
  ADD ("guest/network-disk is a warning", network_disk);
}

static void
add_chain_and_destination_tests (void)
{
  ADD ("chains/missing-layer", missing_layer);
  ADD ("chains/missing-layer: one that only a snapshot misses is a warning", a_layer_that_only_a_snapshot_misses_is_a_warning);
  ADD ("chains/backing-format", backing_format);
  ADD ("chains/unsupported-layer", unsupported_layer);
  ADD ("chains/chain-loop", chain_loop);
  ADD ("chains/unreadable-layer", unreadable_layer);
  ADD ("chains/data-file", data_file);
  ADD ("chains/encrypted", an_encrypted_image);
  ADD ("chains/corrupt", corrupt);
  ADD ("chains/top-has-dependents", top_has_dependents);
  ADD ("destination/same-host", same_host);
  ADD ("destination/uuid-taken", uuid_taken);
  ADD ("destination/name-taken", name_taken);
  ADD ("destination/no-qemu-img", no_qemu_img);
  ADD ("destination/older-qemu is a warning", older_qemu);
  ADD ("destination/a newer QEMU is no finding", a_newer_qemu_is_no_finding);
}

static void
add_storage_tests (void)
{
  ADD ("storage/outside-roots", outside_roots);
  ADD ("storage/file-in-the-way: a top, whatever it holds", a_top_of_that_name_is_in_the_way_whatever_it_holds);
  ADD ("storage/file-in-the-way: a layer of another size", a_layer_of_another_size_is_in_the_way);
  ADD ("storage/file-in-the-way: a layer of other content", a_layer_of_other_content_is_in_the_way);
  ADD ("storage/file-in-the-way: a layer that was not compared", a_layer_that_was_not_compared_is_in_the_way);
  ADD ("storage/file-in-the-way: a directory", a_directory_of_that_name_is_in_the_way);
  ADD ("storage/reused is a note", reused);
  ADD ("storage/no-device for a top", no_device_for_a_top);
  ADD ("storage/no-device for a lower layer", no_device_for_a_lower_layer);
  ADD ("storage/no-device where a file is sent onto one", no_device_where_a_file_is_sent_onto_one);
  ADD ("storage/a file below /dev/shm needs no device", a_file_below_dev_shm_needs_no_device);
  ADD ("storage/device-in-use", device_in_use);
  ADD ("storage/device-not-empty", device_not_empty);
  ADD ("storage/device-size of raw is exact", device_size_of_raw_is_exact);
  ADD ("storage/device-size of qcow2 is at least the file's", device_size_of_qcow2_is_at_least_the_files);
  ADD ("storage/new-directory is a note", new_directory);
}

static void
add_space_tests (void)
{
  ADD ("space/exactly enough room is enough", exactly_enough_room_is_enough);
  ADD ("space/no-space at the destination", no_space_at_the_destination);
  ADD ("space/no-space at the source", no_space_at_the_source);
  ADD ("space/each filesystem is reckoned by itself", each_filesystem_is_reckoned_by_itself);
  ADD ("space/a reused file needs no room", a_reused_file_needs_no_room);
  ADD ("space/a small cap limit needs less room", a_small_cap_limit_needs_less_room);
  ADD ("space/the caps of devices need room in their own directory", the_caps_of_devices_need_room_in_their_own_directory);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("nothing stands in the way of a clean move", nothing_stands_in_the_way_of_a_clean_move);
  ADD ("a paused guest may move", a_paused_guest_may_move);
  ADD ("a destination that was not reached adds no guesses", a_destination_that_was_not_reached_adds_no_guesses);
  add_guest_tests ();
  add_chain_and_destination_tests ();
  add_storage_tests ();
  add_space_tests ();
  return g_test_run ();
}
