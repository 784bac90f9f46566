#include "domain/host.h"

#include "domain/libvirt_error.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (virNetwork, virNetworkFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (virStoragePool, virStoragePoolFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (virSecret, virSecretFree)

enum { KIB = 1024, FIELD_COUNT_MAX = 32 };

static bool
describe_capabilities (VfHypervisor *hypervisor, VfHost *host, GError **error)
{
  g_autofree char *xml = virConnectGetCapabilities (hypervisor->connection);
  if (xml == NULL)
    return vf_libvirt_fail (error, hypervisor, "read the capabilities");
  return vf_host_read_capabilities (host, xml, error);
}

/* libvirt answers with the number of CPUs present; they are counted from 0. */
static void
describe_cpus (VfHypervisor *hypervisor, VfHost *host)
{
  g_autofree guint8 *map = NULL;
  guint online = 0;
  int present = virNodeGetCPUMap (hypervisor->connection, &map, &online, 0);
  if (present <= 0 || map == NULL)
    return;
  host->cpus_known = true;
  for (guint cpu = 0; cpu < MIN ((guint)present, VF_CPU_SET_MAX); cpu++) {
    vf_cpu_set_add (&host->cpus_present, cpu);
    if ((map[cpu / 8] >> (cpu % 8) & 1) != 0)
      vf_cpu_set_add (&host->cpus_online, cpu);
  }
}

static bool
is_given_back (const char *field)
{
  return g_str_equal (field, VIR_NODE_MEMORY_STATS_FREE) || g_str_equal (field, VIR_NODE_MEMORY_STATS_BUFFERS) ||
         g_str_equal (field, VIR_NODE_MEMORY_STATS_CACHED);
}

static void
describe_memory (VfHypervisor *hypervisor, VfHost *host)
{
  virNodeMemoryStats stats[FIELD_COUNT_MAX];
  int count = 0;
  if (virNodeGetMemoryStats (hypervisor->connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, NULL, &count, 0) < 0 ||
      count > FIELD_COUNT_MAX ||
      virNodeGetMemoryStats (hypervisor->connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats, &count, 0) < 0)
    return;
  for (int i = 0; i < count; i++) {
    if (g_str_equal (stats[i].field, VIR_NODE_MEMORY_STATS_TOTAL))
      host->memory_bytes = (guint64)stats[i].value * KIB;
    else if (is_given_back (stats[i].field))
      host->usable_bytes += (guint64)stats[i].value * KIB;
  }
}

static void
describe_free_pages (VfHypervisor *hypervisor, VfHost *host)
{
  for (guint i = 0; i < host->pages->len; i++) {
    VfHostPages *pages = &g_array_index (host->pages, VfHostPages, i);
    unsigned size = (unsigned)(pages->page_bytes / KIB);
    for (guint node = 0; (int)node <= vf_cpu_set_last (&host->nodes); node++) {
      unsigned long long free_pages = 0;
      if (vf_cpu_set_has (&host->nodes, node) &&
          virNodeGetFreePages (hypervisor->connection, 1, &size, (int)node, 1, &free_pages, 0) > 0)
        pages->free += free_pages;
    }
  }
}

static void
describe_networks (VfHypervisor *hypervisor, VfHost *host)
{
  g_autofree virNetworkPtr *networks = NULL;
  int count = virConnectListAllNetworks (hypervisor->connection, &networks, 0);
  host->networks_known = count >= 0;
  for (int i = 0; i < count; i++) {
    g_autoptr (virNetwork) network = networks[i];
    VfHostNetwork *known = vf_host_add_network (host, virNetworkGetName (network), virNetworkIsActive (network) == 1);
    g_autofree char *xml = virNetworkGetXMLDesc (network, 0);
    if (xml != NULL)
      vf_host_read_network (known, xml, NULL);
  }
}

static void
describe_pools (VfHypervisor *hypervisor, VfHost *host)
{
  g_autofree virStoragePoolPtr *pools = NULL;
  int count = virConnectListAllStoragePools (hypervisor->connection, &pools, 0);
  host->pools_known = count >= 0;
  for (int i = 0; i < count; i++) {
    g_autoptr (virStoragePool) pool = pools[i];
    virStoragePoolInfo info = { 0 };
    VfHostPool *known = g_new0 (VfHostPool, 1);
    g_autofree char *xml = virStoragePoolGetXMLDesc (pool, 0);
    known->name = g_strdup (virStoragePoolGetName (pool));
    known->active = virStoragePoolIsActive (pool) == 1;
    if (known->active && virStoragePoolGetInfo (pool, &info) == 0) {
      known->bytes = info.capacity;
      known->free_bytes = info.available;
    }
    if (xml != NULL)
      vf_host_read_pool (known, xml, NULL);
    g_ptr_array_add (host->pools, known);
  }
}

bool
vf_hypervisor_describe (VfHypervisor *hypervisor, VfHost *host, GError **error)
{
  host->hostname = vf_hypervisor_hostname (hypervisor, error);
  if (host->hostname == NULL || !vf_hypervisor_versions (hypervisor, &host->libvirt_version, &host->qemu_version, error) ||
      !describe_capabilities (hypervisor, host, error))
    return false;
  describe_cpus (hypervisor, host);
  describe_memory (hypervisor, host);
  describe_free_pages (hypervisor, host);
  describe_networks (hypervisor, host);
  describe_pools (hypervisor, host);
  virResetLastError ();
  return true;
}

/* An answer that the driver cannot give, or that got lost, says nothing of the guest. */
static bool
is_about_guest (void)
{
  int code = virGetLastErrorCode ();
  return code == VIR_ERR_INVALID_ARG || code == VIR_ERR_INTERNAL_ERROR || code == VIR_ERR_CONFIG_UNSUPPORTED ||
         code == VIR_ERR_OPERATION_UNSUPPORTED || code == VIR_ERR_SYSTEM_ERROR;
}

static void
try_machine (VfHypervisor *hypervisor, const VfDevices *devices, VfHost *host)
{
  virResetLastError ();
  g_autofree char *xml = virConnectGetDomainCapabilities (hypervisor->connection, devices->emulator, devices->arch,
                                                          devices->machine, devices->type, 0);
  bool about_guest = is_about_guest ();
  g_autofree char *reason = vf_libvirt_text (); /* before the next call, which forgets it */
  if (xml != NULL && vf_host_read_domain_capabilities (host, xml, NULL)) {
    host->machine_fit = VF_HOST_FITS;
  } else if (xml == NULL && about_guest && virConnectIsAlive (hypervisor->connection) == 1) {
    host->machine_fit = VF_HOST_DIFFERS;
    host->machine_reason = g_steal_pointer (&reason);
  }
}

static void
try_cpu (VfHypervisor *hypervisor, const VfDevices *devices, VfHost *host)
{
  virResetLastError ();
  int verdict = virConnectCompareHypervisorCPU (hypervisor->connection, devices->emulator, devices->arch, devices->machine,
                                                devices->type, devices->cpu, VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE);
  if (verdict == VIR_CPU_COMPARE_IDENTICAL || verdict == VIR_CPU_COMPARE_SUPERSET) {
    host->cpu_fit = VF_HOST_FITS;
  } else if (verdict == VIR_CPU_COMPARE_INCOMPATIBLE || virGetLastErrorCode () == VIR_ERR_CPU_INCOMPATIBLE) {
    host->cpu_fit = VF_HOST_DIFFERS;
    host->cpu_reason = vf_libvirt_text ();
  }
}

void
vf_hypervisor_try_guest (VfHypervisor *hypervisor, const VfDevices *devices, VfHost *host)
{
  try_machine (hypervisor, devices, host);
  if (devices->cpu != NULL && g_strcmp0 (devices->cpu_mode, "custom") == 0)
    try_cpu (hypervisor, devices, host);
  virResetLastError ();
}
