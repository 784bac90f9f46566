#include "domain/job_watch.h"

#include "domain/libvirt_error.h"

#include <string.h>

struct VfJobBoard {
  gatomicrefcount refs;
  GMutex registering; /* over `users` and `callback`; held while libvirt is called */
  guint users;
  int callback;
  GMutex lock; /* over `watches` and what they saw; libvirt's thread takes it */
  GPtrArray *watches;
};

struct VfJobWatch {
  VfGuest *guest; /* borrowed */
  char *target;
  GCond wake;
  VfJobSeen seen;
  bool news;
};

static const char *const job_names[] = {
  [VIR_DOMAIN_BLOCK_JOB_TYPE_UNKNOWN] = "unknown",
  [VIR_DOMAIN_BLOCK_JOB_TYPE_PULL] = "pull",
  [VIR_DOMAIN_BLOCK_JOB_TYPE_COPY] = "copy",
  [VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT] = "commit",
  [VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT] = "active commit",
  [VIR_DOMAIN_BLOCK_JOB_TYPE_BACKUP] = "backup",
};

const char *
vf_block_job_name (int type)
{
  return type >= 0 && (gsize)type < G_N_ELEMENTS (job_names) ? job_names[type] : "unknown";
}

int
vf_block_job_info (VfGuest *guest, const char *target, virDomainBlockJobInfo *info, GError **error)
{
  int found = virDomainGetBlockJobInfo (guest->domain, target, info, 0);
  if (found < 0)
    vf_libvirt_fail (error, guest->hypervisor, "ask for the block job of disk '%s' of guest '%s'", target, guest->name);
  return found;
}

VfJobBoard *
vf_job_board_new (void)
{
  VfJobBoard *board = g_new0 (VfJobBoard, 1);
  g_atomic_ref_count_init (&board->refs);
  g_mutex_init (&board->registering);
  g_mutex_init (&board->lock);
  board->watches = g_ptr_array_new ();
  return board;
}

void
vf_job_board_unref (gpointer data)
{
  VfJobBoard *board = data;
  if (!g_atomic_ref_count_dec (&board->refs))
    return;
  g_mutex_clear (&board->registering);
  g_mutex_clear (&board->lock);
  g_ptr_array_unref (board->watches);
  g_free (board);
}

static void
note_status (VfJobWatch *watch, int status)
{
  watch->news = true;
  g_cond_signal (&watch->wake);
  if (status == VIR_DOMAIN_BLOCK_JOB_READY) {
    watch->seen.ready = true;
    return;
  }
  watch->seen.ended = true;
  watch->seen.end_status = status;
}

static void
job_changed (virConnectPtr connection, virDomainPtr domain, const char *disk, int type, int status, void *data)
{
  VfJobBoard *board = data;
  char uuid[VIR_UUID_STRING_BUFLEN] = "";
  virDomainGetUUIDString (domain, uuid);
  g_mutex_lock (&board->lock);
  for (guint i = 0; i < board->watches->len; i++) {
    VfJobWatch *watch = g_ptr_array_index (board->watches, i);
    if (g_strcmp0 (disk, watch->target) == 0 && strcmp (uuid, watch->guest->uuid) == 0)
      note_status (watch, status);
  }
  g_mutex_unlock (&board->lock);
}

static bool
register_user (VfGuest *guest, VfJobBoard *board, GError **error)
{
  g_autoptr (GMutexLocker) locked = g_mutex_locker_new (&board->registering);
  if (board->users > 0) {
    board->users++;
    return true;
  }
  g_atomic_ref_count_inc (&board->refs); /* libvirt's, given back by vf_job_board_unref */
  board->callback = virConnectDomainEventRegisterAny (guest->hypervisor->connection, NULL, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2,
                                                      VIR_DOMAIN_EVENT_CALLBACK (job_changed), board, vf_job_board_unref);
  if (board->callback < 0) {
    vf_libvirt_fail (error, guest->hypervisor, "watch the block jobs of guest '%s'", guest->name);
    vf_job_board_unref (board);
    return false;
  }
  board->users = 1;
  return true;
}

static void
deregister_user (VfGuest *guest, VfJobBoard *board)
{
  g_autoptr (GMutexLocker) locked = g_mutex_locker_new (&board->registering);
  if (--board->users == 0)
    virConnectDomainEventDeregisterAny (guest->hypervisor->connection, board->callback);
}

VfJobWatch *
vf_job_watch_new (VfGuest *guest, const char *target, GError **error)
{
  VfJobBoard *board = guest->hypervisor->jobs;
  if (!register_user (guest, board, error))
    return NULL;
  VfJobWatch *watch = g_new0 (VfJobWatch, 1);
  watch->guest = guest;
  watch->target = g_strdup (target);
  g_cond_init (&watch->wake);
  g_mutex_lock (&board->lock);
  g_ptr_array_add (board->watches, watch);
  g_mutex_unlock (&board->lock);
  return watch;
}

void
vf_job_watch_free (VfJobWatch *watch)
{
  if (watch == NULL)
    return;
  VfJobBoard *board = watch->guest->hypervisor->jobs;
  g_mutex_lock (&board->lock);
  g_ptr_array_remove_fast (board->watches, watch);
  g_mutex_unlock (&board->lock);
  deregister_user (watch->guest, board);
  g_cond_clear (&watch->wake);
  g_free (watch->target);
  g_free (watch);
}

VfJobSeen
vf_job_watch_wait (VfJobWatch *watch, guint timeout_ms)
{
  gint64 end_us = g_get_monotonic_time () + (gint64)timeout_ms * G_TIME_SPAN_MILLISECOND;
  GMutex *lock = &watch->guest->hypervisor->jobs->lock;
  g_autoptr (GMutexLocker) locked = g_mutex_locker_new (lock);
  bool in_time = true;
  while (!watch->news && in_time)
    in_time = g_cond_wait_until (&watch->wake, lock, end_us);
  watch->news = false;
  return watch->seen;
}

void
vf_job_watch_wake (GCancellable *cancellable, gpointer data)
{
  VfJobWatch *watch = data;
  g_autoptr (GMutexLocker) locked = g_mutex_locker_new (&watch->guest->hypervisor->jobs->lock);
  watch->news = true;
  g_cond_signal (&watch->wake);
}
