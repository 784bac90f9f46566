#include "seed/pace.h"

/* Measured (docs/internals/seeding.md): below, the link waits for the compressor, or gains too little to be worth the work. */
#define LINK_TO_COMPRESSOR 0.8
#define RATIO_LEAST 1.15

enum { PROBE_EACH = 32, WINDOW_BYTES = 4 * 1024 * 1024, MEMORY = 4 /* old measurements count three quarters */ };

void
vf_pace_init (VfPace *pace)
{
  *pace = (VfPace){ .ratio = 1 };
  g_mutex_init (&pace->lock);
}

void
vf_pace_clear (VfPace *pace)
{
  g_mutex_clear (&pace->lock);
}

static void
blend (double *value, double now)
{
  *value = *value == 0 ? now : *value + (now - *value) / MEMORY;
}

bool
vf_pace_wants (VfPace *pace)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&pace->lock);
  return pace->asked++ % PROBE_EACH == 0 || pace->is_on;
}

void
vf_pace_shrunk (VfPace *pace, gsize plain_bytes, gsize stored_bytes, gint64 us)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&pace->lock);
  blend (&pace->shrink_rate, (double)plain_bytes / (double)MAX (us, 1));
  blend (&pace->ratio, (double)plain_bytes / (double)MAX (stored_bytes, 1u));
}

void
vf_pace_sent (VfPace *pace, gsize bytes, gint64 us)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&pace->lock);
  pace->window_bytes += bytes;
  pace->window_us += us;
  if (pace->window_bytes < WINDOW_BYTES)
    return;
  blend (&pace->link_rate, (double)pace->window_bytes / (double)MAX (pace->window_us, 1));
  pace->window_bytes = 0;
  pace->window_us = 0;
  pace->is_on = pace->link_rate < LINK_TO_COMPRESSOR * pace->shrink_rate && pace->ratio > RATIO_LEAST;
}
