/* Defects of libvirt and QEMU that concern what this guest has. The table is the knowledge: from libvirt's release notes
 * (https://libvirt.org/news.html) and from moves that were tried. */
#include "preflight/preflight.h"

#include <string.h>

#define VERSION(major, minor, release) ((major)*1000000ul + (minor)*1000ul + (release))

enum { DEEP_CHAIN_LAYERS = 25 };

/* Whose version decides. */
typedef enum {
  LIBVIRT_THERE,
  LIBVIRT_HERE,
  QEMU_HERE,
} Subject;

typedef struct {
  Subject subject;
  gulong from, below; /* versions that have it */
  bool (*concerns) (const VfPreflight *preflight);
  VfFindingLevel level;
  const char *text;
  const char *way_round;
} Defect;

/* ---- what the guest has ---- */

static bool
has_snapshot (const VfPreflight *preflight, const char *kind)
{
  const GPtrArray *snapshots = preflight->plan->snapshots;
  for (guint i = 0; i < snapshots->len; i++)
    if (g_str_has_prefix (((const VfPlanSnapshot *)snapshots->pdata[i])->kind, kind))
      return true;
  return false;
}

static bool
has_internal_snapshots (const VfPreflight *preflight)
{
  return has_snapshot (preflight, "internal");
}

static bool
has_external_snapshots (const VfPreflight *preflight)
{
  return has_snapshot (preflight, "external");
}

static bool
has_both_kinds_of_snapshots (const VfPreflight *preflight)
{
  return has_internal_snapshots (preflight) && has_external_snapshots (preflight);
}

static bool
has_internal_snapshots_and_variables (const VfPreflight *preflight)
{
  return has_internal_snapshots (preflight) && preflight->inventory->domain->nvram != NULL;
}

/* With the cap over it. */
static bool
has_deep_chain (const VfPreflight *preflight)
{
  const VfPlan *plan = preflight->plan;
  for (guint i = 0; i < plan->disks->len; i++)
    if (vf_plan_disk (plan, i)->layers->len + 1 > DEEP_CHAIN_LAYERS)
      return true;
  return false;
}

static bool
is_of_type (const VfPreflight *preflight, const char *type)
{
  const VfDevices *devices = preflight->inventory->devices;
  return devices != NULL && g_strcmp0 (devices->type, type) == 0;
}

static bool
is_emulated (const VfPreflight *preflight)
{
  return is_of_type (preflight, "qemu");
}

static bool
runs_on_kvm (const VfPreflight *preflight)
{
  return is_of_type (preflight, "kvm");
}

static bool
has_nested_virtualization_from_older_libvirt (const VfPreflight *preflight)
{
  gulong here = preflight->destination->source_libvirt_version;
  return runs_on_kvm (preflight) && here != 0 && here < VERSION (9, 10, 0) && preflight->inventory->devices->cpu != NULL &&
         strstr (preflight->inventory->devices->cpu, "\"vmx\"") != NULL;
}

static bool
has_cpu_threads_for_new_qemu (const VfPreflight *preflight)
{
  return runs_on_kvm (preflight) && preflight->inventory->devices->threads > 1 &&
         preflight->destination->qemu_version >= VERSION (10, 0, 0);
}

/* ---- the defects ---- */

static const Defect defects[] = {
  { LIBVIRT_THERE, VERSION (11, 2, 0), VERSION (11, 4, 0), has_internal_snapshots, VF_FINDING_WARN,
    "unless its distribution has mended it, as Debian has in 11.3.0-2, it cannot revert to internal snapshots (\"is writable but "
    "does not support snapshots\"); they travel whole",
    "try it there with a guest of no worth, or update libvirt there to 11.4, before a snapshot is needed" },
  { LIBVIRT_THERE, VERSION (10, 8, 0), VERSION (12, 0, 0), has_deep_chain, VF_FINDING_REFUSE,
    "it does not start guests with more than about 25 layers, and a disk of this guest has as many",
    "update libvirt there to 12.0, or shorten the chain first (virsh blockcommit, blockpull)" },
  { LIBVIRT_THERE, VERSION (9, 0, 0), VERSION (11, 0, 0), has_both_kinds_of_snapshots, VF_FINDING_WARN,
    "when an external snapshot below an internal one is deleted after a revert, it can delete the image that holds the internal one",
    "do not delete external snapshots through libvirt there before it is 11.0" },
  { LIBVIRT_THERE, 0, VERSION (9, 9, 0), has_external_snapshots, VF_FINDING_NOTE,
    "it cannot revert to external snapshots; they travel whole", "update libvirt there to 9.9 before a snapshot is needed" },
  { LIBVIRT_THERE, VERSION (10, 9, 0), VERSION (10, 10, 0), has_internal_snapshots_and_variables, VF_FINDING_WARN,
    "it forgets the UEFI variables when it reverts to an internal snapshot", "update libvirt there to 10.10" },
  { LIBVIRT_THERE, VERSION (9, 10, 0), VERSION (10, 2, 0), has_nested_virtualization_from_older_libvirt, VF_FINDING_WARN,
    "it may refuse the guest for extra vmx features, since an older libvirt started it", "update libvirt there to 10.2" },
  { LIBVIRT_THERE, 0, VERSION (11, 10, 0), has_cpu_threads_for_new_qemu, VF_FINDING_WARN,
    "with QEMU 10.0 or newer it may refuse a guest that has several threads a core (\"extra features: ht\")",
    "update libvirt there to 11.10" },
  { LIBVIRT_HERE, VERSION (10, 2, 0), VERSION (10, 3, 0), runs_on_kvm, VF_FINDING_WARN,
    "it may complain of an incompatible CPU definition when a guest is migrated with changed XML, as here",
    "update libvirt here to 10.3" },
  { QEMU_HERE, 0, VERSION (9, 0, 0), is_emulated, VF_FINDING_WARN,
    "without KVM it can lose writes to memory while a guest is migrated, and the guest may crash there",
    "update QEMU here to 9.0 and restart the guest, or move it while it is idle" },
};

static gulong
version_of (const VfDestinationFacts *facts, Subject subject)
{
  switch (subject) {
  case LIBVIRT_THERE:
    return facts->libvirt_version;
  case LIBVIRT_HERE:
    return facts->source_libvirt_version;
  case QEMU_HERE:
  default:
    return facts->source_qemu_version;
  }
}

static bool
is_within (gulong version, const Defect *defect)
{
  return version >= defect->from && version < defect->below;
}

/* What the guest has lived with here is no worse there. */
static VfFindingLevel
level_of (const Defect *defect, const VfDestinationFacts *facts)
{
  bool here_too = defect->subject == LIBVIRT_THERE && is_within (facts->source_libvirt_version, defect);
  return here_too && defect->level == VF_FINDING_WARN ? VF_FINDING_NOTE : defect->level;
}

void
vf_preflight_versions (const VfPreflight *preflight)
{
  const VfDestinationFacts *facts = preflight->destination;
  if (facts->host == NULL)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (defects); i++) {
    const Defect *defect = &defects[i];
    gulong version = version_of (facts, defect->subject);
    if (version == 0 || !is_within (version, defect) || !defect->concerns (preflight))
      continue;
    g_autofree char *object = g_strdup_printf ("%s %lu.%lu.%lu", defect->subject == QEMU_HERE ? "QEMU" : "libvirt",
                                               version / 1000000, version / 1000 % 1000, version % 1000);
    vf_findings_add (preflight->findings, level_of (defect, facts), "known-defect", object, defect->way_round, "at %s: %s",
                     defect->subject == LIBVIRT_THERE ? facts->host : facts->source_host, defect->text);
  }
}
