#include "base/trail.h"

#include "base/names.h"
#include "base/path_walk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

void
vf_trail_step_free (VfTrailStep *step)
{
  g_free (step->path);
  g_free (step->text);
  g_free (step->to);
  g_free (step->real);
  vf_file_facts_free (step->facts);
  g_free (step);
}

void
vf_trail_free (VfTrail *trail)
{
  if (trail == NULL)
    return;
  g_free (trail->real);
  g_free (trail->directory);
  g_clear_pointer (&trail->steps, g_ptr_array_unref);
  g_free (trail->problem);
  g_free (trail);
}

/* *text is NULL for what is no link. */
static bool
look (const char *path, char **text, bool *absent, GError **error)
{
  struct stat st;
  *text = NULL;
  if (vf_path_is_below (path, "/dev"))
    return true;
  if (lstat (path, &st) != 0) {
    *absent = errno == ENOENT || errno == ENOTDIR;
    return *absent || vf_error_set_errno (error, errno, "cannot look at '%s'", path);
  }
  if (!S_ISLNK (st.st_mode))
    return true;
  GError *failure = NULL;
  *text = g_file_read_link (path, &failure);
  if (*text == NULL)
    return vf_error_adopt (error, failure, "cannot read symlink '%s'", path);
  if (g_utf8_validate (*text, -1, NULL))
    return true;
  g_clear_pointer (text, g_free);
  return vf_error_set (error, VF_ERROR_REFUSED, "cannot follow symlink '%s': what it names is not UTF-8", path);
}

typedef bool (*MeetLink) (const char *path, const char *text, bool goes_on, gpointer data, GError **error);

/* Goes on until nothing is left or something is missing; `meet` is told of each link. */
static bool
walk_all (VfPathWalk *walk, MeetLink meet, gpointer data, bool *absent, GError **error)
{
  *absent = false;
  while (!*absent && !g_queue_is_empty (&walk->rest)) {
    g_autofree char *part = vf_path_walk_pop (walk);
    if (strcmp (part, "..") == 0) {
      vf_path_walk_up (walk);
      continue;
    }
    g_autofree char *path = g_strconcat (walk->done->str, "/", part, NULL);
    g_autofree char *text = NULL;
    if (!look (path, &text, absent, error))
      return false;
    if (text == NULL) {
      g_string_assign (walk->done, path);
      continue;
    }
    if (walk->links == VF_TRAIL_LINKS_MAX || (meet != NULL && !meet (path, text, !g_queue_is_empty (&walk->rest), data, error)))
      return walk->links == VF_TRAIL_LINKS_MAX
                 ? vf_error_set (error, VF_ERROR_BUSY, "the symlinks lead in a circle, by '%s'", path)
                 : false;
    walk->links++;
    vf_path_walk_push (walk, text);
  }
  while (!g_queue_is_empty (&walk->rest)) {
    g_autofree char *part = vf_path_walk_pop (walk);
    if (strcmp (part, "..") == 0)
      vf_path_walk_up (walk);
    else
      g_string_append_printf (walk->done, "/%s", part);
  }
  return true;
}

/* The path without links on the way, its last component as it is. */
static char *
without_links_before (const char *written, GError **error)
{
  g_auto (VfPathWalk) walk = VF_PATH_WALK_INIT;
  bool absent;
  g_autofree char *path = g_strdup (written);
  for (gsize length = strlen (path); length > 1 && path[length - 1] == '/'; length--)
    path[length - 1] = '\0';
  g_autofree char *name = vf_path_name (path);
  bool is_whole = strcmp (name, ".") == 0 || strcmp (name, "..") == 0 || strcmp (name, "/") == 0;
  g_autofree char *before = is_whole ? g_strdup (path) : vf_path_directory (path);
  vf_path_walk_push (&walk, before);
  if (!walk_all (&walk, NULL, NULL, &absent, error))
    return NULL;
  if (is_whole)
    return g_strdup (walk.done->len == 0 ? "/" : walk.done->str);
  return g_strconcat (walk.done->str, "/", name, NULL);
}

/* The path without links; of a circle as far as it goes. */
static char *
without_links (const char *path, GError **error)
{
  g_auto (VfPathWalk) walk = VF_PATH_WALK_INIT;
  bool absent;
  GError *failure = NULL;
  vf_path_walk_push (&walk, path);
  if (walk_all (&walk, NULL, NULL, &absent, &failure) || vf_error_is (failure, VF_ERROR_BUSY)) {
    g_clear_error (&failure);
    return g_strdup (walk.done->len == 0 ? "/" : walk.done->str);
  }
  g_propagate_error (error, failure);
  return NULL;
}

static bool
meet_link (const char *path, const char *text, bool goes_on, gpointer data, GError **error)
{
  VfTrail *trail = data;
  g_autofree char *directory = vf_path_directory (path);
  g_autofree char *written = *text == '/' ? g_strdup (text) : g_build_filename (directory, text, NULL);
  VfTrailStep *step = g_new0 (VfTrailStep, 1);
  g_ptr_array_add (trail->steps, step);
  step->path = g_strdup (path);
  step->text = g_strdup (text);
  step->is_directory = goes_on;
  step->to = without_links_before (written, error);
  step->real = step->to == NULL ? NULL : without_links (path, error);
  step->facts = step->real == NULL ? NULL : vf_file_look_link (path, error);
  return step->facts != NULL;
}

VfTrail *
vf_trail_follow (const char *path, GError **error)
{
  g_autoptr (VfTrail) trail = g_new0 (VfTrail, 1);
  g_auto (VfPathWalk) walk = VF_PATH_WALK_INIT;
  bool absent;
  GError *failure = NULL;
  trail->steps = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_trail_step_free);
  vf_path_walk_push (&walk, path);
  bool followed = walk_all (&walk, meet_link, trail, &absent, &failure);
  if (!followed && !vf_error_is (failure, VF_ERROR_BUSY)) {
    g_propagate_error (error, failure);
    return NULL;
  }
  trail->real = g_strdup (walk.done->len == 0 ? "/" : walk.done->str);
  if (!followed)
    trail->problem = g_strdup (failure->message);
  else if (absent && trail->steps->len > 0)
    trail->problem = g_strdup_printf ("it leads to '%s', which does not exist", trail->real);
  g_clear_error (&failure);
  g_autofree char *named = trail->problem == NULL ? without_links_before (path, error) : g_strdup (path);
  if (named == NULL)
    return NULL;
  trail->directory = vf_path_directory (named);
  return g_steal_pointer (&trail);
}
