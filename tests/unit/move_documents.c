/* The documents that libvirt at the destination is given, and the one that an undo puts back. */
#include "move/documents.h"
#include "move_scene.h"

static const char live[] =
    "<domain type='kvm'><name>shop</name><os><type>hvm</type></os><devices>"
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s' index='4'/><backingStore type='file'>"
    "<format type='qcow2'/><source file='/srv/vm/top.qcow2'/><backingStore type='file'><format type='qcow2'/>"
    "<source file='/srv/vm/base.qcow2'/></backingStore></backingStore><target dev='vda' bus='virtio'/></disk>"
    "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='/srv/vm/cd.iso' index='1'/>"
    "<target dev='sda' bus='sata'/><readonly/></disk></devices></domain>";

static VfLedger *
ledger_capped (guint generations)
{
  VfLedger *ledger = ledger_begun ();
  if (generations >= 1) {
    apply_text (ledger, RECORD_CAP_1);
    apply_text (ledger, RECORD_CAPPED ("1"));
  }
  if (generations >= 2) {
    apply_text (ledger, RECORD_CAP_2);
    apply_text (ledger, RECORD_CAPPED ("2"));
  }
  return ledger;
}

static char *
domain_with (const char *top)
{
  g_autoptr (GString) xml = g_string_new (live);
  g_string_replace (xml, "%s", top, 0);
  return g_strdup (xml->str);
}

static const VfXmlDisk *
assert_disk (const VfDomainXml *domain, const char *target, const char *path, const char *format)
{
  const VfXmlDisk *disk = vf_domain_xml_disk (domain, target);
  g_assert_nonnull (disk);
  g_assert_cmpstr (disk->source->path, ==, path);
  g_assert_cmpstr (disk->source->format, ==, format);
  g_assert_cmpuint (disk->backing->len, ==, 0);
  return disk;
}

static VfDomainXml *
document (VfLedger *ledger, const char *top, bool persistent)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *xml = domain_with (top);
  g_autofree char *rewritten = vf_document_domain (ledger, xml, persistent, &error);
  g_assert_no_error (error);
  g_assert_null (strstr (rewritten, "backingStore"));
  g_assert_null (strstr (rewritten, "index="));
  g_assert_null (strstr (rewritten, "/srv/vm"));
  return vf_domain_xml_parse (rewritten, NULL);
}

static void
the_live_document_names_the_caps_and_new_places (void)
{
  g_autoptr (VfLedger) ledger = ledger_capped (1);
  g_autoptr (VfDomainXml) domain = document (ledger, CAP_HERE ("1"), false);
  assert_disk (domain, "vda", CAP_THERE ("1"), "qcow2");
  assert_disk (domain, "sda", "/tank/cd.iso", "raw");
}

static void
after_rounds_the_newest_cap_is_named (void)
{
  g_autoptr (VfLedger) ledger = ledger_capped (2);
  g_autoptr (VfDomainXml) live_domain = document (ledger, CAP_HERE ("2"), false);
  g_autoptr (VfDomainXml) persistent = document (ledger, CAP_HERE ("2"), true);
  assert_disk (live_domain, "vda", CAP_THERE ("2"), "qcow2");
  assert_disk (persistent, "vda", CAP_THERE ("2"), "qcow2");
}

static void
a_definition_of_the_users_own_gets_the_caps_too (void)
{
  static const char *const places[] = { CAP_HERE ("1"), "/srv/vm/top.qcow2", "/tank/top.qcow2" };
  g_autoptr (VfLedger) ledger = ledger_capped (1);
  for (gsize i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *own = domain_with (places[i]);
    g_autofree char *rewritten = vf_document_own (ledger, own, &error);
    g_assert_no_error (error);
    g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (rewritten, NULL);
    assert_disk (domain, "vda", CAP_THERE ("1"), "qcow2");
    assert_disk (domain, "sda", "/tank/cd.iso", "raw");
  }
  g_autoptr (GError) error = NULL;
  g_autofree char *other = domain_with ("/srv/vm/other.qcow2");
  g_assert_null (vf_document_own (ledger, other, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_REFUSED);
}

static void
another_name_stands_in_snapshots_and_not_in_the_migration (void)
{
  g_autoptr (VfLedger) ledger = ledger_capped (1);
  ledger->request->tuning.dname = g_strdup ("shop-2");
  g_autofree char *xml = domain_with (CAP_HERE ("1"));
  g_autofree char *live_document = vf_document_domain (ledger, xml, false, NULL);
  g_autofree char *memory = vf_document_memory_file (ledger, xml, NULL);
  g_autofree char *snapshot_xml = g_strdup_printf ("<domainsnapshot><name>s</name>%s</domainsnapshot>", xml);
  g_autofree char *snapshot = vf_document_snapshot (ledger, snapshot_xml, 9000000, NULL);
  g_assert_nonnull (strstr (live_document, "<name>shop</name>"));
  g_assert_nonnull (strstr (memory, "<name>shop-2</name>"));
  g_assert_nonnull (strstr (snapshot, "<name>shop-2</name>"));
  g_assert_nonnull (strstr (snapshot, "<name>s</name>"));
  g_assert_true (vf_documents_change (ledger));
}

/* Started from there it would miss what the cap holds. */
static void
a_persistent_document_that_names_the_layer_below_gets_the_cap (void)
{
  g_autoptr (VfLedger) ledger = ledger_capped (1);
  g_autoptr (VfDomainXml) old = document (ledger, "/srv/vm/top.qcow2", true);
  g_autoptr (VfDomainXml) new = document (ledger, CAP_HERE ("1"), true);
  assert_disk (old, "vda", CAP_THERE ("1"), "qcow2");
  assert_disk (new, "vda", CAP_THERE ("1"), "qcow2");
}

static void
a_cap_over_a_device_makes_the_disk_a_file_there (void)
{
  g_autoptr (Scene) scene = scene_new (SCENE_DEVICE ("vda", "/dev/vg/a"));
  scene_chain (scene, "vda", NULL, scene_image ("/dev/vg/a", "raw", NULL, NULL), NULL);
  scene_there (scene, "/dev/vg/a", VF_FILE_BLOCK);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_autoptr (VfLedger) ledger = vf_ledger_new ("0123abcd");
  apply_well (ledger, vf_record_begin (scene->request, plan));
  apply_text (ledger, "{\"record\":\"cap\",\"generation\":1,\"caps\":[{\"target\":\"vda\",\"path\":"
                      "\"/var/lib/libvirt/images/a.ferry-0123abcd.cap1\",\"over\":\"/dev/vg/a\"}]}");
  apply_text (ledger, RECORD_CAPPED ("1"));
  g_autofree char *persistent = vf_document_domain (
      ledger, "<domain><name>shop</name><devices>" SCENE_DEVICE ("vda", "/dev/vg/a") "</devices></domain>", true, NULL);
  g_autoptr (VfDomainXml) there = vf_domain_xml_parse (persistent, NULL);
  g_assert_cmpint (assert_disk (there, "vda", "/var/lib/libvirt/images/a.ferry-0123abcd.cap1", "qcow2")->source->kind, ==,
                   VF_SOURCE_FILE);
  g_autofree char *back = vf_document_without_caps (ledger, persistent, NULL);
  g_autoptr (VfDomainXml) here = vf_domain_xml_parse (back, NULL);
  g_assert_cmpint (assert_disk (here, "vda", "/dev/vg/a", "raw")->source->kind, ==, VF_SOURCE_BLOCK);
}

static void
without_caps_every_generation_leads_back_to_the_original_top (void)
{
  g_autoptr (VfLedger) ledger = ledger_capped (2);
  static const char *const tops[] = { CAP_HERE ("1"), CAP_HERE ("2"), "/srv/vm/top.qcow2" };
  for (gsize i = 0; i < G_N_ELEMENTS (tops); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *xml = domain_with (tops[i]);
    g_autofree char *back = vf_document_without_caps (ledger, xml, &error);
    g_assert_no_error (error);
    g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (back, NULL);
    assert_disk (domain, "vda", "/srv/vm/top.qcow2", "qcow2");
    assert_disk (domain, "sda", "/srv/vm/cd.iso", "raw");
  }
}

/* The journal may be one act ahead of the world: caps that were announced and never put on count as well. */
static void
without_caps_counts_what_was_only_announced (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  apply_text (ledger, RECORD_CAP_1);
  g_autofree char *xml = domain_with (CAP_HERE ("1"));
  g_autofree char *back = vf_document_without_caps (ledger, xml, NULL);
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (back, NULL);
  assert_disk (domain, "vda", "/srv/vm/top.qcow2", "qcow2");
}

static void
a_snapshots_paths_move_and_its_chain_is_kept (void)
{
  g_autoptr (VfLedger) ledger = ledger_capped (1);
  g_autoptr (GError) error = NULL;
  g_autofree char *moved = vf_document_snapshot (
      ledger,
      "<domainsnapshot><name>before</name><memory snapshot='external' file='/srv/vm/before.mem'/><disks>"
      "<disk name='vda' snapshot='external' type='file'><source file='/srv/vm/branch.qcow2'/></disk></disks>"
      "<domain><name>shop</name><devices>" SCENE_DISK (
          "vda", "/srv/vm/base.qcow2") "<watchdog model='itco'/></devices></domain></domainsnapshot>",
      9000000, &error);
  g_assert_no_error (error);
  g_assert_null (strstr (moved, "itco"));
  g_autoptr (VfSnapshotXml) snapshot = vf_snapshot_xml_parse (moved, NULL);
  g_assert_cmpstr (snapshot->memory_file, ==, "/tank/before.mem");
  g_assert_cmpstr (((VfSnapshotDisk *)snapshot->disks->pdata[0])->source->path, ==, "/tank/branch.qcow2");
  g_assert_cmpstr (vf_domain_xml_disk (snapshot->domain, "vda")->source->path, ==, "/tank/base.qcow2");
}

static void
a_memory_files_document_names_no_cap (void)
{
  g_autoptr (VfLedger) ledger = ledger_capped (1);
  g_autofree char *xml = domain_with ("/srv/vm/top.qcow2");
  g_autofree char *moved = vf_document_memory_file (ledger, xml, NULL);
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (moved, NULL);
  assert_disk (domain, "vda", "/tank/top.qcow2", "qcow2");
}

static void
it_is_known_whether_any_path_changes (void)
{
  g_autoptr (VfLedger) mapped = ledger_begun ();
  g_assert_true (vf_documents_change (mapped));
  g_autoptr (Scene) scene = scene_shop ();
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_autoptr (VfLedger) same = vf_ledger_new ("0123abcd");
  apply_well (same, vf_record_begin (scene->request, plan));
  g_assert_false (vf_documents_change (same));
}

static void
what_is_no_document_is_an_error (void)
{
  g_autoptr (VfLedger) ledger = ledger_capped (1);
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_document_domain (ledger, "<other/>", false, &error));
  assert_failed (&error, VF_ERROR_CORRUPT, "");
  g_assert_null (vf_document_snapshot (ledger, "", 9000000, &error));
  assert_failed (&error, VF_ERROR_CORRUPT, "");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/move/documents/the live document names the caps and new places",
                   the_live_document_names_the_caps_and_new_places);
  g_test_add_func ("/move/documents/after rounds the newest cap is named", after_rounds_the_newest_cap_is_named);
  g_test_add_func ("/move/documents/a persistent document that names the layer below gets the cap",
                   a_persistent_document_that_names_the_layer_below_gets_the_cap);
  g_test_add_func ("/move/documents/a cap over a device makes the disk a file there",
                   a_cap_over_a_device_makes_the_disk_a_file_there);
  g_test_add_func ("/move/documents/without caps every generation leads back to the original top",
                   without_caps_every_generation_leads_back_to_the_original_top);
  g_test_add_func ("/move/documents/without caps counts what was only announced", without_caps_counts_what_was_only_announced);
  g_test_add_func ("/move/documents/a snapshot's paths move and its chain is kept",
                   a_snapshots_paths_move_and_its_chain_is_kept);
  g_test_add_func ("/move/documents/a memory file's document names no cap", a_memory_files_document_names_no_cap);
  g_test_add_func ("/move/documents/it is known whether any path changes", it_is_known_whether_any_path_changes);
  g_test_add_func ("/move/documents/what is no document is an error", what_is_no_document_is_an_error);
  g_test_add_func ("/move/documents/a definition of the user's own gets the caps too",
                   a_definition_of_the_users_own_gets_the_caps_too);
  g_test_add_func ("/move/documents/another name stands in snapshots and not in the migration",
                   another_name_stands_in_snapshots_and_not_in_the_migration);
  return g_test_run ();
}
