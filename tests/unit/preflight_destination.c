/* What stands in the way of a move at the destination: names, versions, storage and room; one test a code. */
#include "trial.h"

/* ---- the destination ---- */

static void
same_host (void)
{
  Trial *trial = trial_clean ();
  g_free (trial->destination->host);
  trial->destination->host = g_strdup ("alpha");
  assert_refused_for (trial, "same-host", "alpha", "both ends call themselves 'alpha'");
}

static void
uuid_taken (void)
{
  Trial *trial = trial_clean ();
  trial->destination->uuid_taken = trial->destination->name_taken = true;
  trial->destination->taken_name = g_strdup ("shop-old");
  assert_refused_for (trial, "uuid-taken", "6695eb01-f6a4-8304-79aa-97f2502e193f", "the guest 'shop-old' at bravo");
}

static void
name_taken (void)
{
  Trial *trial = trial_clean ();
  trial->destination->name_taken = true;
  assert_refused_for (trial, "name-taken", "shop", "another guest of that name exists at bravo");
}

static void
no_qemu_img (void)
{
  Trial *trial = trial_clean ();
  g_clear_pointer (&trial->destination->qemu_img, g_free);
  assert_refused_for (trial, "no-qemu-img", "bravo", "no qemu-img at bravo");
}

static void
older_qemu (void)
{
  Trial *trial = trial_clean ();
  trial->destination->qemu_version = 7002022;
  trial->destination->source_qemu_version = 10000013;
  assert_only (trial, VF_FINDING_WARN, "older-qemu", "bravo", "QEMU at bravo is 7.2, here it is 10.0");
}

static void
older_libvirt (void)
{
  Trial *trial = trial_clean ();
  trial->destination->libvirt_version = 11009000;
  trial->destination->source_libvirt_version = 12000000;
  VfPlanSnapshot *snapshot = g_new0 (VfPlanSnapshot, 1);
  snapshot->name = g_strdup ("clean");
  snapshot->kind = g_strdup ("disks only");
  trial->plan = scene_plan (trial->scene);
  g_ptr_array_add (trial->plan->snapshots, snapshot);
  assert_only (trial, VF_FINDING_WARN, "older-libvirt", "bravo", "libvirt at bravo is 11.9, here it is 12.0");
}

static void
a_newer_qemu_is_no_finding (void)
{
  g_autoptr (Trial) trial = trial_clean ();
  trial->destination->qemu_version = 10000013;
  trial_run (trial);
  g_assert_cmpuint (trial->findings->len, ==, 0);
}

/* ---- storage there ---- */

static void
outside_roots (void)
{
  Trial *trial = trial_clean ();
  scene_there (trial->scene, "/srv/vm/cd.iso", VF_FILE_ABSENT)->in_roots = false;
  assert_refused_for (trial, "outside-roots", "/srv/vm/cd.iso", "the agent at bravo may not open");
}

static void
a_top_of_that_name_is_in_the_way_whatever_it_holds (void)
{
  Trial *trial = trial_clean ();
  scene_there (trial->scene, "/srv/vm/top.qcow2", VF_FILE_REGULAR);
  g_hash_table_insert (trial->destination->equal, g_strdup ("/srv/vm/top.qcow2"), GINT_TO_POINTER (1));
  assert_refused_for (trial, "file-in-the-way", "/srv/vm/top.qcow2", "the guest's writes must not go into it");
}

static void
a_layer_of_another_size_is_in_the_way (void)
{
  Trial *trial = trial_clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR)->file->bytes = 1;
  assert_refused_for (trial, "file-in-the-way", "/srv/vm/base.qcow2", "with other content exists at bravo");
}

static void
a_layer_of_other_content_is_in_the_way (void)
{
  Trial *trial = trial_clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR);
  g_hash_table_insert (trial->destination->equal, g_strdup ("/srv/vm/base.qcow2"), GINT_TO_POINTER (0));
  assert_refused_for (trial, "file-in-the-way", "/srv/vm/base.qcow2", "with other content exists at bravo");
}

static void
a_layer_that_was_not_compared_is_in_the_way (void)
{
  Trial *trial = trial_clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR);
  assert_refused_for (trial, "file-in-the-way", "/srv/vm/base.qcow2", "other content");
}

static void
a_directory_of_that_name_is_in_the_way (void)
{
  Trial *trial = trial_clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_DIRECTORY);
  assert_refused_for (trial, "file-in-the-way", "/srv/vm/base.qcow2", "a directory of that name");
}

static void
reused (void)
{
  Trial *trial = trial_clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR);
  g_hash_table_insert (trial->destination->equal, g_strdup ("/srv/vm/base.qcow2"), GINT_TO_POINTER (1));
  assert_only (trial, VF_FINDING_NOTE, "reused", "/srv/vm/base.qcow2", "used as it is");
}

static void
no_device_for_a_top (void)
{
  Trial *trial = trial_on_device ();
  scene_there (trial->scene, "/dev/vg/a", VF_FILE_ABSENT);
  assert_refused_for (trial, "no-device", "/dev/vg/a", "no block device of that name at bravo");
}

static void
no_device_for_a_lower_layer (void)
{
  Trial *trial = trial_clean ();
  scene_chain (trial->scene, "vda", "odd", scene_image ("/dev/vg/base", "raw", NULL, NULL), NULL);
  scene_there (trial->scene, "/dev/vg/base", VF_FILE_ABSENT);
  assert_refused_for (trial, "no-device", "/dev/vg/base", "no block device of that name at bravo");
}

static void
no_device_where_a_file_is_sent_onto_one (void)
{
  Trial *trial = trial_clean ();
  vf_request_add_disk (trial->scene->request, "vda=/dev/vg/typo", NULL);
  scene_there (trial->scene, "/dev/vg/typo", VF_FILE_ABSENT);
  scene_there (trial->scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY);
  assert_refused_for (trial, "no-device", "/dev/vg/typo", "no block device of that name at bravo");
}

static void
device_in_use (void)
{
  Trial *trial = trial_on_device ();
  ((VfFarFacts *)g_hash_table_lookup (trial->scene->far_table, "/dev/vg/a"))->held_by = g_strdup ("mounted on /mnt");
  assert_refused_for (trial, "device-in-use", "/dev/vg/a", "in use: mounted on /mnt");
}

static void
device_not_empty (void)
{
  Trial *trial = trial_on_device ();
  ((VfFarFacts *)g_hash_table_lookup (trial->scene->far_table, "/dev/vg/a"))->signature = g_strdup ("ext4");
  assert_refused_for (trial, "device-not-empty", "/dev/vg/a", "holds something: ext4");
}

static void
device_size_of_raw_is_exact (void)
{
  static const gint64 differences[] = { -1, 1 };
  for (gsize i = 0; i < G_N_ELEMENTS (differences); i++) {
    Trial *trial = trial_on_device ();
    scene_there (trial->scene, "/dev/vg/a", VF_FILE_BLOCK)->file->bytes += (guint64)differences[i];
    assert_refused_for (trial, "device-size", "/dev/vg/a", "needs exactly 67108864");
  }
}

/* A backing name on a device stays as it is, so it must be one that need not change. */
static void
name_base_absolutely (Trial *trial)
{
  VfImage *top = ((VfHead *)trial->scene->inventory->heads->pdata[0])->chain->images->pdata[0];
  g_free (top->backing_name);
  top->backing_name = g_strdup ("/srv/vm/base.qcow2");
}

static void
device_size_of_qcow2_is_at_least_the_files (void)
{
  for (gint64 difference = -1; difference <= 1; difference++) {
    Trial *trial = trial_clean ();
    name_base_absolutely (trial);
    vf_request_add_disk (trial->scene->request, "vda=/dev/vg/x", NULL);
    scene_there (trial->scene, "/dev/vg/x", VF_FILE_BLOCK)->file->bytes = (guint64)(9 * SCENE_MIB + difference);
    scene_there (trial->scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY);
    trial_run (trial);
    if (difference >= 0) {
      g_assert_false (vf_findings_refuse (trial->findings));
      trial_free (trial);
    } else {
      assert_refused_for (trial, "device-size", "/dev/vg/x", "needs at least 9437184");
    }
  }
}

static void
device_backing_name (void)
{
  Trial *trial = trial_clean ();
  name_base_absolutely (trial);
  vf_request_add_disk (trial->scene->request, "vda=/dev/vg/x", NULL);
  vf_request_add_map (trial->scene->request, "/srv/vm=/srv/vm2", NULL);
  scene_there (trial->scene, "/dev/vg/x", VF_FILE_BLOCK);
  scene_there (trial->scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY);
  assert_refused_for (trial, "device-backing-name", "/dev/vg/x", "records a backing name that would have to change");
}

static void
nothing_is_said_of_room_and_directories_outside_the_roots (void)
{
  Trial *trial = trial_clean ();
  scene_there (trial->scene, "/srv/vm", VF_FILE_ABSENT)->in_roots = false;
  VfFarFacts *there = scene_there (trial->scene, "/srv/vm/cd.iso", VF_FILE_ABSENT);
  there->in_roots = false;
  there->file->filesystem = 99;
  there->file->free_bytes = 0;
  trial_run (trial);
  g_assert_cmpuint (trial->plan->directories->len, ==, 0);
  assert_refused_for (trial, "outside-roots", "/srv/vm/cd.iso", "may not open");
}

static void
new_directory (void)
{
  Trial *trial = trial_clean ();
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
  g_autoptr (Trial) trial = trial_clean ();
  set_free_there (trial, NEEDED_THERE);
  ((VfFileFacts *)vf_inventory_file (trial->scene->inventory, "/srv/vm"))->free_bytes = NEEDED_HERE;
  trial_run (trial);
  g_assert_cmpuint (trial->findings->len, ==, 0);
}

static void
no_space_at_the_destination (void)
{
  Trial *trial = trial_clean ();
  set_free_there (trial, NEEDED_THERE - 1);
  assert_refused_for (trial, "no-space", "/srv/vm/top.qcow2", "at bravo needs 104.0 MiB");
}

static void
no_space_at_the_source (void)
{
  Trial *trial = trial_clean ();
  ((VfFileFacts *)vf_inventory_file (trial->scene->inventory, "/srv/vm"))->free_bytes = NEEDED_HERE - 1;
  assert_refused_for (trial, "no-space", "/srv/vm", "at alpha needs 64.0 MiB");
}

static void
each_filesystem_is_reckoned_by_itself (void)
{
  g_autoptr (Trial) trial = trial_clean ();
  set_free_there (trial, NEEDED_THERE - 8 * SCENE_MIB);
  ((VfFarFacts *)g_hash_table_lookup (trial->scene->far_table, "/srv/vm/cd.iso"))->file->filesystem = 8;
  trial_run (trial);
  g_assert_cmpuint (trial->findings->len, ==, 0);
}

static void
a_reused_file_needs_no_room (void)
{
  g_autoptr (Trial) trial = trial_clean ();
  scene_there (trial->scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR);
  g_hash_table_insert (trial->destination->equal, g_strdup ("/srv/vm/base.qcow2"), GINT_TO_POINTER (1));
  set_free_there (trial, NEEDED_THERE - 8 * SCENE_MIB);
  trial_run (trial);
  g_assert_false (vf_findings_refuse (trial->findings));
}

static void
a_small_cap_limit_needs_less_room (void)
{
  g_autoptr (Trial) trial = trial_clean ();
  trial->scene->request->max_cap_bytes = SCENE_MIB;
  set_free_there (trial, (5 * 8 + 2) * SCENE_MIB);
  trial_run (trial);
  g_assert_cmpuint (trial->findings->len, ==, 0);
}

static void
the_caps_of_devices_need_room_in_their_own_directory (void)
{
  Trial *there = trial_on_device ();
  scene_there (there->scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY)->file->free_bytes = 64 * SCENE_MIB - 1;
  assert_refused_for (there, "no-space", "/var/lib/libvirt/images", "at bravo needs 64.0 MiB");
  Trial *here = trial_on_device ();
  scene_file (here->scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY)->free_bytes = 64 * SCENE_MIB - 1;
  assert_refused_for (here, "no-space", "/var/lib/libvirt/images", "at alpha needs 64.0 MiB");
}

#define ADD(name, function) g_test_add_func ("/preflight/" name, function)

static void
add_destination_tests (void)
{
  ADD ("destination/same-host", same_host);
  ADD ("destination/uuid-taken", uuid_taken);
  ADD ("destination/name-taken", name_taken);
  ADD ("destination/no-qemu-img", no_qemu_img);
  ADD ("destination/older-qemu is a warning", older_qemu);
  ADD ("destination/older-libvirt is a warning for a guest with snapshots", older_libvirt);
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
  ADD ("storage/device-in-use", device_in_use);
  ADD ("storage/device-not-empty", device_not_empty);
  ADD ("storage/device-size of raw is exact", device_size_of_raw_is_exact);
  ADD ("storage/device-size of qcow2 is at least the file's", device_size_of_qcow2_is_at_least_the_files);
  ADD ("storage/device-backing-name", device_backing_name);
  ADD ("storage/outside-roots: nothing is said of room and directories there",
       nothing_is_said_of_room_and_directories_outside_the_roots);
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
  add_destination_tests ();
  add_storage_tests ();
  add_space_tests ();
  return g_test_run ();
}
