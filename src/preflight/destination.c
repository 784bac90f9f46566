#include "preflight/preflight.h"

static void
check_names (const VfPreflight *preflight)
{
  const VfDestinationFacts *there = preflight->destination;
  const VfPlan *plan = preflight->plan;
  if (g_strcmp0 (there->host, there->source_host) == 0)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "same-host", there->host,
                     "give the hosts different hostnames, or name another destination",
                     "both ends call themselves '%s', and libvirt refuses to migrate between equal hosts", there->host);
  if (there->uuid_taken)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "uuid-taken", plan->uuid,
                     "undefine it there if it is a leftover (virsh undefine)", "the guest '%s' at %s has this guest's UUID",
                     there->taken_name, there->host);
  else if (there->name_taken)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "name-taken", plan->domain, "rename one of them (virsh domrename)",
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
}

void
vf_preflight_destination (const VfPreflight *preflight)
{
  if (preflight->destination->host == NULL)
    return; /* not reached; that is a finding of its own */
  check_names (preflight);
  check_versions (preflight);
}
