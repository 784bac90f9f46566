#include "move/guard.h"

#include "journal/journal.h"
#include "move/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>

VfFd
vf_guard_lock (const char *uuid, GError **error)
{
  g_autofree char *state = vf_journal_state_directory ();
  g_autofree char *directory = g_build_filename (state, "guests", NULL);
  g_autofree char *path = g_build_filename (directory, uuid, NULL);
  if (g_mkdir_with_parents (directory, 0700) != 0) {
    vf_error_set_errno (error, errno, "cannot make directory '%s'", directory);
    return VF_FD_NONE;
  }
  g_auto (VfFd) fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd == VF_FD_NONE) {
    vf_error_set_errno (error, errno, "cannot open lock '%s'", path);
    return VF_FD_NONE;
  }
  if (flock (fd, LOCK_EX | LOCK_NB) != 0) {
    vf_error_set (error, VF_ERROR_BUSY, "cannot move the guest: another process is moving it now");
    vf_error_hint (error, "virt-ferry list shows it");
    return VF_FD_NONE;
  }
  return vf_fd_steal (&fd);
}

static bool
is_unfinished_move_of (const char *state, const char *id, const char *uuid)
{
  g_autoptr (VfLedger) ledger = vf_ledger_new (id);
  g_autoptr (GError) error = NULL;
  bool understood = vf_journal_read (state, id, vf_ledger_apply, ledger, NULL, &error);
  if (ledger->plan == NULL)
    return false; /* it never began, or nothing can be said of it; `list` shows it */
  bool finished = understood && (ledger->phase == VF_PHASE_DONE || ledger->phase == VF_PHASE_UNDONE);
  return strcmp (ledger->plan->uuid, uuid) == 0 && !finished;
}

char *
vf_guard_find_unfinished (const char *uuid, GError **error)
{
  g_autofree char *state = vf_journal_state_directory ();
  g_autoptr (GPtrArray) ids = vf_journal_list (state, error);
  for (guint i = 0; ids != NULL && i < ids->len; i++)
    if (is_unfinished_move_of (state, ids->pdata[i], uuid))
      return g_strdup (ids->pdata[i]);
  return NULL;
}
