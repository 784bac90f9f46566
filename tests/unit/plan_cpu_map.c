/* The map of CPUs that `plan` draws. */
#include "plan/cpu_map.h"

#include <glib.h>

static void
assert_drawn (const char *present, const char *online, const char *wanted, const char *map)
{
  VfCpuSet sets[3];
  g_assert_true (vf_cpu_set_parse (present, &sets[0], NULL) && vf_cpu_set_parse (online, &sets[1], NULL) &&
                 vf_cpu_set_parse (wanted, &sets[2], NULL));
  g_autofree char *drawn = vf_cpu_map_draw (&sets[0], &sets[1], &sets[2]);
  g_assert_cmpstr (drawn, ==, map);
}

static void
online_offline_and_absent_cpus_look_different (void)
{
  assert_drawn ("0-6", "0-3,5", "0-1,4,8", "     0  yyyy-y-..\n        **..!...!\n");
}

static void
a_guest_that_wants_nothing_still_shows_the_host (void)
{
  assert_drawn ("0-1", "0-1", "", "     0  yy\n        ..\n");
  assert_drawn ("", "", "", "");
}

static void
rows_hold_sixty_four_and_bare_ones_are_left_out (void)
{
  g_autofree char *dots = g_strnfill (62, '.');
  g_autofree char *more = g_strnfill (64, '.');
  g_autofree char *map = g_strdup_printf ("     0  yy%s\n        %s\n   192  .\n        !\n", dots, more);
  assert_drawn ("0-1", "0-1", "192", map);
}

static void
the_sixty_fourth_cpu_ends_its_row (void)
{
  g_autofree char *dots = g_strnfill (61, '.');
  g_autofree char *map = g_strdup_printf ("     0  yy.%s\n        ..%s!\n", dots, dots);
  assert_drawn ("0-1", "0-1", "63", map);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/cpu map/online, offline and absent CPUs look different",
                   online_offline_and_absent_cpus_look_different);
  g_test_add_func ("/plan/cpu map/a guest that wants nothing still shows the host",
                   a_guest_that_wants_nothing_still_shows_the_host);
  g_test_add_func ("/plan/cpu map/rows hold sixty-four, and bare ones are left out",
                   rows_hold_sixty_four_and_bare_ones_are_left_out);
  g_test_add_func ("/plan/cpu map/the sixty-fourth CPU ends its row", the_sixty_fourth_cpu_ends_its_row);
  return g_test_run ();
}
