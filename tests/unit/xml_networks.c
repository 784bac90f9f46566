/* Other names for bridges and networks. */
#include "xml/networks.h"
#include "xml_data.h"

static char *
rename_in (const char *xml, const char *const *pairs)
{
  g_autoptr (GHashTable) renames = g_hash_table_new (g_str_hash, g_str_equal);
  for (; *pairs != NULL; pairs += 2)
    g_hash_table_insert (renames, (gpointer)pairs[0], (gpointer)pairs[1]);
  g_autoptr (GError) error = NULL;
  char *renamed = vf_xml_rename_networks (xml, renames, &error);
  g_assert_no_error (error);
  return renamed;
}

static void
a_guests_cards_are_connected_elsewhere (void)
{
  static const char *const pairs[] = { "br0",   "br <7>", "lan",       "office", "eth1", "enp3s0",
                                       "share", "no",     "192.0.2.7", "no",     NULL };
  g_autofree char *xml = data_text ("wanting.xml");
  g_autofree char *renamed = rename_in (xml, pairs);
  assert_golden (renamed, "wanting.renamed.xml");
}

static void
a_snapshots_domains_are_connected_elsewhere (void)
{
  static const char *const pairs[] = { "br0", "br7", "lan", "office", "eth1", "enp3s0", NULL };
  g_autofree char *xml = data_text ("networks-snapshot.xml");
  g_autofree char *renamed = rename_in (xml, pairs);
  assert_golden (renamed, "networks-snapshot.renamed.xml");
}

static void
swapped_names_do_not_chain (void)
{
  static const char *const pairs[] = { "a", "b", "b", "a", NULL };
  g_autofree char *renamed = rename_in ("<domain><devices><interface><source bridge='a'/></interface><interface>"
                                        "<source network='b'/></interface></devices></domain>",
                                        pairs);
  g_assert_nonnull (strstr (renamed, "<source bridge=\"b\"/>"));
  g_assert_nonnull (strstr (renamed, "<source network=\"a\"/>"));
}

static void
without_names_the_text_itself_comes_back (void)
{
  static const char *const pairs[] = { NULL };
  g_autofree char *renamed = rename_in ("<domain  />", pairs);
  g_assert_cmpstr (renamed, ==, "<domain  />");
}

static void
a_name_that_xml_cannot_hold_is_refused (void)
{
  g_autoptr (GHashTable) renames = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GError) error = NULL;
  g_hash_table_insert (renames, (gpointer) "a", (gpointer) "b\x01");
  assert_refused (vf_xml_rename_networks ("<domain/>", renames, &error), &error, VF_ERROR_REFUSED,
                  "cannot write network 'b\\001'");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/xml/networks/a guest's cards are connected elsewhere", a_guests_cards_are_connected_elsewhere);
  g_test_add_func ("/xml/networks/a snapshot's domains are connected elsewhere", a_snapshots_domains_are_connected_elsewhere);
  g_test_add_func ("/xml/networks/swapped names do not chain", swapped_names_do_not_chain);
  g_test_add_func ("/xml/networks/without names the text itself comes back", without_names_the_text_itself_comes_back);
  g_test_add_func ("/xml/networks/a name that XML cannot hold is refused", a_name_that_xml_cannot_hold_is_refused);
  return g_test_run ();
}
