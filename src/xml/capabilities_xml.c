#include "xml/capabilities_xml.h"

#include "xml/document.h"

static bool
enum_has (const xmlNode *device, const char *name, const char *value)
{
  for (const xmlNode *list = vf_xml_first (device, "enum"); list != NULL; list = vf_xml_next (list)) {
    if (!vf_xml_attribute_is (list, "name", name))
      continue;
    for (const xmlNode *item = vf_xml_first (list, "value"); item != NULL; item = vf_xml_next (item)) {
      g_autofree char *text = vf_xml_text (item);
      if (g_strcmp0 (text, value) == 0)
        return true;
    }
  }
  return false;
}

bool
vf_capabilities_xml_tpm (const char *xml, bool *emulated, GError **error)
{
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "domainCapabilities", error);
  if (document == NULL)
    return false;
  const xmlNode *tpm = vf_xml_first (vf_xml_first (xmlDocGetRootElement (document), "devices"), "tpm");
  *emulated = tpm != NULL && vf_xml_attribute_is (tpm, "supported", "yes") && enum_has (tpm, "backendModel", "emulator");
  return true;
}
