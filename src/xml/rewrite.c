#include "xml/rewrite.h"

/* Where the format of a source stands. */
typedef enum {
  FORMAT_IN_DRIVER, /* <disk><driver type=…/> */
  FORMAT_IN_FORMAT, /* <backingStore>, <mirror>: <format type=…/> */
} FormatPlace;

VfPathChange *
vf_path_change_new (const char *from, const char *to, VfSourceKind to_kind, const char *to_format)
{
  VfPathChange *change = g_new0 (VfPathChange, 1);
  change->from = g_strdup (from);
  change->to = g_strdup (to);
  change->to_kind = to_kind;
  change->to_format = g_strdup (to_format);
  return change;
}

void
vf_path_change_free (VfPathChange *change)
{
  if (change == NULL)
    return;
  g_free (change->from);
  g_free (change->to);
  g_free (change->to_format);
  g_free (change);
}

static bool
check_change (const VfPathChange *change, GError **error)
{
  g_return_val_if_fail (change->to_kind == VF_SOURCE_FILE || change->to_kind == VF_SOURCE_BLOCK, false);
  if (!vf_xml_can_hold (change->to)) {
    g_autofree char *shown = g_strescape (change->to, NULL);
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot write path '%s' into XML: not UTF-8 text that XML can hold", shown);
  }
  return true;
}

GHashTable *
vf_rewrite_table (const GPtrArray *changes, GError **error)
{
  g_autoptr (GHashTable) table = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; changes != NULL && i < changes->len; i++) {
    VfPathChange *change = g_ptr_array_index (changes, i);
    if (!check_change (change, error))
      return NULL;
    if (!g_hash_table_contains (table, change->from))
      g_hash_table_insert (table, change->from, change);
  }
  return g_steal_pointer (&table);
}

static const VfPathChange *
find_change (const xmlNode *node, const char *attribute, GHashTable *changes)
{
  g_autofree char *path = vf_xml_attribute (node, attribute);
  return path == NULL ? NULL : g_hash_table_lookup (changes, path);
}

static void
forget_place (xmlNode *source)
{
  static const char *const attributes[] = { "file", "dev", "pool", "volume", "mode" };
  for (gsize i = 0; i < G_N_ELEMENTS (attributes); i++)
    vf_xml_remove_attribute (source, attributes[i]);
}

/* From a volume, or to one. */
static void
set_volume_source (xmlNode *layer, xmlNode *source, const VfPathChange *change)
{
  g_autofree char *pool = NULL;
  g_autofree char *name = NULL;
  forget_place (source);
  if (vf_volume_parts (change->to, &pool, &name)) {
    vf_xml_set_attribute (layer, "type", "volume");
    vf_xml_set_attribute (source, "pool", pool);
    vf_xml_set_attribute (source, "volume", name);
    return;
  }
  bool to_block = change->to_kind == VF_SOURCE_BLOCK;
  vf_xml_set_attribute (layer, "type", to_block ? "block" : "file");
  vf_xml_set_attribute (source, to_block ? "dev" : "file", change->to);
}

static void
set_source (xmlNode *layer, xmlNode *source, const char *attribute, const VfPathChange *change)
{
  if (attribute == NULL || g_str_has_prefix (change->to, VF_VOLUME_PREFIX)) {
    set_volume_source (layer, source, change);
    return;
  }
  bool to_block = change->to_kind == VF_SOURCE_BLOCK;
  const char *to_attribute = to_block ? "dev" : "file";
  if (!g_str_equal (attribute, to_attribute)) {
    vf_xml_remove_attribute (source, attribute);
    vf_xml_set_attribute (layer, "type", to_block ? "block" : "file");
  }
  vf_xml_set_attribute (source, to_attribute, change->to);
}

static void
set_format (xmlNode *layer, FormatPlace place, const char *format)
{
  const char *name = place == FORMAT_IN_DRIVER ? "driver" : "format";
  xmlNode *holder = vf_xml_first (layer, name);
  if (holder == NULL)
    holder = vf_xml_prepend (layer, name);
  vf_xml_set_attribute (holder, "type", format);
}

/* Another image, which a change with a format means, has another data file or none; libvirt reads its name from the header. */
static void
rewrite_data_store (xmlNode *source, const VfPathChange *change, GHashTable *changes)
{
  xmlNode *store = vf_xml_first (source, "dataStore");
  const char *attribute = store == NULL ? NULL : vf_source_attribute (store);
  xmlNode *place = vf_xml_first (store, "source");
  const VfPathChange *moved = attribute == NULL || place == NULL ? NULL : find_change (place, attribute, changes);
  if (change != NULL && change->to_format != NULL)
    vf_xml_remove_all (source, "dataStore");
  else if (moved != NULL)
    set_source (store, place, attribute, moved);
}

/* One layer: a <disk>, <backingStore> or <mirror>. Returns the change that was made, or NULL. */
static const VfPathChange *
rewrite_layer (xmlNode *layer, FormatPlace place, GHashTable *changes)
{
  const char *attribute = vf_source_attribute (layer);
  xmlNode *source = vf_xml_first (layer, "source");
  g_autofree char *volume = vf_source_volume (layer);
  const VfPathChange *change = attribute != NULL ? find_change (source, attribute, changes)
                               : volume != NULL  ? g_hash_table_lookup (changes, volume)
                                                 : NULL;
  if (source != NULL)
    rewrite_data_store (source, change, changes);
  if (change == NULL)
    return NULL;
  if (!g_str_equal (change->from, change->to) || attribute != NULL)
    set_source (layer, source, attribute, change);
  if (change->to_format != NULL)
    set_format (layer, place, change->to_format);
  return change;
}

static void
rewrite_backing (xmlNode *layer, GHashTable *changes)
{
  for (xmlNode *node = vf_xml_first (layer, "backingStore"); node != NULL; node = vf_xml_first (node, "backingStore"))
    rewrite_layer (node, FORMAT_IN_FORMAT, changes);
}

/* libvirt says a copy's file twice: as <source>, and for its older self as attributes of <mirror>. */
static void
rewrite_mirror (xmlNode *mirror, GHashTable *changes)
{
  const VfPathChange *old_style = find_change (mirror, "file", changes);
  rewrite_layer (mirror, FORMAT_IN_FORMAT, changes);
  rewrite_backing (mirror, changes);
  if (old_style == NULL)
    return;
  if (old_style->to_kind == VF_SOURCE_BLOCK) {
    vf_xml_remove_attribute (mirror, "file");
    vf_xml_remove_attribute (mirror, "format");
    return;
  }
  vf_xml_set_attribute (mirror, "file", old_style->to);
  if (old_style->to_format != NULL)
    vf_xml_set_attribute (mirror, "format", old_style->to_format);
}

/* What libvirt finds in the images, it must find there. But images do not say which secret opens them: where a layer is
 * encrypted, the chain has to be told. */
static void
strip_disk (xmlNode *disk)
{
  vf_xml_remove_all (disk, "mirror");
  bool tells_chain = vf_xml_first (vf_xml_first (disk, "backingStore"), "source") != NULL;
  if (!tells_chain || !vf_xml_has_descendant (disk, "encryption"))
    vf_xml_remove_all (disk, "backingStore");
  for (xmlNode *layer = disk; layer != NULL; layer = vf_xml_first (layer, "backingStore")) {
    xmlNode *source = vf_xml_first (layer, "source");
    if (layer != disk)
      vf_xml_remove_attribute (layer, "index");
    if (source != NULL)
      vf_xml_remove_attribute (source, "index");
    xmlNode *data = vf_xml_first (vf_xml_first (source, "dataStore"), "source");
    if (data != NULL)
      vf_xml_remove_attribute (data, "index");
  }
}

static void
rewrite_domain_disk (xmlNode *disk, GHashTable *changes)
{
  bool had_driver = vf_xml_first (disk, "driver") != NULL;
  rewrite_layer (disk, FORMAT_IN_DRIVER, changes);
  rewrite_backing (disk, changes);
  xmlNode *driver = vf_xml_first (disk, "driver");
  if (!had_driver && driver != NULL)
    vf_xml_set_attribute (driver, "name", "qemu");
  for (xmlNode *mirror = vf_xml_first (disk, "mirror"); mirror != NULL; mirror = vf_xml_next (mirror))
    rewrite_mirror (mirror, changes);
}

static void
rewrite_nvram (xmlNode *nvram, GHashTable *changes)
{
  if (vf_xml_first (nvram, "source") != NULL) {
    rewrite_layer (nvram, FORMAT_IN_FORMAT, changes);
    return;
  }
  g_autofree char *path = vf_xml_text (nvram);
  const VfPathChange *change = path == NULL ? NULL : g_hash_table_lookup (changes, path);
  if (change != NULL)
    vf_xml_set_text (nvram, change->to);
}

void
vf_rewrite_domain (xmlNode *domain, GHashTable *changes, bool strip_backing)
{
  xmlNode *nvram = vf_xml_first (vf_xml_first (domain, "os"), "nvram");
  if (nvram != NULL)
    rewrite_nvram (nvram, changes);
  for (xmlNode *disk = vf_xml_first (vf_xml_first (domain, "devices"), "disk"); disk != NULL; disk = vf_xml_next (disk)) {
    if (strip_backing)
      strip_disk (disk);
    rewrite_domain_disk (disk, changes);
  }
}

void
vf_rewrite_attribute (xmlNode *node, const char *name, GHashTable *changes)
{
  const VfPathChange *change = find_change (node, name, changes);
  if (change != NULL)
    vf_xml_set_attribute (node, name, change->to);
}

void
vf_rewrite_snapshot_disk (xmlNode *disk, GHashTable *changes)
{
  vf_rewrite_attribute (disk, "name", changes); /* a target, or a path as the user named it */
  rewrite_layer (disk, FORMAT_IN_DRIVER, changes);
  rewrite_backing (disk, changes);
}

char *
vf_domain_xml_rewrite (const char *xml, const GPtrArray *changes, bool strip_backing, GError **error)
{
  g_autoptr (GHashTable) table = vf_rewrite_table (changes, error);
  if (table == NULL)
    return NULL;
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "domain", error);
  if (document == NULL)
    return NULL;
  vf_rewrite_domain (xmlDocGetRootElement (document), table, strip_backing);
  return vf_xml_print (document, error);
}
