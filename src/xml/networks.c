#include "xml/networks.h"

#include "xml/document.h"

#include <string.h>

static void
rename_attribute (xmlNode *source, const char *attribute, GHashTable *renames)
{
  g_autofree char *old = vf_xml_attribute (source, attribute);
  const char *new_name = old == NULL ? NULL : g_hash_table_lookup (renames, old);
  if (new_name != NULL)
    vf_xml_set_attribute (source, attribute, new_name);
}

static void
rename_in_domain (xmlNode *domain, GHashTable *renames)
{
  static const char *const attributes[] = { "bridge", "network", "dev" };
  xmlNode *card = vf_xml_first (vf_xml_first (domain, "devices"), "interface");
  for (; card != NULL; card = vf_xml_next (card)) {
    xmlNode *source = vf_xml_first (card, "source");
    for (gsize i = 0; source != NULL && i < G_N_ELEMENTS (attributes); i++)
      rename_attribute (source, attributes[i], renames);
  }
}

static bool
check_names (GHashTable *renames, GError **error)
{
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init (&iter, renames);
  while (g_hash_table_iter_next (&iter, NULL, &name))
    if (!vf_xml_can_hold (name)) {
      g_autofree char *shown = g_strescape (name, NULL);
      return vf_error_set (error, VF_ERROR_REFUSED, "cannot write network '%s' into XML: not text that XML can hold", shown);
    }
  return true;
}

/* The root is told by its name: a parse for the wrong one is an error that the right one does not have. */
static xmlDoc *
read_either (const char *xml, GError **error)
{
  xmlDoc *document = vf_xml_read (xml, "domain", NULL);
  return document != NULL ? document : vf_xml_read (xml, "domainsnapshot", error);
}

char *
vf_xml_rename_networks (const char *xml, GHashTable *renames, GError **error)
{
  if (!check_names (renames, error))
    return NULL;
  if (g_hash_table_size (renames) == 0)
    return g_strdup (xml);
  g_autoptr (xmlDoc) document = read_either (xml, error);
  if (document == NULL)
    return NULL;
  xmlNode *root = xmlDocGetRootElement (document);
  if (strcmp ((const char *)root->name, "domain") == 0)
    rename_in_domain (root, renames);
  rename_in_domain (vf_xml_first (root, "domain"), renames);
  rename_in_domain (vf_xml_first (root, "inactiveDomain"), renames);
  return vf_xml_print (document, error);
}
