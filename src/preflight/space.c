#include "base/names.h"
#include "base/units.h"
#include "preflight/preflight.h"

/* What one filesystem must take, and what it has. */
typedef struct {
  char *where; /* a path on it, for people */
  guint64 needed;
  guint64 free;
} Demand;

static void
demand_free (Demand *demand)
{
  g_free (demand->where);
  g_free (demand);
}

static GHashTable *
demands_new (void)
{
  return g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)demand_free);
}

static void
add_demand (GHashTable *demands, const VfFileFacts *facts, const char *where, guint64 bytes)
{
  Demand *demand = g_hash_table_lookup (demands, &facts->filesystem);
  if (demand == NULL) {
    demand = g_new0 (Demand, 1);
    demand->where = g_strdup (where);
    demand->free = facts->free_bytes;
    guint64 *key = g_new (guint64, 1);
    *key = facts->filesystem;
    g_hash_table_insert (demands, key, demand);
  }
  demand->needed += bytes;
}

/* A cap may grow to twice what ends the rounds before a new one is on top, but not past the disk. */
static guint64
cap_growth (const VfPreflight *preflight, const VfPlanFile *top)
{
  return MIN (2 * preflight->request->max_cap_bytes, top->virtual_bytes);
}

static void
report (const VfPreflight *preflight, GHashTable *demands, const char *host)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, demands);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const Demand *demand = value;
    if (demand->needed <= demand->free)
      continue;
    g_autofree char *needed = vf_print_bytes (demand->needed);
    g_autofree char *available = vf_print_bytes (demand->free);
    g_autofree char *missing = vf_print_bytes (demand->needed - demand->free);
    g_autofree char *hint =
        g_strdup_printf ("free at least %s there, or place files elsewhere (--map, --disk, --cap-dir)", missing);
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-space", demand->where, hint,
                     "the filesystem at %s needs %s for the copies and what the guest writes meanwhile, but has %s free", host,
                     needed, available);
  }
}

/* Nothing is known of the space outside the roots; that is a finding of its own. */
static const VfFileFacts *
far_file (const VfPreflight *preflight, const char *path)
{
  const VfFarFacts *there = g_hash_table_lookup (preflight->far_table, path);
  return there == NULL || !there->in_roots ? NULL : there->file;
}

static void
check_destination_space (const VfPreflight *preflight)
{
  g_autoptr (GHashTable) demands = demands_new ();
  const VfPlan *plan = preflight->plan;
  for (guint i = 0; i < plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (plan, i);
    const VfFileFacts *there = far_file (preflight, file->destination);
    if (there != NULL && !file->destination_is_block && there->kind == VF_FILE_ABSENT)
      add_demand (demands, there, file->destination, MIN (file->facts->allocated, file->facts->bytes));
    const char *cap_directory = NULL;
    for (guint d = 0; d < plan->disks->len; d++)
      if (vf_plan_disk_top (plan, vf_plan_disk (plan, d)) == file)
        cap_directory = vf_plan_disk (plan, d)->cap_directory_destination;
    const VfFileFacts *cap_there = cap_directory != NULL ? far_file (preflight, cap_directory) : there;
    if (file->is_top && file->kind == VF_PLAN_LAYER && cap_there != NULL)
      add_demand (demands, cap_there, cap_directory != NULL ? cap_directory : file->destination, cap_growth (preflight, file));
  }
  report (preflight, demands, preflight->destination->host);
}

static void
check_source_space (const VfPreflight *preflight)
{
  g_autoptr (GHashTable) demands = demands_new ();
  const VfPlan *plan = preflight->plan;
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    const VfPlanFile *top = vf_plan_disk_top (plan, disk);
    if (disk->treatment != VF_TREAT_MOVE || top == NULL || !top->is_top)
      continue;
    g_autofree char *cap = vf_plan_cap_at_source (plan, disk, 1);
    g_autofree char *directory = vf_path_directory (cap);
    const VfFileFacts *here = vf_inventory_file (preflight->inventory, directory);
    if (here != NULL)
      add_demand (demands, here, directory, cap_growth (preflight, top));
  }
  report (preflight, demands, plan->source_host);
}

void
vf_preflight_space (const VfPreflight *preflight)
{
  check_destination_space (preflight);
  check_source_space (preflight);
}
