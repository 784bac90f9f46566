#include "preflight/preflight.h"

#include <string.h>

/* A broken chain of the running guest cannot be moved; one that only a snapshot names is the user's to know of. */
static VfFindingLevel
level_of (const VfHead *head)
{
  return head->snapshot == NULL ? VF_FINDING_REFUSE : VF_FINDING_WARN;
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
  if (image->data_file != NULL)
    vf_findings_add (
        preflight->findings, VF_FINDING_REFUSE, "data-file", image->path,
        "convert it into an image of its own first (virsh blockcopy, or qemu-img convert while the guest is shut off)",
        "the image keeps its data in another file ('%s'), which this version cannot carry", image->data_file);
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
  check_variables (preflight);
  check_snapshots_are_held (preflight);
}
