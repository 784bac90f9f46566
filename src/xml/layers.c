/* Taking layers off a disk whose chain the XML spells out. */
#include "xml/disk_xml.h"

#include <string.h>

static bool
is_one_of (const xmlNode *layer, const GPtrArray *paths)
{
  const char *attribute = vf_source_attribute (layer);
  g_autofree char *path = attribute == NULL ? NULL : vf_xml_attribute (vf_xml_first (layer, "source"), attribute);
  return path != NULL && g_ptr_array_find_with_equal_func ((GPtrArray *)paths, path, g_str_equal, NULL);
}

static void
take_type (xmlNode *disk, const xmlNode *below)
{
  g_autofree char *type = vf_xml_attribute (below, "type");
  g_autofree char *format = vf_xml_attribute (vf_xml_first (below, "format"), "type");
  xmlNode *driver = vf_xml_first (disk, "driver");
  vf_xml_set_attribute (disk, "type", type != NULL ? type : "file");
  if (format == NULL)
    return;
  if (driver == NULL) {
    driver = vf_xml_prepend (disk, "driver");
    vf_xml_set_attribute (driver, "name", "qemu");
  }
  vf_xml_set_attribute (driver, "type", format);
}

/* <backingStore> has its source and the store below it in it: both move up, where the disk's own were. */
static void
hoist (xmlNode *disk, xmlNode *below)
{
  xmlNode *source = vf_xml_first (below, "source");
  xmlNode *deeper = vf_xml_first (below, "backingStore");
  take_type (disk, below);
  vf_xml_remove_all (disk, "encryption"); /* older definitions have the top's there */
  xmlUnlinkNode (source);
  xmlFreeNode (xmlReplaceNode (vf_xml_first (disk, "source"), source));
  if (deeper == NULL) {
    vf_xml_remove_all (disk, "backingStore");
    return;
  }
  xmlUnlinkNode (deeper);
  xmlFreeNode (xmlReplaceNode (below, deeper));
}

static void
drop_layers (xmlNode *disk, const GPtrArray *paths)
{
  xmlNode *below;
  while (is_one_of (disk, paths) && (below = vf_xml_first (disk, "backingStore")) != NULL &&
         vf_xml_first (below, "source") != NULL)
    hoist (disk, below);
}

char *
vf_domain_xml_without_layers (const char *xml, const GPtrArray *paths, GError **error)
{
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "domain", error);
  if (document == NULL)
    return NULL;
  xmlNode *devices = vf_xml_first (xmlDocGetRootElement (document), "devices");
  for (xmlNode *disk = vf_xml_first (devices, "disk"); disk != NULL; disk = vf_xml_next (disk))
    if (vf_xml_has_descendant (disk, "encryption"))
      drop_layers (disk, paths);
  return vf_xml_print (document, error);
}
