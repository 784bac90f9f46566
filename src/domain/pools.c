#include "domain/pools.h"

#include "base/names.h"
#include "domain/libvirt_error.h"
#include "xml/host.h"

#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (virStoragePool, virStoragePoolFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (virStorageVol, virStorageVolFree)

static void
set_path (VfSource *source, int type, const char *path)
{
  if (type == VIR_STORAGE_VOL_FILE || type == VIR_STORAGE_VOL_BLOCK) {
    source->kind = type == VIR_STORAGE_VOL_BLOCK ? VF_SOURCE_BLOCK : VF_SOURCE_FILE;
    source->path = g_strdup (path);
    return;
  }
  g_free (source->other);
  source->other = g_strdup ("network");
}

bool
vf_hypervisor_resolve_source (VfHypervisor *hypervisor, VfSource *source, GError **error)
{
  g_autofree char *pool_name = NULL;
  g_autofree char *name = NULL;
  virStorageVolInfo info = { 0 };
  if (source->volume == NULL || source->path != NULL || !vf_volume_parts (source->volume, &pool_name, &name))
    return true;
  g_autoptr (virStoragePool) pool = virStoragePoolLookupByName (hypervisor->connection, pool_name);
  g_autoptr (virStorageVol) volume = pool == NULL ? NULL : virStorageVolLookupByName (pool, name);
  if (volume == NULL) {
    GError *failure = NULL;
    vf_libvirt_fail (&failure, hypervisor, "look up volume '%s' of pool '%s'", name, pool_name);
    bool is_active = pool != NULL && virStoragePoolIsActive (pool) == 1;
    if (!vf_error_is (failure, VF_ERROR_UNREACHABLE))
      failure->code = VF_ERROR_NOT_FOUND;
    g_propagate_error (error, failure);
    vf_error_hint (error, is_active ? "virsh pool-refresh %s" : "virsh pool-start %s", pool_name);
    return false;
  }
  g_autofree char *path = virStorageVolGetPath (volume);
  if (path == NULL || virStorageVolGetInfo (volume, &info) != 0)
    return vf_libvirt_fail (error, hypervisor, "look at volume '%s' of pool '%s'", name, pool_name);
  set_path (source, info.type, path);
  return true;
}

static bool
holds_one (const VfHostPool *pool, const GPtrArray *paths)
{
  for (guint i = 0; pool->path != NULL && i < paths->len; i++)
    if (vf_path_is_below (paths->pdata[i], pool->path))
      return true;
  return false;
}

static void
refresh_if_concerned (virStoragePoolPtr pool, const GPtrArray *paths)
{
  VfHostPool told = { 0 };
  g_autofree char *xml = virStoragePoolGetXMLDesc (pool, 0);
  if (xml != NULL && vf_host_read_pool (&told, xml, NULL) && holds_one (&told, paths))
    virStoragePoolRefresh (pool, 0);
  g_free (told.path);
}

void
vf_hypervisor_refresh_pools (VfHypervisor *hypervisor, const GPtrArray *paths)
{
  g_autofree virStoragePoolPtr *pools = NULL;
  int count = virConnectListAllStoragePools (hypervisor->connection, &pools, VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE);
  for (int i = 0; i < count; i++) {
    g_autoptr (virStoragePool) pool = pools[i];
    refresh_if_concerned (pool, paths);
  }
}
