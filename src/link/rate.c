/* One limit for everything that travels in bulk over a link, whichever channel carries it. What has been sent is paid for until
 * `rate_free_us`; who wants to send waits until then. */
#include "link/link_private.h"

enum {
  ASK_US = 250 * 1000,  /* how often the rate is asked for, and the longest wait without a look around */
  BURST_US = 20 * 1000, /* what was not used for so long may be caught up */
  PORTIONS_A_SECOND = 20,
  PORTION_BYTES_LEAST = 4096,
};

void
vf_link_set_rate (VfLink *link, VfLinkRate rate, gpointer data)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->rate_lock);
  link->rate = rate;
  link->rate_data = data;
  link->rate_asked_us = 0;
}

static guint64
ask_rate_locked (VfLink *link, gint64 now_us)
{
  if (link->rate == NULL)
    return 0;
  if (link->rate_asked_us != 0 && now_us - link->rate_asked_us < ASK_US)
    return link->rate_now;
  guint64 rate = link->rate (link->rate_data);
  if (rate != link->rate_now)
    link->rate_free_us = now_us; /* what was sent at another rate is forgiven */
  link->rate_now = rate;
  link->rate_asked_us = now_us;
  return rate;
}

gsize
vf_link_rate_portion (VfLink *link)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->rate_lock);
  guint64 rate = ask_rate_locked (link, g_get_monotonic_time ());
  return rate == 0 ? VF_LINK_DATA_BYTES_MAX
                   : (gsize)CLAMP (rate / PORTIONS_A_SECOND, (guint64)PORTION_BYTES_LEAST, (guint64)VF_LINK_DATA_BYTES_MAX);
}

gint64
vf_link_pay_for (VfLink *link, gsize bytes)
{
  G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&link->rate_lock);
  gint64 now_us = g_get_monotonic_time ();
  guint64 rate = ask_rate_locked (link, now_us);
  if (rate == 0)
    return 0;
  if (link->rate_free_us > now_us)
    return MIN (link->rate_free_us - now_us, (gint64)ASK_US);
  link->rate_free_us = MAX (link->rate_free_us, now_us - BURST_US) + (gint64)((double)bytes * G_USEC_PER_SEC / (double)rate);
  return 0;
}
