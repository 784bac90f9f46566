/* Work that several threads do and that keeps its order: the owner fills slots one after the other, workers work on whichever
 * is next, the owner takes them back in the order in which it filled them. The slots are all there is, so memory is bounded and
 * the slower side stops the other. One thread owns a ring; nothing here waits for anything but the work. */
#pragma once

#include <glib.h>

typedef struct {
  guint workers;
  guint slots;
  gsize slot_bytes; /* each is zeroed once, when the ring is made */
  void (*work) (gpointer slot, gpointer tools);
  gpointer (*tools_new) (gpointer data); /* for each worker, called in the owner's thread */
  void (*tools_free) (gpointer tools);
  gpointer data;
} VfRingKind;

typedef struct VfRing VfRing;

VfRing *vf_ring_new (const VfRingKind *kind);

/* The slot to be filled next; NULL while all are in use. */
gpointer vf_ring_room (VfRing *ring);
/* Gives that slot to the workers. */
void vf_ring_submit (VfRing *ring);

/* The slot that was submitted first and not released yet, once it has been worked on: waits for that. NULL when there is none.
 */
gpointer vf_ring_oldest (VfRing *ring);
void vf_ring_release (VfRing *ring); /* that one */

/* Workers end after the slot that they are at; what is submitted may stay undone. */
void vf_ring_free (VfRing *ring);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfRing, vf_ring_free)
