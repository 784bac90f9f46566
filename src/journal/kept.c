#include "base/fd.h"
#include "base/names.h"
#include "journal/replay.h"

#include <errno.h>
#include <glib/gstdio.h>

static char *
path_beside (const char *state_directory, const char *id, const char *name, GError **error)
{
  g_autofree char *journal = vf_journal_path (state_directory, id, error);
  g_autofree char *directory = journal == NULL ? NULL : vf_path_directory (journal);
  return directory == NULL ? NULL : g_build_filename (directory, name, NULL);
}

bool
vf_journal_keep (const char *state_directory, const char *id, const char *name, const char *text, GError **error)
{
  GError *failure = NULL;
  GFileSetContentsFlags flags = G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE;
  g_autofree char *path = path_beside (state_directory, id, name, error);
  if (path == NULL)
    return false;
  if (!g_file_set_contents_full (path, text, -1, flags, 0600, &failure))
    return vf_error_adopt (error, failure, "cannot keep '%s'", path);
  return vf_fd_sync_directory_of (path, error);
}

char *
vf_journal_kept (const char *state_directory, const char *id, const char *name, GError **error)
{
  GError *failure = NULL;
  char *text = NULL;
  g_autofree char *path = path_beside (state_directory, id, name, error);
  if (path != NULL && !g_file_get_contents (path, &text, NULL, &failure))
    vf_error_adopt (error, failure, "cannot read '%s'", path);
  return text;
}

bool
vf_journal_drop (const char *state_directory, const char *id, const char *name, GError **error)
{
  g_autofree char *path = path_beside (state_directory, id, name, error);
  if (path == NULL)
    return false;
  if (g_unlink (path) != 0 && errno != ENOENT)
    return vf_error_set_errno (error, errno, "cannot remove '%s'", path);
  return true;
}
