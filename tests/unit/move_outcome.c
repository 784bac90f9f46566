/* The outcome of a switch: the table of docs/internals/phases.md, cell by cell. */
#include "move/outcome.h"

typedef struct {
  VfGuestState source, destination;
  VfVerdict was_running, was_paused; /* before the switch */
} Cell;

#define U VF_GUEST_UNKNOWN
#define A VF_GUEST_ABSENT
#define O VF_GUEST_SHUT_OFF
#define P VF_GUEST_PAUSED
#define R VF_GUEST_RUNNING

static const Cell cells[] = {
  { R, R, VF_VERDICT_PERSON, VF_VERDICT_PERSON },
  { R, P, VF_VERDICT_WAIT, VF_VERDICT_WAIT },
  { R, O, VF_VERDICT_STAYED, VF_VERDICT_STAYED },
  { R, A, VF_VERDICT_STAYED, VF_VERDICT_STAYED },
  { R, U, VF_VERDICT_WAIT, VF_VERDICT_WAIT },

  { P, R, VF_VERDICT_MOVED, VF_VERDICT_MOVED },
  { P, P, VF_VERDICT_WAIT, VF_VERDICT_WAIT },
  { P, O, VF_VERDICT_STAYED_RESUME, VF_VERDICT_STAYED },
  { P, A, VF_VERDICT_STAYED_RESUME, VF_VERDICT_STAYED },
  { P, U, VF_VERDICT_WAIT, VF_VERDICT_WAIT },

  { O, R, VF_VERDICT_MOVED, VF_VERDICT_MOVED },
  { O, P, VF_VERDICT_WAIT, VF_VERDICT_WAIT },
  { O, O, VF_VERDICT_STAYED, VF_VERDICT_STAYED },
  { O, A, VF_VERDICT_STAYED, VF_VERDICT_STAYED },
  { O, U, VF_VERDICT_WAIT, VF_VERDICT_WAIT },

  { A, R, VF_VERDICT_MOVED, VF_VERDICT_MOVED },
  { A, P, VF_VERDICT_MOVED, VF_VERDICT_MOVED },
  { A, O, VF_VERDICT_MOVED, VF_VERDICT_MOVED },
  { A, A, VF_VERDICT_PERSON, VF_VERDICT_PERSON },
  { A, U, VF_VERDICT_WAIT, VF_VERDICT_WAIT },

  { U, R, VF_VERDICT_WAIT, VF_VERDICT_WAIT },
  { U, P, VF_VERDICT_WAIT, VF_VERDICT_WAIT },
  { U, O, VF_VERDICT_WAIT, VF_VERDICT_WAIT },
  { U, A, VF_VERDICT_WAIT, VF_VERDICT_WAIT },
  { U, U, VF_VERDICT_WAIT, VF_VERDICT_WAIT },
};

static void
all_cells_are_as_written (void)
{
  guint seen = 0;
  g_assert_cmpuint (G_N_ELEMENTS (cells), ==, 25);
  for (gsize i = 0; i < G_N_ELEMENTS (cells); i++) {
    const Cell *cell = &cells[i];
    guint bit = 1u << (cell->source * 5 + cell->destination);
    g_assert_cmpuint (seen & bit, ==, 0);
    seen |= bit;
    if (vf_outcome_decide (cell->source, cell->destination, true) != cell->was_running ||
        vf_outcome_decide (cell->source, cell->destination, false) != cell->was_paused)
      g_error ("row '%s', column '%s'", vf_guest_state_name (cell->source), vf_guest_state_name (cell->destination));
  }
  g_assert_cmpuint (seen, ==, (1u << 25) - 1);
}

static void
the_source_is_never_resumed_while_the_destination_may_hold_the_guest (void)
{
  for (guint source = U; source <= R; source++)
    for (guint destination = U; destination <= R; destination++) {
      VfVerdict verdict = vf_outcome_decide ((VfGuestState)source, (VfGuestState)destination, true);
      if (verdict == VF_VERDICT_STAYED_RESUME || verdict == VF_VERDICT_STAYED)
        g_assert_true (destination == A || destination == O);
    }
}

static void
nothing_is_decided_while_a_side_does_not_answer (void)
{
  for (guint state = U; state <= R; state++)
    for (guint was_running = 0; was_running < 2; was_running++) {
      g_assert_cmpint (vf_outcome_decide (U, (VfGuestState)state, was_running), ==, VF_VERDICT_WAIT);
      g_assert_cmpint (vf_outcome_decide ((VfGuestState)state, U, was_running), ==, VF_VERDICT_WAIT);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/move/outcome/all cells are as written", all_cells_are_as_written);
  g_test_add_func ("/move/outcome/the source is never resumed while the destination may hold the guest",
                   the_source_is_never_resumed_while_the_destination_may_hold_the_guest);
  g_test_add_func ("/move/outcome/nothing is decided while a side does not answer",
                   nothing_is_decided_while_a_side_does_not_answer);
  return g_test_run ();
}
