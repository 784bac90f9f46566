#include "seed/ring.h"

#include <stdbool.h>

typedef struct {
  VfRing *ring;
  gpointer tools;
  GThread *thread;
} Worker;

struct VfRing {
  VfRingKind kind;
  guint8 *slots;
  Worker *workers;
  GMutex lock;
  GCond submitted_cond, done_cond;
  bool *done; /* of each slot */
  bool stopping;
  guint64 submitted, taken, released; /* so many slots ever; released <= taken <= submitted */
};

static gpointer
slot_at (VfRing *ring, guint64 number)
{
  return ring->slots + (gsize)(number % ring->kind.slots) * ring->kind.slot_bytes;
}

/* The next slot's number; false when the ring is being freed. */
static bool
take (VfRing *ring, guint64 *number)
{
  g_mutex_lock (&ring->lock);
  while (!ring->stopping && ring->taken == ring->submitted)
    g_cond_wait (&ring->submitted_cond, &ring->lock);
  bool going_on = !ring->stopping;
  if (going_on)
    *number = ring->taken++;
  g_mutex_unlock (&ring->lock);
  return going_on;
}

static gpointer
work_in_thread (gpointer data)
{
  const Worker *worker = data;
  VfRing *ring = worker->ring;
  guint64 number;
  while (take (ring, &number)) {
    ring->kind.work (slot_at (ring, number), worker->tools);
    g_mutex_lock (&ring->lock);
    ring->done[number % ring->kind.slots] = true;
    if (number == ring->released)
      g_cond_signal (&ring->done_cond);
    g_mutex_unlock (&ring->lock);
  }
  return NULL;
}

VfRing *
vf_ring_new (const VfRingKind *kind)
{
  VfRing *ring = g_new0 (VfRing, 1);
  ring->kind = *kind;
  ring->slots = g_malloc0_n (kind->slots, kind->slot_bytes);
  ring->done = g_new0 (bool, kind->slots);
  ring->workers = g_new0 (Worker, kind->workers);
  g_mutex_init (&ring->lock);
  g_cond_init (&ring->submitted_cond);
  g_cond_init (&ring->done_cond);
  for (guint i = 0; i < kind->workers; i++) {
    Worker *worker = &ring->workers[i];
    worker->ring = ring;
    worker->tools = kind->tools_new (kind->data);
    worker->thread = g_thread_new ("seed worker", work_in_thread, worker);
  }
  return ring;
}

gpointer
vf_ring_room (VfRing *ring)
{
  g_mutex_lock (&ring->lock);
  bool is_full = ring->submitted - ring->released == ring->kind.slots;
  g_mutex_unlock (&ring->lock);
  return is_full ? NULL : slot_at (ring, ring->submitted);
}

void
vf_ring_submit (VfRing *ring)
{
  g_mutex_lock (&ring->lock);
  ring->done[ring->submitted % ring->kind.slots] = false;
  ring->submitted++;
  g_cond_signal (&ring->submitted_cond);
  g_mutex_unlock (&ring->lock);
}

gpointer
vf_ring_oldest (VfRing *ring)
{
  g_mutex_lock (&ring->lock);
  bool is_there = ring->released < ring->submitted;
  while (is_there && !ring->done[ring->released % ring->kind.slots])
    g_cond_wait (&ring->done_cond, &ring->lock);
  g_mutex_unlock (&ring->lock);
  return is_there ? slot_at (ring, ring->released) : NULL;
}

void
vf_ring_release (VfRing *ring)
{
  g_mutex_lock (&ring->lock);
  ring->released++;
  g_mutex_unlock (&ring->lock);
}

void
vf_ring_free (VfRing *ring)
{
  g_mutex_lock (&ring->lock);
  ring->stopping = true;
  g_cond_broadcast (&ring->submitted_cond);
  g_mutex_unlock (&ring->lock);
  for (guint i = 0; i < ring->kind.workers; i++) {
    g_thread_join (ring->workers[i].thread);
    ring->kind.tools_free (ring->workers[i].tools);
  }
  g_mutex_clear (&ring->lock);
  g_cond_clear (&ring->submitted_cond);
  g_cond_clear (&ring->done_cond);
  g_free (ring->workers);
  g_free (ring->done);
  g_free (ring->slots);
  g_free (ring);
}
