/* The switch: snapshot metadata is put aside, libvirt migrates memory and caps, and the outcome is read from both sides. */
#include "base/names.h"
#include "move/documents.h"
#include "move/move.h"
#include "move/outcome.h"

#include <string.h>

enum {
  OBSERVE_EVERY_MS = 300,
  STATS_EVERY_MS = 250,
};

/* ---- snapshot metadata ---- */

static bool
names_agree (const VfPlan *plan, const GPtrArray *records)
{
  if (records->len != plan->snapshots->len)
    return false;
  for (guint i = 0; i < records->len; i++) {
    bool known = false;
    for (guint j = 0; j < plan->snapshots->len && !known; j++)
      known = strcmp (((VfSnapshotRecord *)records->pdata[i])->name, ((VfPlanSnapshot *)plan->snapshots->pdata[j])->name) == 0;
    if (!known)
      return false;
  }
  return true;
}

static GPtrArray *
snapshots_as_planned (VfMove *move, GError **error)
{
  g_autoptr (GPtrArray) records = vf_guest_snapshots (move->guest, error);
  if (records == NULL || names_agree (vf_move_plan (move), records))
    return g_steal_pointer (&records);
  vf_error_set (error, VF_ERROR_FAILED, "cannot switch guest '%s': its snapshots changed while it was being moved",
                vf_guest_name (move->guest));
  return NULL;
}

bool
vf_move_snapshots_are_as_planned (VfMove *move, GError **error)
{
  g_autoptr (GPtrArray) records = snapshots_as_planned (move, error);
  return records != NULL;
}

static bool
put_snapshots_aside (VfMove *move, GError **error)
{
  g_autoptr (GPtrArray) records = snapshots_as_planned (move, error);
  if (records == NULL)
    return false;
  if (records->len == 0)
    return true;
  g_autoptr (GPtrArray) kept = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_ledger_snapshot_free);
  for (guint i = 0; i < records->len; i++) {
    const VfSnapshotRecord *record = records->pdata[i];
    g_ptr_array_add (kept, vf_ledger_snapshot_new (record->name, record->parent, record->xml, record->current));
  }
  return vf_move_record (move, vf_record_snapshots (kept), error) && vf_guest_forget_snapshots (move->guest, records, error);
}

/* ---- progress, from a thread beside the blocking call ---- */

typedef struct {
  VfMove *move;
  GMutex lock;
  GCond ended;
  bool over;
} Watch;

static gpointer
watch_migration (gpointer data)
{
  Watch *watch = data;
  g_mutex_lock (&watch->lock);
  while (!watch->over) {
    g_cond_wait_until (&watch->ended, &watch->lock, g_get_monotonic_time () + STATS_EVERY_MS * 1000);
    if (watch->over)
      break;
    g_mutex_unlock (&watch->lock);
    VfMigrationStats stats = { 0 };
    if (vf_guest_migration_stats (watch->move->guest, false, &stats, NULL))
      vf_move_progress (watch->move, VF_PHASE_SWITCH, "memory and overlays", stats.memory_done_bytes + stats.disk_done_bytes,
                        stats.memory_total_bytes + stats.disk_total_bytes);
    g_mutex_lock (&watch->lock);
  }
  g_mutex_unlock (&watch->lock);
  return NULL;
}

static bool
migrate_watched (VfMove *move, const VfMigrationRequest *request, GError **error)
{
  Watch watch = { .move = move };
  g_mutex_init (&watch.lock);
  g_cond_init (&watch.ended);
  GThread *thread = g_thread_new ("watch-migration", watch_migration, &watch);
  bool done = vf_guest_migrate (move->guest, move->destination, request, error);
  g_mutex_lock (&watch.lock);
  watch.over = true;
  g_cond_signal (&watch.ended);
  g_mutex_unlock (&watch.lock);
  g_thread_join (thread);
  g_cond_clear (&watch.ended);
  g_mutex_clear (&watch.lock);
  return done;
}

/* ---- the call ---- */

static bool
collect_target (VfMove *move, const VfPlanDisk *disk, gpointer data, GError **error)
{
  g_ptr_array_add (data, disk->target);
  return true;
}

static char *
document (VfMove *move, VfXmlKind kind, GError **error)
{
  g_autofree char *xml = vf_guest_xml (move->guest, kind, error);
  return xml == NULL ? NULL : vf_document_domain (move->ledger, xml, kind == VF_XML_MIGRATABLE_INACTIVE, error);
}

static bool
migrate (VfMove *move, GError **error)
{
  bool persistent = vf_move_plan (move)->persistent;
  g_autoptr (GPtrArray) targets = g_ptr_array_new ();
  vf_move_each_disk (move, collect_target, targets, NULL);
  g_ptr_array_add (targets, NULL);
  g_autofree char *memory_uri = NULL;
  g_autofree char *disks_uri = NULL;
  g_autofree char *live = document (move, VF_XML_MIGRATABLE, error);
  g_autofree char *inactive = live != NULL && persistent ? document (move, VF_XML_MIGRATABLE_INACTIVE, error) : NULL;
  if (live == NULL || (persistent && inactive == NULL))
    return false;
  g_autoptr (VfRelay) memory = vf_move_relay (move, "memory", &memory_uri, error);
  g_autoptr (VfRelay) disks = memory == NULL ? NULL : vf_move_relay (move, "disks", &disks_uri, error);
  if (disks == NULL || !put_snapshots_aside (move, error) || !vf_move_record (move, vf_record_new ("switch"), error))
    return false;
  VfMigrationRequest request = { .disk_targets = (const char *const *)targets->pdata,
                                 .destination_xml = live,
                                 .persistent_xml = inactive,
                                 .memory_uri = memory_uri,
                                 .disks_uri = disks_uri,
                                 .downtime_ms = move->request->downtime_ms,
                                 .cancellable = move->cancellable };
  bool done = migrate_watched (move, &request, error);
  GError *relay_error = NULL;
  if (!done && (vf_relay_accepted (memory, &relay_error), relay_error == NULL))
    vf_relay_accepted (disks, &relay_error);
  if (relay_error != NULL)
    vf_error_attach (error, &relay_error, "the relay of QEMU's streams said");
  return done;
}

/* ---- the outcome ---- */

static VfGuestState
observe_source (VfMove *move, char **reason)
{
  if (!vf_hypervisor_is_alive (move->source) && !vf_move_connect_source (move, NULL) && move->source == NULL) {
    *reason = g_strdup ("the source's libvirt does not answer");
    return VF_GUEST_UNKNOWN;
  }
  return vf_guest_observe (move->source, vf_move_plan (move)->uuid, reason);
}

static VfGuestState
observe_destination (VfMove *move, char **reason)
{
  g_autoptr (GError) error = NULL;
  if (!vf_move_connect_destination (move, vf_move_plan (move)->rendezvous, &error)) {
    *reason = g_strdup (error->message);
    return VF_GUEST_UNKNOWN;
  }
  return vf_guest_observe (move->destination, vf_move_plan (move)->uuid, reason);
}

static bool
record_outcome (VfMove *move, const char *kind, const char *reason, GError **error)
{
  JsonObject *record = vf_record_new (kind);
  json_object_set_string_member (record, "reason", reason);
  return vf_move_record (move, record, error);
}

static bool
undecided (VfVerdict verdict, VfGuestState source, VfGuestState destination, const char *states, GError **error)
{
  bool far_unknown = destination == VF_GUEST_UNKNOWN && (source == VF_GUEST_RUNNING || source == VF_GUEST_ABSENT);
  bool near_unknown = source == VF_GUEST_UNKNOWN && destination == VF_GUEST_RUNNING;
  VfErrorCode code = verdict == VF_VERDICT_WAIT && (far_unknown || near_unknown) ? VF_ERROR_UNREACHABLE : VF_ERROR_UNDECIDED;
  return vf_error_set (error, code, "cannot tell where the guest is: %s", states);
}

/* Looks at both sides until the table decides or the deadline is over. *moved is valid when true is returned. */
static bool
decide (VfMove *move, bool *moved, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (gint64)move->request->timeout_s * 2 * G_USEC_PER_SEC;
  while (true) {
    g_autofree char *source_reason = NULL;
    g_autofree char *destination_reason = NULL;
    VfGuestState source = observe_source (move, &source_reason);
    VfGuestState destination = observe_destination (move, &destination_reason);
    VfVerdict verdict = vf_outcome_decide (source, destination, vf_move_plan (move)->was_running);
    g_autofree char *states =
        g_strdup_printf ("at the source it is %s (%s), at the destination %s (%s)", vf_guest_state_name (source),
                         source_reason != NULL ? source_reason : "", vf_guest_state_name (destination),
                         destination_reason != NULL ? destination_reason : "");
    *moved = verdict == VF_VERDICT_MOVED;
    if (verdict == VF_VERDICT_STAYED_RESUME && !vf_guest_resume (move->guest, error))
      return false;
    if (verdict == VF_VERDICT_STAYED || verdict == VF_VERDICT_STAYED_RESUME)
      return record_outcome (move, "stayed", states, error);
    if (verdict == VF_VERDICT_MOVED)
      return record_outcome (move, "switched", states, error);
    if (verdict == VF_VERDICT_PERSON || g_get_monotonic_time () > deadline)
      return undecided (verdict, source, destination, states, error);
    g_usleep (OBSERVE_EVERY_MS * 1000);
  }
}

static void
record_downtime (VfMove *move)
{
  VfMigrationStats stats = { 0 };
  g_autoptr (VfGuest) there = vf_guest_find (move->destination, vf_move_plan (move)->uuid, NULL);
  if (there == NULL || !vf_guest_migration_stats (there, true, &stats, NULL) || stats.downtime_ms == 0)
    return;
  JsonObject *record = vf_record_new ("downtime");
  json_object_set_int_member (record, "downtime_ms", (gint64)stats.downtime_ms);
  vf_move_record (move, record, NULL);
}

bool
vf_phase_switch (VfMove *move, GError **error)
{
  GError *call_error = NULL;
  bool moved = false;
  if (move->ledger->switched == VF_SWITCH_SWITCHED)
    return true;
  if (move->ledger->switched == VF_SWITCH_NOT_BEGUN && !migrate (move, &call_error) &&
      move->ledger->switched == VF_SWITCH_NOT_BEGUN) {
    g_propagate_error (error, call_error); /* it never came to the call */
    return false;
  }
  if (!decide (move, &moved, error)) {
    GError *undecided_error = error == NULL ? NULL : g_steal_pointer (error);
    vf_error_attach (&undecided_error, &call_error, "the migration said");
    g_propagate_error (error, undecided_error);
    return false;
  }
  if (moved) {
    g_clear_error (&call_error); /* the guest is there, whatever the last message was */
    record_downtime (move);
    return true;
  }
  if (call_error == NULL)
    vf_error_set (&call_error, VF_ERROR_FAILED, "cannot switch: an earlier attempt left the guest at the source");
  g_propagate_error (error, call_error);
  return false;
}
