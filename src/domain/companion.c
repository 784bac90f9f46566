#include "domain/companion.h"

#include "domain/libvirt_error.h"

enum {
  LOOK_MS = 1000,
  ABORT_AGAIN_MS = 200,
  PASSES_BEFORE_POST_COPY = 1,
};

/* Shared with libvirt's event thread, which may still hold it when the companion is gone. */
typedef struct {
  GMutex lock;
  GCond wake;
  bool stop;   /* the user asked */
  bool ended;  /* the migration call returned */
  bool second; /* one pass over the memory is done */
} Board;

struct VfCompanion {
  VfGuest *guest;
  VfHypervisor *destination;
  const VfMigrationRequest *request;
  Board *board;
  GThread *thread;
  gint64 began_us;
  gulong cancelled; /* handler of the cancellable, or 0 */
  int passes;       /* libvirt's number of our registration, or -1 */
  bool announced;   /* before_post_copy was asked */
  bool forbidden;   /* and said no */
  bool acted;       /* post-copy was started, or the guest paused */
};

static void
board_clear (gpointer data)
{
  Board *board = data;
  g_mutex_clear (&board->lock);
  g_cond_clear (&board->wake);
}

static void
board_unref (gpointer board)
{
  g_atomic_rc_box_release_full (board, board_clear);
}

static void
stop_requested (GCancellable *cancellable, gpointer data)
{
  Board *board = data;
  g_autoptr (GMutexLocker) locked = g_mutex_locker_new (&board->lock);
  board->stop = true;
  g_cond_signal (&board->wake);
}

/* QEMU counts a pass when it begins. */
static void
pass_began (virConnectPtr connection, virDomainPtr domain, int pass, void *data)
{
  Board *board = data;
  g_autoptr (GMutexLocker) locked = g_mutex_locker_new (&board->lock);
  board->second = board->second || pass > PASSES_BEFORE_POST_COPY;
  g_cond_signal (&board->wake);
}

/* Sleeps, awake at once when there is news. Called with the lock. */
static void
sleep_until_news (Board *board, guint ms)
{
  gint64 end_us = g_get_monotonic_time () + ms * G_TIME_SPAN_MILLISECOND;
  bool stop = board->stop, second = board->second;
  while (!board->ended && board->stop == stop && board->second == second &&
         g_cond_wait_until (&board->wake, &board->lock, end_us))
    ;
}

static bool
is_over (const VfCompanion *companion, guint64 timeout_s)
{
  return timeout_s > 0 && g_get_monotonic_time () - companion->began_us > (gint64)timeout_s * G_USEC_PER_SEC;
}

/* Refused as long as no memory is sent: asked again then. */
static void
change_to_post_copy (VfCompanion *companion)
{
  const VfMigrationRequest *request = companion->request;
  if (!companion->announced && request->before_post_copy != NULL)
    companion->forbidden = !request->before_post_copy (request->post_copy_data);
  companion->announced = true;
  companion->acted = companion->forbidden || virDomainMigrateStartPostCopy (companion->guest->domain, 0) == 0;
}

static void
act_when_due (VfCompanion *companion, bool second_pass)
{
  const VfTuning *tuning = companion->request->tuning;
  if (tuning == NULL || companion->acted || companion->request->recover)
    return;
  if ((tuning->post_copy_ram && second_pass) || is_over (companion, tuning->timeout_post_copy_s))
    change_to_post_copy (companion);
  else if (is_over (companion, tuning->timeout_suspend_s))
    companion->acted = virDomainSuspend (companion->guest->domain) == 0;
}

/* An abort is asked for until the call has returned: at first the migration may not have a job yet, and an abort of a migration
 * that has just ended does nothing. In post-copy libvirt refuses it. */
static gpointer
accompany (gpointer data)
{
  VfCompanion *companion = data;
  Board *board = companion->board;
  bool stop = false;
  g_mutex_lock (&board->lock);
  while (!board->ended) {
    bool second = board->second;
    stop = stop || board->stop;
    g_mutex_unlock (&board->lock);
    stop = stop || virConnectIsAlive (companion->destination->connection) != 1;
    if (stop)
      virDomainAbortJob (companion->guest->domain);
    else
      act_when_due (companion, second);
    g_mutex_lock (&board->lock);
    sleep_until_news (board, stop ? ABORT_AGAIN_MS : LOOK_MS);
  }
  g_mutex_unlock (&board->lock);
  return NULL;
}

static bool
watch_passes (VfCompanion *companion, GError **error)
{
  companion->passes = -1;
  if (companion->request->tuning == NULL || !companion->request->tuning->post_copy_ram || companion->request->recover)
    return true;
  VfGuest *guest = companion->guest;
  companion->passes = virConnectDomainEventRegisterAny (
      guest->hypervisor->connection, guest->domain, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
      VIR_DOMAIN_EVENT_CALLBACK (pass_began), g_atomic_rc_box_acquire (companion->board), board_unref);
  if (companion->passes >= 0)
    return true;
  vf_libvirt_fail (error, guest->hypervisor, "watch the migration of guest '%s'", guest->name);
  board_unref (companion->board);
  return false;
}

VfCompanion *
vf_companion_start (VfGuest *guest, VfHypervisor *destination, const VfMigrationRequest *request, GError **error)
{
  VfCompanion *companion = g_new0 (VfCompanion, 1);
  companion->guest = guest;
  companion->destination = destination;
  companion->request = request;
  companion->began_us = g_get_monotonic_time ();
  companion->board = g_atomic_rc_box_new0 (Board);
  g_mutex_init (&companion->board->lock);
  g_cond_init (&companion->board->wake);
  if (!watch_passes (companion, error)) {
    board_unref (companion->board);
    g_free (companion);
    return NULL;
  }
  companion->thread = g_thread_new ("migration-companion", accompany, companion);
  if (request->cancellable != NULL)
    companion->cancelled = g_cancellable_connect (request->cancellable, G_CALLBACK (stop_requested), companion->board, NULL);
  return companion;
}

void
vf_companion_end (VfCompanion *companion)
{
  if (companion == NULL)
    return;
  Board *board = companion->board;
  if (companion->cancelled != 0)
    g_cancellable_disconnect (companion->request->cancellable, companion->cancelled);
  if (companion->passes >= 0)
    virConnectDomainEventDeregisterAny (companion->guest->hypervisor->connection, companion->passes);
  g_mutex_lock (&board->lock);
  board->ended = true;
  g_cond_signal (&board->wake);
  g_mutex_unlock (&board->lock);
  g_thread_join (companion->thread);
  board_unref (board);
  g_free (companion);
}
