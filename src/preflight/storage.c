#include "base/units.h"
#include "preflight/preflight.h"

#include <string.h>

static void
check_roots (const VfPreflight *preflight, const VfPlanFile *file, const VfFarFacts *there)
{
  if (there->refused != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "outside-roots", file->destination,
                     "add the directory to 'roots' in /etc/virt-ferry/agent.conf there, or use --map or --disk", "%s",
                     there->refused);
  else if (!there->in_roots)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "outside-roots", file->destination,
                     "add the directory to 'roots' in /etc/virt-ferry/agent.conf there, or use --map or --disk",
                     "the agent at %s may not open anything there", preflight->destination->host);
}

static void
check_file_in_the_way (const VfPreflight *preflight, const VfPlanFile *file, const VfFarFacts *there)
{
  const char *hint = "move it away, or place the copy elsewhere with --map or --disk";
  if (there->file->kind == VF_FILE_ABSENT)
    return;
  if (there->file->kind != VF_FILE_REGULAR) {
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "file-in-the-way", file->destination, hint,
                     "a %s of that name exists at %s", vf_file_kind_name (there->file->kind), preflight->destination->host);
    return;
  }
  gpointer equal = NULL;
  bool compared = g_hash_table_lookup_extended (preflight->destination->equal, file->destination, NULL, &equal);
  if (file->maybe_there && compared && GPOINTER_TO_INT (equal)) {
    vf_findings_add (preflight->findings, VF_FINDING_NOTE, "reused", file->destination, NULL,
                     "an equal file is there already and is used as it is");
    return;
  }
  vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "file-in-the-way", file->destination, hint,
                   vf_plan_file_is_written (preflight->plan, file)
                       ? "a file of that name exists at %s, and the guest's writes must not go into it"
                       : "a file of that name with other content exists at %s",
                   preflight->destination->host);
}

static void
check_link (const VfPreflight *preflight, const VfPlanFile *file, const VfFarFacts *there)
{
  if (there->file->kind == VF_FILE_ABSENT)
    return;
  if (file->maybe_there)
    vf_findings_add (preflight->findings, VF_FINDING_NOTE, "reused", file->destination, NULL,
                     "an equal symlink is there already and is used as it is");
  else if (there->link != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "file-in-the-way", file->destination,
                     "move it away, or place what it leads to elsewhere with --map or --disk",
                     "a symlink to '%s' has that name at %s, and one to '%s' is wanted", there->link,
                     preflight->destination->host, file->link_text);
  else
    check_file_in_the_way (preflight, file, there);
}

static void
check_device (const VfPreflight *preflight, const VfPlanFile *file, const VfFarFacts *there)
{
  const char *host = preflight->destination->host;
  if (there->file->kind != VF_FILE_BLOCK) {
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-device", file->destination,
                     "create it, or name another place: --disk TARGET=PATH", "there is no block device of that name at %s",
                     host);
    return;
  }
  if (there->held_by != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "device-in-use", file->destination, NULL,
                     "the device at %s is in use: %s", host, there->held_by);
  if (there->signature != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "device-not-empty", file->destination,
                     "if it can go: wipefs -a DEVICE at the destination", "the device at %s holds something: %s", host,
                     there->signature);
  if (vf_plan_file_is_renamed (file))
    vf_findings_add (
        preflight->findings, VF_FINDING_REFUSE, "device-backing-name", file->destination,
        "place the layer below so that its recorded name stays true, or this layer into a file",
        "the layer on this device records a %s name that would have to change, and names are changed in files only",
        file->new_backing != NULL ? "backing" : "data file");
  bool exact = g_strcmp0 (file->format, "raw") == 0;
  if (exact ? there->file->bytes != file->facts->bytes : there->file->bytes < file->facts->bytes)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "device-size", file->destination, "create a device of that size",
                     "the device at %s has %" G_GUINT64_FORMAT " bytes, the layer %s %" G_GUINT64_FORMAT, host,
                     there->file->bytes, exact ? "is raw and needs exactly" : "needs at least", file->facts->bytes);
}

/* Before an offline switch a device is compared with its copy, since it tells no time of its last change. */
static void
check_offline_device (const VfPreflight *preflight, const VfPlanFile *file, const VfFarFacts *there)
{
  if (!preflight->plan->offline || !file->source_is_block)
    return;
  if (vf_plan_file_is_renamed (file) || (file->destination_is_block && there->file->bytes != file->facts->bytes))
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "offline-device", file->source,
                     "take a device of the same size and keep the places below it, or move the guest while it runs",
                     "its copy would not equal it, so nobody could see whether the device was written meanwhile");
}

static void
check_file (const VfPreflight *preflight, const VfPlanFile *file)
{
  const VfFarFacts *there = g_hash_table_lookup (preflight->far_table, file->destination);
  if (there == NULL)
    return;
  check_roots (preflight, file, there);
  check_offline_device (preflight, file, there);
  if (vf_plan_file_is_link (file))
    check_link (preflight, file, there);
  else if (file->destination_is_block)
    check_device (preflight, file, there);
  else
    check_file_in_the_way (preflight, file, there);
}

/* As libvirt judges (9.0, qemuMigrationSrcIsSafe): a cache of the host's is no danger where QEMU drops it at the switch,
 * since 4.0. */
static void
check_shared_cache (const VfPreflight *preflight, const VfPlanDisk *disk)
{
  enum { DROPS_CACHE = 4000000 };
  const VfXmlDisk *xml = vf_domain_xml_disk (preflight->inventory->domain, disk->target);
  const VfDestinationFacts *there = preflight->destination;
  if (!disk->is_probed || xml == NULL || xml->readonly || g_strcmp0 (xml->cache, "none") == 0 ||
      g_strcmp0 (xml->cache, "directsync") == 0 || MIN (there->qemu_version, there->source_qemu_version) >= DROPS_CACHE)
    return;
  vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "shared-cache", disk->target,
                   "give the disk cache='none' and restart the guest, or update QEMU to 4.0",
                   "the disk is shared, goes through the hosts' caches (%s), and QEMU before 4.0 would read stale data there",
                   xml->cache != NULL ? xml->cache : "the default mode");
}

static void
check_with (const VfPreflight *preflight, const char *name)
{
  const VfTrail *trail = vf_inventory_trail (preflight->inventory, name);
  const VfFileFacts *facts = vf_inventory_file (preflight->inventory, name);
  if (trail != NULL && trail->problem != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "dangling-link", name,
                     "correct the symlink, or leave the file out of --with", "the symlink leads to nothing: %s",
                     trail->problem);
  else if (facts == NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "with-file", name, "leave it out of --with, or correct its name",
                     "the file that is to travel with the guest does not exist");
  else if (facts->kind != VF_FILE_REGULAR)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "with-file", name,
                     facts->kind == VF_FILE_DIRECTORY ? "name its files one by one" : "leave it out of --with",
                     "only regular files travel with the guest, and this is a %s",
                     facts->kind == VF_FILE_BLOCK ? "block device" : vf_file_kind_name (facts->kind));
}

static void
check_directories (const VfPreflight *preflight)
{
  for (guint i = 0; i < preflight->plan->directories->len; i++)
    vf_findings_add (preflight->findings, VF_FINDING_NOTE, "new-directory", preflight->plan->directories->pdata[i], NULL,
                     "the directory will be made at %s", preflight->destination->host);
}

void
vf_preflight_storage (const VfPreflight *preflight)
{
  for (guint i = 0; i < preflight->plan->files->len; i++)
    check_file (preflight, vf_plan_file (preflight->plan, i));
  for (guint i = 0; i < preflight->plan->disks->len && preflight->destination->host != NULL; i++)
    check_shared_cache (preflight, vf_plan_disk (preflight->plan, i));
  for (guint i = 0; i < preflight->request->with->len; i++)
    check_with (preflight, preflight->request->with->pdata[i]);
  check_directories (preflight);
}
