#include "domain/job_watch.h"

#include "domain/libvirt_error.h"

/* Shared with libvirt's thread, which may still be in the callback after it was deregistered. */
typedef struct {
  gatomicrefcount refs;
  GMutex lock;
  GCond wake;
  char *target;
  VfJobSeen seen;
  bool news;
} Events;

struct VfJobWatch {
  VfGuest *guest; /* borrowed */
  Events *events;
  int callback;
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

static void
events_unref (gpointer data)
{
  Events *events = data;
  if (!g_atomic_ref_count_dec (&events->refs))
    return;
  g_mutex_clear (&events->lock);
  g_cond_clear (&events->wake);
  g_free (events->target);
  g_free (events);
}

static void
note_status (VfJobSeen *seen, int status)
{
  if (status == VIR_DOMAIN_BLOCK_JOB_READY) {
    seen->ready = true;
    return;
  }
  seen->ended = true;
  seen->end_status = status;
}

static void
job_changed (virConnectPtr connection, virDomainPtr domain, const char *disk, int type, int status, void *data)
{
  Events *events = data;
  if (g_strcmp0 (disk, events->target) != 0)
    return;
  g_mutex_lock (&events->lock);
  note_status (&events->seen, status);
  events->news = true;
  g_cond_signal (&events->wake);
  g_mutex_unlock (&events->lock);
}

static Events *
events_new (const char *target)
{
  Events *events = g_new0 (Events, 1);
  g_atomic_ref_count_init (&events->refs);
  g_mutex_init (&events->lock);
  g_cond_init (&events->wake);
  events->target = g_strdup (target);
  return events;
}

VfJobWatch *
vf_job_watch_new (VfGuest *guest, const char *target, GError **error)
{
  g_autoptr (VfJobWatch) watch = g_new0 (VfJobWatch, 1);
  watch->guest = guest;
  watch->events = events_new (target);
  g_atomic_ref_count_inc (&watch->events->refs); /* libvirt's, given back by events_unref */
  watch->callback =
      virConnectDomainEventRegisterAny (guest->hypervisor->connection, guest->domain, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2,
                                        VIR_DOMAIN_EVENT_CALLBACK (job_changed), watch->events, events_unref);
  if (watch->callback < 0) {
    vf_libvirt_fail (error, guest->hypervisor, "watch the block jobs of guest '%s'", guest->name);
    events_unref (watch->events);
    return NULL;
  }
  return g_steal_pointer (&watch);
}

void
vf_job_watch_free (VfJobWatch *watch)
{
  if (watch == NULL)
    return;
  if (watch->callback >= 0)
    virConnectDomainEventDeregisterAny (watch->guest->hypervisor->connection, watch->callback);
  events_unref (watch->events);
  g_free (watch);
}

VfJobSeen
vf_job_watch_wait (VfJobWatch *watch, guint timeout_ms)
{
  Events *events = watch->events;
  gint64 end_us = g_get_monotonic_time () + (gint64)timeout_ms * G_TIME_SPAN_MILLISECOND;
  g_mutex_lock (&events->lock);
  bool in_time = true;
  while (!events->news && in_time)
    in_time = g_cond_wait_until (&events->wake, &events->lock, end_us);
  events->news = false;
  VfJobSeen seen = events->seen;
  g_mutex_unlock (&events->lock);
  return seen;
}

void
vf_job_watch_wake (GCancellable *cancellable, gpointer watch)
{
  Events *events = ((VfJobWatch *)watch)->events;
  g_mutex_lock (&events->lock);
  events->news = true;
  g_cond_signal (&events->wake);
  g_mutex_unlock (&events->lock);
}
