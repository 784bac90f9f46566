/* The switch: snapshot metadata is put aside, libvirt migrates memory and caps, and the outcome is read from both sides. */
#include "base/names.h"
#include "move/checkpoints.h"
#include "move/documents.h"
#include "move/move.h"
#include "move/own_xml.h"

#include <string.h>

enum {
  STATS_EVERY_MS = 250,
  AHEAD_BYTES_IN_POST_COPY = 512 * 1024, /* a page that the guest waits for comes behind what is under way */
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

bool
vf_move_put_snapshots_aside (VfMove *move, GError **error)
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
  guint patience_s; /* without progress for so long the link is closed, which ends the call; 0: never */
  guint64 done_bytes;
  gint64 moved_us; /* when they grew last */
  bool gave_up;
} Watch;

static void
note_progress (Watch *watch, const VfMigrationStats *stats)
{
  guint64 done_bytes = stats->memory_done_bytes + stats->disk_done_bytes;
  vf_move_progress (watch->move, VF_PHASE_SWITCH, "memory and overlays", done_bytes,
                    stats->memory_total_bytes + stats->disk_total_bytes);
  if (done_bytes != watch->done_bytes)
    watch->moved_us = g_get_monotonic_time ();
  watch->done_bytes = done_bytes;
}

/* A call that waits for a QEMU which never answers cannot be taken back otherwise. */
static void
give_up_when_due (Watch *watch)
{
  bool stands = g_get_monotonic_time () - watch->moved_us > (gint64)watch->patience_s * G_USEC_PER_SEC;
  if (watch->patience_s == 0 || watch->gave_up || !stands)
    return;
  watch->gave_up = true;
  vf_link_close (vf_move_link (watch->move));
}

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
      note_progress (watch, &stats);
    give_up_when_due (watch);
    g_mutex_lock (&watch->lock);
  }
  g_mutex_unlock (&watch->lock);
  return NULL;
}

static bool
migrate_watched (VfMove *move, const VfMigrationRequest *request, GError **error)
{
  Watch watch = { .move = move,
                  .patience_s = request->recover ? move->request->timeout_s : 0,
                  .moved_us = g_get_monotonic_time () };
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
  if (done || !watch.gave_up)
    return done;
  g_clear_error (error); /* that is of the link which was closed */
  vf_error_set (error, VF_ERROR_TIMEOUT,
                "nothing moved for %u s; QEMU at the destination may itself wait for memory that is missing", watch.patience_s);
  vf_error_hint (error, "try it again; if it stays so, see POST-COPY in virt-ferry-migrate(1)");
  return false;
}

/* ---- the call ---- */

static bool
collect_target (VfMove *move, const VfPlanDisk *disk, gpointer data, GError **error)
{
  g_ptr_array_add (data, disk->target);
  return true;
}

/* libvirt goes by the kind of filesystem; a disk was seen from both hosts before, and its cache mode is preflight's affair. */
static bool
has_probed_disks (const VfPlan *plan)
{
  for (guint i = 0; i < plan->disks->len; i++)
    if (vf_plan_disk (plan, i)->is_probed)
      return true;
  return false;
}

static char *
document (VfMove *move, VfXmlKind kind, GError **error)
{
  bool persistent = kind == VF_XML_MIGRATABLE_INACTIVE;
  const char *own = persistent ? move->own_persistent_xml : move->own_xml;
  if (own != NULL)
    return vf_document_own (move->ledger, own, error);
  g_autofree char *xml = vf_guest_xml (move->guest, kind, error);
  return xml == NULL ? NULL : vf_document_domain (move->ledger, xml, persistent, error);
}

/* What a call of libvirt's migration needs, and what frees it. */
typedef struct {
  GPtrArray *targets;
  char *live, *inactive;
  char *memory_uri, *disks_uri;
  VfTuning tuning; /* a view of the request's */
  VfRelay *memory, *disks;
  VfMigrationRequest request;
} Call;

static void
call_clear (Call *call)
{
  g_clear_pointer (&call->memory, vf_relay_stop);
  g_clear_pointer (&call->disks, vf_relay_stop);
  g_clear_pointer (&call->targets, g_ptr_array_unref);
  g_free (call->live);
  g_free (call->inactive);
  g_free (call->memory_uri);
  g_free (call->disks_uri);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Call, call_clear)

static bool
record_post_copy (gpointer move)
{
  return vf_move_record (move, vf_record_new ("post-copy"), NULL);
}

static bool
prepare_call (VfMove *move, Call *call, GError **error)
{
  bool persistent = vf_move_plan (move)->persistent;
  if (!vf_own_xml_load (move, error))
    return false;
  call->targets = g_ptr_array_new ();
  vf_move_each_disk (move, collect_target, call->targets, NULL);
  g_ptr_array_add (call->targets, NULL);
  call->live = document (move, VF_XML_MIGRATABLE, error);
  call->inactive = call->live != NULL && persistent ? document (move, VF_XML_MIGRATABLE_INACTIVE, error) : NULL;
  if (call->live == NULL || (persistent && call->inactive == NULL))
    return false;
  call->tuning = move->request->tuning;
  if (!vf_move_plan (move)->was_running) { /* a guest that stands still needs none of its memory early */
    call->tuning.post_copy_ram = false;
    call->tuning.timeout_post_copy_s = call->tuning.timeout_suspend_s = call->tuning.post_copy_bandwidth_mib_s = 0;
  }
  call->request = (VfMigrationRequest){ .disk_targets = (const char *const *)call->targets->pdata,
                                        .destination_xml = call->live,
                                        .persistent_xml = call->inactive,
                                        .unsafe = has_probed_disks (vf_move_plan (move)),
                                        .downtime_ms = move->request->downtime_ms,
                                        .tuning = &call->tuning,
                                        .before_post_copy = record_post_copy,
                                        .post_copy_data = move,
                                        .cancellable = move->cancellable };
  return true;
}

static bool
open_relays (VfMove *move, Call *call, GError **error)
{
  call->memory = vf_move_relay (move, "memory", &call->memory_uri, error);
  if (call->memory != NULL && vf_tuning_may_post_copy (&call->tuning))
    vf_relay_limit_ahead (call->memory, AHEAD_BYTES_IN_POST_COPY);
  call->disks = call->memory == NULL ? NULL : vf_move_relay (move, "disks", &call->disks_uri, error);
  call->request.memory_uri = call->memory_uri;
  call->request.disks_uri = call->disks_uri;
  return call->disks != NULL;
}

/* What the relays know of a failure, QEMU and libvirt often do not. */
static bool
call_libvirt (VfMove *move, Call *call, GError **error)
{
  if (migrate_watched (move, &call->request, error))
    return true;
  GError *relay_error = NULL;
  vf_relay_accepted (call->memory, &relay_error);
  if (relay_error == NULL)
    vf_relay_accepted (call->disks, &relay_error);
  if (relay_error != NULL)
    vf_error_attach (error, &relay_error, "the relay of QEMU's streams said");
  return false;
}

static bool
migrate (VfMove *move, GError **error)
{
  g_auto (Call) call = { 0 };
  return prepare_call (move, &call, error) && open_relays (move, &call, error) && vf_checkpoints_keep (move, error) &&
         vf_move_put_snapshots_aside (move, error) && vf_move_record (move, vf_record_new ("switch"), error) &&
         call_libvirt (move, &call, error);
}

bool
vf_move_go_on_in_post_copy (VfMove *move, GError **error)
{
  g_auto (Call) call = { 0 };
  if (!prepare_call (move, &call, error) || !open_relays (move, &call, error))
    return false;
  call.request.recover = true;
  call.request.downtime_ms = 0;
  call.request.before_post_copy = NULL;
  call.request.cancellable = NULL;
  call.tuning.timeout_suspend_s = 0;
  return call_libvirt (move, &call, error);
}

/* ---- its end ---- */

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
  if (!vf_move_decide (move, &moved, error)) {
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
