/* What is told of the secrets that a guest needs. */
#include "trial.h"

static VfSecretLook *
add_look (Trial *trial, const char *name)
{
  VfSecretLook *look = g_new0 (VfSecretLook, 1);
  look->name = g_strdup (name);
  look->uuid = g_strdup (name);
  look->usage = g_strdup ("volume 'x'");
  look->has_value = true;
  g_ptr_array_add (trial->destination->secrets, look);
  return look;
}

static Trial *
asking (bool with_secrets, VfSecretLook **look)
{
  Trial *trial = trial_clean ();
  trial->scene->request->with_secrets = with_secrets;
  *look = add_look (trial, "s");
  return trial;
}

static void
one_that_is_there_is_no_finding (void)
{
  VfSecretLook *look;
  g_autoptr (Trial) trial = asking (true, &look);
  look->is_there = look->there_has_value = true;
  trial_run (trial);
  for (guint i = 0; i < trial->findings->len; i++)
    g_assert_null (strstr (((VfFinding *)trial->findings->pdata[i])->code, "secret"));
}

static void
one_that_is_missing_has_two_ways_out (void)
{
  VfSecretLook *look;
  assert_refused_for (asking (false, &look), "no-secret", "s", "(volume 'x'), and libvirt at bravo does not have it");
  g_autoptr (Trial) trial = asking (false, &look);
  trial_run (trial);
  for (guint i = 0; i < trial->findings->len; i++) {
    const VfFinding *finding = trial->findings->pdata[i];
    if (strcmp (finding->code, "no-secret") == 0)
      g_assert_true (strstr (finding->hint, "secret-define") != NULL && strstr (finding->hint, "--with-secrets") != NULL);
  }
}

static void
one_of_a_snapshot_alone_is_a_warning (void)
{
  VfSecretLook *look;
  Trial *trial = asking (false, &look);
  look->only_snapshots = true;
  assert_only (trial, VF_FINDING_WARN, "no-secret", "s", "a snapshot of the guest needs");
}

static void
one_can_be_carried (void)
{
  VfSecretLook *look;
  g_autoptr (Trial) trial = asking (true, &look);
  g_assert_true (vf_secret_look_is_carried (look, trial->scene->request));
  trial_run (trial);
  g_assert_false (vf_findings_refuse (trial->findings));
}

static void
what_cannot_be_carried_is_told_by_name (void)
{
  VfSecretLook *look;
  Trial *trial = asking (true, &look);
  look->is_private = true;
  assert_refused_for (trial, "private-secret", "s", "tells nobody its value");
  trial = asking (true, &look);
  look->has_value = false;
  assert_refused_for (trial, "secret-without-value", "s", "no value here");
  trial = asking (true, &look);
  g_clear_pointer (&look->uuid, g_free);
  assert_refused_for (trial, "no-secret", "s", "does not have it");
  trial = asking (true, &look);
  look->usage_taken_by = g_strdup ("other");
  assert_refused_for (trial, "secret-usage-taken", "s", "(volume 'x'): other");
}

static void
one_without_a_value_there_opens_nothing (void)
{
  VfSecretLook *look;
  Trial *trial = asking (false, &look);
  look->is_there = true;
  assert_refused_for (trial, "secret-without-value", "s", "bravo has this secret, but no value of it");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, test) g_test_add_func ("/preflight/secrets/" name, test)
  ADD ("one that is there is no finding", one_that_is_there_is_no_finding);
  ADD ("one that is missing has two ways out", one_that_is_missing_has_two_ways_out);
  ADD ("one of a snapshot alone is a warning", one_of_a_snapshot_alone_is_a_warning);
  ADD ("one can be carried", one_can_be_carried);
  ADD ("what cannot be carried is told by name", what_cannot_be_carried_is_told_by_name);
  ADD ("one without a value there opens nothing", one_without_a_value_there_opens_nothing);
  return g_test_run ();
}
