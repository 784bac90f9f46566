#include "xml/guest_name.h"

#include "xml/document.h"

#include <string.h>

static void
rename_domain (xmlNode *domain, const char *name)
{
  xmlNode *node = domain == NULL ? NULL : vf_xml_first (domain, "name");
  if (node != NULL)
    vf_xml_set_text (node, name);
}

/* The root is told by its name: a parse for the wrong one is an error that the right one does not have. */
static xmlDoc *
read_any (const char *xml, GError **error)
{
  static const char *const roots[] = { "domain", "domaincheckpoint" };
  for (gsize i = 0; i < G_N_ELEMENTS (roots); i++) {
    xmlDoc *document = vf_xml_read (xml, roots[i], NULL);
    if (document != NULL)
      return document;
  }
  return vf_xml_read (xml, "domainsnapshot", error);
}

char *
vf_xml_rename_guest (const char *xml, const char *name, GError **error)
{
  if (name == NULL)
    return g_strdup (xml);
  if (!vf_xml_can_hold (name)) {
    g_autofree char *shown = g_strescape (name, NULL);
    vf_error_set (error, VF_ERROR_REFUSED, "cannot name the guest '%s': not text that XML can hold", shown);
    return NULL;
  }
  g_autoptr (xmlDoc) document = read_any (xml, error);
  if (document == NULL)
    return NULL;
  xmlNode *root = xmlDocGetRootElement (document);
  if (strcmp ((const char *)root->name, "domain") == 0)
    rename_domain (root, name);
  rename_domain (vf_xml_first (root, "domain"), name);
  rename_domain (vf_xml_first (root, "inactiveDomain"), name);
  return vf_xml_print (document, error);
}
