#include "durable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096 };
static const char inode_xattr[] = "trusted.forgetfs.inode";

static char *live_tree, *durable_tree;
static GHashTable *nodes;  /* live inode -> Node */
static GPtrArray *changes; /* Queued, oldest first */
static guint64 next_inode;

typedef struct {
  Change change; /* with strings of its own */
  guint64 inode; /* of what it makes */
  Node *node;
} Queued;

static void
require (bool truth, const char *what, const char *object)
{
  if (truth)
    return;
  fprintf (stderr, "forgetfs: cannot %s '%s' in the durable tree: %s\n", what, object, g_strerror (errno));
  abort ();
}

/* ---- nodes ---- */

static Node *
node_new (int durable_fd)
{
  Node *node = g_new0 (Node, 1);
  node->references = 1;
  node->durable_fd = durable_fd;
  node->dirty = g_byte_array_new ();
  return node;
}

Node *
node_ref (Node *node)
{
  node->references++;
  return node;
}

void
node_unref (Node *node)
{
  if (node == NULL || --node->references > 0)
    return;
  if (node->durable_fd >= 0)
    close (node->durable_fd);
  g_byte_array_unref (node->dirty);
  g_free (node);
}

Node *
node_of (const struct stat *live)
{
  return S_ISREG (live->st_mode) ? g_hash_table_lookup (nodes, GSIZE_TO_POINTER (live->st_ino)) : NULL;
}

/* In place of one whose inode number this file has got again. */
static Node *
node_add (ino_t inode, int durable_fd)
{
  Node *node = node_new (durable_fd);
  g_hash_table_replace (nodes, GSIZE_TO_POINTER (inode), node);
  return node;
}

static bool
is_dirty (const Node *node, gsize page)
{
  return page / 8 < node->dirty->len && (node->dirty->data[page / 8] & 1u << page % 8) != 0;
}

void
node_wrote (Node *node, off_t offset, off_t length)
{
  if (length <= 0)
    return;
  gsize first = (gsize)offset / PAGE_BYTES, end = ((gsize)offset + (gsize)length + PAGE_BYTES - 1) / PAGE_BYTES;
  gsize bytes = end / 8 + 1, had = node->dirty->len;
  if (had < bytes) {
    g_byte_array_set_size (node->dirty, (guint)bytes);
    memset (node->dirty->data + had, 0, bytes - had);
  }
  node->first_dirty = node->end_dirty == 0 ? first : MIN (node->first_dirty, first);
  node->end_dirty = MAX (node->end_dirty, end);
  for (gsize page = first; page < end; page++)
    node->dirty->data[page / 8] |= (guint8)(1u << page % 8);
}

/* ---- one change, in either tree ---- */

static int
or_errno (int result)
{
  return result < 0 ? -errno : 0;
}

static int
make (const Change *change, const char *place)
{
  switch (change->kind) {
  case CHANGE_DIRECTORY:
    return mkdir (place, change->mode);
  case CHANGE_SYMLINK:
    return symlink (change->other, place);
  default:
    return mknod (place, change->mode, change->device);
  }
}

/* With its owner and with the number that it is to have for ever. */
static int
make_owned (const Change *change, guint64 inode, const char *place)
{
  if (make (change, place) < 0)
    return -errno;
  if (lchown (place, change->user, change->group) < 0)
    return -errno;
  return or_errno (lsetxattr (place, inode_xattr, &inode, sizeof inode, 0));
}

static int
change_attributes (const Change *change, const char *place, bool is_open)
{
  switch (change->kind) {
  case CHANGE_MODE:
    return chmod (place, change->mode);
  case CHANGE_OWNER:
    return is_open ? chown (place, change->user, change->group) : lchown (place, change->user, change->group);
  case CHANGE_TIMES:
    return utimensat (AT_FDCWD, place, change->times, is_open ? 0 : AT_SYMLINK_NOFOLLOW);
  case CHANGE_SIZE:
    return truncate (place, change->size);
  case CHANGE_SET_XATTR:
    return (is_open ? setxattr : lsetxattr) (place, change->other, change->value, change->value_bytes, (int)change->flags);
  default:
    return (is_open ? removexattr : lremovexattr) (place, change->other);
  }
}

/* `place` is a path in a tree, or an open file's name below /proc, which must be followed. */
static int
apply (const Change *change, guint64 inode, const char *tree, const char *place, bool is_open)
{
  g_autofree char *other =
      change->kind == CHANGE_RENAME || change->kind == CHANGE_LINK ? g_strconcat (tree, change->other, NULL) : NULL;
  switch (change->kind) {
  case CHANGE_FILE:
  case CHANGE_SPECIAL:
  case CHANGE_DIRECTORY:
  case CHANGE_SYMLINK:
    return make_owned (change, inode, place);
  case CHANGE_LINK:
    return or_errno (link (place, other));
  case CHANGE_UNLINK:
    return or_errno (unlink (place));
  case CHANGE_RMDIR:
    return or_errno (rmdir (place));
  case CHANGE_RENAME:
    return or_errno (renameat2 (AT_FDCWD, place, AT_FDCWD, other, change->flags));
  default:
    return or_errno (change_attributes (change, place, is_open));
  }
}

static bool
is_of_attributes (const Change *change)
{
  return change->kind >= CHANGE_MODE;
}

static char *
open_path (int fd)
{
  return g_strdup_printf ("/proc/self/fd/%d", fd);
}

/* ---- the queue ---- */

static void
queued_free (gpointer data)
{
  Queued *queued = data;
  g_free ((char *)queued->change.path);
  g_free ((char *)queued->change.other);
  g_free ((char *)queued->change.value);
  node_unref (queued->node);
  g_free (queued);
}

static void
queue (const Change *change, guint64 inode, Node *node)
{
  Queued *queued = g_new0 (Queued, 1);
  queued->change = *change;
  queued->change.path = g_strdup (change->path);
  queued->change.other = g_strdup (change->other);
  queued->change.value = g_memdup2 (change->value, change->value_bytes);
  queued->inode = inode;
  queued->node = node == NULL ? NULL : node_ref (node);
  g_ptr_array_add (changes, queued);
}

int
durable_change (const Change *change, int fd)
{
  g_autofree char *place = change->path == NULL ? open_path (fd) : durable_live_path (change->path);
  struct stat st;
  Node *node = NULL;
  guint64 inode = change->kind <= CHANGE_SYMLINK ? next_inode++ : 0;
  int result = apply (change, inode, live_tree, place, change->path == NULL);
  if (result < 0)
    return result;
  if (change->kind == CHANGE_FILE && lstat (place, &st) == 0)
    node = node_add (st.st_ino, -1);
  else if (is_of_attributes (change) && (change->path == NULL ? stat (place, &st) : lstat (place, &st)) == 0)
    node = node_of (&st);
  queue (change, inode, node);
  return 0;
}

static void
make_durable (gpointer data, gpointer unused)
{
  const Queued *queued = data;
  const Change *change = &queued->change;
  bool is_open = is_of_attributes (change) && queued->node != NULL;
  if (change->path == NULL && !is_open)
    return;
  g_autofree char *place = is_open ? open_path (queued->node->durable_fd) : g_strconcat (durable_tree, change->path, NULL);
  int result = apply (change, queued->inode, durable_tree, place, is_open);
  errno = -result;
  require (result == 0, "repeat a change of", place);
  if (change->kind != CHANGE_FILE)
    return;
  queued->node->durable_fd = open (place, O_RDWR | O_CLOEXEC);
  require (queued->node->durable_fd >= 0, "open", place);
}

void
durable_commit (void)
{
  g_ptr_array_foreach (changes, make_durable, NULL);
  g_ptr_array_set_size (changes, 0);
}

/* ---- data ---- */

static void
copy_data (int from, int to, off_t offset, off_t end)
{
  while (offset < end) {
    off_t in = offset, out = offset;
    ssize_t got = copy_file_range (from, &in, to, &out, (size_t)(end - offset), 0);
    require (got > 0, "copy data into", "a file");
    offset += got;
  }
}

/* Holes stay holes. */
static void
copy_range (int from, int to, off_t offset, off_t end)
{
  while (offset < end) {
    off_t data = lseek (from, offset, SEEK_DATA);
    data = data < 0 || data > end ? end : data;
    require (data == offset || fallocate (to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, data - offset) == 0, "punch",
             "a file");
    off_t hole = data == end ? end : lseek (from, data, SEEK_HOLE);
    hole = hole < 0 || hole > end ? end : hole;
    copy_data (from, to, data, hole);
    offset = hole;
  }
}

static void
copy_dirty (const Node *node, int live_fd, off_t size)
{
  for (gsize page = node->first_dirty; page < node->end_dirty; page++) {
    gsize first = page;
    while (page < node->end_dirty && is_dirty (node, page))
      page++;
    off_t end = MIN ((off_t)page * PAGE_BYTES, size);
    if (page > first && (off_t)first * PAGE_BYTES < end)
      copy_range (live_fd, node->durable_fd, (off_t)first * PAGE_BYTES, end);
  }
}

void
durable_sync (Node *node, int live_fd)
{
  struct stat st;
  durable_commit ();
  require (fstat (live_fd, &st) == 0 && node->durable_fd >= 0, "find", "a file");
  require (ftruncate (node->durable_fd, st.st_size) == 0, "truncate", "a file");
  copy_dirty (node, live_fd, st.st_size);
  struct timespec times[] = { st.st_atim, st.st_mtim };
  futimens (node->durable_fd, times);
  g_byte_array_set_size (node->dirty, 0);
  node->first_dirty = node->end_dirty = 0;
}

/* ---- the beginning ---- */

static void
give_number (const char *live, const char *durable)
{
  guint64 inode;
  if (lgetxattr (live, inode_xattr, &inode, sizeof inode) == sizeof inode)
    return;
  inode = next_inode++;
  require (lsetxattr (live, inode_xattr, &inode, sizeof inode, 0) == 0, "number", live);
  require (lsetxattr (durable, inode_xattr, &inode, sizeof inode, 0) == 0, "number", durable);
}

static void
pair (const char *live, const char *durable)
{
  struct stat st, twin;
  require (lstat (live, &st) == 0 && lstat (durable, &twin) == 0, "find the pair of", durable);
  give_number (live, durable);
  if (S_ISREG (st.st_mode) && node_of (&st) == NULL) {
    int fd = open (durable, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    require (fd >= 0, "open", durable);
    node_add (st.st_ino, fd);
  }
  if (!S_ISDIR (st.st_mode))
    return;
  g_autoptr (GDir) directory = g_dir_open (live, 0, NULL);
  for (const char *name = g_dir_read_name (directory); name != NULL; name = g_dir_read_name (directory)) {
    g_autofree char *one = g_build_filename (live, name, NULL);
    g_autofree char *two = g_build_filename (durable, name, NULL);
    pair (one, two);
  }
}

void
durable_begin (const char *live, const char *durable)
{
  live_tree = g_strdup (live);
  durable_tree = g_strdup (durable);
  nodes = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)node_unref);
  changes = g_ptr_array_new_with_free_func (queued_free);
  next_inode = (guint64)g_get_real_time (); /* never one that a forgotten file had */
  pair (live, durable);
}

char *
durable_live_path (const char *path)
{
  return g_strconcat (live_tree, path, NULL);
}

ino_t
durable_inode (const char *place, bool is_open, const struct stat *live)
{
  guint64 inode;
  return (is_open ? getxattr : lgetxattr) (place, inode_xattr, &inode, sizeof inode) == sizeof inode ? inode : live->st_ino;
}

bool
durable_is_own_xattr (const char *name)
{
  return strcmp (name, inode_xattr) == 0;
}
