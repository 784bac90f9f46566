#include "xml/domain_node.h"

#include <string.h>

void
vf_domain_xml_free (VfDomainXml *domain)
{
  if (domain == NULL)
    return;
  g_free (domain->name);
  g_free (domain->uuid);
  g_free (domain->type);
  g_free (domain->arch);
  g_free (domain->machine);
  g_free (domain->nvram);
  g_free (domain->nvram_format);
  g_free (domain->tpm);
  g_clear_pointer (&domain->disks, g_ptr_array_unref);
  g_free (domain);
}

/* The units of https://libvirt.org/formatdomain.html#memory-allocation, in any case: KiB and K are 1024, KB is 1000. */
bool
vf_xml_unit_factor (const char *unit, guint64 *factor)
{
  static const char letters[] = "kmgtpe";
  *factor = 1;
  if (g_ascii_strcasecmp (unit, "b") == 0 || g_ascii_strcasecmp (unit, "bytes") == 0)
    return true;
  const char *letter = *unit == '\0' ? NULL : strchr (letters, g_ascii_tolower (*unit));
  if (letter == NULL)
    return false;
  const char *rest = unit + 1;
  guint64 step = 1024;
  if (g_ascii_strcasecmp (rest, "b") == 0)
    step = 1000;
  else if (*rest != '\0' && g_ascii_strcasecmp (rest, "ib") != 0)
    return false;
  for (const char *at = letters; at <= letter; at++)
    *factor *= step;
  return true;
}

bool
vf_xml_read_memory (const xmlNode *memory, guint64 *bytes, GError **error)
{
  g_autofree char *text = vf_xml_text (memory);
  g_autofree char *unit = vf_xml_attribute (memory, "unit");
  guint64 number, factor;
  *bytes = 0;
  if (text == NULL)
    return true;
  if (!vf_xml_unit_factor (unit != NULL ? unit : "KiB", &factor))
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <memory>: unknown unit '%s'", unit);
  if (!g_ascii_string_to_unsigned (g_strstrip (text), 10, 0, G_MAXUINT64, &number, NULL) ||
      __builtin_mul_overflow (number, factor, bytes))
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <memory>: '%s' is not an amount of memory", text);
  return true;
}

/* <nvram>PATH</nvram>, or since libvirt 8.5 <nvram type='file'><source file='PATH'/></nvram>. */
static char *
read_nvram (const xmlNode *nvram)
{
  const xmlNode *source = vf_xml_first (nvram, "source");
  if (source == NULL)
    return vf_xml_text (nvram);
  const char *attribute = vf_source_attribute (nvram);
  return attribute == NULL ? NULL : vf_xml_attribute (source, attribute);
}

/* libvirt's own default where the XML is silent; the attribute came with libvirt 9.2. */
static char *
read_nvram_format (const xmlNode *nvram)
{
  char *format = vf_xml_attribute (nvram, "format");
  return format != NULL ? format : g_strdup ("raw");
}

/* Some machines take two TPMs, of which one is a proxy without state; an emulated one counts first. */
static void
read_tpm (VfDomainXml *domain, const xmlNode *devices)
{
  for (const xmlNode *tpm = vf_xml_first (devices, "tpm"); tpm != NULL; tpm = vf_xml_next (tpm)) {
    const xmlNode *backend = vf_xml_first (tpm, "backend");
    bool emulated = vf_xml_attribute_is (backend, "type", "emulator");
    if (domain->tpm != NULL && !emulated)
      continue;
    g_free (domain->tpm);
    domain->tpm = vf_xml_attribute (backend, "type");
  }
}

/* A network card of the host counts unless the guest is told to do without it for a while (<teaming>). */
static guint
count_host_devices (const xmlNode *devices)
{
  guint count = vf_xml_count (devices, "hostdev");
  for (const xmlNode *card = vf_xml_first (devices, "interface"); card != NULL; card = vf_xml_next (card))
    if (vf_xml_attribute_is (card, "type", "hostdev") && vf_xml_first (card, "teaming") == NULL)
      count++;
  return count;
}

static GPtrArray *
read_disks (const xmlNode *devices)
{
  GPtrArray *disks = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_xml_disk_free);
  for (const xmlNode *disk = vf_xml_first (devices, "disk"); disk != NULL; disk = vf_xml_next (disk))
    g_ptr_array_add (disks, vf_xml_disk_read (disk));
  return disks;
}

static bool
check_targets (const GPtrArray *disks, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < disks->len; i++) {
    const VfXmlDisk *disk = g_ptr_array_index (disks, i);
    if (disk->target == NULL)
      return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <disk> %u: it has no target", i + 1);
    if (!g_hash_table_add (seen, disk->target))
      return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <disk> %u: target '%s' comes twice", i + 1, disk->target);
  }
  return true;
}

VfDomainXml *
vf_domain_node_read (const xmlNode *element, GError **error)
{
  const xmlNode *os = vf_xml_first (element, "os");
  const xmlNode *os_type = vf_xml_first (os, "type");
  const xmlNode *devices = vf_xml_first (element, "devices");
  g_autoptr (VfDomainXml) domain = g_new0 (VfDomainXml, 1);
  domain->name = vf_xml_text (vf_xml_first (element, "name"));
  domain->uuid = vf_xml_text (vf_xml_first (element, "uuid"));
  domain->type = vf_xml_attribute (element, "type");
  domain->arch = vf_xml_attribute (os_type, "arch");
  domain->machine = vf_xml_attribute (os_type, "machine");
  domain->nvram = read_nvram (vf_xml_first (os, "nvram"));
  domain->nvram_format = domain->nvram == NULL ? NULL : read_nvram_format (vf_xml_first (os, "nvram"));
  read_tpm (domain, devices);
  domain->host_devices = count_host_devices (devices);
  domain->filesystems = vf_xml_count (devices, "filesystem");
  domain->disks = read_disks (devices);
  if (domain->name == NULL) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <domain>: it has no name");
    return NULL;
  }
  if (!vf_xml_read_memory (vf_xml_first (element, "memory"), &domain->memory_bytes, error) ||
      !check_targets (domain->disks, error))
    return NULL;
  return g_steal_pointer (&domain);
}

VfDomainXml *
vf_domain_xml_parse (const char *xml, GError **error)
{
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "domain", error);
  return document == NULL ? NULL : vf_domain_node_read (xmlDocGetRootElement (document), error);
}

const VfXmlDisk *
vf_domain_xml_disk (const VfDomainXml *domain, const char *target)
{
  for (guint i = 0; i < domain->disks->len; i++) {
    const VfXmlDisk *disk = g_ptr_array_index (domain->disks, i);
    if (g_str_equal (disk->target, target))
      return disk;
  }
  return NULL;
}
