#include "plan/inventory.h"

#include <string.h>

static void
head_free (VfHead *head)
{
  g_free (head->target);
  g_free (head->snapshot);
  g_free (head->volume);
  g_clear_pointer (&head->chain, vf_chain_free);
  g_free (head);
}

static void
snapshot_free (VfInventorySnapshot *snapshot)
{
  vf_snapshot_xml_free (snapshot->xml);
  g_free (snapshot);
}

VfInventory *
vf_inventory_new (void)
{
  VfInventory *inventory = g_new0 (VfInventory, 1);
  inventory->block_jobs = g_ptr_array_new_with_free_func (g_free);
  inventory->tpm_files = g_ptr_array_new_with_free_func (g_free);
  inventory->tpm_directories = g_ptr_array_new_with_free_func (g_free);
  inventory->snapshots = g_ptr_array_new_with_free_func ((GDestroyNotify)snapshot_free);
  inventory->secrets = g_ptr_array_new_with_free_func (g_free);
  inventory->snapshot_secrets = g_ptr_array_new_with_free_func (g_free);
  inventory->heads = g_ptr_array_new_with_free_func ((GDestroyNotify)head_free);
  inventory->shared = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  inventory->trails = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)vf_trail_free);
  inventory->trail_names = g_ptr_array_new ();
  inventory->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)vf_file_facts_free);
  return inventory;
}

void
vf_inventory_free (VfInventory *inventory)
{
  g_clear_pointer (&inventory->domain, vf_domain_xml_free);
  g_clear_pointer (&inventory->devices, vf_devices_free);
  g_free (inventory->host);
  g_free (inventory->state);
  g_free (inventory->job);
  g_ptr_array_unref (inventory->block_jobs);
  g_ptr_array_unref (inventory->tpm_files);
  g_ptr_array_unref (inventory->tpm_directories);
  g_ptr_array_unref (inventory->snapshots);
  g_ptr_array_unref (inventory->heads);
  g_ptr_array_unref (inventory->trail_names);
  g_hash_table_unref (inventory->shared);
  g_hash_table_unref (inventory->trails);
  g_ptr_array_unref (inventory->secrets);
  g_ptr_array_unref (inventory->snapshot_secrets);
  g_hash_table_unref (inventory->files);
  g_free (inventory);
}

void
vf_inventory_add_head (VfInventory *inventory, VfHead *head)
{
  g_ptr_array_add (inventory->heads, head);
}

void
vf_inventory_add_snapshot (VfInventory *inventory, VfSnapshotXml *xml, bool current)
{
  VfInventorySnapshot *snapshot = g_new0 (VfInventorySnapshot, 1);
  snapshot->xml = xml;
  snapshot->current = current;
  g_ptr_array_add (inventory->snapshots, snapshot);
}

const VfHead *
vf_inventory_live_head (const VfInventory *inventory, const char *target)
{
  for (guint i = 0; i < inventory->heads->len; i++) {
    const VfHead *head = inventory->heads->pdata[i];
    if (head->snapshot == NULL && strcmp (head->target, target) == 0)
      return head;
  }
  return NULL;
}

static void
add_with_nvram (GPtrArray *domains, VfDomainXml *domain)
{
  if (domain == NULL || domain->nvram == NULL)
    return;
  for (guint i = 0; i < domains->len; i++)
    if (strcmp (((const VfDomainXml *)domains->pdata[i])->nvram, domain->nvram) == 0)
      return;
  g_ptr_array_add (domains, domain);
}

GPtrArray *
vf_inventory_with_nvram (const VfInventory *inventory)
{
  GPtrArray *domains = g_ptr_array_new ();
  add_with_nvram (domains, inventory->domain);
  for (guint i = 0; i < inventory->snapshots->len; i++)
    add_with_nvram (domains, ((const VfInventorySnapshot *)inventory->snapshots->pdata[i])->xml->domain);
  return domains;
}

void
vf_inventory_add_trail (VfInventory *inventory, const char *name, VfTrail *trail)
{
  g_autoptr (VfTrail) owned = trail;
  if (g_hash_table_contains (inventory->trails, name) || (trail->problem == NULL && strcmp (trail->real, name) == 0))
    return;
  char *key = g_strdup (name);
  g_hash_table_insert (inventory->trails, key, g_steal_pointer (&owned));
  g_ptr_array_add (inventory->trail_names, key);
}

const VfTrail *
vf_inventory_trail (const VfInventory *inventory, const char *name)
{
  return g_hash_table_lookup (inventory->trails, name);
}

const char *
vf_inventory_real (const VfInventory *inventory, const char *name)
{
  const VfTrail *trail = name == NULL ? NULL : vf_inventory_trail (inventory, name);
  return trail == NULL || trail->problem != NULL ? name : trail->real;
}

bool
vf_inventory_is_shared (const VfInventory *inventory, const char *path)
{
  return path != NULL && g_hash_table_contains (inventory->shared, vf_inventory_real (inventory, path));
}

/* By any name of the file; libvirt writes a relative backing name as it followed it. */
static const VfEncryption *
encryption_at (const VfInventory *inventory, const VfSource *source, const char *path)
{
  if (source == NULL || source->path == NULL || *source->path != '/' || source->encryption == NULL ||
      source->encryption->secret == NULL)
    return NULL;
  g_autofree char *normal = g_canonicalize_filename (source->path, NULL);
  bool is_it = strcmp (source->path, path) == 0 || strcmp (vf_inventory_real (inventory, source->path), path) == 0 ||
               strcmp (vf_inventory_real (inventory, normal), path) == 0;
  return is_it ? source->encryption : NULL;
}

static const VfEncryption *
encryption_in_domain (const VfInventory *inventory, const VfDomainXml *domain, const char *path)
{
  const VfEncryption *found = NULL;
  for (guint i = 0; domain != NULL && found == NULL && i < domain->disks->len; i++) {
    const VfXmlDisk *disk = domain->disks->pdata[i];
    found = encryption_at (inventory, disk->source, path);
    for (guint j = 0; found == NULL && j < disk->backing->len; j++)
      found = encryption_at (inventory, disk->backing->pdata[j], path);
  }
  return found;
}

const VfEncryption *
vf_inventory_encryption (const VfInventory *inventory, const char *path)
{
  const VfEncryption *found = encryption_in_domain (inventory, inventory->domain, path);
  for (guint i = 0; found == NULL && i < inventory->snapshots->len; i++) {
    const VfSnapshotXml *xml = ((const VfInventorySnapshot *)inventory->snapshots->pdata[i])->xml;
    found = encryption_in_domain (inventory, xml->domain, path);
    for (guint j = 0; found == NULL && j < xml->disks->len; j++)
      found = encryption_at (inventory, ((const VfSnapshotDisk *)xml->disks->pdata[j])->source, path);
  }
  return found;
}

const VfFileFacts *
vf_inventory_file (const VfInventory *inventory, const char *path)
{
  const VfFileFacts *facts = g_hash_table_lookup (inventory->files, path);
  return facts != NULL ? facts : g_hash_table_lookup (inventory->files, vf_inventory_real (inventory, path));
}
