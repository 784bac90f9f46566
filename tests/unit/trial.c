#include "trial.h"

void
trial_free (Trial *trial)
{
  scene_free (trial->scene);
  vf_destination_facts_free (trial->destination);
  g_clear_pointer (&trial->plan, vf_plan_free);
  g_ptr_array_unref (trial->findings);
  g_free (trial);
}

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
Trial *
trial_clean (void)
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
Trial *
trial_on_device (void)
{
  Scene *scene = scene_new (SCENE_DEVICE ("vda", "/dev/vg/a"));
  scene_chain (scene, "vda", NULL, scene_image ("/dev/vg/a", "raw", NULL, NULL), NULL);
  scene_there (scene, "/dev/vg/a", VF_FILE_BLOCK);
  scene_file (scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY);
  scene_there (scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY);
  return trial_of (scene);
}

Trial *
trial_with_disks (const char *disks_xml)
{
  Trial *trial = trial_clean ();
  g_autofree char *xml = g_strdup_printf ("<domain type='kvm'><name>shop</name><devices>%s</devices></domain>", disks_xml);
  g_clear_pointer (&trial->scene->inventory->domain, vf_domain_xml_free);
  trial->scene->inventory->domain = vf_domain_xml_parse (xml, NULL);
  g_assert_nonnull (trial->scene->inventory->domain);
  return trial;
}

void
trial_run (Trial *trial)
{
  if (trial->plan == NULL)
    trial->plan = scene_plan (trial->scene);
  VfPreflight preflight = { trial->scene->inventory, trial->scene->request, trial->plan,
                            trial->scene->far_table, trial->destination,    trial->findings };
  g_ptr_array_set_size (trial->findings, 0);
  vf_preflight_run (&preflight);
}

/* Exactly one finding above a note, of this code; its text has `part`. Takes the trial. */
void
assert_only (Trial *taken, VfFindingLevel level, const char *code, const char *object, const char *part)
{
  g_autoptr (Trial) trial = taken;
  guint above = 0;
  trial_run (trial);
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

void
assert_refused_for (Trial *taken, const char *code, const char *object, const char *part)
{
  assert_only (taken, VF_FINDING_REFUSE, code, object, part);
}
