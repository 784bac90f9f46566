/* Reading, rewriting and making snapshot XML. */
#include "xml_data.h"

static VfSnapshotXml *
parse_text (const char *xml)
{
  g_autoptr (GError) error = NULL;
  VfSnapshotXml *snapshot = vf_snapshot_xml_parse (xml, &error);
  g_assert_no_error (error);
  return snapshot;
}

static VfSnapshotXml *
parse_data (const char *name)
{
  g_autofree char *xml = data_text (name);
  return parse_text (xml);
}

static const VfSnapshotDisk *
disk_at (const VfSnapshotXml *snapshot, guint i)
{
  return g_ptr_array_index (snapshot->disks, i);
}

static void
what_libvirts_own_driver_prints_is_read (void)
{
  g_autoptr (VfSnapshotXml) snapshot = parse_data ("test-driver-snapshot.xml");
  g_assert_cmpstr (snapshot->name, ==, "two");
  g_assert_cmpstr (snapshot->parent, ==, "one");
  g_assert_cmpstr (snapshot->state, ==, "running");
  g_assert_cmpint (snapshot->memory, ==, VF_SNAPSHOT_INTERNAL);
  g_assert_cmpuint (snapshot->disks->len, ==, 1);
  g_assert_cmpint (disk_at (snapshot, 0)->kind, ==, VF_SNAPSHOT_INTERNAL);
  g_assert_null (disk_at (snapshot, 0)->source);
  g_assert_cmpstr (snapshot->domain->name, ==, "test");
}

static void
an_internal_snapshot_is_read (void)
{
  g_autoptr (VfSnapshotXml) snapshot = parse_data ("internal-snapshot.xml");
  g_assert_null (snapshot->parent);
  g_assert_null (snapshot->memory_file);
  g_assert_cmpint (snapshot->memory, ==, VF_SNAPSHOT_INTERNAL);
  g_assert_cmpint (disk_at (snapshot, 1)->kind, ==, VF_SNAPSHOT_NO);
  g_assert_cmpuint (snapshot->domain->disks->len, ==, 2);
}

static void
an_external_snapshot_is_read_with_memory_and_overlays (void)
{
  g_autoptr (VfSnapshotXml) snapshot = parse_data ("external-snapshot.xml");
  g_assert_cmpstr (snapshot->name, ==, "before upgrade");
  g_assert_cmpstr (snapshot->parent, ==, "clean");
  g_assert_cmpint (snapshot->memory, ==, VF_SNAPSHOT_EXTERNAL);
  g_assert_cmpstr (snapshot->memory_file, ==, "/srv/vm/shop.before upgrade.mem");
  g_assert_cmpuint (snapshot->disks->len, ==, 4);
  const VfSnapshotDisk *vda = disk_at (snapshot, 0);
  g_assert_cmpstr (vda->target, ==, "vda");
  g_assert_cmpint (vda->kind, ==, VF_SNAPSHOT_EXTERNAL);
  g_assert_cmpint (vda->source->kind, ==, VF_SOURCE_FILE);
  g_assert_cmpstr (vda->source->path, ==, "/srv/vm/shop.after.qcow2");
  g_assert_cmpstr (vda->source->format, ==, "qcow2");
  g_assert_cmpint (disk_at (snapshot, 1)->kind, ==, VF_SNAPSHOT_INTERNAL);
  g_assert_cmpstr (disk_at (snapshot, 2)->target, ==, "/srv/vm/plain.raw");
  g_assert_cmpint (disk_at (snapshot, 3)->kind, ==, VF_SNAPSHOT_NO);
}

static void
old_metadata_without_memory_is_read_by_its_state (void)
{
  g_autoptr (VfSnapshotXml) running = parse_text ("<domainsnapshot><name>a</name><state>running</state></domainsnapshot>");
  g_assert_cmpint (running->memory, ==, VF_SNAPSHOT_INTERNAL);
  g_assert_null (running->domain);
  g_assert_cmpuint (running->disks->len, ==, 0);
  g_autoptr (VfSnapshotXml) off = parse_text ("<domainsnapshot><name>a</name><state>shutoff</state></domainsnapshot>");
  g_assert_cmpint (off->memory, ==, VF_SNAPSHOT_NO);
  g_autoptr (VfSnapshotXml) disks = parse_text ("<domainsnapshot><name>a</name><state>disk-snapshot</state></domainsnapshot>");
  g_assert_cmpint (disks->memory, ==, VF_SNAPSHOT_NO);
}

static void
what_is_no_snapshot_is_refused (void)
{
  static const struct {
    const char *xml;
    const char *part;
  } cases[] = {
    { "<domain/>", "the root element is <domain>" },
    { "<domainsnapshot/>", "it has no name" },
    { "<domainsnapshot><name>a</name><memory snapshot='odd'/></domainsnapshot>", "unknown snapshot kind 'odd'" },
    { "<domainsnapshot><name>a</name><disks><disk name='a' snapshot='odd'/></disks></domainsnapshot>", "cannot read <disk>" },
    { "<domainsnapshot><name>a</name><disks><disk/></disks></domainsnapshot>", "it has no name" },
    { "<domainsnapshot><name>a</name><domain/></domainsnapshot>", "cannot read <domain>: it has no name" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    assert_refused (vf_snapshot_xml_parse (cases[i].xml, &error), &error, VF_ERROR_CORRUPT, cases[i].part);
  }
}

static void
without_changes_a_snapshot_stays_the_same (void)
{
  static const char *const names[] = { "test-driver-snapshot.xml", "internal-snapshot.xml", "external-snapshot.xml" };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *xml = data_text (names[i]);
    g_autofree char *rewritten = vf_snapshot_xml_rewrite (xml, NULL, NULL);
    g_autofree char *before = canonical (xml);
    g_autofree char *after = canonical (rewritten);
    g_assert_cmpstr (before, ==, after);
  }
}

static void
a_snapshot_is_rewritten_in_all_its_places (void)
{
  g_autofree char *xml = data_text ("external-snapshot.xml");
  g_autoptr (GPtrArray) changes = changes_new ();
  g_ptr_array_add (changes, vf_path_change_new ("/srv/vm/shop.qcow2", "/new/shop.qcow2", VF_SOURCE_FILE, NULL));
  g_ptr_array_add (changes, vf_path_change_new ("/srv/vm/shop.after.qcow2", "/dev/new/after", VF_SOURCE_BLOCK, NULL));
  g_ptr_array_add (changes, vf_path_change_new ("/srv/vm/shop.1700.qcow2", "/new/shop.1700.qcow2", VF_SOURCE_FILE, NULL));
  g_ptr_array_add (changes, vf_path_change_new ("/srv/vm/plain.raw", "/new/plain.raw", VF_SOURCE_FILE, NULL));
  g_ptr_array_add (changes, vf_path_change_new ("/srv/vm/shop.before upgrade.mem", "/new/shop.mem", VF_SOURCE_FILE, NULL));
  g_ptr_array_add (changes,
                   vf_path_change_new ("/var/lib/libvirt/qemu/nvram/shop_VARS.fd", "/new/VARS.fd", VF_SOURCE_FILE, NULL));
  g_autoptr (GError) error = NULL;
  g_autofree char *rewritten = vf_snapshot_xml_rewrite (xml, changes, &error);
  g_assert_no_error (error);
  assert_golden (rewritten, "external-snapshot.rewritten.xml");
  g_assert_null (strstr (rewritten, "/srv/"));
  g_assert_null (strstr (rewritten, "/var/"));
}

static void
caps_are_asked_for_on_the_given_targets_only (void)
{
  VfCapRequest vda = { (char *)"vda", (char *)"/srv/a & b.ferry-0123abcd.cap1" };
  VfCapRequest vdb = { (char *)"vdb", (char *)"/srv/c.cap1" };
  g_autoptr (GPtrArray) caps = g_ptr_array_new ();
  g_autoptr (GPtrArray) others = g_ptr_array_new ();
  g_ptr_array_add (caps, &vda);
  g_ptr_array_add (caps, &vdb);
  g_ptr_array_add (others, (char *)"sda");
  g_autofree char *xml = vf_snapshot_xml_for_caps (caps, others, NULL);
  g_assert_cmpstr (xml, ==,
                   "<domainsnapshot><disks>"
                   "<disk name=\"vda\" snapshot=\"external\" type=\"file\"><driver type=\"qcow2\"/>"
                   "<source file=\"/srv/a &amp; b.ferry-0123abcd.cap1\"/></disk>"
                   "<disk name=\"vdb\" snapshot=\"external\" type=\"file\"><driver type=\"qcow2\"/>"
                   "<source file=\"/srv/c.cap1\"/></disk>"
                   "<disk name=\"sda\" snapshot=\"no\"/>"
                   "</disks></domainsnapshot>\n");
}

static void
a_cap_whose_name_xml_cannot_hold_is_refused (void)
{
  VfCapRequest vda = { (char *)"vda", (char *)"/srv/\x07" };
  g_autoptr (GPtrArray) caps = g_ptr_array_new ();
  g_ptr_array_add (caps, &vda);
  g_autoptr (GError) error = NULL;
  assert_refused (vf_snapshot_xml_for_caps (caps, NULL, &error), &error, VF_ERROR_REFUSED, "cannot write path");
}

#define WATCHDOGS "<devices>\n<watchdog model='i6300esb' action='reset'/>\n<watchdog model='itco' action='reset'/>\n</devices>"

static guint
count (const char *text, const char *part)
{
  guint found = 0;
  for (const char *at = strstr (text, part); at != NULL; at = strstr (at + 1, part))
    found++;
  return found;
}

static void
an_older_libvirt_is_not_told_of_what_it_does_not_know (void)
{
  static const char xml[] = "<domainsnapshot><name>a</name><domain type='kvm'><name>g</name>" WATCHDOGS "</domain>"
                            "<inactiveDomain type='kvm'><name>g</name>" WATCHDOGS "</inactiveDomain></domainsnapshot>";
  g_autofree char *old = vf_snapshot_xml_for_libvirt (xml, 9000000, NULL);
  g_autofree char *new = vf_snapshot_xml_for_libvirt (xml, 9001000, NULL);
  g_assert_cmpuint (count (old, "itco"), ==, 0);
  g_assert_cmpuint (count (old, "i6300esb"), ==, 2);
  g_assert_cmpuint (count (new, "itco"), ==, 2);
  g_autoptr (GError) error = NULL;
  assert_refused (vf_snapshot_xml_for_libvirt ("<domain/>", 9000000, &error), &error, VF_ERROR_CORRUPT, "cannot read");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/xml/snapshot/what libvirt's own driver prints is read", what_libvirts_own_driver_prints_is_read);
  g_test_add_func ("/xml/snapshot/an internal snapshot is read", an_internal_snapshot_is_read);
  g_test_add_func ("/xml/snapshot/an external snapshot is read with memory and overlays",
                   an_external_snapshot_is_read_with_memory_and_overlays);
  g_test_add_func ("/xml/snapshot/old metadata without memory is read by its state",
                   old_metadata_without_memory_is_read_by_its_state);
  g_test_add_func ("/xml/snapshot/what is no snapshot is refused", what_is_no_snapshot_is_refused);
  g_test_add_func ("/xml/snapshot/without changes a snapshot stays the same", without_changes_a_snapshot_stays_the_same);
  g_test_add_func ("/xml/snapshot/a snapshot is rewritten in all its places", a_snapshot_is_rewritten_in_all_its_places);
  g_test_add_func ("/xml/snapshot/caps are asked for on the given targets only", caps_are_asked_for_on_the_given_targets_only);
  g_test_add_func ("/xml/snapshot/a cap whose name XML cannot hold is refused", a_cap_whose_name_xml_cannot_hold_is_refused);
  g_test_add_func ("/xml/snapshot/an older libvirt is not told of what it does not know",
                   an_older_libvirt_is_not_told_of_what_it_does_not_know);
  return g_test_run ();
}
