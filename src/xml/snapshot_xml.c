#include "xml/snapshot_xml.h"

#include "xml/domain_node.h"
#include "xml/rewrite.h"

static void
snapshot_disk_free (VfSnapshotDisk *disk)
{
  g_free (disk->target);
  vf_source_free (disk->source);
  g_free (disk);
}

void
vf_snapshot_xml_free (VfSnapshotXml *snapshot)
{
  if (snapshot == NULL)
    return;
  g_free (snapshot->name);
  g_free (snapshot->parent);
  g_free (snapshot->state);
  g_free (snapshot->memory_file);
  g_clear_pointer (&snapshot->disks, g_ptr_array_unref);
  vf_domain_xml_free (snapshot->domain);
  g_free (snapshot);
}

/* libvirt 8.2 and later also have "manual": the user copies that disk's data, libvirt does nothing. */
static bool
read_kind (const xmlNode *node, VfSnapshotKind otherwise, VfSnapshotKind *kind, GError **error)
{
  g_autofree char *word = vf_xml_attribute (node, "snapshot");
  *kind = otherwise;
  if (word == NULL)
    return true;
  if (g_str_equal (word, "no") || g_str_equal (word, "manual"))
    *kind = VF_SNAPSHOT_NO;
  else if (g_str_equal (word, "internal"))
    *kind = VF_SNAPSHOT_INTERNAL;
  else if (g_str_equal (word, "external"))
    *kind = VF_SNAPSHOT_EXTERNAL;
  else
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <%s>: unknown snapshot kind '%s'", node->name, word);
  return true;
}

static VfSnapshotDisk *
read_disk (const xmlNode *element, GError **error)
{
  VfSnapshotKind kind;
  bool has_source = vf_xml_first (element, "source") != NULL;
  if (!read_kind (element, has_source ? VF_SNAPSHOT_EXTERNAL : VF_SNAPSHOT_INTERNAL, &kind, error))
    return NULL;
  g_autofree char *target = vf_xml_attribute (element, "name");
  if (target == NULL) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <disk> of a snapshot: it has no name");
    return NULL;
  }
  VfSnapshotDisk *disk = g_new0 (VfSnapshotDisk, 1);
  disk->target = g_steal_pointer (&target);
  disk->kind = kind;
  if (has_source)
    disk->source = vf_source_read (element, vf_xml_attribute (vf_xml_first (element, "driver"), "type"));
  return disk;
}

static GPtrArray *
read_disks (const xmlNode *disks, GError **error)
{
  g_autoptr (GPtrArray) read = g_ptr_array_new_with_free_func ((GDestroyNotify)snapshot_disk_free);
  for (const xmlNode *element = vf_xml_first (disks, "disk"); element != NULL; element = vf_xml_next (element)) {
    VfSnapshotDisk *disk = read_disk (element, error);
    if (disk == NULL)
      return NULL;
    g_ptr_array_add (read, disk);
  }
  return g_steal_pointer (&read);
}

/* Metadata from before libvirt 1.0.1 has no <memory>: the guest's state tells whether there is any. */
static bool
read_memory (VfSnapshotXml *snapshot, const xmlNode *memory, GError **error)
{
  bool had_none = g_strcmp0 (snapshot->state, "shutoff") == 0 || g_strcmp0 (snapshot->state, "disk-snapshot") == 0;
  snapshot->memory_file = vf_xml_attribute (memory, "file");
  if (memory == NULL) {
    snapshot->memory = had_none ? VF_SNAPSHOT_NO : VF_SNAPSHOT_INTERNAL;
    return true;
  }
  return read_kind (memory, snapshot->memory_file != NULL ? VF_SNAPSHOT_EXTERNAL : VF_SNAPSHOT_NO, &snapshot->memory, error);
}

static VfSnapshotXml *
read_snapshot (const xmlNode *root, GError **error)
{
  g_autoptr (VfSnapshotXml) snapshot = g_new0 (VfSnapshotXml, 1);
  snapshot->name = vf_xml_text (vf_xml_first (root, "name"));
  snapshot->parent = vf_xml_text (vf_xml_first (vf_xml_first (root, "parent"), "name"));
  snapshot->state = vf_xml_text (vf_xml_first (root, "state"));
  if (snapshot->name == NULL) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <domainsnapshot>: it has no name");
    return NULL;
  }
  const xmlNode *domain = vf_xml_first (root, "domain");
  snapshot->disks = read_disks (vf_xml_first (root, "disks"), error);
  if (snapshot->disks == NULL || !read_memory (snapshot, vf_xml_first (root, "memory"), error))
    return NULL;
  if (domain != NULL && (snapshot->domain = vf_domain_node_read (domain, error)) == NULL)
    return NULL;
  return g_steal_pointer (&snapshot);
}

VfSnapshotXml *
vf_snapshot_xml_parse (const char *xml, GError **error)
{
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "domainsnapshot", error);
  return document == NULL ? NULL : read_snapshot (xmlDocGetRootElement (document), error);
}

static void
rewrite_disks (xmlNode *disks, GHashTable *changes)
{
  for (xmlNode *disk = vf_xml_first (disks, "disk"); disk != NULL; disk = vf_xml_next (disk))
    vf_rewrite_snapshot_disk (disk, changes);
}

static void
rewrite_domain_named (xmlNode *root, const char *name, GHashTable *changes)
{
  xmlNode *domain = vf_xml_first (root, name);
  if (domain != NULL)
    vf_rewrite_domain (domain, changes, false);
}

char *
vf_snapshot_xml_rewrite (const char *xml, const GPtrArray *changes, GError **error)
{
  g_autoptr (GHashTable) table = vf_rewrite_table (changes, error);
  if (table == NULL)
    return NULL;
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "domainsnapshot", error);
  if (document == NULL)
    return NULL;
  xmlNode *root = xmlDocGetRootElement (document);
  vf_rewrite_attribute (vf_xml_first (root, "memory"), "file", table);
  rewrite_disks (vf_xml_first (root, "disks"), table);
  rewrite_disks (vf_xml_first (root, "revertDisks"), table); /* libvirt 9.9: overlays after a revert */
  rewrite_domain_named (root, "domain", table);
  rewrite_domain_named (root, "inactiveDomain", table);
  return vf_xml_print (document, error);
}

/* Without an engine libvirt 9.0 accepts it, and then cannot start the guest from the definition that it keeps. */
static void
append_encryption (xmlNode *source, const VfEncryption *encryption)
{
  xmlNode *element = vf_xml_append (source, "encryption");
  vf_xml_set_attribute (element, "format", "luks");
  vf_xml_set_attribute (element, "engine", "qemu");
  xmlNode *secret = vf_xml_append (element, "secret");
  vf_xml_set_attribute (secret, "type", "passphrase");
  vf_xml_set_attribute (secret, encryption->by_usage ? "usage" : "uuid", encryption->secret);
}

static bool
append_cap (xmlNode *disks, const VfCapRequest *cap, GError **error)
{
  if (!vf_xml_can_hold (cap->path)) {
    g_autofree char *shown = g_strescape (cap->path, NULL);
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot write path '%s' into XML: not UTF-8 text that XML can hold", shown);
  }
  xmlNode *disk = vf_xml_append (disks, "disk");
  vf_xml_set_attribute (disk, "name", cap->target);
  vf_xml_set_attribute (disk, "snapshot", "external");
  vf_xml_set_attribute (disk, "type", "file");
  vf_xml_set_attribute (vf_xml_append (disk, "driver"), "type", "qcow2");
  xmlNode *source = vf_xml_append (disk, "source");
  vf_xml_set_attribute (source, "file", cap->path);
  if (cap->encryption != NULL)
    append_encryption (source, cap->encryption);
  return true;
}

char *
vf_snapshot_xml_for_caps (const GPtrArray *caps, const GPtrArray *other_targets, GError **error)
{
  g_autoptr (xmlDoc) document = vf_xml_read ("<domainsnapshot><disks/></domainsnapshot>", "domainsnapshot", error);
  if (document == NULL)
    return NULL;
  xmlNode *disks = vf_xml_first (xmlDocGetRootElement (document), "disks");
  for (guint i = 0; i < caps->len; i++)
    if (!append_cap (disks, g_ptr_array_index (caps, i), error))
      return NULL;
  for (guint i = 0; other_targets != NULL && i < other_targets->len; i++) {
    xmlNode *disk = vf_xml_append (disks, "disk");
    vf_xml_set_attribute (disk, "name", g_ptr_array_index (other_targets, i));
    vf_xml_set_attribute (disk, "snapshot", "no");
  }
  return vf_xml_print (document, error);
}
