/* Reading domain XML. */
#include "xml_data.h"

static VfDomainXml *
parse_data (const char *name)
{
  g_autofree char *xml = data_text (name);
  g_autoptr (GError) error = NULL;
  VfDomainXml *domain = vf_domain_xml_parse (xml, &error);
  g_assert_no_error (error);
  return domain;
}

static void
assert_source (const VfSource *source, VfSourceKind kind, const char *path, const char *format)
{
  g_assert_cmpint (source->kind, ==, kind);
  g_assert_cmpstr (source->path, ==, path);
  g_assert_cmpstr (source->format, ==, format);
}

static void
what_libvirts_own_driver_prints_is_read (void)
{
  g_autoptr (VfDomainXml) domain = parse_data ("test-driver.xml");
  g_assert_cmpstr (domain->name, ==, "test");
  g_assert_cmpstr (domain->uuid, ==, "6695eb01-f6a4-8304-79aa-97f2502e193f");
  g_assert_cmpstr (domain->type, ==, "test");
  g_assert_cmpstr (domain->arch, ==, "i686");
  g_assert_null (domain->machine);
  g_assert_null (domain->nvram);
  g_assert_cmpuint (domain->memory_bytes, ==, (guint64)8 << 30);
  g_assert_cmpuint (domain->disks->len, ==, 1);
  assert_source (vf_domain_xml_disk (domain, "vda")->source, VF_SOURCE_FILE, "/guest/diskimage1", NULL);
}

static void
the_guest_around_its_disks_is_read (void)
{
  g_autoptr (VfDomainXml) domain = parse_data ("live-chain.xml");
  g_assert_cmpstr (domain->name, ==, "shop & söhne");
  g_assert_cmpstr (domain->machine, ==, "pc-q35-7.2");
  g_assert_cmpuint (domain->memory_bytes, ==, (guint64)2 << 30);
  g_assert_cmpstr (domain->nvram, ==, "/var/lib/libvirt/qemu/nvram/shop_VARS.fd");
  g_assert_cmpstr (domain->nvram_format, ==, "raw");
  g_assert_cmpstr (domain->tpm, ==, "emulator");
  g_assert_cmpuint (domain->filesystems, ==, 1);
  g_assert_cmpuint (domain->host_devices, ==, 2); /* not the card that has teaming */
  g_assert_cmpuint (domain->disks->len, ==, 6);
  g_assert_null (vf_domain_xml_disk (domain, "vdz"));
}

static void
a_live_chain_is_read_from_the_one_below_the_top_down (void)
{
  g_autoptr (VfDomainXml) domain = parse_data ("live-chain.xml");
  const VfXmlDisk *vda = vf_domain_xml_disk (domain, "vda");
  assert_source (vda->source, VF_SOURCE_FILE, "/srv/vm/shop.qcow2", "qcow2");
  g_assert_cmpuint (vda->backing->len, ==, 2);
  assert_source (g_ptr_array_index (vda->backing, 0), VF_SOURCE_FILE, "/srv/vm/middle.qcow2", "qcow2");
  assert_source (g_ptr_array_index (vda->backing, 1), VF_SOURCE_BLOCK, "/dev/vg/base", "raw");
  g_assert_cmpstr (vda->mirror_job, ==, "copy");
  g_assert_cmpstr (vda->device, ==, "disk");
  g_assert_cmpstr (vda->bus, ==, "virtio");
  g_assert_false (vda->encrypted);
}

static void
every_kind_of_disk_is_told_apart (void)
{
  g_autoptr (VfDomainXml) domain = parse_data ("live-chain.xml");
  const VfXmlDisk *vdb = vf_domain_xml_disk (domain, "vdb");
  assert_source (vdb->source, VF_SOURCE_BLOCK, "/dev/vg/data", "raw");
  g_assert_true (vdb->encrypted && vdb->shareable && vdb->transient && !vdb->readonly);
  g_assert_null (vdb->mirror_job);
  g_assert_cmpuint (vdb->backing->len, ==, 0);
  const VfXmlDisk *sda = vf_domain_xml_disk (domain, "sda");
  assert_source (sda->source, VF_SOURCE_NONE, NULL, NULL);
  g_assert_true (sda->readonly && !sda->shareable);
  g_assert_cmpstr (sda->device, ==, "cdrom");
  const VfXmlDisk *vdc = vf_domain_xml_disk (domain, "vdc");
  assert_source (vdc->source, VF_SOURCE_OTHER, NULL, "raw");
  g_assert_cmpstr (vdc->source->other, ==, "network");
}

static void
a_slice_of_a_file_is_not_that_file (void)
{
  g_autoptr (VfDomainXml) domain = parse_data ("live-chain.xml");
  const VfXmlDisk *vdd = vf_domain_xml_disk (domain, "vdd");
  assert_source (vdd->source, VF_SOURCE_OTHER, NULL, NULL);
  g_assert_cmpstr (vdd->source->other, ==, "slices");
}

static void
memory_is_read_in_every_unit (void)
{
  static const struct {
    const char *element;
    guint64 bytes;
  } cases[] = {
    { "<memory>2</memory>", 2048 },
    { "<memory unit='KiB'> 2 </memory>", 2048 },
    { "<memory unit='k'>2</memory>", 2048 },
    { "<memory unit='KB'>2</memory>", 2000 },
    { "<memory unit='bytes'>2</memory>", 2 },
    { "<memory unit='b'>2</memory>", 2 },
    { "<memory unit='MiB'>2</memory>", 2 << 20 },
    { "<memory unit='MB'>2</memory>", 2000000 },
    { "<memory unit='GiB'>3</memory>", (guint64)3 << 30 },
    { "<memory unit='G'>3</memory>", (guint64)3 << 30 },
    { "<memory unit='TB'>1</memory>", 1000000000000 },
    { "<memory unit='EiB'>15</memory>", (guint64)15 << 60 },
    { "", 0 },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *xml = g_strdup_printf ("<domain><name>a</name>%s</domain>", cases[i].element);
    g_autoptr (GError) error = NULL;
    g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (xml, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (domain->memory_bytes, ==, cases[i].bytes);
  }
}

static void
memory_that_is_no_amount_is_refused (void)
{
  static const char *const elements[] = {
    "<memory unit='EiB'>16</memory>", "<memory>18446744073709551615</memory>", "<memory>-1</memory>",
    "<memory>many</memory>",          "<memory unit='KiBs'>1</memory>",        "<memory unit='parsec'>1</memory>",
    "<memory unit='x'>1</memory>",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (elements); i++) {
    g_autofree char *xml = g_strdup_printf ("<domain><name>a</name>%s</domain>", elements[i]);
    g_autoptr (GError) error = NULL;
    assert_refused (vf_domain_xml_parse (xml, &error), &error, VF_ERROR_CORRUPT, "cannot read <memory>");
  }
}

static void
the_variable_store_is_found_in_both_spellings (void)
{
  static const char *const stores[] = {
    "<nvram format='qcow2'>/a b/VARS.fd</nvram>",
    "<nvram template='/t'>/a b/VARS.fd</nvram>",
    "<nvram type='file'><source file='/a b/VARS.fd'/></nvram>",
    "<nvram type='block'><source dev='/a b/VARS.fd'/></nvram>",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (stores); i++) {
    g_autofree char *xml = g_strdup_printf ("<domain><name>a</name><os>%s</os></domain>", stores[i]);
    g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (xml, NULL);
    g_assert_cmpstr (domain->nvram, ==, "/a b/VARS.fd");
    g_assert_cmpstr (domain->nvram_format, ==, i == 0 ? "qcow2" : "raw");
  }
  g_autoptr (VfDomainXml) over_network = vf_domain_xml_parse (
      "<domain><name>a</name><os><nvram type='network'><source protocol='nbd' name='x'/></nvram></os></domain>", NULL);
  g_assert_null (over_network->nvram);
  g_assert_null (over_network->nvram_format);
}

static void
an_emulated_tpm_counts_before_others (void)
{
  static const struct {
    const char *tpms, *backend;
  } rows[] = {
    { "", NULL },
    { "<tpm><backend type='passthrough'/></tpm>", "passthrough" },
    { "<tpm><backend type='external'><source type='unix'/></backend></tpm>", "external" },
    { "<tpm><backend type='emulator'/></tpm><tpm model='spapr-tpm-proxy'><backend type='passthrough'/></tpm>", "emulator" },
    { "<tpm><backend type='passthrough'/></tpm><tpm><backend type='emulator'><encryption secret='s'/></backend></tpm>",
      "emulator" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *xml = g_strdup_printf ("<domain><name>a</name><devices>%s</devices></domain>", rows[i].tpms);
    g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (xml, NULL);
    g_assert_cmpstr (domain->tpm, ==, rows[i].backend);
  }
}

static void
what_is_no_domain_is_refused (void)
{
  static const struct {
    const char *xml;
    const char *part;
  } cases[] = {
    { "", "line" },
    { "text", "line 1" },
    { "<domain>\n<name>", "line 2" },
    { "<network/>", "the root element is <network>" },
    { "<domain/>", "it has no name" },
    { "<domain><name/></domain>", "it has no name" },
    { "<x:domain xmlns:x='urn:x'><name>a</name></x:domain>", "the root element is <domain>" },
    { "<domain><name>a</name><devices><disk/></devices></domain>", "it has no target" },
    { "<domain><name>a</name><devices><disk><target dev='a'/></disk><disk><target dev='a'/></disk></devices></domain>",
      "twice" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    assert_refused (vf_domain_xml_parse (cases[i].xml, &error), &error, VF_ERROR_CORRUPT, cases[i].part);
  }
}

static void
a_document_type_is_refused_with_its_entities (void)
{
  static const char *const documents[] = {
    "<!DOCTYPE domain><domain><name>a</name></domain>",
    "<!DOCTYPE domain [<!ENTITY e SYSTEM '/etc/passwd'>]><domain><name>&e;</name></domain>",
    "<!DOCTYPE d [<!ENTITY a 'xxxxxxxxxx'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]><domain><name a='&b;'>&b;</name></domain>",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (documents); i++) {
    g_autoptr (GError) error = NULL;
    assert_refused (vf_domain_xml_parse (documents[i], &error), &error, VF_ERROR_CORRUPT, "it declares a document type");
  }
}

static void
more_than_sixteen_mebibytes_are_refused (void)
{
  const gsize size = (16 << 20) + 1;
  g_autofree char *xml = g_malloc (size + 1);
  memset (xml, ' ', size);
  xml[size] = '\0';
  g_autoptr (GError) error = NULL;
  assert_refused (vf_domain_xml_parse (xml, &error), &error, VF_ERROR_CORRUPT, "16777217 bytes");
}

static void
a_syntax_error_is_not_printed (void)
{
  if (g_test_subprocess ()) {
    g_autoptr (VfDomainXml) domain = vf_domain_xml_parse ("<domain><name>&nope;</wrong", NULL);
    g_assert_null (domain);
    return;
  }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("");
}

static void
sources_are_named_as_virsh_names_them (void)
{
  static const struct {
    const char *target;
    VfSourceKind kind;
    const char *other, *name;
  } rows[] = {
    { "sda", VF_SOURCE_BLOCK, NULL, NULL },
    { "sdb", VF_SOURCE_NONE, NULL, NULL },
    { "fda", VF_SOURCE_NONE, NULL, NULL },
    { "vda", VF_SOURCE_OTHER, "network", "iqn.2026-01.odd:disk/0" },
    { "vdb", VF_SOURCE_OTHER, "network", "iqn.2026-01.odd:disk/3" },
    { "vdc", VF_SOURCE_OTHER, "network", "export" },
    { "vdd", VF_SOURCE_OTHER, "nvme", "nvme://0001:0a:1f.7/2" },
    { "vde", VF_SOURCE_OTHER, "nvme", "nvme://0000:00:00.0/" },
    { "vdf", VF_SOURCE_OTHER, "volume", "v" },
    { "vdg", VF_SOURCE_OTHER, "vhostuser", "/run/odd.sock" },
    { "vdh", VF_SOURCE_OTHER, "dir", "/srv/odd" },
    { "vdi", VF_SOURCE_OTHER, "fdgroup", "/srv/odd.qcow2" },
    { "vdj", VF_SOURCE_OTHER, "slices", "/srv/slice.raw" },
  };
  g_autoptr (VfDomainXml) domain = parse_data ("odd-sources.xml");
  g_assert_cmpuint (domain->disks->len, ==, G_N_ELEMENTS (rows));
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    const VfXmlDisk *disk = domain->disks->pdata[i];
    g_assert_cmpstr (disk->target, ==, rows[i].target);
    g_assert_cmpint (disk->source->kind, ==, rows[i].kind);
    g_assert_cmpstr (disk->source->other, ==, rows[i].other);
    g_assert_cmpstr (disk->source->name, ==, rows[i].name);
    g_assert_true (disk->readonly == g_str_equal (disk->device, "cdrom"));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/xml/domain/what libvirt's own driver prints is read", what_libvirts_own_driver_prints_is_read);
  g_test_add_func ("/xml/domain/the guest around its disks is read", the_guest_around_its_disks_is_read);
  g_test_add_func ("/xml/domain/a live chain is read from the one below the top down",
                   a_live_chain_is_read_from_the_one_below_the_top_down);
  g_test_add_func ("/xml/domain/every kind of disk is told apart", every_kind_of_disk_is_told_apart);
  g_test_add_func ("/xml/domain/sources are named as virsh names them", sources_are_named_as_virsh_names_them);
  g_test_add_func ("/xml/domain/a slice of a file is not that file", a_slice_of_a_file_is_not_that_file);
  g_test_add_func ("/xml/domain/memory is read in every unit", memory_is_read_in_every_unit);
  g_test_add_func ("/xml/domain/memory that is no amount is refused", memory_that_is_no_amount_is_refused);
  g_test_add_func ("/xml/domain/the variable store is found in both spellings", the_variable_store_is_found_in_both_spellings);
  g_test_add_func ("/xml/domain/an emulated TPM counts before others", an_emulated_tpm_counts_before_others);
  g_test_add_func ("/xml/domain/what is no domain is refused", what_is_no_domain_is_refused);
  g_test_add_func ("/xml/domain/a document type is refused with its entities", a_document_type_is_refused_with_its_entities);
  g_test_add_func ("/xml/domain/more than sixteen mebibytes are refused", more_than_sixteen_mebibytes_are_refused);
  g_test_add_func ("/xml/domain/a syntax error is not printed", a_syntax_error_is_not_printed);
  return g_test_run ();
}
