#include "domain/libvirt_loop.h"

#include "domain/libvirt_error.h"

/* So long at most the loop sleeps without looking at what was added from other threads. */
enum { WAKE_MS = 1000, PAUSE_AFTER_FAILURE_US = 10000 };

static void
say_nothing (void *data, virErrorPtr said)
{
}

static void
wake (int timer, void *data)
{
}

static gpointer
run_loop (gpointer data)
{
  while (true)
    if (virEventRunDefaultImpl () < 0)
      g_usleep (PAUSE_AFTER_FAILURE_US);
  return NULL;
}

static bool
start (GError **error)
{
  virSetErrorFunc (NULL, say_nothing);
  if (virInitialize () < 0 || virEventRegisterDefaultImpl () < 0 || virEventAddTimeout (WAKE_MS, wake, NULL, NULL) < 0)
    return vf_libvirt_fail (error, NULL, "start libvirt's event loop");
  g_autoptr (GError) refused = NULL;
  GThread *thread = g_thread_try_new ("libvirt-events", run_loop, NULL, &refused);
  if (thread == NULL)
    return vf_error_adopt (error, g_steal_pointer (&refused), "cannot start libvirt's event thread");
  g_thread_unref (thread);
  return true;
}

bool
vf_libvirt_loop_start (GError **error)
{
  static GMutex lock;
  static bool runs;
  g_mutex_lock (&lock);
  if (!runs)
    runs = start (error);
  bool started = runs;
  g_mutex_unlock (&lock);
  return started;
}
