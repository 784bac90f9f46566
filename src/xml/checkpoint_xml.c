#include "xml/checkpoint_xml.h"

#include "xml/rewrite.h"

char *
vf_checkpoint_xml_rewrite (const char *xml, const GPtrArray *changes, GError **error)
{
  g_autoptr (GHashTable) table = vf_rewrite_table (changes, error);
  if (table == NULL)
    return NULL;
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "domaincheckpoint", error);
  if (document == NULL)
    return NULL;
  xmlNode *root = xmlDocGetRootElement (document);
  xmlNode *domain = vf_xml_first (root, "domain");
  for (xmlNode *disk = vf_xml_first (vf_xml_first (root, "disks"), "disk"); disk != NULL; disk = vf_xml_next (disk))
    vf_rewrite_attribute (disk, "name", table);
  if (domain != NULL)
    vf_rewrite_domain (domain, table, false);
  return vf_xml_print (document, error);
}
