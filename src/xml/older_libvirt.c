/* Snapshot metadata for a libvirt that is older than the one that wrote it. */
#include "xml/document.h"
#include "xml/snapshot_xml.h"

/* A device that every machine of its kind has, with or without these words, and that libvirt says since `since`. */
typedef struct {
  gulong since;
  const char *element, *attribute, *value;
} Newcomer;

static const Newcomer newcomers[] = {
  { 9001000, "watchdog", "model", "itco" }, /* part of the chipset of q35 */
};

static void
drop_newcomers (xmlNode *devices, gulong libvirt_version)
{
  for (gsize i = 0; i < G_N_ELEMENTS (newcomers); i++) {
    const Newcomer *newcomer = &newcomers[i];
    if (libvirt_version >= newcomer->since)
      continue;
    for (xmlNode *node = vf_xml_first (devices, newcomer->element), *next; node != NULL; node = next) {
      next = vf_xml_next (node);
      if (vf_xml_attribute_is (node, newcomer->attribute, newcomer->value))
        vf_xml_remove (node);
    }
  }
}

char *
vf_snapshot_xml_for_libvirt (const char *xml, gulong libvirt_version, GError **error)
{
  static const char *const domains[] = { "domain", "inactiveDomain" };
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "domainsnapshot", error);
  if (document == NULL)
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (domains); i++) {
    xmlNode *domain = vf_xml_first (xmlDocGetRootElement (document), domains[i]);
    if (domain != NULL)
      drop_newcomers (vf_xml_first (domain, "devices"), libvirt_version);
  }
  return vf_xml_print (document, error);
}
