/* Changing places in domain XML. */
#include "xml_data.h"

static char *
rewrite (const char *xml, GPtrArray *changes, bool strip)
{
  g_autoptr (GError) error = NULL;
  char *rewritten = vf_domain_xml_rewrite (xml, changes, strip, &error);
  g_assert_no_error (error);
  return rewritten;
}

/* One change in one disk. */
static char *
rewrite_disk (const char *disk, VfSourceKind to_kind, const char *to, const char *format)
{
  g_autofree char *xml = g_strdup_printf ("<domain><name>a</name><devices>%s</devices></domain>", disk);
  g_autoptr (GPtrArray) changes = changes_new ();
  g_ptr_array_add (changes, vf_path_change_new ("/a", to, to_kind, format));
  g_autofree char *rewritten = rewrite (xml, changes, false);
  const char *begin = strstr (rewritten, "<disk");
  return g_strndup (begin, (gsize)(strstr (begin, "</disk>") - begin));
}

static void
without_changes_a_document_stays_the_same (void)
{
  static const char *const names[] = { "test-driver.xml", "live-chain.xml" };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *xml = data_text (names[i]);
    g_autofree char *rewritten = rewrite (xml, NULL, false);
    g_autofree char *before = canonical (xml);
    g_autofree char *after = canonical (rewritten);
    g_assert_cmpstr (before, ==, after);
    g_assert_null (strstr (rewritten, "<?xml"));
  }
}

static GPtrArray *
live_changes (void)
{
  GPtrArray *changes = changes_new ();
  g_ptr_array_add (changes, vf_path_change_new ("/srv/vm/shop.qcow2", "/new/shop.qcow2.cap", VF_SOURCE_FILE, "qcow2"));
  g_ptr_array_add (changes, vf_path_change_new ("/srv/vm/middle.qcow2", "/dev/new/middle", VF_SOURCE_BLOCK, NULL));
  g_ptr_array_add (changes, vf_path_change_new ("/dev/vg/base", "/new/base <&'\">.raw", VF_SOURCE_FILE, "qcow2"));
  g_ptr_array_add (changes, vf_path_change_new ("/dev/vg/data", "/new/data.raw", VF_SOURCE_FILE, NULL));
  g_ptr_array_add (changes, vf_path_change_new ("/srv/vm/plain.raw", "/new/plain.cap", VF_SOURCE_FILE, "qcow2"));
  g_ptr_array_add (changes, vf_path_change_new ("/srv/new/shop.qcow2", "/dev/new/mirror", VF_SOURCE_BLOCK, "raw"));
  g_ptr_array_add (changes,
                   vf_path_change_new ("/var/lib/libvirt/qemu/nvram/shop_VARS.fd", "/new/a&b_VARS.fd", VF_SOURCE_FILE, NULL));
  return changes;
}

static void
a_live_domain_is_rewritten_in_all_its_places (void)
{
  g_autofree char *xml = data_text ("live-chain.xml");
  g_autoptr (GPtrArray) changes = live_changes ();
  g_autofree char *rewritten = rewrite (xml, changes, false);
  assert_golden (rewritten, "live-chain.rewritten.xml");
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (rewritten, NULL);
  const VfXmlDisk *vda = vf_domain_xml_disk (domain, "vda");
  const VfSource *base = g_ptr_array_index (vda->backing, 1);
  g_assert_cmpstr (base->path, ==, "/new/base <&'\">.raw");
  g_assert_cmpstr (domain->nvram, ==, "/new/a&b_VARS.fd");
}

static void
stripping_takes_the_chain_and_the_mirror (void)
{
  g_autofree char *xml = data_text ("live-chain.xml");
  g_autoptr (GPtrArray) changes = live_changes ();
  g_autofree char *rewritten = rewrite (xml, changes, true);
  assert_golden (rewritten, "live-chain.stripped.xml");
  g_assert_null (strstr (rewritten, "backingStore"));
  g_assert_null (strstr (rewritten, "mirror"));
  g_assert_null (strstr (rewritten, "index="));
  g_assert_nonnull (strstr (rewritten, "<reservations"));
  g_assert_nonnull (strstr (rewritten, "<encryption"));
  g_assert_nonnull (strstr (rewritten, "<slices"));
}

static void
a_file_that_becomes_a_device_changes_type_and_attribute (void)
{
  g_autofree char *disk =
      rewrite_disk ("<disk type='file'><source file='/a'/><target dev='a'/></disk>", VF_SOURCE_BLOCK, "/d", NULL);
  g_assert_cmpstr (disk, ==, "<disk type=\"block\"><source dev=\"/d\"/><target dev=\"a\"/>");
  g_autofree char *untyped = rewrite_disk ("<disk><source file='/a'/><target dev='a'/></disk>", VF_SOURCE_BLOCK, "/d", NULL);
  g_assert_cmpstr (untyped, ==, "<disk type=\"block\"><source dev=\"/d\"/><target dev=\"a\"/>");
}

static void
a_device_that_becomes_a_file_changes_type_and_attribute (void)
{
  g_autofree char *disk =
      rewrite_disk ("<disk type='block'><source dev='/a'/><target dev='a'/></disk>", VF_SOURCE_FILE, "/f", NULL);
  g_assert_cmpstr (disk, ==, "<disk type=\"file\"><source file=\"/f\"/><target dev=\"a\"/>");
}

static void
a_format_makes_the_driver_that_was_not_there (void)
{
  g_autofree char *disk =
      rewrite_disk ("<disk type='file'><source file='/a'/><target dev='a'/></disk>", VF_SOURCE_FILE, "/f", "qcow2");
  g_assert_nonnull (strstr (disk, "<driver type=\"qcow2\" name=\"qemu\"/>"));
  g_autofree char *kept = rewrite_disk ("<disk type='file'><driver name='qemu' cache='none' type='raw'/><source file='/a'/>"
                                        "<target dev='a'/></disk>",
                                        VF_SOURCE_FILE, "/f", "qcow2");
  g_assert_nonnull (strstr (kept, "<driver name=\"qemu\" cache=\"none\" type=\"qcow2\"/>"));
}

static void
no_format_leaves_the_driver_alone (void)
{
  g_autofree char *disk =
      rewrite_disk ("<disk type='file'><source file='/a'/><target dev='a'/></disk>", VF_SOURCE_FILE, "/f", NULL);
  g_assert_null (strstr (disk, "driver"));
}

static void
a_data_store_follows_and_goes_with_its_image (void)
{
  static const char store[] = "<dataStore type='file'><format type='raw'/><source file='%s'/></dataStore>";
  g_autofree char *of_x = g_strdup_printf (store, "/a");
  g_autofree char *of_a = g_strdup_printf (store, "/x");
  g_autofree char *other = g_strdup_printf ("<disk><source file='/x'>%s</source><target dev='a'/></disk>", of_x);
  g_autofree char *same = g_strdup_printf ("<disk><source file='/a'>%s</source><target dev='a'/></disk>", of_a);
  g_autofree char *moved = rewrite_disk (other, VF_SOURCE_FILE, "/f", NULL);
  g_assert_nonnull (strstr (moved, "<source file=\"/x\"><dataStore type=\"file\"><format type=\"raw\"/><source file=\"/f\"/>"));
  g_autofree char *device = rewrite_disk (other, VF_SOURCE_BLOCK, "/dev/f", NULL);
  g_assert_nonnull (strstr (device, "<dataStore type=\"block\"><format type=\"raw\"/><source dev=\"/dev/f\"/>"));
  g_autofree char *kept = rewrite_disk (same, VF_SOURCE_FILE, "/f", NULL);
  g_assert_nonnull (strstr (kept, "<source file=\"/f\"><dataStore type=\"file\"><format type=\"raw\"/><source file=\"/x\"/>"));
  g_autofree char *cap = rewrite_disk (same, VF_SOURCE_FILE, "/cap", "qcow2");
  g_assert_null (strstr (cap, "dataStore"));
}

static void
an_attribute_of_the_other_kind_does_not_count (void)
{
  g_autofree char *disk = rewrite_disk (
      "<disk type='network'><source name='/a' file='/a' protocol='nbd'/><target dev='a'/></disk>", VF_SOURCE_FILE, "/f", NULL);
  g_assert_null (strstr (disk, "/f"));
}

static void
swapped_places_do_not_chain (void)
{
  g_autoptr (GPtrArray) changes = changes_new ();
  g_ptr_array_add (changes, vf_path_change_new ("/a", "/b", VF_SOURCE_FILE, NULL));
  g_ptr_array_add (changes, vf_path_change_new ("/b", "/a", VF_SOURCE_FILE, NULL));
  g_ptr_array_add (changes, vf_path_change_new ("/a", "/second", VF_SOURCE_FILE, NULL));
  g_autofree char *rewritten = rewrite ("<domain><name>a</name><devices><disk><source file='/a'/><target dev='a'/></disk>"
                                        "<disk><source file='/b'/><target dev='b'/></disk></devices></domain>",
                                        changes, false);
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (rewritten, NULL);
  g_assert_cmpstr (vf_domain_xml_disk (domain, "a")->source->path, ==, "/b");
  g_assert_cmpstr (vf_domain_xml_disk (domain, "b")->source->path, ==, "/a");
}

static void
a_path_that_xml_cannot_hold_is_refused (void)
{
  static const char *const paths[] = { "/a\xff", "/a\x01", "/a\xef\xbf\xbf" };
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (GPtrArray) changes = changes_new ();
    g_ptr_array_add (changes, vf_path_change_new ("/a", paths[i], VF_SOURCE_FILE, NULL));
    g_autoptr (GError) error = NULL;
    assert_refused (vf_domain_xml_rewrite ("<domain/>", changes, false, &error), &error, VF_ERROR_REFUSED,
                    "cannot write path '/a\\");
  }
}

static void
line_ends_and_tabs_in_a_path_survive (void)
{
  g_autofree char *disk =
      rewrite_disk ("<disk type='file'><source file='/a'/><target dev='a'/></disk>", VF_SOURCE_FILE, "/x\n\t\r \xc3\xb6", NULL);
  g_autofree char *xml = g_strdup_printf ("<domain><name>a</name><devices>%s</disk></devices></domain>", disk);
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (xml, NULL);
  g_assert_cmpstr (vf_domain_xml_disk (domain, "a")->source->path, ==, "/x\n\t\r \xc3\xb6");
}

static void
volumes_are_renamed_and_become_files_and_back (void)
{
  static const char volume[] = "<domain><name>g</name><devices><disk type='volume'><source pool='p' volume='v' index='1'/>"
                               "<target dev='vda'/></disk><disk type='volume'><source pool='p' volume='w'/><target dev='vdb'/>"
                               "</disk></devices></domain>";
  g_autoptr (GPtrArray) changes = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_path_change_free);
  g_ptr_array_add (changes, vf_path_change_new ("volume:p/v", "volume:q/v", VF_SOURCE_FILE, NULL));
  g_ptr_array_add (changes, vf_path_change_new ("volume:p/w", "/srv/w", VF_SOURCE_FILE, "qcow2"));
  g_autofree char *there = vf_domain_xml_rewrite (volume, changes, true, NULL);
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (there, NULL);
  const VfSource *first = vf_domain_xml_disk (domain, "vda")->source, *second = vf_domain_xml_disk (domain, "vdb")->source;
  g_assert_cmpstr (first->volume, ==, "volume:q/v");
  g_assert_cmpint (first->kind, ==, VF_SOURCE_OTHER);
  g_assert_cmpstr (second->path, ==, "/srv/w");
  g_assert_null (second->volume);
  g_assert_cmpstr (second->format, ==, "qcow2");
  g_assert_null (strstr (there, "pool='p'"));
  g_assert_null (strstr (there, "pool=\"p\""));

  g_ptr_array_set_size (changes, 0);
  g_ptr_array_add (changes, vf_path_change_new ("/srv/w", "volume:q/w", VF_SOURCE_FILE, NULL));
  g_autofree char *back = vf_domain_xml_rewrite (there, changes, true, NULL);
  g_autoptr (VfDomainXml) named = vf_domain_xml_parse (back, NULL);
  g_assert_cmpstr (vf_domain_xml_disk (named, "vdb")->source->volume, ==, "volume:q/w");
  g_assert_null (strstr (back, "/srv/w"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/xml/rewrite/without changes a document stays the same", without_changes_a_document_stays_the_same);
  g_test_add_func ("/xml/rewrite/a live domain is rewritten in all its places", a_live_domain_is_rewritten_in_all_its_places);
  g_test_add_func ("/xml/rewrite/stripping takes the chain and the mirror", stripping_takes_the_chain_and_the_mirror);
  g_test_add_func ("/xml/rewrite/a file that becomes a device changes type and attribute",
                   a_file_that_becomes_a_device_changes_type_and_attribute);
  g_test_add_func ("/xml/rewrite/a device that becomes a file changes type and attribute",
                   a_device_that_becomes_a_file_changes_type_and_attribute);
  g_test_add_func ("/xml/rewrite/a format makes the driver that was not there", a_format_makes_the_driver_that_was_not_there);
  g_test_add_func ("/xml/rewrite/no format leaves the driver alone", no_format_leaves_the_driver_alone);
  g_test_add_func ("/xml/rewrite/a data store follows, and goes with its image", a_data_store_follows_and_goes_with_its_image);
  g_test_add_func ("/xml/rewrite/an attribute of the other kind does not count", an_attribute_of_the_other_kind_does_not_count);
  g_test_add_func ("/xml/rewrite/swapped places do not chain", swapped_places_do_not_chain);
  g_test_add_func ("/xml/rewrite/a path that XML cannot hold is refused", a_path_that_xml_cannot_hold_is_refused);
  g_test_add_func ("/xml/rewrite/line ends and tabs in a path survive", line_ends_and_tabs_in_a_path_survive);
  g_test_add_func ("/xml/rewrite/volumes are renamed and become files and back", volumes_are_renamed_and_become_files_and_back);
  return g_test_run ();
}
