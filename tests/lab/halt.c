/* A filter in front of virt-ferry (LD_PRELOAD) that halts it exactly where its journal says so.
 *
 * FERRY_HALT="ACT WORDS": at the first journal record that contains WORDS
 *   stop-after    SIGSTOP once the record is durable: its act has not begun
 *   kill-after    SIGKILL there
 *   kill-before   SIGKILL before the record is written: the act of the record before it is over
 * The program's children are not concerned. */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char act[16];
static const char *words;
static char orders_kept[512];
static int journal_fd = -1;

__attribute__ ((constructor)) static void
take_orders (void)
{
  const char *orders = getenv ("FERRY_HALT");
  const char *space = orders == NULL ? NULL : strchr (orders, ' ');
  unsetenv ("LD_PRELOAD");
  if (space == NULL || (size_t)(space - orders) >= sizeof act)
    return;
  memcpy (act, orders, (size_t)(space - orders));
  snprintf (orders_kept, sizeof orders_kept, "%s", space + 1);
  words = orders_kept;
  unsetenv ("FERRY_HALT");
}

static bool
is_meant (const void *bytes, size_t length)
{
  static const char mark[] = " {\"seq\":";
  return words != NULL && length > 8 + sizeof mark && memcmp ((const char *)bytes + 8, mark, sizeof mark - 1) == 0 &&
         memmem (bytes, length, words, strlen (words)) != NULL;
}

static void
before_write (int fd, const void *bytes, size_t length)
{
  if (!is_meant (bytes, length))
    return;
  if (strcmp (act, "kill-before") == 0)
    raise (SIGKILL);
  journal_fd = fd;
  words = NULL;
}

ssize_t
pwrite64 (int fd, const void *bytes, size_t length, off64_t offset)
{
  static ssize_t (*real) (int, const void *, size_t, off64_t);
  if (real == NULL)
    real = (ssize_t (*) (int, const void *, size_t, off64_t))dlsym (RTLD_NEXT, "pwrite64");
  before_write (fd, bytes, length);
  return real (fd, bytes, length, offset);
}

ssize_t
pwrite (int fd, const void *bytes, size_t length, off_t offset)
{
  return pwrite64 (fd, bytes, length, offset);
}

int
fdatasync (int fd)
{
  static int (*real) (int);
  if (real == NULL)
    real = (int (*) (int))dlsym (RTLD_NEXT, "fdatasync");
  int result = real (fd);
  if (fd != journal_fd)
    return result;
  journal_fd = -1;
  raise (strcmp (act, "stop-after") == 0 ? SIGSTOP : SIGKILL); /* to this thread: the others might take their time */
  return result;
}
