/* Domain XML from anywhere: whatever is read can be rewritten, and what was rewritten can be read again. */
#include "xml/devices.h"
#include "xml/domain_xml.h"
#include "xml/networks.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* Moves the first disk's files elsewhere. */
static GPtrArray *
changes_for (const VfDomainXml *domain)
{
  GPtrArray *changes = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_path_change_free);
  for (guint i = 0; i < domain->disks->len; i++) {
    const VfXmlDisk *disk = g_ptr_array_index (domain->disks, i);
    if (disk->source->path != NULL)
      g_ptr_array_add (changes,
                       vf_path_change_new (disk->source->path, "/new", i % 2 == 0 ? VF_SOURCE_BLOCK : VF_SOURCE_FILE, "qcow2"));
    for (guint k = 0; k < disk->backing->len; k++) {
      const VfSource *layer = g_ptr_array_index (disk->backing, k);
      if (layer->path != NULL)
        g_ptr_array_add (changes, vf_path_change_new (layer->path, "/new/layer", VF_SOURCE_FILE, NULL));
    }
  }
  if (domain->nvram != NULL)
    g_ptr_array_add (changes, vf_path_change_new (domain->nvram, "/new/vars", VF_SOURCE_FILE, NULL));
  return changes;
}

static void
check_rewritten (const char *xml, const VfDomainXml *before, bool strip)
{
  g_autoptr (GPtrArray) changes = changes_for (before);
  g_autofree char *rewritten = vf_domain_xml_rewrite (xml, changes, strip, NULL);
  g_assert_nonnull (rewritten);
  g_autoptr (VfDomainXml) after = vf_domain_xml_parse (rewritten, NULL);
  g_assert_nonnull (after);
  g_assert_cmpstr (after->name, ==, before->name);
  g_assert_cmpuint (after->disks->len, ==, before->disks->len);
  for (guint i = 0; i < after->disks->len; i++) {
    const VfXmlDisk *disk = g_ptr_array_index (after->disks, i);
    g_assert_true (disk->source->path == NULL || g_str_has_prefix (disk->source->path, "/new"));
    g_assert_true (!strip || disk->mirror_job == NULL);
    g_assert_true (!strip || disk->encrypted || disk->backing->len == 0);
  }
}

/* As if every top layer were a cap. */
static void
check_without_layers (const char *xml, const VfDomainXml *before)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  for (guint i = 0; i < before->disks->len; i++) {
    const VfXmlDisk *disk = g_ptr_array_index (before->disks, i);
    if (disk->source->path != NULL)
      g_ptr_array_add (paths, disk->source->path);
  }
  g_autofree char *without = vf_domain_xml_without_layers (xml, paths, NULL);
  g_autoptr (VfDomainXml) after = without == NULL ? NULL : vf_domain_xml_parse (without, NULL);
  g_assert_nonnull (after);
  g_assert_cmpuint (after->disks->len, ==, before->disks->len);
}

/* Every name becomes another, and no old one is left. */
static void
check_devices (const char *xml)
{
  g_autoptr (VfDevices) devices = vf_devices_parse (xml, NULL);
  g_autoptr (GHashTable) renames = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; devices != NULL && i < devices->nics->len; i++) {
    const VfXmlNic *nic = g_ptr_array_index (devices->nics, i);
    char *const names[] = { nic->bridge, nic->network, nic->device };
    for (gsize k = 0; k < G_N_ELEMENTS (names); k++)
      if (names[k] != NULL)
        g_hash_table_insert (renames, names[k], (gpointer) "new");
  }
  g_autofree char *renamed = devices == NULL ? NULL : vf_xml_rename_networks (xml, renames, NULL);
  g_autoptr (VfDevices) again = renamed == NULL ? NULL : vf_devices_parse (renamed, NULL);
  g_assert_true (devices == NULL || again != NULL);
  for (guint i = 0; again != NULL && i < again->nics->len; i++) {
    const VfXmlNic *nic = g_ptr_array_index (again->nics, i);
    g_assert_true (nic->bridge == NULL || g_str_equal (nic->bridge, "new"));
    g_assert_true (nic->network == NULL || g_str_equal (nic->network, "new"));
  }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *xml = g_strndup ((const char *)data, size);
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (xml, NULL);
  if (domain == NULL)
    return 0;
  check_devices (xml);
  check_rewritten (xml, domain, false);
  check_rewritten (xml, domain, true);
  check_without_layers (xml, domain);
  return 0;
}
