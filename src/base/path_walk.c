#include "base/path_walk.h"

#include <string.h>

void
vf_path_walk_clear (VfPathWalk *walk)
{
  g_string_free (walk->done, TRUE);
  g_queue_clear_full (&walk->rest, g_free);
}

void
vf_path_walk_push (VfPathWalk *walk, const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  for (guint i = g_strv_length (parts); i > 0; i--)
    if (*parts[i - 1] != '\0' && strcmp (parts[i - 1], ".") != 0)
      g_queue_push_head (&walk->rest, g_strdup (parts[i - 1]));
  if (*path == '/')
    g_string_truncate (walk->done, 0);
}

char *
vf_path_walk_pop (VfPathWalk *walk)
{
  return g_queue_pop_head (&walk->rest);
}

void
vf_path_walk_up (VfPathWalk *walk)
{
  const char *slash = strrchr (walk->done->str, '/');
  g_string_truncate (walk->done, slash == NULL ? 0 : (gsize)(slash - walk->done->str));
}
