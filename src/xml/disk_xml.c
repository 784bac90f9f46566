#include "xml/disk_xml.h"

#include <string.h>

void
vf_source_free (VfSource *source)
{
  if (source == NULL)
    return;
  g_free (source->path);
  g_free (source->format);
  g_free (source->other);
  g_free (source->name);
  g_free (source->volume);
  g_free (source->problem);
  g_free (source->data_store);
  vf_encryption_free (source->encryption);
  g_free (source);
}

void
vf_encryption_free (VfEncryption *encryption)
{
  if (encryption == NULL)
    return;
  g_free (encryption->format);
  g_free (encryption->engine);
  g_free (encryption->secret);
  g_free (encryption);
}

VfEncryption *
vf_encryption_copy (const VfEncryption *encryption)
{
  if (encryption == NULL)
    return NULL;
  VfEncryption *copy = g_new0 (VfEncryption, 1);
  copy->format = g_strdup (encryption->format);
  copy->engine = g_strdup (encryption->engine);
  copy->secret = g_strdup (encryption->secret);
  copy->by_usage = encryption->by_usage;
  return copy;
}

void
vf_xml_disk_free (VfXmlDisk *disk)
{
  if (disk == NULL)
    return;
  g_free (disk->target);
  g_free (disk->device);
  g_free (disk->bus);
  g_free (disk->cache);
  g_free (disk->mirror_job);
  vf_source_free (disk->source);
  g_clear_pointer (&disk->backing, g_ptr_array_unref);
  g_free (disk);
}

char *
vf_volume_key (const char *pool, const char *name)
{
  return g_strconcat (VF_VOLUME_PREFIX, pool, "/", name, NULL);
}

/* libvirt allows no slash in a pool's name. */
bool
vf_volume_parts (const char *key, char **pool, char **name)
{
  if (!g_str_has_prefix (key, VF_VOLUME_PREFIX))
    return false;
  const char *begin = key + strlen (VF_VOLUME_PREFIX);
  const char *slash = strchr (begin, '/');
  if (slash == NULL || slash == begin || slash[1] == '\0')
    return false;
  *pool = g_strndup (begin, (gsize)(slash - begin));
  *name = g_strdup (slash + 1);
  return true;
}

char *
vf_source_volume (const xmlNode *layer)
{
  g_autofree char *type = vf_xml_attribute (layer, "type");
  const xmlNode *source = vf_xml_first (layer, "source");
  g_autofree char *pool = source == NULL ? NULL : vf_xml_attribute (source, "pool");
  g_autofree char *name = source == NULL ? NULL : vf_xml_attribute (source, "volume");
  return g_strcmp0 (type, "volume") != 0 || pool == NULL || name == NULL ? NULL : vf_volume_key (pool, name);
}

const char *
vf_source_attribute (const xmlNode *layer)
{
  g_autofree char *type = vf_xml_attribute (layer, "type");
  if (type == NULL || g_str_equal (type, "file")) /* libvirt's default */
    return "file";
  return g_str_equal (type, "block") ? "dev" : NULL;
}

/* What makes a file or device more than the path that names it, or NULL. */
static const char *
source_speciality (const xmlNode *source)
{
  g_autofree char *fdgroup = vf_xml_attribute (source, "fdgroup");
  if (fdgroup != NULL)
    return "fdgroup";
  return vf_xml_first (source, "slices") != NULL ? "slices" : NULL;
}

static guint
read_number (const xmlNode *node, const char *attribute)
{
  g_autofree char *text = vf_xml_attribute (node, attribute);
  return text == NULL ? 0 : (guint)g_ascii_strtoull (text, NULL, 0);
}

static char *
nvme_name (const xmlNode *source)
{
  const xmlNode *address = vf_xml_first (source, "address");
  g_autofree char *namespace = vf_xml_attribute (source, "namespace");
  return g_strdup_printf ("nvme://%04x:%02x:%02x.%x/%s", read_number (address, "domain"), read_number (address, "bus"),
                          read_number (address, "slot"), read_number (address, "function"), namespace != NULL ? namespace : "");
}

/* What names the source of a disk that is not all of a file or device. libvirt adds the unit to an iSCSI target without one. */
static char *
source_name (const xmlNode *layer, const xmlNode *source)
{
  static const char *const attributes[] = { "file", "dev", "dir", "name", "volume", "path" };
  char *name = vf_xml_attribute_is (layer, "type", "nvme") ? nvme_name (source) : NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (attributes) && name == NULL; i++)
    name = vf_xml_attribute (source, attributes[i]);
  if (name == NULL || !vf_xml_attribute_is (source, "protocol", "iscsi") || strchr (name, '/') != NULL)
    return name;
  g_autofree char *target = name;
  return g_strconcat (target, "/0", NULL);
}

/* In <source>, or as older definitions have it beside it in <disk>. */
static VfEncryption *
read_encryption (const xmlNode *layer)
{
  const xmlNode *element = vf_xml_first (vf_xml_first (layer, "source"), "encryption");
  if (element == NULL)
    element = vf_xml_first (layer, "encryption");
  if (element == NULL)
    return NULL;
  const xmlNode *secret = vf_xml_first (element, "secret");
  VfEncryption *read = g_new0 (VfEncryption, 1);
  read->format = vf_xml_attribute (element, "format");
  read->engine = vf_xml_attribute (element, "engine");
  read->secret = vf_xml_attribute (secret, "uuid");
  read->by_usage = read->secret == NULL;
  if (read->by_usage)
    read->secret = vf_xml_attribute (secret, "usage");
  return read;
}

static char *
read_data_store (const xmlNode *source)
{
  const xmlNode *store = vf_xml_first (source, "dataStore");
  const xmlNode *element = vf_xml_first (store, "source");
  const char *attribute = store == NULL ? NULL : vf_source_attribute (store);
  if (element == NULL)
    return NULL;
  char *path = attribute == NULL ? NULL : vf_xml_attribute (element, attribute);
  return path != NULL ? path : g_strdup ("");
}

VfSource *
vf_source_read (const xmlNode *layer, char *format)
{
  VfSource *source = g_new0 (VfSource, 1);
  source->format = format;
  source->encryption = read_encryption (layer);
  const xmlNode *element = vf_xml_first (layer, "source");
  const char *attribute = vf_source_attribute (layer);
  const char *speciality = source_speciality (element);
  source->data_store = read_data_store (element);
  if (element == NULL) /* an empty drive, whatever its type says */
    return source;
  if (attribute == NULL || speciality != NULL) {
    source->kind = VF_SOURCE_OTHER;
    source->other = speciality != NULL ? g_strdup (speciality) : vf_xml_attribute (layer, "type");
    source->name = source_name (layer, element);
    source->volume = speciality != NULL ? NULL : vf_source_volume (layer);
    return source;
  }
  source->path = vf_xml_attribute (element, attribute);
  if (source->path != NULL)
    source->kind = g_str_equal (attribute, "dev") ? VF_SOURCE_BLOCK : VF_SOURCE_FILE;
  return source;
}

/* <backingStore/> without a source ends a chain. */
static GPtrArray *
read_backing (const xmlNode *disk)
{
  GPtrArray *backing = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_source_free);
  const xmlNode *layer = vf_xml_first (disk, "backingStore");
  while (layer != NULL && vf_xml_first (layer, "source") != NULL) {
    g_ptr_array_add (backing, vf_source_read (layer, vf_xml_attribute (vf_xml_first (layer, "format"), "type")));
    layer = vf_xml_first (layer, "backingStore");
  }
  return backing;
}

static char *
read_mirror_job (const xmlNode *disk)
{
  const xmlNode *mirror = vf_xml_first (disk, "mirror");
  if (mirror == NULL)
    return NULL;
  char *job = vf_xml_attribute (mirror, "job");
  return job != NULL ? job : g_strdup ("copy"); /* before libvirt 1.2.7 there was no other */
}

VfXmlDisk *
vf_xml_disk_read (const xmlNode *disk)
{
  const xmlNode *target = vf_xml_first (disk, "target");
  VfXmlDisk *read = g_new0 (VfXmlDisk, 1);
  read->target = vf_xml_attribute (target, "dev");
  read->bus = vf_xml_attribute (target, "bus");
  read->cache = vf_xml_attribute (vf_xml_first (disk, "driver"), "cache");
  read->device = vf_xml_attribute (disk, "device");
  if (read->device == NULL)
    read->device = g_strdup ("disk");
  read->source = vf_source_read (disk, vf_xml_attribute (vf_xml_first (disk, "driver"), "type"));
  read->backing = read_backing (disk);
  read->readonly = vf_xml_first (disk, "readonly") != NULL || g_str_equal (read->device, "cdrom"); /* libvirt's own rule */
  read->shareable = vf_xml_first (disk, "shareable") != NULL;
  read->transient = vf_xml_first (disk, "transient") != NULL;
  read->encrypted = vf_xml_has_descendant (disk, "encryption");
  read->mirror_job = read_mirror_job (disk);
  return read;
}
