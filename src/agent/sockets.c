/* Services around QEMU's and libvirt's sockets: rendezvous, relay. */
#include "agent/args.h"
#include "agent/service.h"
#include "base/json.h"
#include "base/names.h"
#include "link/relay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define RENDEZVOUS_ROOT "/run/virt-ferry"

enum {
  CONNECT_US = 5 * G_USEC_PER_SEC, /* QEMU makes its socket a moment after libvirt has answered */
  RETRY_US = 50 * 1000,
  ENTER_TRIES = 16,
};

/* ---- rendezvous ---- */

/* Opens the directory in `parent_fd`, making it where it is absent. It must be ours alone: others must not put names into it,
 * but below the last one, where the sticky bit keeps everyone to their own. */
static int
open_or_make (int parent_fd, const char *name, mode_t mode, GError **error)
{
  struct stat st;
  bool made = mkdirat (parent_fd, name, 0700) == 0;
  if (!made && errno != EEXIST) {
    vf_error_set_errno (error, errno, "cannot make directory '%s'", name);
    return VF_FD_NONE;
  }
  g_auto (VfFd) fd = openat (parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd == VF_FD_NONE || fstat (fd, &st) != 0) {
    vf_error_set_errno (error, errno, "cannot open directory '%s'", name);
    return VF_FD_NONE;
  }
  if (st.st_uid != geteuid ()) {
    vf_error_set (error, VF_ERROR_REFUSED, "cannot use directory '%s': it belongs to user %u", name, (guint)st.st_uid);
    return VF_FD_NONE;
  }
  if ((st.st_mode & 07777) != mode && fchmod (fd, mode) != 0) { /* mkdirat's mode is cut by the umask */
    vf_error_set_errno (error, errno, "cannot set the mode of directory '%s'", name);
    return VF_FD_NONE;
  }
  return vf_fd_steal (&fd);
}

/* Made, and locked by us before an agent that leaves could remove it. */
static int
enter_rendezvous (const char *name, GError **error)
{
  g_auto (VfFd) root = open_or_make (AT_FDCWD, RENDEZVOUS_ROOT, 0711, error);
  for (int tries = 0; root != VF_FD_NONE && tries < ENTER_TRIES; tries++) {
    struct stat st;
    g_auto (VfFd) fd = open_or_make (root, name, 01733, error);
    if (fd == VF_FD_NONE)
      return VF_FD_NONE;
    if (flock (fd, LOCK_SH) == 0 && fstat (fd, &st) == 0 && st.st_nlink > 0)
      return vf_fd_steal (&fd);
  }
  if (root != VF_FD_NONE)
    vf_error_set (error, VF_ERROR_BUSY, "cannot make directory '%s': it vanishes again and again", name);
  return VF_FD_NONE;
}

static bool
make_rendezvous (VfAgent *agent, const char *name, GError **error)
{
  g_auto (VfFd) fd = enter_rendezvous (name, error);
  if (fd == VF_FD_NONE)
    return false;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&agent->lock);
  if (agent->meetings == NULL)
    return true;
  gpointer former = g_hash_table_lookup (agent->meetings, name);
  if (former != NULL)
    vf_fd_close_value (GPOINTER_TO_INT (former));
  g_hash_table_insert (agent->meetings, g_strdup (name), GINT_TO_POINTER (vf_fd_steal (&fd)));
  return true;
}

static void
unlink_sockets (int fd)
{
  struct stat st;
  DIR *stream = fdopendir (dup (fd));
  for (struct dirent *entry = stream != NULL ? readdir (stream) : NULL; entry != NULL; entry = readdir (stream))
    if (fstatat (fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK (st.st_mode))
      unlinkat (fd, entry->d_name, 0);
  if (stream != NULL)
    closedir (stream);
}

static bool
remove_rendezvous (const char *name, GError **error)
{
  g_auto (VfFd) root = open (RENDEZVOUS_ROOT, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_auto (VfFd) fd = root != VF_FD_NONE ? openat (root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : VF_FD_NONE;
  if (fd == VF_FD_NONE && errno == ENOENT)
    return true;
  if (fd == VF_FD_NONE)
    return vf_error_set_errno (error, errno, "cannot open directory '%s/%s'", RENDEZVOUS_ROOT, name);
  unlink_sockets (fd);
  if (unlinkat (root, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
    return vf_error_set_errno (error, errno, "cannot remove directory '%s/%s'", RENDEZVOUS_ROOT, name);
  return true;
}

void
vf_rendezvous_leave_all (VfAgent *agent)
{
  GHashTableIter iter;
  gpointer name, held;
  g_hash_table_iter_init (&iter, agent->meetings);
  while (g_hash_table_iter_next (&iter, &name, &held)) {
    g_auto (VfFd) fd = GPOINTER_TO_INT (held);
    struct stat st;
    if (flock (fd, LOCK_EX | LOCK_NB) == 0 && fstat (fd, &st) == 0 && st.st_nlink > 0)
      remove_rendezvous (name, NULL);
  }
  g_hash_table_remove_all (agent->meetings);
}

JsonObject *
vf_service_rendezvous (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  bool present;
  GError *failure = NULL;
  const char *name = vf_args_plain_name (args, "name", error);
  if (name == NULL)
    return NULL;
  if (!vf_json_bool (args, "present", &present, &failure)) {
    vf_error_set (error, VF_ERROR_PROTOCOL, "%s", failure->message);
    g_error_free (failure);
    return NULL;
  }
  return (present ? make_rendezvous (agent, name, error) : remove_rendezvous (name, error)) ? json_object_new () : NULL;
}

/* ---- relay ---- */

/* Connects through the link in /proc: what is connected to is what was looked at, and its path may be longer than sun_path. */
static int
connect_to_open (int looked)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  struct timeval patience = { .tv_sec = CONNECT_US / G_USEC_PER_SEC };
  struct timeval for_ever = { 0 };
  g_auto (VfFd) fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd == VF_FD_NONE)
    return VF_FD_NONE;
  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", looked);
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect (fd, (struct sockaddr *)&address, sizeof address) != 0)
    return VF_FD_NONE;
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &for_ever, sizeof for_ever);
  return vf_fd_steal (&fd);
}

/* One try; errno on failure. `flags`: O_NOFOLLOW where others may have made the name. */
static int
connect_once (const char *path, int flags)
{
  struct stat st;
  g_auto (VfFd) looked = open (path, O_PATH | O_CLOEXEC | flags);
  if (looked == VF_FD_NONE || fstat (looked, &st) != 0)
    return VF_FD_NONE;
  if (!S_ISSOCK (st.st_mode)) {
    errno = ENOTSOCK;
    return VF_FD_NONE;
  }
  return connect_to_open (looked);
}

static int
connect_libvirt (JsonObject *args, GError **error)
{
  /* libvirt's own order: where virtqemud is, another daemon's socket may lie about and wake that one up */
  static const char *const usual[] = { "/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock" };
  if (json_object_has_member (args, "path")) {
    g_autofree char *path = vf_args_path (args, "path", error);
    if (path == NULL)
      return VF_FD_NONE;
    const char *below = g_str_has_prefix (path, "/var/run/") ? path + strlen ("/var") : path;
    if (!vf_path_is_below (below, "/run") || strcmp (below, "/run") == 0) {
      vf_error_set (error, VF_ERROR_REFUSED, "cannot connect to libvirt's socket '%s': it is not below /run", path);
      return VF_FD_NONE;
    }
    int fd = connect_once (below, 0);
    if (fd == VF_FD_NONE)
      vf_error_set_errno (error, errno, "cannot connect to libvirt's socket '%s'", path);
    return fd;
  }
  int first_errno = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (usual); i++) {
    int fd = connect_once (usual[i], 0);
    if (fd != VF_FD_NONE)
      return fd;
    first_errno = first_errno == 0 || first_errno == ENOENT ? errno : first_errno;
  }
  vf_error_set_errno (error, first_errno, "cannot connect to libvirt's socket '%s' or '%s'", usual[0], usual[1]);
  vf_error_hint (error, "start libvirtd or virtqemud, or name its socket in the URI (?socket=/run/…)");
  return VF_FD_NONE;
}

static int
connect_rendezvous (JsonObject *args, GError **error)
{
  const char *name = vf_args_plain_name (args, "name", error);
  const char *file = name != NULL ? vf_args_plain_name (args, "file", error) : NULL;
  if (file == NULL)
    return VF_FD_NONE;
  g_autofree char *path = g_build_filename (RENDEZVOUS_ROOT, name, file, NULL);
  gint64 deadline = g_get_monotonic_time () + CONNECT_US;
  int fd = connect_once (path, O_NOFOLLOW);
  while (fd == VF_FD_NONE && (errno == ENOENT || errno == ECONNREFUSED) && g_get_monotonic_time () < deadline) {
    g_usleep (RETRY_US);
    fd = connect_once (path, O_NOFOLLOW);
  }
  if (fd == VF_FD_NONE)
    vf_error_set_errno (error, errno, "cannot connect to QEMU's socket '%s'", path);
  return fd;
}

JsonObject *
vf_service_relay (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  static const struct {
    const char *name;
    int (*connect) (JsonObject *args, GError **error);
  } sockets[] = { { "libvirt", connect_libvirt }, { "rendezvous", connect_rendezvous } };
  const char *wanted = vf_args_string (args, "socket", error);
  if (wanted == NULL)
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (sockets); i++)
    if (strcmp (wanted, sockets[i].name) == 0) {
      state->fd = sockets[i].connect (args, error);
      return state->fd != VF_FD_NONE ? json_object_new () : NULL;
    }
  vf_error_set (error, VF_ERROR_PROTOCOL, "cannot relay to '%.40s': no such socket", wanted);
  return NULL;
}

bool
vf_service_relay_stream (VfChannel *channel, VfStreamState *state, GError **error)
{
  vf_relay_pump (channel, vf_fd_steal (&state->fd));
  return true;
}
