#include "xml/secret_names.h"

#include "xml/document.h"

/* Takes `name`, which may be NULL. */
static void
add_name (GPtrArray *names, char *name)
{
  if (name != NULL && !g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
    g_ptr_array_add (names, name);
  else
    g_free (name);
}

/* <secret> may stand in every layer of a disk and in a host device, <encryption secret=…> in a TPM. Depth is bounded by the
 * parser's 256. */
static void
read_below (const xmlNode *parent, GPtrArray *names)
{
  for (const xmlNode *secret = vf_xml_first (parent, "secret"); secret != NULL; secret = vf_xml_next (secret)) {
    char *uuid = vf_xml_attribute (secret, "uuid");
    add_name (names, uuid != NULL ? uuid : vf_xml_attribute (secret, "usage"));
  }
  for (const xmlNode *of_tpm = vf_xml_first (parent, "encryption"); of_tpm != NULL; of_tpm = vf_xml_next (of_tpm))
    add_name (names, vf_xml_attribute (of_tpm, "secret"));
  for (const xmlNode *node = parent->children; node != NULL; node = node->next)
    if (node->type == XML_ELEMENT_NODE)
      read_below (node, names);
}

bool
vf_secret_names_add (GPtrArray *names, const char *xml, const char *root, GError **error)
{
  g_autoptr (xmlDoc) document = vf_xml_read (xml, root, error);
  if (document == NULL)
    return false;
  read_below (xmlDocGetRootElement (document), names);
  return true;
}
