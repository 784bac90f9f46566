/* The table of phases: names that are on disk for ever, and what may follow what. */
#include "move/phase.h"

#include <string.h>

/* As journals hold them: never change one. */
static const char *const names[] = {
  "planned", "cap", "seed", "rounds", "berth", "switch", "settle", "done", "undo", "undone"
};

enum { COUNT = VF_PHASE_UNDONE + 1 };

static void
the_names_on_disk_stay (void)
{
  g_assert_cmpuint (G_N_ELEMENTS (names), ==, COUNT);
  for (guint i = 0; i < COUNT; i++)
    g_assert_cmpstr (vf_phase_name ((VfPhase)i), ==, names[i]);
}

static void
names_are_read_back_and_others_are_not (void)
{
  static const char *const wrong[] = { "", "Cap", "cap ", "caps", "inspect", "plan" };
  for (guint i = 0; i < COUNT; i++) {
    VfPhase phase = (VfPhase)((i + 1) % COUNT);
    g_assert_true (vf_phase_from_name (names[i], &phase));
    g_assert_cmpint (phase, ==, i);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    VfPhase phase = VF_PHASE_DONE;
    g_assert_false (vf_phase_from_name (wrong[i], &phase));
    g_assert_cmpint (phase, ==, VF_PHASE_DONE);
  }
  g_assert_false (vf_phase_from_name (NULL, &(VfPhase){ 0 }));
}

static void
every_phase_has_words_for_people (void)
{
  for (guint i = 0; i < COUNT; i++)
    g_assert_cmpuint (strlen (vf_phase_title ((VfPhase)i)), >, 0);
}

/* Rows: from; columns: to. */
static const char *const follows[COUNT] = {
  /*             planned cap seed rounds berth switch settle done undo undone */
  /* planned */ "yyy.....y.",
  /* cap     */ ".yy.....y.",
  /* seed    */ "..yyy...y.",
  /* rounds  */ "...yy...y.",
  /* berth   */ "....yy..y.",
  /* switch  */ ".....yy.y.",
  /* settle  */ "......yy..",
  /* done    */ ".......y..",
  /* undo    */ "........yy",
  /* undone  */ ".........y",
};

static void
only_what_the_table_allows_may_follow (void)
{
  for (guint from = 0; from < COUNT; from++)
    for (guint to = 0; to < COUNT; to++)
      if (vf_phase_may_follow ((VfPhase)from, (VfPhase)to) != (follows[from][to] == 'y'))
        g_error ("'%s' after '%s'", names[to], names[from]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/move/phase/the names on disk stay", the_names_on_disk_stay);
  g_test_add_func ("/move/phase/names are read back and others are not", names_are_read_back_and_others_are_not);
  g_test_add_func ("/move/phase/every phase has words for people", every_phase_has_words_for_people);
  g_test_add_func ("/move/phase/only what the table allows may follow", only_what_the_table_allows_may_follow);
  return g_test_run ();
}
