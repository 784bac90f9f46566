#include "agent/roots.h"

#include "base/fd.h"
#include "base/names.h"
#include "base/path_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPEN_TRIES = 16, LINKS_MAX = 40 };

struct VfRoots {
  char **directories;
  const char *config_path; /* interned; for hints */
};

static const char *const default_roots[] = { "/var/lib/libvirt", "/srv", "/mnt", "/var/lib/one", "/dev", NULL };

VfRoots *
vf_roots_new (const char *const *directories)
{
  VfRoots *roots = g_new0 (VfRoots, 1);
  roots->directories = g_strdupv ((char **)directories);
  roots->config_path = VF_AGENT_CONFIG;
  return roots;
}

void
vf_roots_free (VfRoots *roots)
{
  if (roots == NULL)
    return;
  g_strfreev (roots->directories);
  g_free (roots);
}

static bool
make_normal (char **directories, const char *config_path, GError **error)
{
  for (char **directory = directories; *directory != NULL; directory++) {
    char *normal = vf_path_normal (*directory);
    if (normal == NULL)
      return vf_error_set (error, VF_ERROR_USAGE,
                           "cannot read configuration '%s': root '%s' is not an absolute path without '..'", config_path,
                           *directory);
    g_free (*directory);
    *directory = normal;
  }
  return true;
}

VfRoots *
vf_roots_load (const char *config_path, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  GError *failure = NULL;
  g_auto (GStrv) listed = NULL;
  if (g_key_file_load_from_file (file, config_path, G_KEY_FILE_NONE, &failure))
    listed = g_key_file_get_string_list (file, "agent", "roots", NULL, &failure);
  if (listed == NULL && !g_error_matches (failure, G_FILE_ERROR, G_FILE_ERROR_NOENT) &&
      !g_error_matches (failure, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND) &&
      !g_error_matches (failure, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_GROUP_NOT_FOUND)) {
    vf_error_adopt (error, failure, "cannot read configuration '%s'", config_path);
    return NULL;
  }
  g_clear_error (&failure);
  if (listed != NULL && !make_normal (listed, config_path, error))
    return NULL;
  VfRoots *roots = vf_roots_new (listed != NULL ? (const char *const *)listed : default_roots);
  roots->config_path = g_intern_string (config_path);
  return roots;
}

const char *const *
vf_roots_list (VfRoots *roots)
{
  return (const char *const *)roots->directories;
}

/* The longest root above `path`. */
static const char *
root_of (VfRoots *roots, const char *path)
{
  const char *best = NULL;
  for (char **root = roots->directories; *root != NULL; root++)
    if (vf_path_is_below (path, *root) && (best == NULL || strlen (*root) > strlen (best)))
      best = *root;
  return best;
}

bool
vf_roots_contain (VfRoots *roots, const char *path)
{
  return root_of (roots, path) != NULL;
}

static bool
refuse_outside (VfRoots *roots, const char *path, GError **error)
{
  g_autofree char *list = g_strjoinv (", ", roots->directories);
  vf_error_set (error, VF_ERROR_REFUSED, "cannot open '%s': it is outside of the agent's roots (%s)", path, list);
  vf_error_hint (error, "list its directory under roots in %s on that host", roots->config_path);
  return false;
}

static bool
refuse_symlink (VfRoots *roots, const char *path, GError **error)
{
  g_autofree char *list = g_strjoinv (", ", roots->directories);
  vf_error_set (error, VF_ERROR_REFUSED, "cannot open '%s': a symbolic link on the way leads out of the agent's roots (%s)",
                path, list);
  vf_error_hint (error, "name the real path, and list its directory under roots in %s on that host", roots->config_path);
  return false;
}

/* The kernel answers EAGAIN when something was renamed meanwhile. */
static int
open_beneath (int root_fd, const char *relative, int flags, guint mode)
{
  struct open_how how = {
    .flags = (guint64)(flags | O_CLOEXEC),
    .mode = (flags & O_CREAT) != 0 ? mode : 0,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
  };
  int fd = VF_FD_NONE;
  for (int i = 0; i < OPEN_TRIES && fd == VF_FD_NONE; i++) {
    fd = (int)syscall (SYS_openat2, root_fd, relative, &how, sizeof how);
    if (fd == VF_FD_NONE && errno != EAGAIN && errno != EINTR)
      break;
  }
  return fd;
}

/* Sets errno. A root may be a symlink itself: whoever wrote the configuration chose it. */
static int
open_without_links (VfRoots *roots, const char *path, int flags, guint mode)
{
  const char *root = root_of (roots, path);
  g_auto (VfFd) root_fd = open (root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root_fd == VF_FD_NONE)
    return VF_FD_NONE;
  const char *relative = path + strlen (root);
  relative += strspn (relative, "/");
  return open_beneath (root_fd, *relative != '\0' ? relative : ".", flags, mode);
}

/* ---- symlinks: every step is opened below a root again, and none by the kernel's own following ---- */

static bool
is_above_a_root (VfRoots *roots, const char *path)
{
  for (char **root = roots->directories; *root != NULL; root++)
    if (vf_path_is_below (*root, path))
      return true;
  return false;
}

/* Above its root a path is what the configuration calls it; only where that is its real name is its parent by name its parent.
 */
static bool
walk_up (VfRoots *roots, VfPathWalk *walk)
{
  if (walk->done->len > 0 && is_above_a_root (roots, walk->done->str)) {
    char *real = realpath (walk->done->str, NULL);
    bool is_real = real != NULL && strcmp (real, walk->done->str) == 0;
    free (real);
    if (!is_real)
      return false;
  }
  vf_path_walk_up (walk);
  return true;
}

/* The text of the symlink at `path`, which is below a root; NULL for what is none or cannot be opened. */
static char *
text_of_link (VfRoots *roots, const char *path)
{
  struct stat st;
  char text[PATH_MAX];
  g_auto (VfFd) fd = open_without_links (roots, path, O_PATH | O_NOFOLLOW, 0);
  if (fd == VF_FD_NONE || fstat (fd, &st) != 0 || !S_ISLNK (st.st_mode))
    return NULL;
  ssize_t length = readlinkat (fd, "", text, sizeof text);
  return length <= 0 || length == sizeof text ? NULL : g_strndup (text, (gsize)length);
}

static bool
walk_step (VfRoots *roots, VfPathWalk *walk, bool follow_last, bool *out)
{
  g_autofree char *part = vf_path_walk_pop (walk);
  if (strcmp (part, "..") == 0)
    return walk_up (roots, walk) || !(*out = true);
  g_autofree char *path = g_strconcat (walk->done->str, "/", part, NULL);
  bool is_inside = vf_roots_contain (roots, path);
  if (!is_inside && !is_above_a_root (roots, path))
    return !(*out = true);
  bool may_follow = is_inside && (follow_last || !g_queue_is_empty (&walk->rest));
  g_autofree char *text = may_follow ? text_of_link (roots, path) : NULL;
  if (text == NULL) {
    g_string_assign (walk->done, path);
    return true;
  }
  vf_path_walk_push (walk, text);
  return ++walk->links <= LINKS_MAX;
}

/* The same file's path without symlinks. */
static char *
follow_links (VfRoots *roots, const char *path, bool follow_last, GError **error)
{
  g_auto (VfPathWalk) walk = VF_PATH_WALK_INIT;
  bool out = false;
  vf_path_walk_push (&walk, path);
  while (!g_queue_is_empty (&walk.rest))
    if (!walk_step (roots, &walk, follow_last, &out))
      break;
  if (walk.links > LINKS_MAX)
    vf_error_set (error, VF_ERROR_REFUSED, "cannot open '%s': more than %d symbolic links on the way", path, LINKS_MAX);
  else if (out || !vf_roots_contain (roots, walk.done->str))
    refuse_symlink (roots, path, error);
  else
    return g_strdup (walk.done->str);
  return NULL;
}

/* *real (may be NULL) gets the path of what was opened, without symlinks below its root. */
static int
open_below_root (VfRoots *roots, const char *path, int flags, guint mode, char **real, GError **error)
{
  if (!vf_roots_contain (roots, path)) {
    refuse_outside (roots, path, error);
    return VF_FD_NONE;
  }
  g_autofree char *followed = g_strdup (path);
  int fd = open_without_links (roots, path, flags, mode);
  if (fd == VF_FD_NONE && errno == ELOOP) {
    g_free (followed);
    followed = follow_links (roots, path, (flags & (O_NOFOLLOW | O_EXCL)) == 0, error);
    if (followed == NULL)
      return VF_FD_NONE;
    if ((flags & O_CREAT) != 0 && vf_path_is_below (followed, "/dev")) {
      vf_error_set (error, VF_ERROR_REFUSED, "cannot create '%s': it is below /dev", followed);
      return VF_FD_NONE;
    }
    fd = open_without_links (roots, followed, flags, mode);
  }
  if (fd == VF_FD_NONE && (errno == EXDEV || errno == ELOOP))
    refuse_symlink (roots, path, error);
  else if (fd == VF_FD_NONE)
    vf_error_set_errno (error, errno, "cannot open '%s'", path);
  if (fd != VF_FD_NONE && real != NULL)
    *real = g_steal_pointer (&followed);
  return fd;
}

static bool
kind_is_allowed (const char *path, const struct stat *st, int flags, GError **error)
{
  if (vf_path_is_below (path, "/dev") && !S_ISBLK (st->st_mode))
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot open '%s': it is below /dev, but no block device", path);
  if ((flags & O_PATH) != 0 || S_ISBLK (st->st_mode) || S_ISREG (st->st_mode) || S_ISDIR (st->st_mode))
    return true;
  return vf_error_set (error, VF_ERROR_REFUSED, "cannot open '%s': it is no file, directory or block device", path);
}

int
vf_roots_open (VfRoots *roots, const char *path, int flags, guint mode, GError **error)
{
  struct stat st;
  if ((flags & O_CREAT) != 0 && vf_path_is_below (path, "/dev")) {
    vf_error_set (error, VF_ERROR_REFUSED, "cannot create '%s': it is below /dev", path);
    return VF_FD_NONE;
  }
  if ((flags & O_CREAT) != 0)
    return open_below_root (roots, path, flags, mode, NULL, error);
  g_autofree char *real = NULL;
  g_auto (VfFd) looked = open_below_root (roots, path, O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY)), 0, &real, error);
  if (looked == VF_FD_NONE)
    return VF_FD_NONE;
  if (fstat (looked, &st) != 0) {
    vf_error_set_errno (error, errno, "cannot look at '%s'", path);
    return VF_FD_NONE;
  }
  if (!kind_is_allowed (path, &st, flags, error) || !kind_is_allowed (real, &st, flags, error))
    return VF_FD_NONE;
  if ((flags & O_PATH) != 0)
    return vf_fd_steal (&looked);
  g_autofree char *same = g_strdup_printf ("/proc/self/fd/%d", looked);
  int fd = open (same, (flags & ~O_NOFOLLOW) | O_CLOEXEC);
  if (fd == VF_FD_NONE)
    vf_error_set_errno (error, errno, "cannot open '%s'", path);
  return fd;
}

int
vf_roots_open_directory_of (VfRoots *roots, const char *path, char **name, GError **error)
{
  g_autofree char *directory = vf_path_directory (path);
  if (vf_path_is_below (path, "/dev")) {
    vf_error_set (error, VF_ERROR_REFUSED, "cannot use '%s': below /dev the agent makes and removes nothing", path);
    return VF_FD_NONE;
  }
  if (strcmp (path, "/") == 0) {
    refuse_outside (roots, path, error);
    return VF_FD_NONE;
  }
  g_autofree char *real = NULL;
  g_auto (VfFd) fd = open_below_root (roots, directory, O_PATH | O_DIRECTORY, 0, &real, error);
  if (fd == VF_FD_NONE)
    return VF_FD_NONE;
  if (vf_path_is_below (real, "/dev")) {
    vf_error_set (error, VF_ERROR_REFUSED, "cannot use '%s': it leads below /dev, where the agent makes and removes nothing",
                  path);
    return VF_FD_NONE;
  }
  *name = vf_path_name (path);
  return vf_fd_steal (&fd);
}
