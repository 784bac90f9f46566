#include "move/shared.h"

#include "base/fd.h"
#include "base/names.h"
#include "far/far.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PROBE_PREFIX ".virt-ferry-probe."

/* Whoever probes holds a lock on the file, so one that can be locked was left by a process that is no more. */
static void
remove_left_probes (const char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    if (!g_str_has_prefix (name, PROBE_PREFIX))
      continue;
    g_autofree char *path = g_build_filename (directory, name, NULL);
    g_auto (VfFd) fd = open (path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd != VF_FD_NONE && flock (fd, LOCK_EX | LOCK_NB) == 0)
      g_unlink (path);
  }
}

static bool
fill (int fd, const char *path, guint64 *bytes, GError **error)
{
  g_autofree char *content = g_uuid_string_random ();
  *bytes = strlen (content);
  if (flock (fd, LOCK_EX) != 0 || !vf_fd_write_full (fd, content, *bytes) || fsync (fd) != 0)
    return vf_error_set_errno (error, errno, "cannot write probe '%s'", path);
  return true;
}

/* Of that name, and with that content. */
static bool
is_seen_there (VfMove *move, const VfSeedSource *here, const char *path_there, bool *seen, GError **error)
{
  GError *failure = NULL;
  VfDigest digest;
  VfFileId id;
  if (vf_far_compare (vf_move_link (move), path_there, here, seen, &digest, &id, &failure))
    return true;
  *seen = false;
  bool is_absent = vf_error_is (failure, VF_ERROR_NOT_FOUND);
  if (is_absent)
    g_error_free (failure);
  else
    g_propagate_error (error, failure);
  return is_absent;
}

static bool
probe (VfMove *move, const char *id, const char *here, const char *there, bool *shared, GError **error)
{
  g_autofree char *random = g_uuid_string_random ();
  g_autofree char *name = g_strdup_printf (PROBE_PREFIX "%s.ferry-%s.part", random, id);
  g_autofree char *path = g_build_filename (here, name, NULL);
  g_autofree char *path_there = g_build_filename (there, name, NULL);
  *shared = false;
  remove_left_probes (here);
  g_auto (VfFd) fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd == VF_FD_NONE) {
    vf_move_note (move, "cannot find out whether both hosts share '%s' (%s): taken for not shared", here, g_strerror (errno));
    return true;
  }
  VfSeedSource source = { .fd = fd, .path = path, .cancellable = move->cancellable };
  bool probed = fill (fd, path, &source.file_bytes, error) && is_seen_there (move, &source, path_there, shared, error);
  g_unlink (path);
  return probed;
}

typedef struct {
  VfMove *move;
  const char *id;
  VfInventory *inventory;
  VfPlaces *places;
  VfFarTable *table;
  GHashTable *probed; /* directory -> GINT (1 shared) */
} Search;

/* Is the directory the same one at both ends? Each is probed once. */
static bool
is_shared_directory (Search *search, const char *directory, bool *shared, GError **error)
{
  gpointer known = NULL;
  if (g_hash_table_lookup_extended (search->probed, directory, NULL, &known)) {
    *shared = GPOINTER_TO_INT (known) != 0;
    return true;
  }
  if (!probe (search->move, search->id, directory, directory, shared, error))
    return false;
  g_hash_table_insert (search->probed, g_strdup (directory), GINT_TO_POINTER (*shared));
  return true;
}

static bool
mark_if_shared (Search *search, const char *path, GError **error)
{
  bool shared = false;
  g_autofree char *directory = vf_path_directory (path);
  if (!is_shared_directory (search, directory, &shared, error))
    return false;
  if (shared)
    g_hash_table_add (search->inventory->shared, g_strdup (path));
  return true;
}

static bool
is_candidate (const Search *search, const char *path)
{
  const VfFileFacts *here = vf_inventory_file (search->inventory, path);
  const VfFarFacts *there = g_hash_table_lookup (search->table, path);
  return here != NULL && there != NULL && there->in_roots && here->kind == VF_FILE_REGULAR &&
         there->file->kind == VF_FILE_REGULAR && (here->bytes == there->file->bytes || here->id.inode == there->file->id.inode);
}

bool
vf_find_shared (VfMove *move, const char *id, VfInventory *inventory, VfPlaces *places, VfFarTable *table, GError **error)
{
  g_autoptr (GHashTable) probed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Search search = { move, id, inventory, places, table, probed };
  const GPtrArray *sources = vf_places_sources (places);
  for (guint i = 0; i < sources->len; i++) {
    const char *path = sources->pdata[i];
    if (strcmp (path, vf_places_of (places, path)) == 0 && is_candidate (&search, path) &&
        !mark_if_shared (&search, path, error))
      return false;
  }
  const GPtrArray *links = vf_places_links (places);
  for (guint i = 0; i < links->len; i++) {
    const VfPlaceLink *link = links->pdata[i];
    const VfFarFacts *there = g_hash_table_lookup (table, link->destination);
    bool is_namesake =
        strcmp (link->step->path, link->destination) == 0 && there != NULL && g_strcmp0 (there->link, link->step->text) == 0;
    if (is_namesake && !mark_if_shared (&search, link->step->path, error))
      return false;
  }
  return true;
}

/* ---- caps ---- */

static bool
share_cap_directory (VfMove *move, const VfPlan *plan, const VfPlanDisk *disk, VfFarTable *table, bool *shared, GError **error)
{
  g_autofree char *cap_here = vf_plan_cap_at_source (plan, disk, 1);
  g_autofree char *cap_there = vf_plan_cap_at_destination (plan, disk, 1);
  g_autofree char *here = vf_path_directory (cap_here);
  g_autofree char *there = vf_path_directory (cap_there);
  const VfFarFacts *far = g_hash_table_lookup (table, there);
  g_autoptr (VfFileFacts) near = vf_file_look (here, error);
  *shared = false;
  if (near == NULL)
    return false;
  bool may_be = far != NULL && far->in_roots && far->file->kind == VF_FILE_DIRECTORY && near->kind == VF_FILE_DIRECTORY &&
                far->file->id.inode == near->id.inode;
  return !may_be || probe (move, plan->id, here, there, shared, error);
}

bool
vf_check_shared_caps (VfMove *move, const VfPlan *plan, VfFarTable *table, GPtrArray *findings, GError **error)
{
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    bool shared = false;
    if (disk->treatment != VF_TREAT_MOVE || move->request->offline) /* then there are no caps */
      continue;
    if (!share_cap_directory (move, plan, disk, table, &shared, error))
      return false;
    g_autofree char *cap = vf_plan_cap_at_source (plan, disk, 1);
    g_autofree char *directory = vf_path_directory (cap);
    if (shared)
      vf_findings_add (
          findings, VF_FINDING_REFUSE, "shared-cap-dir", directory,
          "give the disk another place with --map or --disk, or for block devices --cap-dir a directory of each host",
          "both hosts share this directory, and the overlays of disk '%s' at either end would be one file", disk->target);
  }
  return true;
}
