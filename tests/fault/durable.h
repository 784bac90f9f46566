/* What forgetfs remembers: two trees of the same shape, `live` (what programs see) and `durable` (what a power loss leaves).
 *
 * The model is that of an ordered, journaling filesystem such as ext4 or xfs. Changes of metadata (names, modes, owners, times,
 * truncations, extended attributes) are made in the live tree at once and queued; the next fsync of anything makes all that are
 * queued durable, in their order. A file's data and its growth become durable by an fsync of this file alone; until then the
 * durable file has its old bytes, zeros, or its old length. Errors of the durable tree end the program: the model would be
 * wrong.
 *
 * A file's inode number is kept in an extended attribute of both copies, so that it outlives the loss like a real one. Not for
 * several threads. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* A regular file, by its live inode: where its durable copy is and which pages of it differ. */
typedef struct {
  guint references;
  int durable_fd;    /* -1 until the file's creation is durable */
  GByteArray *dirty; /* one bit a page */
  gsize first_dirty, end_dirty;
} Node;

Node *node_ref (Node *node);
void node_unref (Node *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Node, node_unref)

/* NULL for what is no regular file. */
Node *node_of (const struct stat *live);
void node_wrote (Node *node, off_t offset, off_t length);

typedef enum {
  CHANGE_FILE,
  CHANGE_SPECIAL,
  CHANGE_DIRECTORY,
  CHANGE_SYMLINK,
  CHANGE_LINK,
  CHANGE_UNLINK,
  CHANGE_RMDIR,
  CHANGE_RENAME,
  CHANGE_MODE,
  CHANGE_OWNER,
  CHANGE_TIMES,
  CHANGE_SIZE,
  CHANGE_SET_XATTR,
  CHANGE_REMOVE_XATTR,
} ChangeKind;

/* One change of metadata. Strings are copied when it is queued. */
typedef struct {
  ChangeKind kind;
  const char *path;  /* below the tree, with its slash; NULL: of an open file */
  const char *other; /* the second path of a rename or link, the text of a symlink, the name of an attribute */
  mode_t mode;
  dev_t device;
  uid_t user;
  gid_t group;
  struct timespec times[2];
  off_t size;
  unsigned flags; /* of renameat2 or setxattr */
  const char *value;
  gsize value_bytes;
} Change;

/* Takes both trees as they are: they must be equal. */
void durable_begin (const char *live, const char *durable);
/* The path below the live tree; free it. */
char *durable_live_path (const char *path);
/* Makes a change in the live tree and queues it. `fd` is the open file for a change without a path. 0 or -errno. */
int durable_change (const Change *change, int fd);
/* All metadata. */
void durable_commit (void);
/* All metadata, and the data and size of this file. */
void durable_sync (Node *node, int live_fd);
/* The number that the filesystem shows for a live file, by its path or by an open file's name below /proc. */
ino_t durable_inode (const char *place, bool is_open, const struct stat *live);
bool durable_is_own_xattr (const char *name);
