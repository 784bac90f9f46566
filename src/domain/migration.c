#include "domain/migration.h"

#include "domain/companion.h"
#include "domain/libvirt_error.h"

/* How libvirt takes what the tuning has. */
typedef enum {
  AS_FLAG_ONLY,
  AS_INT,
  AS_ULLONG,
  AS_STRING,
  AS_STRINGS, /* "a,b": the parameter twice */
} ParameterType;

static const struct {
  gsize offset; /* in VfTuning */
  VfTuningKind kind;
  guint flag;
  const char *parameter;
  ParameterType type;
} passed_on[] = {
  { offsetof (VfTuning, suspend), VF_TUNING_SWITCH, VIR_MIGRATE_PAUSED, NULL, AS_FLAG_ONLY },
  { offsetof (VfTuning, post_copy_ram), VF_TUNING_SWITCH, VIR_MIGRATE_POSTCOPY, NULL, AS_FLAG_ONLY },
  { offsetof (VfTuning, timeout_post_copy_s), VF_TUNING_NUMBER, VIR_MIGRATE_POSTCOPY, NULL, AS_FLAG_ONLY },
  { offsetof (VfTuning, post_copy_bandwidth_mib_s), VF_TUNING_NUMBER, 0, VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, AS_ULLONG },
  { offsetof (VfTuning, auto_converge), VF_TUNING_SWITCH, VIR_MIGRATE_AUTO_CONVERGE, NULL, AS_FLAG_ONLY },
  { offsetof (VfTuning, auto_converge_initial_percent), VF_TUNING_NUMBER, 0, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, AS_INT },
  { offsetof (VfTuning, auto_converge_increment_percent), VF_TUNING_NUMBER, 0, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT,
    AS_INT },
  { offsetof (VfTuning, parallel), VF_TUNING_SWITCH, VIR_MIGRATE_PARALLEL, NULL, AS_FLAG_ONLY },
  { offsetof (VfTuning, parallel_connections), VF_TUNING_NUMBER, 0, VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, AS_INT },
  { offsetof (VfTuning, compressed), VF_TUNING_SWITCH, VIR_MIGRATE_COMPRESSED, NULL, AS_FLAG_ONLY },
  { offsetof (VfTuning, comp_methods), VF_TUNING_TEXT, 0, VIR_MIGRATE_PARAM_COMPRESSION, AS_STRINGS },
  { offsetof (VfTuning, comp_xbzrle_cache_bytes), VF_TUNING_BYTES, 0, VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE, AS_ULLONG },
  { offsetof (VfTuning, comp_mt_level), VF_TUNING_NUMBER, 0, VIR_MIGRATE_PARAM_COMPRESSION_MT_LEVEL, AS_INT },
  { offsetof (VfTuning, comp_mt_threads), VF_TUNING_NUMBER, 0, VIR_MIGRATE_PARAM_COMPRESSION_MT_THREADS, AS_INT },
  { offsetof (VfTuning, comp_mt_dthreads), VF_TUNING_NUMBER, 0, VIR_MIGRATE_PARAM_COMPRESSION_MT_DTHREADS, AS_INT },
  { offsetof (VfTuning, dname), VF_TUNING_TEXT, 0, VIR_MIGRATE_PARAM_DEST_NAME, AS_STRING },
  { offsetof (VfTuning, graphicsuri), VF_TUNING_TEXT, 0, VIR_MIGRATE_PARAM_GRAPHICS_URI, AS_STRING },
  { offsetof (VfTuning, unsafe), VF_TUNING_SWITCH, VIR_MIGRATE_UNSAFE, NULL, AS_FLAG_ONLY },
};

static bool
add_string (VfParams *params, const char *name, const char *value)
{
  return virTypedParamsAddString (&params->list, &params->count, &params->capacity, name, value) == 0;
}

static bool
add_strings (VfParams *params, const char *name, const char *values)
{
  g_auto (GStrv) list = g_strsplit (values, ",", -1);
  bool added = true;
  for (char **value = list; *value != NULL && added; value++)
    added = add_string (params, name, *value);
  return added;
}

static bool
add_number (VfParams *params, const char *name, ParameterType type, guint64 value)
{
  return type == AS_INT ? virTypedParamsAddInt (&params->list, &params->count, &params->capacity, name, (int)value) == 0
                        : virTypedParamsAddULLong (&params->list, &params->count, &params->capacity, name, value) == 0;
}

/* Adds what was given of the tuning, as flags and as parameters. */
static bool
add_tuning (VfParams *params, const VfTuning *tuning, guint *flags)
{
  bool added = true;
  for (gsize i = 0; tuning != NULL && i < G_N_ELEMENTS (passed_on) && added; i++) {
    const void *member = (const guint8 *)tuning + passed_on[i].offset;
    bool is_switch = passed_on[i].kind == VF_TUNING_SWITCH, is_text = passed_on[i].kind == VF_TUNING_TEXT;
    const char *text = is_text ? *(char *const *)member : NULL;
    guint64 number = is_switch ? *(const bool *)member : is_text ? text != NULL : *(const guint64 *)member;
    if (number == 0)
      continue;
    *flags |= passed_on[i].flag;
    if (passed_on[i].type == AS_STRING)
      added = add_string (params, passed_on[i].parameter, text);
    else if (passed_on[i].type == AS_STRINGS)
      added = add_strings (params, passed_on[i].parameter, text);
    else if (passed_on[i].type != AS_FLAG_ONLY)
      added = add_number (params, passed_on[i].parameter, passed_on[i].type, number);
  }
  return added;
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
      added = add_string (params, strings[i].name, strings[i].value);
  for (gsize i = 0; request->disk_targets[i] != NULL && added; i++)
    added = add_string (params, VIR_MIGRATE_PARAM_MIGRATE_DISKS, request->disk_targets[i]);
  if (request->bandwidth_mib_s > 0 && added)
    added = add_number (params, VIR_MIGRATE_PARAM_BANDWIDTH, AS_ULLONG, request->bandwidth_mib_s);
  return added;
}

static guint
migration_flags (const VfMigrationRequest *request)
{
  guint flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_ABORT_ON_ERROR;
  if (request->disk_targets[0] != NULL)
    flags |= VIR_MIGRATE_NON_SHARED_INC | VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES;
  if (request->unsafe)
    flags |= VIR_MIGRATE_UNSAFE;
  if (request->persistent_xml != NULL)
    flags |= VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE;
  if (request->recover)
    flags |= VIR_MIGRATE_POSTCOPY_RESUME;
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
  guint flags = migration_flags (request);
  if (!add_parameters (&params, request) || !add_tuning (&params, request->tuning, &flags))
    return vf_libvirt_fail (error, guest->hypervisor, "prepare the migration of guest '%s'", guest->name);
  g_autoptr (virDomain) there =
      virDomainMigrate3 (guest->domain, destination->connection, params.list, (guint)params.count, flags);
  return there != NULL || report (guest, destination, request, error);
}

static bool
perform_accompanied (VfGuest *guest, VfHypervisor *destination, const VfMigrationRequest *request, GError **error)
{
  VfCompanion *companion = vf_companion_start (guest, destination, request, error);
  bool migrated = companion != NULL && perform (guest, destination, request, error);
  vf_companion_end (companion);
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
  bool migrated = set_limits (guest, request, &before, error) && perform_accompanied (guest, destination, request, error);
  if (!migrated)
    put_limits_back (guest, &before);
  return migrated;
}

bool
vf_guest_downtime_limit (VfGuest *guest, guint64 *ms)
{
  unsigned long long limit = 0;
  if (virDomainMigrateGetMaxDowntime (guest->domain, &limit, 0) < 0)
    return false;
  *ms = limit;
  return true;
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
