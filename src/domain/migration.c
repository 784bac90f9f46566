#include "domain/migration.h"

#include "domain/libvirt_error.h"

enum { ABORT_AGAIN_MS = 200 };

/* Waits for the user's stop in a thread of its own: the callback of a cancellable holds that cancellable's lock, so it only
 * records and wakes. */
typedef struct {
  VfGuest *guest;
  GMutex lock;
  GCond wake;
  bool stop;  /* the user asked */
  bool ended; /* the migration call returned */
} Stopper;

static void
stop_requested (GCancellable *cancellable, gpointer data)
{
  Stopper *stopper = data;
  g_mutex_lock (&stopper->lock);
  stopper->stop = true;
  g_cond_signal (&stopper->wake);
  g_mutex_unlock (&stopper->lock);
}

/* Asks again until the call has returned: at first the migration may not have a job yet, and an abort of a migration that has
 * just ended does nothing. */
static gpointer
abort_when_stopped (gpointer data)
{
  Stopper *stopper = data;
  g_mutex_lock (&stopper->lock);
  while (!stopper->ended && !stopper->stop)
    g_cond_wait (&stopper->wake, &stopper->lock);
  while (!stopper->ended) {
    g_mutex_unlock (&stopper->lock);
    virDomainAbortJob (stopper->guest->domain);
    g_mutex_lock (&stopper->lock);
    gint64 again_us = g_get_monotonic_time () + ABORT_AGAIN_MS * G_TIME_SPAN_MILLISECOND;
    while (!stopper->ended && g_cond_wait_until (&stopper->wake, &stopper->lock, again_us))
      ;
  }
  g_mutex_unlock (&stopper->lock);
  return NULL;
}

static bool
add_parameters (VfParams *params, const VfMigrationRequest *request)
{
  const struct {
    const char *name, *value;
  } strings[] = {
    { VIR_MIGRATE_PARAM_URI, request->memory_uri },
    { VIR_MIGRATE_PARAM_DISKS_URI, request->disks_uri },
    { VIR_MIGRATE_PARAM_DEST_XML, request->destination_xml },
    { VIR_MIGRATE_PARAM_PERSIST_XML, request->persistent_xml },
  };
  bool added = true;
  for (gsize i = 0; i < G_N_ELEMENTS (strings) && added; i++)
    if (strings[i].value != NULL)
      added =
          virTypedParamsAddString (&params->list, &params->count, &params->capacity, strings[i].name, strings[i].value) == 0;
  for (gsize i = 0; request->disk_targets[i] != NULL && added; i++)
    added = virTypedParamsAddString (&params->list, &params->count, &params->capacity, VIR_MIGRATE_PARAM_MIGRATE_DISKS,
                                     request->disk_targets[i]) == 0;
  if (request->bandwidth_mib_s > 0 && added)
    added = virTypedParamsAddULLong (&params->list, &params->count, &params->capacity, VIR_MIGRATE_PARAM_BANDWIDTH,
                                     request->bandwidth_mib_s) == 0;
  return added;
}

static guint
migration_flags (const VfMigrationRequest *request)
{
  guint flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_ABORT_ON_ERROR;
  if (request->disk_targets[0] != NULL)
    flags |= VIR_MIGRATE_NON_SHARED_INC;
  if (request->persistent_xml != NULL)
    flags |= VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE;
  return flags;
}

static bool
is_stopped (const VfMigrationRequest *request)
{
  return request->cancellable != NULL && g_cancellable_is_cancelled (request->cancellable);
}

static bool
report (VfGuest *guest, VfHypervisor *destination, const VfMigrationRequest *request, GError **error)
{
  g_autofree char *text = vf_libvirt_text ();
  if (is_stopped (request))
    return vf_error_set (error, VF_ERROR_CANCELLED, "cannot migrate guest '%s': stopped on request: %s", guest->name, text);
  if (virConnectIsAlive (destination->connection) != 1)
    return vf_error_set (error, VF_ERROR_UNREACHABLE, "cannot migrate guest '%s': lost libvirt on the %s: %s", guest->name,
                         destination->side, text);
  return vf_libvirt_fail (error, guest->hypervisor, "migrate guest '%s'", guest->name);
}

static bool
perform (VfGuest *guest, VfHypervisor *destination, const VfMigrationRequest *request, GError **error)
{
  g_auto (VfParams) params = { 0 };
  if (!add_parameters (&params, request))
    return vf_libvirt_fail (error, guest->hypervisor, "prepare the migration of guest '%s'", guest->name);
  g_autoptr (virDomain) there =
      virDomainMigrate3 (guest->domain, destination->connection, params.list, (guint)params.count, migration_flags (request));
  return there != NULL || report (guest, destination, request, error);
}

static bool
perform_stoppably (VfGuest *guest, VfHypervisor *destination, const VfMigrationRequest *request, GError **error)
{
  if (request->cancellable == NULL)
    return perform (guest, destination, request, error);
  Stopper stopper = { .guest = guest };
  g_mutex_init (&stopper.lock);
  g_cond_init (&stopper.wake);
  GThread *thread = g_thread_new ("migration-stop", abort_when_stopped, &stopper);
  gulong connected = g_cancellable_connect (request->cancellable, G_CALLBACK (stop_requested), &stopper, NULL);
  bool migrated = perform (guest, destination, request, error);
  g_cancellable_disconnect (request->cancellable, connected);
  g_mutex_lock (&stopper.lock);
  stopper.ended = true;
  g_cond_signal (&stopper.wake);
  g_mutex_unlock (&stopper.lock);
  g_thread_join (thread);
  g_mutex_clear (&stopper.lock);
  g_cond_clear (&stopper.wake);
  return migrated;
}

/* What virt-ferry changes in the running guest, to be put back when it stays. */
typedef struct {
  unsigned long long downtime_ms;
  unsigned long speed_mib_s;
} Limits;

static bool
set_limits (VfGuest *guest, const VfMigrationRequest *request, Limits *before, GError **error)
{
  if (request->downtime_ms > 0) {
    if (virDomainMigrateGetMaxDowntime (guest->domain, &before->downtime_ms, 0) < 0)
      return vf_libvirt_fail (error, guest->hypervisor, "read the downtime limit of guest '%s'", guest->name);
    if (virDomainMigrateSetMaxDowntime (guest->domain, request->downtime_ms, 0) < 0)
      return vf_libvirt_fail (error, guest->hypervisor, "limit the downtime of guest '%s'", guest->name);
  }
  if (request->bandwidth_mib_s == 0) {
    if (virDomainMigrateGetMaxSpeed (guest->domain, &before->speed_mib_s, 0) < 0)
      return vf_libvirt_fail (error, guest->hypervisor, "read the migration speed of guest '%s'", guest->name);
    if (virDomainMigrateSetMaxSpeed (guest->domain, (gulong)(G_MAXINT64 >> 20), 0) < 0)
      return vf_libvirt_fail (error, guest->hypervisor, "lift the migration speed of guest '%s'", guest->name);
  }
  return true;
}

static void
put_limits_back (VfGuest *guest, const Limits *before)
{
  if (before->downtime_ms > 0)
    virDomainMigrateSetMaxDowntime (guest->domain, before->downtime_ms, 0);
  if (before->speed_mib_s > 0)
    virDomainMigrateSetMaxSpeed (guest->domain, before->speed_mib_s, 0);
}

bool
vf_guest_migrate (VfGuest *guest, VfHypervisor *destination, const VfMigrationRequest *request, GError **error)
{
  if (is_stopped (request))
    return vf_error_set (error, VF_ERROR_CANCELLED, "cannot migrate guest '%s': stopped on request", guest->name);
  Limits before = { 0 };
  bool migrated = set_limits (guest, request, &before, error) && perform_stoppably (guest, destination, request, error);
  if (!migrated)
    put_limits_back (guest, &before);
  return migrated;
}

static guint64
take_u64 (const VfParams *stats, const char *name)
{
  unsigned long long value = 0;
  virTypedParamsGetULLong (stats->list, stats->count, name, &value);
  return value;
}

bool
vf_guest_migration_stats (VfGuest *guest, bool completed, VfMigrationStats *stats, GError **error)
{
  *stats = (VfMigrationStats){ 0 };
  int type = VIR_DOMAIN_JOB_NONE;
  g_auto (VfParams) params = { 0 };
  guint flags = completed ? VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED : 0;
  if (virDomainGetJobStats (guest->domain, &type, &params.list, &params.count, flags) < 0)
    return vf_libvirt_fail (error, guest->hypervisor, "read the migration's statistics of guest '%s'", guest->name);
  if (type == VIR_DOMAIN_JOB_NONE)
    return vf_error_set (error, VF_ERROR_NOT_FOUND, "cannot read the migration's statistics of guest '%s' on the %s: none %s",
                         guest->name, guest->hypervisor->side, completed ? "are kept" : "runs");
  stats->memory_done_bytes = take_u64 (&params, VIR_DOMAIN_JOB_MEMORY_PROCESSED);
  stats->memory_total_bytes = take_u64 (&params, VIR_DOMAIN_JOB_MEMORY_TOTAL);
  stats->disk_done_bytes = take_u64 (&params, VIR_DOMAIN_JOB_DISK_PROCESSED);
  stats->disk_total_bytes = take_u64 (&params, VIR_DOMAIN_JOB_DISK_TOTAL);
  stats->downtime_ms = take_u64 (&params, VIR_DOMAIN_JOB_DOWNTIME);
  return true;
}
