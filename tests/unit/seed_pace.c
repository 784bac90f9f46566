/* When compressing pays. The rates are told, so no clock decides. */
#include "seed/pace.h"

enum { CHUNK = 256 * 1024, MIB = 1024 * 1024 };

/* Sends `mib` over a link of `link` bytes a microsecond with a compressor of `compressor` and `ratio`; how many of the last 64
 * chunks were compressed. */
static guint
run (VfPace *pace, guint mib, double link, double compressor, double ratio)
{
  guint compressed = 0;
  for (guint i = 0; i < mib * MIB / CHUNK; i++) {
    gsize stored = CHUNK;
    if (vf_pace_wants (pace)) {
      stored = (gsize)(CHUNK / ratio);
      vf_pace_shrunk (pace, CHUNK, stored, (gint64)(CHUNK / compressor));
      compressed += i >= mib * MIB / CHUNK - 64;
    }
    vf_pace_sent (pace, stored, (gint64)((double)stored / link));
  }
  return compressed;
}

static void
assert_settles (double link, double compressor, double ratio, bool on)
{
  VfPace pace;
  vf_pace_init (&pace);
  g_assert_cmpuint (run (&pace, 256, link, compressor, ratio), ==, on ? 64 : 2);
  vf_pace_clear (&pace);
}

static void
test_settles (void)
{
  assert_settles (12, 380, 2.4, true);   /* 100 Mbit/s */
  assert_settles (118, 380, 2.4, true);  /* 1 Gbit/s */
  assert_settles (600, 380, 2.4, false); /* the link is faster */
  assert_settles (350, 380, 2.4, false); /* nearly as fast */
  assert_settles (12, 2700, 1.0, false); /* nothing shrinks */
  assert_settles (12, 380, 1.1, false);  /* hardly */
}

static void
test_changes (void)
{
  VfPace pace;
  vf_pace_init (&pace);
  g_assert_cmpuint (run (&pace, 256, 600, 380, 2.4), ==, 2);
  g_assert_cmpuint (run (&pace, 256, 12, 380, 2.4), ==, 64); /* the link became slow */
  g_assert_cmpuint (run (&pace, 256, 12, 2700, 1.0), ==, 2); /* then came data that does not shrink */
  g_assert_cmpuint (run (&pace, 256, 12, 380, 2.4), ==, 64);
  vf_pace_clear (&pace);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/seed/pace/compressing is on where it pays, and probed where it does not", test_settles);
  g_test_add_func ("/seed/pace/it follows the link and the data", test_changes);
  return g_test_run ();
}
