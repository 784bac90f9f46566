/* Another name for a guest, in all its documents. */
#include "xml/guest_name.h"
#include "said.h"

static void
the_guest_is_renamed_and_nothing_else (void)
{
  static const struct {
    const char *xml, *renamed;
  } documents[] = {
    { "<domain><name>a</name><devices><name>a</name></devices></domain>",
      "<domain><name>b &amp; c</name><devices><name>a</name></devices></domain>" },
    { "<domainsnapshot><name>a</name><domain><name>a</name></domain><inactiveDomain><name>a</name></inactiveDomain></domainsnapshot>",
      "<domainsnapshot><name>a</name><domain><name>b &amp; c</name></domain><inactiveDomain><name>b &amp; c</name></inactiveDomain></domainsnapshot>" },
    { "<domaincheckpoint><name>a</name><domain><name>a</name></domain></domaincheckpoint>",
      "<domaincheckpoint><name>a</name><domain><name>b &amp; c</name></domain></domaincheckpoint>" },
    { "<domainsnapshot><name>a</name></domainsnapshot>", "<domainsnapshot><name>a</name></domainsnapshot>" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (documents); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *renamed = vf_xml_rename_guest (documents[i].xml, "b & c", &error);
    g_assert_no_error (error);
    g_assert_cmpstr (g_strchomp (renamed), ==, documents[i].renamed);
  }
}

static void
without_a_name_the_text_itself_comes_back (void)
{
  g_autofree char *same = vf_xml_rename_guest ("<domain  ><name>a</name></domain>", NULL, NULL);
  g_assert_cmpstr (same, ==, "<domain  ><name>a</name></domain>");
}

static void
a_name_that_xml_cannot_hold_is_refused (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_xml_rename_guest ("<domain><name>a</name></domain>", "a\001", &error));
  assert_failed (&error, VF_ERROR_REFUSED, "XML");
  g_assert_null (vf_xml_rename_guest ("<pool><name>a</name></pool>", "b", &error));
  g_assert_nonnull (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/xml/guest_name/the guest is renamed and nothing else", the_guest_is_renamed_and_nothing_else);
  g_test_add_func ("/xml/guest_name/without a name the text itself comes back", without_a_name_the_text_itself_comes_back);
  g_test_add_func ("/xml/guest_name/a name that XML cannot hold is refused", a_name_that_xml_cannot_hold_is_refused);
  return g_test_run ();
}
