/* The outcome of a switch: the table of docs/internals/phases.md, cell by cell. */
#include "move/outcome.h"

typedef struct {
  VfGuestState source, destination;
  VfVerdict was_running, was_paused; /* before the switch */
  VfVerdict post_copy;               /* was running, and post-copy may have begun */
} Cell;

#define U VF_GUEST_UNKNOWN
#define A VF_GUEST_ABSENT
#define O VF_GUEST_SHUT_OFF
#define P VF_GUEST_PAUSED
#define R VF_GUEST_RUNNING
#define D VF_GUEST_DIVIDED

#define ALL(verdict) VF_VERDICT_##verdict, VF_VERDICT_##verdict, VF_VERDICT_##verdict

static const Cell cells[] = {
  { R, R, ALL (PERSON) },
  { R, P, ALL (WAIT) },
  { R, O, ALL (STAYED) },
  { R, A, ALL (STAYED) },
  { R, U, ALL (WAIT) },
  { R, D, ALL (WAIT) },

  { P, R, ALL (MOVED) },
  { P, P, ALL (WAIT) },
  { P, O, VF_VERDICT_STAYED_RESUME, VF_VERDICT_STAYED, VF_VERDICT_PERSON },
  { P, A, VF_VERDICT_STAYED_RESUME, VF_VERDICT_STAYED, VF_VERDICT_PERSON },
  { P, U, ALL (WAIT) },
  { P, D, ALL (WAIT) },

  { O, R, ALL (MOVED) },
  { O, P, ALL (WAIT) },
  { O, O, VF_VERDICT_STAYED, VF_VERDICT_STAYED, VF_VERDICT_PERSON },
  { O, A, VF_VERDICT_STAYED, VF_VERDICT_STAYED, VF_VERDICT_PERSON },
  { O, U, ALL (WAIT) },
  { O, D, ALL (WAIT) },

  { A, R, ALL (MOVED) },
  { A, P, ALL (MOVED) },
  { A, O, ALL (MOVED) },
  { A, A, ALL (PERSON) },
  { A, U, ALL (WAIT) },
  { A, D, ALL (WAIT) },

  { U, R, ALL (WAIT) },
  { U, P, ALL (WAIT) },
  { U, O, ALL (WAIT) },
  { U, A, ALL (WAIT) },
  { U, U, ALL (WAIT) },
  { U, D, ALL (WAIT) },

  { D, R, ALL (MOVED) },
  { D, P, ALL (WAIT) },
  { D, O, ALL (PERSON) },
  { D, A, ALL (PERSON) },
  { D, U, ALL (WAIT) },
  { D, D, ALL (RECOVER) },
};

static VfVerdict
decide (guint source, guint destination, bool was_running, bool post_copy)
{
  VfSwitchFacts facts = { .was_running = was_running, .post_copy = post_copy };
  return vf_outcome_decide ((VfGuestState)source, (VfGuestState)destination, facts);
}

static void
all_cells_are_as_written (void)
{
  guint64 seen = 0;
  g_assert_cmpuint (G_N_ELEMENTS (cells), ==, 36);
  for (gsize i = 0; i < G_N_ELEMENTS (cells); i++) {
    const Cell *cell = &cells[i];
    guint64 bit = G_GUINT64_CONSTANT (1) << (cell->source * 6 + cell->destination);
    g_assert_cmpuint (seen & bit, ==, 0);
    seen |= bit;
    if (decide (cell->source, cell->destination, true, false) != cell->was_running ||
        decide (cell->source, cell->destination, false, false) != cell->was_paused ||
        decide (cell->source, cell->destination, true, true) != cell->post_copy)
      g_error ("row '%s', column '%s'", vf_guest_state_name (cell->source), vf_guest_state_name (cell->destination));
  }
  g_assert_cmpuint (seen, ==, (G_GUINT64_CONSTANT (1) << 36) - 1);
}

static bool
goes_back (VfVerdict verdict)
{
  return verdict == VF_VERDICT_STAYED_RESUME || verdict == VF_VERDICT_STAYED;
}

static void
the_source_is_never_resumed_while_the_destination_may_hold_the_guest (void)
{
  for (guint source = U; source <= D; source++)
    for (guint destination = U; destination <= D; destination++)
      if (goes_back (decide (source, destination, true, false)))
        g_assert_true (destination == A || destination == O);
}

/* Its disks were written at the destination, and some of its memory only there. */
static void
after_post_copy_only_a_source_that_runs_has_stayed (void)
{
  for (guint source = U; source <= D; source++)
    for (guint destination = U; destination <= D; destination++) {
      if (goes_back (decide (source, destination, true, true)))
        g_assert_true (source == R);
      if (source == D)
        g_assert_false (goes_back (decide (source, destination, true, false)));
    }
}

static void
nothing_is_decided_while_a_side_does_not_answer (void)
{
  for (guint state = U; state <= D; state++)
    for (guint facts = 0; facts < 4; facts++) {
      g_assert_cmpint (decide (U, state, facts & 1, facts & 2), ==, VF_VERDICT_WAIT);
      g_assert_cmpint (decide (state, U, facts & 1, facts & 2), ==, VF_VERDICT_WAIT);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/move/outcome/all cells are as written", all_cells_are_as_written);
  g_test_add_func ("/move/outcome/the source is never resumed while the destination may hold the guest",
                   the_source_is_never_resumed_while_the_destination_may_hold_the_guest);
  g_test_add_func ("/move/outcome/after post-copy only a source that runs has stayed",
                   after_post_copy_only_a_source_that_runs_has_stayed);
  g_test_add_func ("/move/outcome/nothing is decided while a side does not answer",
                   nothing_is_decided_while_a_side_does_not_answer);
  return g_test_run ();
}
