/* Is there room for the guest's memory? */
#include "base/units.h"
#include "preflight/preflight.h"

static void
check_ordinary (const VfPreflight *preflight, const VfDevices *devices, const VfHost *there)
{
  g_autofree char *wanted = vf_print_bytes (devices->memory_bytes);
  g_autofree char *total = vf_print_bytes (there->memory_bytes);
  g_autofree char *usable = vf_print_bytes (there->usable_bytes);
  if (devices->memory_bytes > there->memory_bytes)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-memory", devices->name, NULL,
                     "the guest has %s of memory, all of %s has %s", wanted, preflight->destination->host, total);
  else if (devices->memory_bytes > there->usable_bytes)
    vf_findings_add (preflight->findings, VF_FINDING_WARN, "little-memory", devices->name,
                     "move or stop other guests there first", "the guest has %s of memory, %s has %s free now: it may swap",
                     wanted, preflight->destination->host, usable);
}

static bool
pages_suffice (const VfHostPages *pages, guint64 bytes)
{
  return pages->free >= bytes / pages->page_bytes + (bytes % pages->page_bytes != 0);
}

/* Of several sizes the XML does not say how much of the memory each gets; each must be there. */
static void
check_size (const VfPreflight *preflight, const VfDevices *devices, const VfHost *there, guint64 page_bytes)
{
  const VfHostPages *pages = vf_host_pages (there, page_bytes);
  g_autofree char *size = vf_print_bytes (page_bytes);
  g_autofree char *wanted = vf_print_bytes (devices->memory_bytes);
  const char *hint = "reserve them there (virsh allocpages, or /proc/sys/vm/nr_hugepages)";
  guint64 bytes = devices->hugepage_bytes->len == 1 ? devices->memory_bytes : 1;
  if (pages == NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-hugepages", size, hint,
                     "the guest's memory lies in pages of %s, and %s has none of that size", size,
                     preflight->destination->host);
  else if (!pages_suffice (pages, bytes))
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-hugepages", size, hint,
                     "the guest's %s of memory lie in pages of %s, and %s has %" G_GUINT64_FORMAT
                     " of these free (of %" G_GUINT64_FORMAT ")",
                     wanted, size, preflight->destination->host, pages->free, pages->total);
}

/* Which size is a host's default libvirt does not tell: any may do. */
static void
check_default_size (const VfPreflight *preflight, const VfDevices *devices, const VfHost *there)
{
  for (guint i = 0; i < there->pages->len; i++)
    if (pages_suffice (&g_array_index (there->pages, VfHostPages, i), devices->memory_bytes))
      return;
  vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-hugepages", devices->name,
                   "reserve them there (virsh allocpages, or /proc/sys/vm/nr_hugepages)",
                   "the guest's memory lies in hugepages, and %s has too few of them free", preflight->destination->host);
}

void
vf_preflight_memory (const VfPreflight *preflight)
{
  const VfDevices *devices = preflight->inventory->devices;
  const VfHost *there = preflight->destination->offers;
  if (devices == NULL || there == NULL || there->memory_bytes == 0)
    return;
  if (!devices->has_hugepages)
    check_ordinary (preflight, devices, there);
  for (guint i = 0; i < devices->hugepage_bytes->len && !vf_cpu_set_is_empty (&there->nodes); i++) {
    guint64 page_bytes = g_array_index (devices->hugepage_bytes, guint64, i);
    const guint64 ordinary = 4096; /* libvirt writes it where a guest node asks for no hugepages */
    if (page_bytes == 0)
      check_default_size (preflight, devices, there);
    else if (page_bytes > ordinary)
      check_size (preflight, devices, there, page_bytes);
  }
}
