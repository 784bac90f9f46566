#include "domain/block_job.h"

#include "domain/job_watch.h"
#include "domain/libvirt_error.h"
#include "domain/live_disk.h"

/* How a commit goes: watch, start (or join), wait for READY, ask for the pivot, wait for the end. Events make it quick; once in
 * TICK_MS libvirt is asked as well, so that a missed event costs a tick and no more. The pivot is asked for without waiting in
 * the call, for a guest that writes as fast as its disk may hold it off, and a waiting call could not be given up. */
enum {
  TICK_MS = 1000,
  CANCEL_DEADLINE_S = 30,
};

typedef struct {
  VfGuest *guest;
  const VfCommitRequest *request;
  VfJobWatch *watch;
  guint64 done_bytes, total_bytes;
  gint64 moved_us;      /* when there was progress last */
  bool pivot_requested; /* from here on libvirt refuses to cancel */
} Commit;

typedef enum {
  COMMIT_GOES_ON,
  COMMIT_DONE,
  COMMIT_FAILED,
} Progress;

static bool
is_cancelled (const VfCommitRequest *request)
{
  return request->cancellable != NULL && g_cancellable_is_cancelled (request->cancellable);
}

static bool
fail (const Commit *commit, VfErrorCode code, GError **error, const char *why)
{
  return vf_error_set (error, code, "cannot commit disk '%s' of guest '%s' into '%s' on the %s: %s", commit->request->target,
                       commit->guest->name, commit->request->base, commit->guest->hypervisor->side, why);
}

static bool
is_based (const Commit *commit, const VfLiveDisk *disk)
{
  return disk->mirror_job == NULL && (g_strcmp0 (disk->source, commit->request->base) == 0 ||
                                      (disk->source != NULL && g_strcmp0 (disk->source, commit->request->base_volume) == 0));
}

/* The job is gone; the live XML tells what it left behind. */
static bool
judge_end (const Commit *commit, const VfJobSeen *seen, GError **error)
{
  g_auto (VfLiveDisk) disk = { 0 };
  if (!vf_live_disk_read (commit->guest, commit->request->target, &disk, error))
    return false;
  if (is_based (commit, &disk))
    return true;
  if (seen->ended && seen->end_status == VIR_DOMAIN_BLOCK_JOB_CANCELED)
    return fail (commit, VF_ERROR_CANCELLED, error, "someone cancelled the job");
  fail (commit, VF_ERROR_FAILED, error, "the job failed");
  vf_error_hint (error, "look into QEMU's log of the guest on the %s, and at the free space there",
                 commit->guest->hypervisor->side);
  return false;
}

/* A refusal because the job is not ready, or already pivots, is none: the next tick asks again. */
static bool
request_pivot (Commit *commit, GError **error)
{
  guint flags = VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT | VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC;
  if (virDomainBlockJobAbort (commit->guest->domain, commit->request->target, flags) == 0) {
    commit->pivot_requested = true;
    commit->moved_us = g_get_monotonic_time ();
    return true;
  }
  int code = virGetLastErrorCode ();
  if (code == VIR_ERR_BLOCK_COPY_ACTIVE || code == VIR_ERR_OPERATION_INVALID || code == VIR_ERR_OPERATION_TIMEOUT)
    return true;
  return vf_libvirt_fail (error, commit->guest->hypervisor, "pivot disk '%s' of guest '%s'", commit->request->target,
                          commit->guest->name);
}

static void
note_progress (Commit *commit, const virDomainBlockJobInfo *info)
{
  if (info->cur == commit->done_bytes && info->end == commit->total_bytes)
    return;
  commit->done_bytes = info->cur;
  commit->total_bytes = info->end;
  if (!commit->pivot_requested) /* the pivot's deadline counts from its request: a busy guest moves these for ever */
    commit->moved_us = g_get_monotonic_time ();
  if (commit->request->progress != NULL)
    commit->request->progress (commit->request->target, info->cur, info->end, commit->request->progress_data);
}

static bool
is_within_deadline (const Commit *commit, GError **error)
{
  guint deadline_s = commit->request->deadline_s;
  if (deadline_s == 0 || g_get_monotonic_time () - commit->moved_us < deadline_s * G_TIME_SPAN_SECOND)
    return true;
  g_autofree char *why = commit->pivot_requested
                             ? g_strdup_printf ("asked for the pivot %u s ago, it did not come; it may still", deadline_s)
                             : g_strdup_printf ("no progress for %u s at %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes",
                                                deadline_s, commit->done_bytes, commit->total_bytes);
  return fail (commit, VF_ERROR_TIMEOUT, error, why);
}

static Progress
step (Commit *commit, const VfJobSeen *seen, GError **error)
{
  virDomainBlockJobInfo info = { 0 };
  int found = seen->ended ? 0 : vf_block_job_info (commit->guest, commit->request->target, &info, error);
  if (found < 0)
    return COMMIT_FAILED;
  if (found == 0)
    return judge_end (commit, seen, error) ? COMMIT_DONE : COMMIT_FAILED;
  note_progress (commit, &info);
  if (!commit->pivot_requested && is_cancelled (commit->request)) {
    fail (commit, VF_ERROR_CANCELLED, error, "stopped on request");
    return COMMIT_FAILED;
  }
  bool looks_ready = seen->ready || (info.end > 0 && info.cur == info.end);
  if (!commit->pivot_requested && looks_ready && !request_pivot (commit, error))
    return COMMIT_FAILED;
  return is_within_deadline (commit, error) ? COMMIT_GOES_ON : COMMIT_FAILED;
}

static bool
follow (Commit *commit, GError **error)
{
  VfJobSeen seen = { 0 };
  Progress progress = step (commit, &seen, error);
  while (progress == COMMIT_GOES_ON) {
    seen = vf_job_watch_wait (commit->watch, TICK_MS);
    progress = step (commit, &seen, error);
  }
  return progress == COMMIT_DONE;
}

/* A job of a former process: ours if it commits the active layer into the same base. */
static bool
join (Commit *commit, const virDomainBlockJobInfo *info, const VfLiveDisk *disk, GError **error)
{
  if (info->type == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT && g_strcmp0 (disk->mirror_source, commit->request->base) == 0)
    return true;
  g_autofree char *why =
      g_strdup_printf ("it has a job already (%s%s%s)", vf_block_job_name (info->type),
                       disk->mirror_source != NULL ? " into " : "", disk->mirror_source != NULL ? disk->mirror_source : "");
  return fail (commit, VF_ERROR_BUSY, error, why);
}

static bool
start (Commit *commit, GError **error)
{
  const VfCommitRequest *request = commit->request;
  if (virDomainBlockCommit (commit->guest->domain, request->target, request->base, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) < 0)
    return vf_libvirt_fail (error, commit->guest->hypervisor, "commit disk '%s' of guest '%s' into '%s'", request->target,
                            commit->guest->name, request->base);
  return true;
}

/* *nothing_left: the guest runs on the base already. */
static bool
start_or_join (Commit *commit, bool *nothing_left, GError **error)
{
  g_auto (VfLiveDisk) disk = { 0 };
  virDomainBlockJobInfo info = { 0 };
  int found = vf_block_job_info (commit->guest, commit->request->target, &info, error);
  if (found < 0 || !vf_live_disk_read (commit->guest, commit->request->target, &disk, error))
    return false;
  *nothing_left = found == 0 && is_based (commit, &disk);
  if (*nothing_left)
    return true;
  return found > 0 ? join (commit, &info, &disk, error) : start (commit, error);
}

/* A pivot that was asked for cannot be taken back, and a host that does not answer cannot be asked. */
static void
cancel_after_failure (Commit *commit, GError **error)
{
  if (commit->pivot_requested || vf_error_is (*error, VF_ERROR_UNREACHABLE))
    return;
  g_autoptr (GError) later = NULL;
  if (!vf_guest_cancel_block_job (commit->guest, commit->request->target, CANCEL_DEADLINE_S, &later))
    vf_error_attach (error, &later, "also");
}

static bool
run (Commit *commit, GError **error)
{
  bool nothing_left = false;
  if (!start_or_join (commit, &nothing_left, error))
    return false;
  if (nothing_left)
    return true;
  g_autoptr (GError) first = NULL;
  commit->moved_us = g_get_monotonic_time ();
  if (follow (commit, &first))
    return true;
  cancel_after_failure (commit, &first);
  g_propagate_error (error, g_steal_pointer (&first));
  return false;
}

bool
vf_guest_commit_active (VfGuest *guest, const VfCommitRequest *request, GError **error)
{
  Commit commit = { .guest = guest, .request = request };
  if (is_cancelled (request))
    return fail (&commit, VF_ERROR_CANCELLED, error, "stopped on request");
  g_autoptr (VfJobWatch) watch = vf_job_watch_new (guest, request->target, error);
  if (watch == NULL)
    return false;
  commit.watch = watch;
  gulong connected = request->cancellable == NULL
                         ? 0
                         : g_cancellable_connect (request->cancellable, G_CALLBACK (vf_job_watch_wake), watch, NULL);
  bool committed = run (&commit, error);
  if (connected != 0)
    g_cancellable_disconnect (request->cancellable, connected);
  return committed;
}

/* "no job" and "is still being ended" are no failures: the wait tells. */
static bool
request_cancel (VfGuest *guest, const char *target, GError **error)
{
  if (virDomainBlockJobAbort (guest->domain, target, VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC) == 0)
    return true;
  if (virGetLastErrorCode () == VIR_ERR_OPERATION_INVALID)
    return true;
  return vf_libvirt_fail (error, guest->hypervisor, "cancel the block job of disk '%s' of guest '%s'", target, guest->name);
}

static bool
await_no_job (VfGuest *guest, const char *target, VfJobWatch *watch, guint deadline_s, GError **error)
{
  gint64 end_us = g_get_monotonic_time () + deadline_s * G_TIME_SPAN_SECOND;
  virDomainBlockJobInfo info = { 0 };
  int found = vf_block_job_info (guest, target, &info, error);
  while (found > 0 && g_get_monotonic_time () < end_us) {
    vf_job_watch_wait (watch, TICK_MS);
    found = vf_block_job_info (guest, target, &info, error);
  }
  if (found > 0)
    return vf_error_set (error, VF_ERROR_TIMEOUT,
                         "cannot cancel the block job of disk '%s' of guest '%s' on the %s: not ended after %u s", target,
                         guest->name, guest->hypervisor->side, deadline_s);
  return found == 0;
}

bool
vf_guest_cancel_block_job (VfGuest *guest, const char *target, guint deadline_s, GError **error)
{
  if (virDomainIsActive (guest->domain) == 0)
    return true;
  g_autoptr (VfJobWatch) watch = vf_job_watch_new (guest, target, error);
  virDomainBlockJobInfo info = { 0 };
  int found = watch == NULL ? -1 : vf_block_job_info (guest, target, &info, error);
  if (found <= 0)
    return found == 0;
  return request_cancel (guest, target, error) && await_no_job (guest, target, watch, deadline_s, error);
}
