/* What stands in the way of state beside the disks: checkpoints, UEFI variables, a TPM. */
#include "trial.h"

static Trial *
with_tpm (const char *backend)
{
  Trial *trial = trial_clean ();
  g_free (trial->scene->inventory->domain->tpm);
  trial->scene->inventory->domain->tpm = g_strdup (backend);
  return trial;
}

static void
a_tpm_that_cannot_be_carried (void)
{
  assert_refused_for (with_tpm ("passthrough"), "tpm", "shop", "the TPM of this host");
  assert_refused_for (with_tpm ("external"), "tpm", "shop", "a program that libvirt does not run");
}

static void
no_tpm_emulator (void)
{
  Trial *trial = with_tpm ("emulator");
  trial->destination->lacks_tpm_emulator = true;
  assert_refused_for (trial, "no-tpm-emulator", "bravo", "libvirt at bravo finds no emulator");
}

static void
tpm_state_in_the_way (void)
{
  Trial *trial = with_tpm ("emulator");
  g_autofree char *directory = vf_plan_tpm_directory (trial->scene->inventory->domain->uuid);
  scene_there (trial->scene, directory, VF_FILE_DIRECTORY);
  assert_refused_for (trial, "tpm-state-in-the-way", directory, "lies at bravo already");
}

static void
checkpoints_and_a_tpm_of_its_own_are_carried (void)
{
  g_autoptr (Trial) trial = with_tpm ("emulator");
  g_autofree char *directory = vf_plan_tpm_directory (trial->scene->inventory->domain->uuid);
  scene_there (trial->scene, directory, VF_FILE_ABSENT);
  trial->scene->inventory->checkpoints = 2;
  trial_run (trial);
  g_assert_false (vf_findings_refuse (trial->findings));
}

static void
a_variable_store_of_that_name_is_in_the_way_whatever_it_holds (void)
{
  Trial *trial = trial_clean ();
  VfDomainXml *domain = trial->scene->inventory->domain;
  domain->nvram = g_strdup ("/srv/vm/shop_VARS.fd");
  domain->nvram_format = g_strdup ("raw");
  scene_file (trial->scene, "/srv/vm/shop_VARS.fd", VF_FILE_REGULAR);
  scene_there (trial->scene, "/srv/vm/shop_VARS.fd", VF_FILE_REGULAR);
  g_hash_table_insert (trial->destination->equal, g_strdup ("/srv/vm/shop_VARS.fd"), GINT_TO_POINTER (1));
  assert_refused_for (trial, "file-in-the-way", "/srv/vm/shop_VARS.fd", "the guest's writes must not go into it");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, test) g_test_add_func ("/preflight/" name, test)
  ADD ("guest/tpm", a_tpm_that_cannot_be_carried);
  ADD ("guest/checkpoints and a TPM of its own are carried", checkpoints_and_a_tpm_of_its_own_are_carried);
  ADD ("destination/no-tpm-emulator", no_tpm_emulator);
  ADD ("destination/tpm-state-in-the-way", tpm_state_in_the_way);
  ADD ("storage/a variable store of that name is in the way whatever it holds",
       a_variable_store_of_that_name_is_in_the_way_whatever_it_holds);
  return g_test_run ();
}
