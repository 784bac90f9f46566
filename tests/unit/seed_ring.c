/* The ring of workers: what goes in comes out in order, and no more than its slots is ever under way. */
#include "seed/ring.h"

#include <stdbool.h>

enum { WORKERS = 4, SLOTS = 7, ITEMS = 2000 };

typedef struct {
  guint64 number;
  guint64 answer;
} Item;

static int tools_alive, at_work, most_at_work; /* atomic */

static gpointer
make_tools (gpointer data)
{
  g_atomic_int_inc (&tools_alive);
  return data;
}

static void
free_tools (gpointer tools)
{
  g_atomic_int_add (&tools_alive, -1);
}

static void
square (gpointer slot, gpointer tools)
{
  Item *item = slot;
  int now = g_atomic_int_add (&at_work, 1) + 1;
  int most = g_atomic_int_get (&most_at_work);
  while (now > most && !g_atomic_int_compare_and_exchange (&most_at_work, most, now))
    most = g_atomic_int_get (&most_at_work);
  if (item->number % 16 == 0)
    g_usleep (500); /* others overtake it */
  item->answer = item->number * item->number;
  g_atomic_int_add (&at_work, -1);
}

static VfRing *
make_ring (void)
{
  VfRingKind kind = { .workers = WORKERS,
                      .slots = SLOTS,
                      .slot_bytes = sizeof (Item),
                      .work = square,
                      .tools_new = make_tools,
                      .tools_free = free_tools };
  return vf_ring_new (&kind);
}

static void
test_order (void)
{
  VfRing *ring = make_ring ();
  guint64 given = 0, taken = 0;
  g_assert_null (vf_ring_oldest (ring));
  while (taken < ITEMS) {
    Item *item;
    while (given < ITEMS && (item = vf_ring_room (ring)) != NULL) {
      item->number = given++;
      vf_ring_submit (ring);
    }
    g_assert_cmpuint (given - taken, <=, SLOTS);
    item = vf_ring_oldest (ring);
    g_assert_cmpuint (item->number, ==, taken);
    g_assert_cmpuint (item->answer, ==, taken * taken);
    vf_ring_release (ring);
    taken++;
  }
  g_assert_null (vf_ring_oldest (ring));
  vf_ring_free (ring);
  g_assert_cmpint (g_atomic_int_get (&tools_alive), ==, 0);
  g_assert_cmpint (most_at_work, >, 1);
  g_assert_cmpint (most_at_work, <=, WORKERS);
}

static void
test_given_up (void)
{
  VfRing *ring = make_ring ();
  for (Item *item = vf_ring_room (ring); item != NULL; item = vf_ring_room (ring)) {
    item->number = 16;
    vf_ring_submit (ring);
  }
  vf_ring_free (ring);
  g_assert_cmpint (g_atomic_int_get (&tools_alive), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/seed/ring/what was given first comes back first, worked on by several", test_order);
  g_test_add_func ("/seed/ring/one that is given up ends its workers", test_given_up);
  return g_test_run ();
}
