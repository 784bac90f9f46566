#include "preflight/preflight.h"

#include <string.h>

static void
refuse (const VfPreflight *preflight, const char *code, const char *object, const char *hint, const char *text)
{
  vf_findings_add (preflight->findings, VF_FINDING_REFUSE, code, object, hint, "%s", text);
}

static void
check_activity (const VfPreflight *preflight)
{
  const VfInventory *inventory = preflight->inventory;
  const char *name = inventory->domain->name;
  bool active = g_strcmp0 (inventory->state, "running") == 0 || g_strcmp0 (inventory->state, "paused") == 0;
  bool shut_off = g_strcmp0 (inventory->state, "shut off") == 0;
  if (!preflight->request->offline && !active)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "not-running", name,
                     shut_off ? "move it as it is with --offline, or start it" : "see what libvirt says of it (virsh domstate)",
                     "the guest is %s; a live move needs a running guest", inventory->state);
  if (preflight->request->offline && !shut_off)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "not-shut-off", name,
                     "move it as it runs, without --offline, or shut it down",
                     "the guest is %s; --offline moves a guest that is shut off", inventory->state);
  if (inventory->job != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "job-active", name,
                     "wait for it (virsh domjobinfo) or end it (virsh domjobabort)", "a %s job is running on the guest",
                     inventory->job);
  for (guint i = 0; i < inventory->block_jobs->len; i++)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "block-job-active", name,
                     "wait for it or end it (virsh blockjob --abort)", "a block job is running on a disk: %s",
                     (const char *)inventory->block_jobs->pdata[i]);
}

static void
check_what_is_not_carried (const VfPreflight *preflight)
{
  const VfInventory *inventory = preflight->inventory;
  const VfDomainXml *domain = inventory->domain;
  if (g_strcmp0 (domain->tpm, "passthrough") == 0)
    refuse (preflight, "tpm", domain->name, "give the guest an emulated TPM", "the guest uses the TPM of this host");
  else if (domain->tpm != NULL && strcmp (domain->tpm, "emulator") != 0)
    refuse (preflight, "tpm", domain->name, "let libvirt run the emulator (backend type 'emulator')",
            "the guest's TPM is a program that libvirt does not run, and nothing would run one at the destination");
  if (inventory->has_managed_save && !preflight->request->offline)
    refuse (preflight, "managed-save", domain->name,
            "move it with --offline, saved memory and all; or start it, which restores it from the image (virsh start)",
            "the guest has a managed save image, which only an offline move carries");
}

/* The domain XML that is embedded in saved memory names the guest, and libvirt lets that be replaced by none of another name.
 */
static void
check_name_in_saved_memory (const VfPreflight *preflight)
{
  const char *dname = preflight->request->tuning.dname;
  for (guint i = 0; dname != NULL && i < preflight->plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (preflight->plan, i);
    if (file->kind == VF_PLAN_MEMORY || file->kind == VF_PLAN_SAVED)
      vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "saved-name", file->source,
                       "leave --dname away, or do without the saved memory",
                       "libvirt does not let the guest's name in saved memory become '%s'", dname);
  }
}

/* What the caps are made with, and what they take from the layers, is LUKS as QEMU knows it. */
static void
check_encryption (const VfPreflight *preflight, const char *target, const VfSource *source)
{
  const VfEncryption *encryption = source->encryption;
  if (encryption == NULL || source->path == NULL)
    return;
  bool by_qemu = encryption->engine == NULL || strcmp (encryption->engine, "qemu") == 0;
  if (by_qemu && g_strcmp0 (encryption->format, "luks") == 0 && encryption->secret != NULL)
    return;
  vf_findings_add (
      preflight->findings, VF_FINDING_REFUSE, "encrypted", target, "convert it to LUKS with a secret of libvirt's first",
      "layer '%s' is encrypted in the form '%s'%s, and only LUKS with a secret can be carried", source->path,
      encryption->format != NULL ? encryption->format : "unknown", encryption->secret == NULL ? " without a secret" : "");
}

static void
check_disk (const VfPreflight *preflight, const VfXmlDisk *disk)
{
  const char *target = disk->target;
  if (disk->shareable)
    refuse (preflight, "shareable", target, "detach it, or move it with a cluster's own tools",
            "the disk is shareable: another guest may write it meanwhile");
  if (disk->transient)
    refuse (preflight, "transient-disk", target, NULL,
            "the disk is transient: its overlay is libvirt's own and cannot be moved");
  check_encryption (preflight, target, disk->source);
  for (guint i = 0; i < disk->backing->len; i++)
    check_encryption (preflight, target, disk->backing->pdata[i]);
  if (disk->mirror_job != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "block-job-active", target,
                     "wait for it or end it (virsh blockjob --abort)", "the disk is being mirrored (%s)", disk->mirror_job);
  if (disk->source->problem != NULL) {
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-volume", target,
                     "start or refresh the pool here (virsh pool-start, pool-refresh)", "%s", disk->source->problem);
    return;
  }
  if (disk->source->kind != VF_SOURCE_OTHER)
    return;
  if (g_strcmp0 (disk->source->other, "network") == 0)
    vf_findings_add (preflight->findings, VF_FINDING_WARN, "network-disk", target, NULL,
                     "the disk lies on the network and is left there: the destination must reach it under the same name");
  else
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "disk-source", target, "use a file or block device source for it",
                     "the disk's source is of type '%s', which this version cannot carry", disk->source->other);
}

/* Such a document names the layers, and has no place for the caps in a chain that it spells out. */
static void
check_own_xml (const VfPreflight *preflight)
{
  const VfTuning *tuning = &preflight->request->tuning;
  if ((tuning->xml != NULL || tuning->persistent_xml != NULL) && !preflight->request->offline &&
      vf_plan_is_encrypted (preflight->plan))
    refuse (preflight, "encrypted-own-xml", preflight->inventory->domain->name,
            "move it without --xml and --persistent-xml, and change the definition there",
            "the guest has an encrypted disk, whose chain a definition of your own cannot name as it is in the move");
}

static void
check_writable_disks (const VfPreflight *preflight)
{
  const GPtrArray *disks = preflight->inventory->domain->disks;
  for (guint i = 0; i < disks->len; i++)
    check_disk (preflight, disks->pdata[i]);
}

void
vf_preflight_guest (const VfPreflight *preflight)
{
  check_activity (preflight);
  check_what_is_not_carried (preflight);
  check_name_in_saved_memory (preflight);
  check_writable_disks (preflight);
  check_own_xml (preflight);
}
