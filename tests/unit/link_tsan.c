/* Under ThreadSanitizer only: GLib's locks, made of pthreads. GLib is not instrumented and its GMutex is a bare futex, so that
 * ThreadSanitizer sees no lock at all and reports every guarded access. The test program's definitions win over the library's.
 * Run with TSAN_OPTIONS=ignore_noninstrumented_modules=1 and G_SLICE=always-malloc. */
#include <glib.h>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif

#ifdef UNDER_TSAN
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

static void *
made_once (gpointer *place, void *made, void (*unmake) (void *))
{
  gpointer none = NULL;
  if (__atomic_compare_exchange_n (place, &none, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return made;
  unmake (made);
  return none;
}

static void
unmake_mutex (void *mutex)
{
  pthread_mutex_destroy (mutex);
  free (mutex);
}

static pthread_mutex_t *
mutex_of (GMutex *mutex)
{
  gpointer made = __atomic_load_n (&mutex->p, __ATOMIC_ACQUIRE);
  if (made != NULL)
    return made;
  made = malloc (sizeof (pthread_mutex_t));
  pthread_mutex_init (made, NULL);
  return made_once (&mutex->p, made, unmake_mutex);
}

void
g_mutex_init (GMutex *mutex)
{
  mutex->p = NULL;
}

void
g_mutex_clear (GMutex *mutex)
{
  if (mutex->p != NULL)
    unmake_mutex (mutex->p);
}

void
g_mutex_lock (GMutex *mutex)
{
  pthread_mutex_lock (mutex_of (mutex));
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  return pthread_mutex_trylock (mutex_of (mutex)) == 0;
}

void
g_mutex_unlock (GMutex *mutex)
{
  pthread_mutex_unlock (mutex_of (mutex));
}

static void
unmake_cond (void *cond)
{
  pthread_cond_destroy (cond);
  free (cond);
}

static pthread_cond_t *
cond_of (GCond *cond)
{
  gpointer made = __atomic_load_n (&cond->p, __ATOMIC_ACQUIRE);
  if (made != NULL)
    return made;
  pthread_condattr_t attributes;
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  made = malloc (sizeof (pthread_cond_t));
  pthread_cond_init (made, &attributes);
  return made_once (&cond->p, made, unmake_cond);
}

void
g_cond_init (GCond *cond)
{
  cond->p = NULL;
}

void
g_cond_clear (GCond *cond)
{
  if (cond->p != NULL)
    unmake_cond (cond->p);
}

void
g_cond_broadcast (GCond *cond)
{
  pthread_cond_broadcast (cond_of (cond));
}

void
g_cond_signal (GCond *cond)
{
  pthread_cond_signal (cond_of (cond));
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  pthread_cond_wait (cond_of (cond), mutex_of (mutex));
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  struct timespec until = { end_time / G_USEC_PER_SEC, end_time % G_USEC_PER_SEC * 1000 };
  return pthread_cond_timedwait (cond_of (cond), mutex_of (mutex), &until) != ETIMEDOUT;
}

static pthread_mutex_t once_mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP; /* one initializer may need another */

#undef g_once_init_enter
#undef g_once_init_leave

/* Holds the mutex until the value is there: one initialization at a time is enough for tests. */
gboolean
g_once_init_enter (volatile void *location)
{
  pthread_mutex_lock (&once_mutex);
  if (__atomic_load_n ((volatile gsize *)location, __ATOMIC_ACQUIRE) == 0)
    return TRUE;
  pthread_mutex_unlock (&once_mutex);
  return FALSE;
}

void
g_once_init_leave (volatile void *location, gsize result)
{
  __atomic_store_n ((volatile gsize *)location, result, __ATOMIC_RELEASE);
  pthread_mutex_unlock (&once_mutex);
}
#else
typedef int not_empty;
#endif
