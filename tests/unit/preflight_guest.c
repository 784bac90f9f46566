/* What stands in the way of a move at the guest and in its chains: one test a code, from facts made by hand. */
#include "trial.h"

static void
nothing_stands_in_the_way_of_a_clean_move (void)
{
  g_autoptr (Trial) file = trial_clean ();
  g_autoptr (Trial) device = trial_on_device ();
  trial_run (file);
  trial_run (device);
  for (guint i = 0; i < file->findings->len; i++)
    g_error ("'%s'", ((VfFinding *)file->findings->pdata[i])->text);
  for (guint i = 0; i < device->findings->len; i++)
    g_error ("'%s'", ((VfFinding *)device->findings->pdata[i])->text);
}

static void
a_paused_guest_may_move (void)
{
  g_autoptr (Trial) trial = trial_clean ();
  g_free (trial->scene->inventory->state);
  trial->scene->inventory->state = g_strdup ("paused");
  trial_run (trial);
  g_assert_false (vf_findings_refuse (trial->findings));
}

static void
a_destination_that_was_not_reached_adds_no_guesses (void)
{
  g_autoptr (Trial) trial = trial_clean ();
  g_clear_pointer (&trial->destination->host, g_free);
  g_clear_pointer (&trial->destination->qemu_img, g_free);
  g_hash_table_remove_all (trial->scene->far_table);
  trial_run (trial);
  g_assert_cmpuint (trial->findings->len, ==, 0);
}

/* ---- the guest ---- */

static void
not_running (void)
{
  Trial *trial = trial_clean ();
  g_free (trial->scene->inventory->state);
  trial->scene->inventory->state = g_strdup ("shut off");
  assert_refused_for (trial, "not-running", "shop", "the guest is shut off");
}

static void
job_active (void)
{
  Trial *trial = trial_clean ();
  trial->scene->inventory->job = g_strdup ("migration");
  assert_refused_for (trial, "job-active", "shop", "a migration job is running");
}

static void
block_job_active (void)
{
  Trial *trial = trial_clean ();
  g_ptr_array_add (trial->scene->inventory->block_jobs, g_strdup ("vda: copy"));
  assert_refused_for (trial, "block-job-active", "shop", "vda: copy");
}

static void
a_disk_that_is_mirrored (void)
{
  assert_refused_for (
      trial_with_disks ("<disk type='file'><driver type='qcow2'/><source file='/srv/vm/top.qcow2'/><mirror type='file' "
                        "job='copy'><source file='/x'/></mirror><target dev='vda'/></disk>"),
      "block-job-active", "vda", "is being mirrored (copy)");
}

static void
managed_save (void)
{
  Trial *trial = trial_clean ();
  trial->scene->inventory->has_managed_save = true;
  assert_refused_for (trial, "managed-save", "shop", "managed save image");
}

#define VDA(inside)                                                                                                            \
  "<disk type='file'><driver type='qcow2'/><source file='/srv/vm/top.qcow2'/><target dev='vda'/>" inside "</disk>"

static void
shareable (void)
{
  assert_refused_for (trial_with_disks (VDA ("<shareable/>")), "shareable", "vda", "another guest may write it");
}

static void
transient_disk (void)
{
  assert_refused_for (trial_with_disks (VDA ("<transient/>")), "transient-disk", "vda", "the disk is transient");
}

static void
an_encrypted_disk (void)
{
  static const char *const refused[] = {
    "<encryption format='luks'/>",
    "<encryption format='qcow'><secret type='passphrase' uuid='s'/></encryption>",
    "<encryption format='luks' engine='librbd'><secret type='passphrase' uuid='s'/></encryption>",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autofree char *disk = g_strdup_printf (VDA ("%s"), refused[i]);
    assert_refused_for (trial_with_disks (disk), "encrypted", "vda", "only LUKS with a secret can be carried");
  }
  Trial *trial = trial_with_disks (VDA ("<encryption format='luks'><secret type='passphrase' uuid='s'/></encryption>"));
  trial_run (trial);
  g_assert_false (vf_findings_refuse (trial->findings));
  trial_free (trial);
}

static void
disk_source (void)
{
  assert_refused_for (trial_with_disks (VDA () "<disk type='volume'><source pool='p' volume='v'/><target dev='vdb'/></disk>"),
                      "disk-source", "vdb", "of type 'volume'");
}

static void
network_disk (void)
{
  assert_only (trial_with_disks (VDA () "<disk type='network'><source protocol='rbd' name='p/i'/><target dev='vdb'/></disk>"),
               VF_FINDING_WARN, "network-disk", "vdb", "lies on the network");
}

/* ---- chains ---- */

static Trial *
with_broken_chain (guint head, VfChainState state, const char *at, const char *reason)
{
  Trial *trial = trial_clean ();
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
  Trial *trial = trial_clean ();
  VfChain *chain = ((VfHead *)trial->scene->inventory->heads->pdata[RUNNING_HEAD])->chain;
  base_of (trial, RUNNING_HEAD)->data_file = g_strdup ("data");
  chain->state = VF_CHAIN_UNSUPPORTED;
  chain->at = g_strdup ("/srv/vm/base.qcow2");
  chain->reason = g_strdup ("it keeps its data in another file, 'data', which is no absolute path");
  assert_refused_for (trial, "data-file", "/srv/vm/base.qcow2", "'data', which is no absolute path");
}

static void
keep_data_in (Trial *trial, guint head, const char *path)
{
  base_of (trial, head)->data_file = g_strdup (path);
  base_of (trial, head)->data_path = g_strdup (path);
}

static void
data_file_that_something_else_uses (void)
{
  Trial *trial = trial_clean ();
  keep_data_in (trial, RUNNING_HEAD, "/srv/vm/cd.iso");
  assert_refused_for (trial, "data-file", "/srv/vm/base.qcow2", "'/srv/vm/cd.iso', which a disk uses too");
}

static void
data_file_that_is_shared_alone (void)
{
  Trial *trial = trial_clean ();
  keep_data_in (trial, RUNNING_HEAD, "/shared/data");
  scene_file (trial->scene, "/shared/data", VF_FILE_REGULAR);
  g_hash_table_add (trial->scene->inventory->shared, g_strdup ("/shared/data"));
  assert_refused_for (trial, "data-file", "/srv/vm/base.qcow2", "'/shared/data', and only one of both");
}

static void
data_file_of_a_shared_image (void)
{
  Trial *trial = trial_clean ();
  keep_data_in (trial, RUNNING_HEAD, "/srv/vm/data");
  scene_file (trial->scene, "/srv/vm/data", VF_FILE_REGULAR);
  g_hash_table_add (trial->scene->inventory->shared, g_strdup ("/srv/vm/base.qcow2"));
  assert_refused_for (trial, "data-file", "/srv/vm/base.qcow2", "'/srv/vm/data', and only one of both");
}

static void
data_store_that_is_another (void)
{
  assert_refused_for (trial_with_disks ("<disk type='file'><driver type='qcow2'/><source file='/srv/vm/top.qcow2'><dataStore "
                                        "type='file'><source file='/d'/></dataStore></source><target dev='vda'/></disk>"),
                      "data-file", "/srv/vm/top.qcow2", "keeps its data in '/d', its header says 'in itself'");
}

static void
encrypted_own_xml (void)
{
  Trial *trial = trial_clean ();
  trial->plan = scene_plan (trial->scene);
  vf_plan_file (trial->plan, 0)->encryption = g_new0 (VfEncryption, 1);
  vf_plan_file (trial->plan, 0)->encryption->secret = g_strdup ("s");
  trial->scene->request->tuning.persistent_xml = g_strdup ("/x");
  assert_refused_for (trial, "encrypted-own-xml", "shop", "a definition of your own");
}

static void
snapshot_lost (void)
{
  Trial *trial = trial_clean ();
  for (guint i = 0; i < trial->scene->inventory->heads->len; i++) {
    const VfChain *chain = ((const VfHead *)trial->scene->inventory->heads->pdata[i])->chain;
    for (guint j = 0; j < chain->images->len; j++)
      g_ptr_array_set_size (((VfImage *)chain->images->pdata[j])->internal_snapshots, 0);
  }
  assert_only (trial, VF_FINDING_WARN, "snapshot-lost", "clean", "internal snapshot of disk 'vda', but none");
}

static void
an_encrypted_image (void)
{
  Trial *trial = trial_clean ();
  base_of (trial, RUNNING_HEAD)->encrypted = true;
  assert_refused_for (trial, "encrypted", "/srv/vm/base.qcow2", "the guest's definition names no secret for it");
}

static void
corrupt (void)
{
  Trial *trial = trial_clean ();
  base_of (trial, RUNNING_HEAD)->corrupt = true;
  assert_refused_for (trial, "corrupt", "/srv/vm/base.qcow2", "marked corrupt");
}

static void
top_has_dependents (void)
{
  Trial *trial = trial_clean ();
  scene_chain (trial->scene, "vda", "odd", scene_image ("/srv/vm/odd.qcow2", "qcow2", "top.qcow2", "qcow2"), NULL);
  assert_refused_for (trial, "top-has-dependents", "/srv/vm/top.qcow2", "'/srv/vm/odd.qcow2' backs on it");
}

#define ADD(name, function) g_test_add_func ("/preflight/" name, function)

static void
add_guest_tests (void)
{
  ADD ("guest/not-running", not_running);
  ADD ("guest/job-active", job_active);
  ADD ("guest/block-job-active", block_job_active);
  ADD ("guest/block-job-active: a disk that is mirrored", a_disk_that_is_mirrored);
  ADD ("guest/managed-save", managed_save);
  ADD ("guest/shareable", shareable);
  ADD ("guest/transient-disk", transient_disk);
  ADD ("guest/encrypted", an_encrypted_disk);
  ADD ("guest/disk-source", disk_source);
  ADD ("guest/network-disk is a warning", network_disk);
}

static void
add_chain_tests (void)
{
  ADD ("chains/missing-layer", missing_layer);
  ADD ("chains/missing-layer: one that only a snapshot misses is a warning", a_layer_that_only_a_snapshot_misses_is_a_warning);
  ADD ("chains/backing-format", backing_format);
  ADD ("chains/unsupported-layer", unsupported_layer);
  ADD ("chains/chain-loop", chain_loop);
  ADD ("chains/unreadable-layer", unreadable_layer);
  ADD ("chains/data-file", data_file);
  ADD ("chains/data-file of something else too", data_file_that_something_else_uses);
  ADD ("chains/data-file that is shared alone", data_file_that_is_shared_alone);
  ADD ("chains/data-file of a shared image", data_file_of_a_shared_image);
  ADD ("chains/data-file and another in the definition", data_store_that_is_another);
  ADD ("guest/encrypted-own-xml", encrypted_own_xml);
  ADD ("chains/snapshot-lost is a warning", snapshot_lost);
  ADD ("chains/encrypted", an_encrypted_image);
  ADD ("chains/corrupt", corrupt);
  ADD ("chains/top-has-dependents", top_has_dependents);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("nothing stands in the way of a clean move", nothing_stands_in_the_way_of_a_clean_move);
  ADD ("a paused guest may move", a_paused_guest_may_move);
  ADD ("a destination that was not reached adds no guesses", a_destination_that_was_not_reached_adds_no_guesses);
  add_guest_tests ();
  add_chain_tests ();
  return g_test_run ();
}
