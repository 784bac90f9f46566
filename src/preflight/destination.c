#include "preflight/preflight.h"

static void
check_names (const VfPreflight *preflight)
{
  const VfDestinationFacts *there = preflight->destination;
  const VfPlan *plan = preflight->plan;
  const char *dname = preflight->request->tuning.dname;
  if (g_strcmp0 (there->host, there->source_host) == 0)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "same-host", there->host,
                     "give the hosts different hostnames, or name another destination",
                     "both ends call themselves '%s', and libvirt refuses to migrate between equal hosts", there->host);
  if (there->uuid_taken)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "uuid-taken", plan->uuid,
                     "undefine it there if it is a leftover (virsh undefine)", "the guest '%s' at %s has this guest's UUID",
                     there->taken_name, there->host);
  else if (there->name_taken)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "name-taken", dname != NULL ? dname : plan->domain,
                     "give it another name there (--dname), or rename one of them (virsh domrename)",
                     "another guest of that name exists at %s", there->host);
}

static void
check_versions (const VfPreflight *preflight)
{
  const VfDestinationFacts *there = preflight->destination;
  if (there->qemu_img == NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-qemu-img", there->host,
                     "install it there (Debian: qemu-utils)", "there is no qemu-img at %s", there->host);
  if (there->qemu_version / 1000000 < there->source_qemu_version / 1000000)
    vf_findings_add (preflight->findings, VF_FINDING_WARN, "older-qemu", there->host, "move to a host that is not older",
                     "QEMU at %s is %lu.%lu, here it is %lu.%lu: it may not know this guest's machine type", there->host,
                     there->qemu_version / 1000000, there->qemu_version / 1000 % 1000, there->source_qemu_version / 1000000,
                     there->source_qemu_version / 1000 % 1000);
  if (there->libvirt_version < there->source_libvirt_version && preflight->plan->snapshots->len > 0)
    vf_findings_add (
        preflight->findings, VF_FINDING_WARN, "older-libvirt", there->host,
        "move to a host that is not older; else update libvirt there if the move ends unsettled, and resume it",
        "libvirt at %s is %lu.%lu, here it is %lu.%lu: it may not know all that this one says of the guest's snapshots",
        there->host, there->libvirt_version / 1000000, there->libvirt_version / 1000 % 1000,
        there->source_libvirt_version / 1000000, there->source_libvirt_version / 1000 % 1000);
}

/* libvirt carries the state of an emulated TPM in the migration itself, into a directory that must be its own. */
static void
check_tpm (const VfPreflight *preflight)
{
  const VfDomainXml *domain = preflight->inventory->domain;
  const VfDestinationFacts *there = preflight->destination;
  if (g_strcmp0 (domain->tpm, "emulator") != 0)
    return;
  if (there->lacks_tpm_emulator)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-tpm-emulator", there->host,
                     "install it there (Debian: swtpm swtpm-tools)",
                     "the guest has an emulated TPM, and libvirt at %s finds no emulator", there->host);
  g_autofree char *directory = vf_plan_tpm_directory (domain->uuid);
  const VfFarFacts *state = g_hash_table_lookup (preflight->far_table, directory);
  if (state != NULL && state->in_roots && state->file->kind != VF_FILE_ABSENT)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "tpm-state-in-the-way", directory,
                     "move it away, if nothing else needs it", "the state of a TPM of this guest lies at %s already",
                     there->host);
}

/* Left by a guest of that name that libvirt does not know any more: it would overwrite them. */
static void
check_snapshot_names (const VfPreflight *preflight)
{
  const VfPlan *plan = preflight->plan;
  const char *dname = preflight->request->tuning.dname;
  for (guint i = 0; i < plan->snapshots->len; i++) {
    const VfPlanSnapshot *snapshot = plan->snapshots->pdata[i];
    g_autofree char *path = vf_plan_snapshot_metadata (dname != NULL ? dname : plan->domain, snapshot->name);
    const VfFarFacts *left = g_hash_table_lookup (preflight->far_table, path);
    if (left != NULL && left->in_roots && left->file->kind != VF_FILE_ABSENT)
      vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "snapshot-taken", snapshot->name,
                       "look whether anything needs it, and move the file away",
                       "a guest of this name that is no more left a snapshot of that name at %s: '%s'",
                       preflight->destination->host, path);
  }
}

void
vf_preflight_destination (const VfPreflight *preflight)
{
  if (preflight->destination->host == NULL)
    return; /* not reached; that is a finding of its own */
  check_names (preflight);
  check_versions (preflight);
  check_tpm (preflight);
  if (!preflight->destination->uuid_taken && !preflight->destination->name_taken)
    check_snapshot_names (preflight);
}
