/* Is everything bound to CPUs and NUMA nodes that the destination has? libvirt's cgroups and QEMU's affinity take no others. */
#include "preflight/preflight.h"

/* "vcpu 0: 63; emulator: 62-63", or NULL: what each binding wants of `lacking`. */
static char *
wants_of (const GPtrArray *bindings, const VfCpuSet *lacking)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < bindings->len; i++) {
    const VfXmlBinding *binding = bindings->pdata[i];
    VfCpuSet wanted = vf_cpu_set_common (&binding->set, lacking);
    g_autofree char *shown = vf_cpu_set_print (&wanted);
    if (*shown != '\0')
      g_string_append_printf (text, "%s%s: %s", text->len > 0 ? "; " : "", binding->what, shown);
  }
  return g_string_free (text, text->len == 0);
}

static VfCpuSet
all_wanted (const GPtrArray *bindings)
{
  VfCpuSet all = { 0 };
  for (guint i = 0; i < bindings->len; i++)
    vf_cpu_set_add_all (&all, &((const VfXmlBinding *)bindings->pdata[i])->set);
  return all;
}

static void
check_pins (const VfPreflight *preflight, const VfDevices *devices, const VfHost *there)
{
  const char *host = preflight->destination->host;
  VfCpuSet wanted = all_wanted (devices->pins);
  VfCpuSet absent = vf_cpu_set_minus (&wanted, &there->cpus_present);
  VfCpuSet unusable = vf_cpu_set_minus (&wanted, &there->cpus_online);
  VfCpuSet offline = vf_cpu_set_minus (&unusable, &absent);
  g_autofree char *of_absent = wants_of (devices->pins, &absent);
  g_autofree char *of_offline = wants_of (devices->pins, &offline);
  g_autofree char *present = vf_cpu_set_print (&there->cpus_present);
  g_autofree char *numbers = vf_cpu_set_print (&offline);
  g_autofree char *online_hint = g_strdup_printf ("bring them online there (chcpu -e %s), or pin the guest to others", numbers);
  if (of_absent != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "pinned-to-absent-cpu", devices->name,
                     "pin the guest to CPUs that both hosts have, before the move (virsh vcpupin, emulatorpin, iothreadpin)",
                     "the guest is pinned to CPUs that %s does not have (%s); it has %s", host, of_absent, present);
  if (of_offline != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "pinned-to-offline-cpu", devices->name, online_hint,
                     "the guest is pinned to CPUs that are offline at %s (%s)", host, of_offline);
}

static void
check_nodes (const VfPreflight *preflight, const VfDevices *devices, const VfHost *there)
{
  VfCpuSet wanted = all_wanted (devices->nodes);
  VfCpuSet absent = vf_cpu_set_minus (&wanted, &there->nodes);
  g_autofree char *of_absent = wants_of (devices->nodes, &absent);
  g_autofree char *present = vf_cpu_set_print (&there->nodes);
  if (of_absent != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-numa-node", devices->name,
                     "bind its memory to nodes that both hosts have, before the move (virsh numatune)",
                     "the guest's memory is bound to NUMA nodes that %s does not have (%s); it has %s",
                     preflight->destination->host, of_absent, present);
}

void
vf_preflight_cpus (const VfPreflight *preflight)
{
  const VfDevices *devices = preflight->inventory->devices;
  const VfHost *there = preflight->destination->offers;
  if (devices == NULL || there == NULL)
    return;
  if (there->cpus_known)
    check_pins (preflight, devices, there);
  if (!vf_cpu_set_is_empty (&there->nodes))
    check_nodes (preflight, devices, there);
}
