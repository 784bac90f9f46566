#include "preflight/preflight.h"

#include <string.h>

/* A broken chain of the running guest cannot be moved; one that only a snapshot names is the user's to know of. */
static VfFindingLevel
level_of (const VfHead *head)
{
  return head->snapshot == NULL ? VF_FINDING_REFUSE : VF_FINDING_WARN;
}

/* What a relative name means depends on who opens the image. */
static bool
names_no_data_path (const VfChain *chain)
{
  const VfImage *last = chain->images->len == 0 ? NULL : chain->images->pdata[chain->images->len - 1];
  return last != NULL && last->data_file != NULL && last->data_path == NULL;
}

static void
check_chain (const VfPreflight *preflight, const VfHead *head)
{
  const VfChain *chain = head->chain;
  g_autofree char *whose = head->snapshot == NULL
                               ? g_strdup_printf ("disk '%s'", head->target)
                               : g_strdup_printf ("disk '%s' of snapshot '%s'", head->target, head->snapshot);
  const VfTrail *trail = chain->at == NULL ? NULL : vf_inventory_trail (preflight->inventory, chain->at);
  if (trail != NULL && trail->problem != NULL) {
    vf_findings_add (preflight->findings, level_of (head), "dangling-link", chain->at,
                     head->snapshot == NULL ? "correct the symlink, or bring back what it leads to"
                                            : "correct the symlink, or delete the snapshot's metadata if it is not wanted",
                     "the symlink leads to nothing: %s; %s needs it", trail->problem, whose);
    return;
  }
  switch (chain->state) {
  case VF_CHAIN_WHOLE:
    break;
  case VF_CHAIN_MISSING:
    vf_findings_add (preflight->findings, level_of (head), "missing-layer", chain->at,
                     head->snapshot == NULL ? "bring the file back, or correct the backing name (qemu-img rebase)"
                                            : "bring the file back, or delete the snapshot's metadata if it is not wanted",
                     "the file is missing; %s needs it", whose);
    break;
  case VF_CHAIN_NO_FORMAT:
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "backing-format", chain->at,
                     "record it with the guest shut off: qemu-img rebase -u -b BACKING -F FORMAT IMAGE",
                     "the image does not record the format of its backing file, and a guest could forge it (%s)", whose);
    break;
  case VF_CHAIN_UNSUPPORTED:
    if (names_no_data_path (chain))
      vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "data-file", chain->at,
                       "record its absolute path with the guest shut off: qemu-img amend -f qcow2 -o data_file=PATH IMAGE",
                       "%s (%s)", chain->reason, whose);
    else
      vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "unsupported-layer", chain->at, NULL, "%s (%s)",
                       chain->reason != NULL ? chain->reason : "the image or its backing is of a kind that cannot be moved",
                       whose);
    break;
  case VF_CHAIN_LOOP:
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "chain-loop", chain->at, NULL, "the image backs on itself (%s)",
                     whose);
    break;
  case VF_CHAIN_UNREADABLE:
    vf_findings_add (preflight->findings, level_of (head), "unreadable-layer", chain->at, "check it with qemu-img check",
                     "%s (%s)", chain->reason, whose);
    break;
  }
}

static void
check_image (const VfPreflight *preflight, const VfHead *head, const VfImage *image)
{
  if (image->encrypted && head->snapshot == NULL &&
      vf_inventory_encryption (preflight->inventory, vf_inventory_real (preflight->inventory, image->path)) == NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "encrypted", image->path,
                     "name it in the disk's <source> or <backingStore>: <encryption format='luks'><secret …/>",
                     "the image is encrypted, and the guest's definition names no secret for it");
  if (image->data_path != NULL && vf_inventory_is_shared (preflight->inventory, image->path) !=
                                      vf_inventory_is_shared (preflight->inventory, image->data_path))
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "data-file", image->path,
                     "put both on storage that the hosts share, or both on storage that they do not",
                     "the image keeps its data in '%s', and only one of both is on storage that the hosts share",
                     image->data_path);
  if (image->corrupt)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "corrupt", image->path, "repair it with qemu-img check -r all",
                     "the image is marked corrupt");
}

static void
check_images (const VfPreflight *preflight)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  const GPtrArray *heads = preflight->inventory->heads;
  for (guint i = 0; i < heads->len; i++) {
    const VfHead *head = heads->pdata[i];
    const GPtrArray *images = head->chain->images;
    for (guint j = 0; j < images->len; j++)
      if (g_hash_table_add (seen, ((const VfImage *)images->pdata[j])->path))
        check_image (preflight, head, images->pdata[j]);
  }
}

static bool
holds_snapshot (const VfChain *chain, const char *name)
{
  for (guint i = 0; i < chain->images->len; i++) {
    const GPtrArray *held = ((const VfImage *)chain->images->pdata[i])->internal_snapshots;
    for (guint j = 0; j < held->len; j++)
      if (strcmp (((const VfInternalSnapshot *)held->pdata[j])->name, name) == 0)
        return true;
  }
  return false;
}

/* Of a chain that cannot be followed nobody knows. */
static bool
may_be_held (const VfPreflight *preflight, const char *target, const char *name)
{
  const GPtrArray *heads = preflight->inventory->heads;
  for (guint i = 0; i < heads->len; i++) {
    const VfHead *head = heads->pdata[i];
    if (strcmp (head->target, target) == 0 && (head->chain->state != VF_CHAIN_WHOLE || holds_snapshot (head->chain, name)))
      return true;
  }
  return false;
}

/* libvirt's metadata would be carried there, and mean nothing. */
static void
check_snapshots_are_held (const VfPreflight *preflight)
{
  const GPtrArray *snapshots = preflight->inventory->snapshots;
  for (guint i = 0; i < snapshots->len; i++) {
    const VfSnapshotXml *xml = ((const VfInventorySnapshot *)snapshots->pdata[i])->xml;
    for (guint j = 0; j < xml->disks->len; j++) {
      const VfSnapshotDisk *disk = xml->disks->pdata[j];
      if (disk->kind == VF_SNAPSHOT_INTERNAL && !may_be_held (preflight, disk->target, xml->name))
        vf_findings_add (preflight->findings, VF_FINDING_WARN, "snapshot-lost", xml->name,
                         "let libvirt forget it: virsh snapshot-delete --metadata",
                         "libvirt knows it as an internal snapshot of disk '%s', but none of the disk's images holds it: it "
                         "cannot be reverted to, here or there",
                         disk->target);
    }
  }
}

/* The caps are committed into the top layers; nothing else may read those. */
static void
check_dependents (const VfPreflight *preflight)
{
  const VfPlan *plan = preflight->plan;
  for (guint i = 0; i < plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (plan, i);
    gint below = vf_plan_find_source (plan, file->backing);
    if (below >= 0 && vf_plan_file (plan, (guint)below)->is_top)
      vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "top-has-dependents", file->backing,
                       "give the guest an overlay of its own first (virsh snapshot-create --disk-only)",
                       "the guest writes this layer, but '%s' backs on it", file->source);
  }
}

static bool
is_layer (const VfInventory *inventory, const char *path)
{
  for (guint i = 0; i < inventory->heads->len; i++) {
    const GPtrArray *images = ((const VfHead *)inventory->heads->pdata[i])->chain->images;
    for (guint j = 0; j < images->len; j++)
      if (strcmp (vf_inventory_real (inventory, ((const VfImage *)images->pdata[j])->path), path) == 0)
        return true;
  }
  return false;
}

/* A file in which an image keeps its data is that image's alone. */
static void
check_data_files (const VfPreflight *preflight)
{
  const VfPlan *plan = preflight->plan;
  g_autoptr (GHashTable) users = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (plan, i);
    if (file->data_file == NULL)
      continue;
    const char *other = g_hash_table_lookup (users, file->data_file);
    g_hash_table_insert (users, file->data_file, file->source);
    if (other != NULL || is_layer (preflight->inventory, file->data_file))
      vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "data-file", file->source,
                       "give the image a data file of its own, or detach what else uses it",
                       "the image keeps its data in '%s', which %s uses too", file->data_file,
                       other != NULL ? other : "a disk");
  }
}

/* libvirt since 10.10 lets the definition name another one than the header does. */
static void
check_data_store (const VfPreflight *preflight, const VfSource *source)
{
  const VfInventory *inventory = preflight->inventory;
  gint layer = source->path == NULL ? -1 : vf_plan_find_source (preflight->plan, vf_inventory_real (inventory, source->path));
  if (source->data_store == NULL || layer < 0)
    return;
  const char *recorded = vf_plan_file (preflight->plan, (guint)layer)->data_file;
  if (g_strcmp0 (vf_inventory_real (inventory, source->data_store), recorded) != 0)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "data-file", source->path,
                     "let both name the same: qemu-img amend -f qcow2 -o data_file=PATH IMAGE, or no <dataStore>",
                     "the guest's definition says that the image keeps its data in '%s', its header says '%s'",
                     source->data_store, recorded != NULL ? recorded : "in itself");
}

static void
check_data_stores (const VfPreflight *preflight)
{
  const VfDomainXml *domain = preflight->inventory->domain;
  for (guint i = 0; i < domain->disks->len; i++) {
    const VfXmlDisk *disk = domain->disks->pdata[i];
    check_data_store (preflight, disk->source);
    for (guint j = 0; j < disk->backing->len; j++)
      check_data_store (preflight, disk->backing->pdata[j]);
  }
}

static void
check_variables (const VfPreflight *preflight)
{
  const VfDomainXml *domain = preflight->inventory->domain;
  if (domain->nvram != NULL && vf_inventory_file (preflight->inventory, domain->nvram) == NULL)
    vf_findings_add (preflight->findings, VF_FINDING_WARN, "missing-layer", domain->nvram, NULL,
                     "the file of the guest's UEFI variables is missing; libvirt will make a new one from its template");
}

void
vf_preflight_chains (const VfPreflight *preflight)
{
  const GPtrArray *heads = preflight->inventory->heads;
  for (guint i = 0; i < heads->len; i++)
    check_chain (preflight, heads->pdata[i]);
  check_images (preflight);
  check_dependents (preflight);
  check_data_files (preflight);
  check_data_stores (preflight);
  check_variables (preflight);
  check_snapshots_are_held (preflight);
}
