#include "preflight/preflight.h"

#include <string.h>

static const VfHostPool *
find_pool (const VfHost *host, const char *name)
{
  for (guint i = 0; i < host->pools->len; i++)
    if (strcmp (((const VfHostPool *)host->pools->pdata[i])->name, name) == 0)
      return host->pools->pdata[i];
  return NULL;
}

static void
check_pool (const VfPreflight *preflight, const char *name, const VfSource *source)
{
  const char *there = vf_request_pool (preflight->request, name);
  const char *host = preflight->destination->host;
  const VfHostPool *pool = find_pool (preflight->destination->offers, there);
  if (pool == NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "no-pool", there,
                     "define it there, or name another with --pool, or give the disks other places with --disk",
                     "volumes of the guest are in a storage pool of that name, and there is none at %s", host);
  else if (!pool->active)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "pool-inactive", there, "start it there (virsh pool-start)",
                     "the storage pool at %s is not active", host);
  else if (pool->path == NULL && source->path != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "pool-kind", there, "name another with --pool",
                     "the storage pool at %s has no directory or volume group that files could be put into", host);
}

static void
check_domain (const VfPreflight *preflight, const VfDomainXml *domain, GHashTable *seen)
{
  for (guint i = 0; domain != NULL && i < domain->disks->len; i++) {
    const VfXmlDisk *disk = domain->disks->pdata[i];
    char *pool = NULL;
    g_autofree char *name = NULL;
    if (disk->source->volume == NULL || vf_request_disk_path (preflight->request, disk->target) != NULL ||
        !vf_volume_parts (disk->source->volume, &pool, &name))
      continue;
    if (g_hash_table_add (seen, pool)) /* takes it in any case */
      check_pool (preflight, pool, disk->source);
  }
}

void
vf_preflight_pools (const VfPreflight *preflight)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (preflight->destination->offers == NULL || !preflight->destination->offers->pools_known)
    return;
  check_domain (preflight, preflight->inventory->domain, seen);
  for (guint i = 0; i < preflight->inventory->snapshots->len; i++)
    check_domain (preflight, ((const VfInventorySnapshot *)preflight->inventory->snapshots->pdata[i])->xml->domain, seen);
}
