/* Checkpoints and what a host can give: the smaller documents. */
#include "xml/capabilities_xml.h"
#include "xml/checkpoint_xml.h"
#include "xml_data.h"

#define CHECKPOINT(disk, store)                                                                                                \
  "<domaincheckpoint>\n  <name>monday</name>\n  <parent>\n    <name>sunday</name>\n  </parent>\n  <disks>\n"                   \
  "    <disk name=\"vda\" checkpoint=\"bitmap\" bitmap=\"monday\"/>\n"                                                         \
  "    <disk name=\"" disk "\" checkpoint=\"no\"/>\n  </disks>\n"                                                              \
  "  <domain type=\"kvm\"><name>shop</name><os><nvram>" store "</nvram></os><devices>"                                         \
  "<disk type=\"file\"><source file=\"" disk                                                                                   \
  "\" index=\"2\"/><backingStore type=\"file\"><source file=\"/base\"/></backingStore>"                                        \
  "<target dev=\"vdb\"/></disk></devices></domain>\n</domaincheckpoint>\n"

static void
a_checkpoint_is_rewritten_in_all_its_places (void)
{
  g_autoptr (GPtrArray) changes = changes_new ();
  g_autoptr (GError) error = NULL;
  g_ptr_array_add (changes, vf_path_change_new ("/old/b.qcow2", "/new/b.qcow2", VF_SOURCE_FILE, NULL));
  g_ptr_array_add (changes, vf_path_change_new ("/old/VARS.fd", "/new/VARS.fd", VF_SOURCE_FILE, NULL));
  g_autofree char *xml = vf_checkpoint_xml_rewrite (CHECKPOINT ("/old/b.qcow2", "/old/VARS.fd"), changes, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (xml, ==, CHECKPOINT ("/new/b.qcow2", "/new/VARS.fd"));
}

static void
what_is_no_checkpoint_is_refused (void)
{
  g_autoptr (GError) error = NULL;
  assert_refused (vf_checkpoint_xml_rewrite ("<domainsnapshot/>", NULL, &error), &error, VF_ERROR_CORRUPT, "domaincheckpoint");
}

static void
a_tpm_can_be_emulated_where_libvirt_says_so (void)
{
  static const struct {
    const char *tpm;
    bool emulated;
  } rows[] = {
    { "", false },
    { "<tpm supported='no'/>", false },
    { "<tpm supported='yes'><enum name='model'><value>emulator</value></enum></tpm>", false },
    { "<tpm supported='yes'><enum name='backendModel'><value>passthrough</value></enum></tpm>", false },
    { "<tpm supported='yes'><enum name='model'/><enum name='backendModel'><value>passthrough</value><value>emulator</value></enum></tpm>",
      true },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    bool emulated = !rows[i].emulated;
    g_autofree char *xml = g_strdup_printf ("<domainCapabilities><devices>%s</devices></domainCapabilities>", rows[i].tpm);
    g_assert_true (vf_capabilities_xml_tpm (xml, &emulated, NULL));
    g_assert_cmpint (emulated, ==, rows[i].emulated);
  }
  bool emulated = false;
  g_assert_false (vf_capabilities_xml_tpm ("<capabilities/>", &emulated, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/xml/checkpoint/a checkpoint is rewritten in all its places", a_checkpoint_is_rewritten_in_all_its_places);
  g_test_add_func ("/xml/checkpoint/what is no checkpoint is refused", what_is_no_checkpoint_is_refused);
  g_test_add_func ("/xml/capabilities/a TPM can be emulated where libvirt says so",
                   a_tpm_can_be_emulated_where_libvirt_says_so);
  return g_test_run ();
}
