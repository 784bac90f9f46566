/* Can the destination's emulator run this machine, with this processor? */
#include "preflight/preflight.h"

#include <string.h>

enum { FEATURES_SHOWN = 8 };

static char *
joined (const GPtrArray *words)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < words->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", (const char *)words->pdata[i]);
  return g_string_free (text, FALSE);
}

static bool
lists (const GPtrArray *words, const char *word)
{
  return word == NULL || g_ptr_array_find_with_equal_func ((GPtrArray *)words, word, g_str_equal, NULL);
}

/* False: nothing that follows makes sense. */
static bool
check_arch (const VfPreflight *preflight, const VfDevices *devices, const VfHost *there)
{
  const char *host = preflight->destination->host;
  const VfHostArch *arch = vf_host_arch (there, devices->arch);
  if (there->arches->len == 0 || devices->arch == NULL)
    return true;
  if (arch == NULL) {
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-architecture", devices->arch,
                     "install the emulator there (Debian: qemu-system)", "libvirt at %s has no emulator for %s guests", host,
                     devices->arch);
    return false;
  }
  if (lists (arch->types, devices->type))
    return true;
  g_autofree char *types = joined (arch->types);
  vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-domain-type", devices->type,
                   "for kvm: turn virtualization on in its firmware, load the kvm module, see that /dev/kvm is there",
                   "%s runs no %s guests of type '%s'; it has: %s", host, devices->arch, devices->type, types);
  return false;
}

static void
check_machine (const VfPreflight *preflight, const VfDevices *devices, const VfHost *there)
{
  const char *host = preflight->destination->host;
  const VfHostArch *arch = vf_host_arch (there, devices->arch);
  if (there->vcpus_max > 0 && devices->vcpus > there->vcpus_max)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "too-many-vcpus", devices->machine,
                     "give the guest fewer CPUs before the move", "the guest has %u CPUs, %s allows %u for this machine",
                     devices->vcpus, host, there->vcpus_max);
  if (there->machine_fit != VF_HOST_DIFFERS)
    return;
  if (arch != NULL && lists (arch->machines, devices->machine))
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-emulator", devices->emulator,
                     "install it there, or give the guest another <emulator> before the move", "libvirt at %s says: %s", host,
                     there->machine_reason);
  else
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-machine-type", devices->machine,
                     "move to a host whose QEMU knows it; a running guest cannot change it", "libvirt at %s says: %s", host,
                     there->machine_reason);
}

/* Lines of `here` that `there` lacks, the first few of them; NULL if there are none. */
static char *
features_lacking (const char *here, const char *there)
{
  g_auto (GStrv) has = g_strsplit (there, "\n", -1);
  g_auto (GStrv) wants = g_strsplit (here, "\n", -1);
  GString *text = g_string_new (NULL);
  guint count = 0;
  for (char **want = wants[0] == NULL ? wants : wants + 1; *want != NULL; want++) {
    if (g_strv_contains ((const char *const *)has, *want))
      continue;
    if (count++ < FEATURES_SHOWN)
      g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", *want);
  }
  if (count > FEATURES_SHOWN)
    g_string_append_printf (text, " and %u more", count - FEATURES_SHOWN);
  return g_string_free (text, count == 0);
}

static void
check_passed_through (const VfPreflight *preflight, const VfDevices *devices, const VfHost *there)
{
  const VfHost *here = preflight->destination->source_offers;
  const char *host = preflight->destination->host;
  const char *hint = "give the guest a named CPU model that both have (virsh hypervisor-cpu-baseline); it needs a restart";
  if (here == NULL || here->cpu == NULL || there->cpu == NULL) {
    vf_findings_add (preflight->findings, VF_FINDING_WARN, "host-cpu", devices->cpu_mode, hint,
                     "the guest sees the processor of its host as it is, and it is not known whether that of %s is equal",
                     host);
    return;
  }
  g_autofree char *lacking = features_lacking (here->cpu, there->cpu);
  if (strcmp (here->cpu, there->cpu) == 0)
    vf_findings_add (preflight->findings, VF_FINDING_NOTE, "host-cpu", devices->cpu_mode, NULL,
                     "the guest sees the processor of its host as it is; libvirt describes that of %s alike", host);
  else
    vf_findings_add (
        preflight->findings, VF_FINDING_WARN, "host-cpu", devices->cpu_mode, hint,
        "the guest sees the processor of its host as it is, and that of %s (%s) is another%s%s: the guest may crash", host,
        there->cpu_model, lacking != NULL ? "; it lacks " : "", lacking != NULL ? lacking : "");
}

static void
check_processor (const VfPreflight *preflight, const VfDevices *devices, const VfHost *there)
{
  bool passed = g_strcmp0 (devices->cpu_mode, "host-passthrough") == 0 || g_strcmp0 (devices->cpu_mode, "maximum") == 0;
  if (passed && g_strcmp0 (devices->type, "qemu") != 0)
    check_passed_through (preflight, devices, there);
  if (there->cpu_fit == VF_HOST_DIFFERS)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "cpu-differs", devices->name,
                     "give the guest a CPU model that both have (virsh hypervisor-cpu-baseline); it needs a restart",
                     "libvirt at %s says of the guest's processor: %s", preflight->destination->host, there->cpu_reason);
}

void
vf_preflight_machine (const VfPreflight *preflight)
{
  const VfDevices *devices = preflight->inventory->devices;
  const VfHost *there = preflight->destination->offers;
  if (devices == NULL || there == NULL || !check_arch (preflight, devices, there))
    return;
  check_machine (preflight, devices, there);
  check_processor (preflight, devices, there);
}
