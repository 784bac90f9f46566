#include "move/pools.h"

#include "domain/pools.h"

#include <string.h>

void
vf_move_refresh_pools (VfMove *move, VfHypervisor *hypervisor, VfSide side)
{
  const VfPlan *plan = vf_move_plan (move);
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  for (guint i = 0; i < plan->files->len; i++) {
    VfPlanFile *file = vf_plan_file (plan, i);
    g_ptr_array_add (paths, side == VF_AT_SOURCE ? file->source : file->destination);
  }
  if (hypervisor != NULL)
    vf_hypervisor_refresh_pools (hypervisor, paths);
}

static const VfHostPool *
find_pool (const VfHost *host, const char *name)
{
  for (guint i = 0; host != NULL && i < host->pools->len; i++) {
    const VfHostPool *pool = host->pools->pdata[i];
    if (strcmp (pool->name, name) == 0 && pool->active)
      return pool;
  }
  return NULL;
}

typedef struct {
  GPtrArray *places;
  const VfRequest *request;
  const VfHost *here, *there;
} Pools;

static void
add_pool_of (const Pools *pools, const VfSource *source)
{
  g_autofree char *name = NULL;
  g_autofree char *volume = NULL;
  if (source->volume == NULL || !vf_volume_parts (source->volume, &name, &volume))
    return;
  for (guint i = 0; i < pools->places->len; i++)
    if (strcmp (((const VfPoolPlace *)pools->places->pdata[i])->name, name) == 0)
      return;
  const char *name_there = vf_request_pool (pools->request, name);
  const VfHostPool *here = find_pool (pools->here, name);
  const VfHostPool *there = find_pool (pools->there, name_there);
  VfPoolPlace *place = g_new0 (VfPoolPlace, 1);
  place->name = g_steal_pointer (&name);
  place->name_there = g_strdup (name_there);
  place->path = here == NULL ? NULL : g_strdup (here->path);
  place->path_there = there == NULL ? NULL : g_strdup (there->path);
  g_ptr_array_add (pools->places, place);
}

static void
add_pools_of_domain (const Pools *pools, const VfDomainXml *domain)
{
  for (guint i = 0; domain != NULL && i < domain->disks->len; i++)
    add_pool_of (pools, ((const VfXmlDisk *)domain->disks->pdata[i])->source);
}

GPtrArray *
vf_move_pool_places (const VfInventory *inventory, const VfRequest *request, const VfHost *here, const VfHost *there)
{
  GPtrArray *places = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_pool_place_free);
  Pools pools = { places, request, here, there };
  add_pools_of_domain (&pools, inventory->domain);
  for (guint i = 0; i < inventory->snapshots->len; i++)
    add_pools_of_domain (&pools, ((const VfInventorySnapshot *)inventory->snapshots->pdata[i])->xml->domain);
  return places;
}

bool
vf_move_name_volumes (VfMove *move, VfGuest *guest, GError **error)
{
  const VfPlan *plan = vf_move_plan (move);
  g_autoptr (GPtrArray) changes = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_path_change_free);
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    if (disk->treatment == VF_TREAT_MOVE && disk->destination_volume != NULL)
      g_ptr_array_add (changes, vf_path_change_new (vf_plan_disk_name_at_destination (plan, disk), disk->destination_volume,
                                                    VF_SOURCE_FILE, NULL));
  }
  if (changes->len == 0 || !plan->persistent)
    return true;
  g_autofree char *xml = vf_guest_xml (guest, VF_XML_MIGRATABLE_INACTIVE, error);
  g_autofree char *named = xml == NULL ? NULL : vf_domain_xml_rewrite (xml, changes, true, error);
  return named != NULL && vf_hypervisor_define (move->destination, named, error);
}
