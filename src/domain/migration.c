#include "domain/migration.h"

#include "domain/libvirt_error.h"

enum { LOOK_MS = 1000, ABORT_AGAIN_MS = 200 };

/* Aborts the migration from a thread of its own, when the user asks for it (the callback of a cancellable holds that
 * cancellable's lock, so it only records and wakes), and when libvirt at the destination is lost: the call waits for the
 * source's QEMU then, which may wait for ever for a peer that is silent. */
typedef struct {
  VfGuest *guest;
  VfHypervisor *destination;
  GMutex lock;
  GCond wake;
  bool stop;  /* the user asked */
  bool ended; /* the migration call returned */
} Stopper;

static void
stop_requested (GCancellable *cancellable, gpointer data)
{
  Stopper *stopper = data;
  g_autoptr (GMutexLocker) locked = g_mutex_locker_new (&stopper->lock);
  stopper->stop = true;
  g_cond_signal (&stopper->wake);
}

/* Sleeps, awake at once when the call returns or the user asks. Called with the lock. */
static void
sleep_until_news (Stopper *stopper, guint ms)
{
  gint64 end_us = g_get_monotonic_time () + ms * G_TIME_SPAN_MILLISECOND;
  bool stopped = stopper->stop;
  while (!stopper->ended && stopper->stop == stopped && g_cond_wait_until (&stopper->wake, &stopper->lock, end_us))
    ;
}

static void
abort_job (Stopper *stopper)
{
  g_mutex_unlock (&stopper->lock);
  virDomainAbortJob (stopper->guest->domain);
  g_mutex_lock (&stopper->lock);
}

/* Asks again until the call has returned: at first the migration may not have a job yet, and an abort of a migration that has
 * just ended does nothing. */
static gpointer
abort_when_due (gpointer data)
{
  Stopper *stopper = data;
  g_autoptr (GMutexLocker) locked = g_mutex_locker_new (&stopper->lock);
  while (!stopper->ended && !stopper->stop && virConnectIsAlive (stopper->destination->connection) == 1)
    sleep_until_news (stopper, LOOK_MS);
  while (!stopper->ended) {
    abort_job (stopper);
    sleep_until_news (stopper, ABORT_AGAIN_MS);
  }
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
    flags |= VIR_MIGRATE_NON_SHARED_INC | VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES;
  if (request->persistent_xml != NULL)
    flags |= VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE;
  return flags;
}

static bool
is_stopped (const VfMigrationRequest *request)
{
  return request->cancellable != NULL && g_cancellable_is_cancelled (request->cancellable);
}

/* The message names the source; when it was the other connection that broke, the code must still say so. */
static bool
report (VfGuest *guest, VfHypervisor *destination, const VfMigrationRequest *request, GError **error)
{
  g_autoptr (virError) said = virSaveLastError (); /* before any other call of libvirt's, which forgets it */
  g_autofree char *act = g_strdup_printf ("migrate guest '%s'", guest->name);
  g_autoptr (GError) failure = NULL;
  vf_libvirt_fail_with (&failure, guest->hypervisor, said, act);
  if (is_stopped (request))
    return vf_error_set (error, VF_ERROR_CANCELLED, "stopped on request: %s", failure->message);
  if (virConnectIsAlive (destination->connection) != 1)
    return vf_error_set (error, VF_ERROR_UNREACHABLE, "%s (libvirt on the %s is lost)", failure->message, destination->side);
  g_propagate_error (error, g_steal_pointer (&failure));
  return false;
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
  Stopper stopper = { .guest = guest, .destination = destination };
  g_mutex_init (&stopper.lock);
  g_cond_init (&stopper.wake);
  GThread *thread = g_thread_new ("migration-stop", abort_when_due, &stopper);
  gulong connected = 0;
  if (request->cancellable != NULL)
    connected = g_cancellable_connect (request->cancellable, G_CALLBACK (stop_requested), &stopper, NULL);
  bool migrated = perform (guest, destination, request, error);
  if (connected != 0)
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
