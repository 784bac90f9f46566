/* What is known of a file or block device by looking at it, on either host. */
#pragma once

#include "base/error.h"

#include <json-glib/json-glib.h>

typedef enum {
  VF_FILE_ABSENT,
  VF_FILE_REGULAR,
  VF_FILE_DIRECTORY,
  VF_FILE_BLOCK,
  VF_FILE_LINK,  /* a symlink that was looked at itself */
  VF_FILE_OTHER, /* fifo, socket, character device */
} VfFileKind;

/* Which file it is, for "still the same one?" */
typedef struct {
  guint64 device;
  guint64 inode;
} VfFileId;

bool vf_file_id_equal (const VfFileId *a, const VfFileId *b);

/* The members "device" and "inode", as signed numbers of the same 64 bits: JSON here has no others, and some filesystems use
 * the upper half. */
void vf_file_id_to_json (const VfFileId *id, JsonObject *object);
bool vf_file_id_from_json (JsonObject *object, VfFileId *id, GError **error);

typedef struct {
  VfFileKind kind;
  guint64 bytes;     /* size of a file or device */
  guint64 allocated; /* bytes that it occupies; of a device: its size */
  VfFileId id;
  gint64 mtime_ns, ctime_ns; /* since the epoch */
  guint mode;                /* permission bits */
  char *user, *group;        /* owner by name, by number where there is none; NULL when absent. Of a file that libvirt has lent
                              * to a running guest: whom it will give it back to */
  guint64 free_bytes;        /* available on the filesystem that holds it, or would hold it (nearest existing directory) */
  guint64 filesystem;        /* st_dev of that filesystem: equal numbers share their free space */
  bool directory_exists;     /* the directory that would hold it */
} VfFileFacts;

const char *vf_file_kind_name (VfFileKind kind);
VfFileKind vf_file_kind_from_name (const char *name); /* unknown: VF_FILE_OTHER */

/* Follows symlinks. An absent file is no error (kind ABSENT); a path that cannot be looked at is. Never opens the file itself,
 * so that neither a fifo nor a device notices. */
VfFileFacts *vf_file_look (const char *path, GError **error);
/* The same of the name itself, where it is a symlink. */
VfFileFacts *vf_file_look_link (const char *path, GError **error);
/* The same of an open file (O_PATH will do); `path` is for errors. */
VfFileFacts *vf_file_look_fd (int fd, const char *path, GError **error);
void vf_file_facts_free (VfFileFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfFileFacts, vf_file_facts_free)

/* The same file, and nobody wrote it in between (inode, size, mtime). Not ctime: libvirt gives a layer that guests share
 * another owner and label whenever one of them starts or stops. */
bool vf_file_is_unchanged (const VfFileFacts *before, const VfFileFacts *after);

JsonObject *vf_file_facts_to_json (const VfFileFacts *facts);
VfFileFacts *vf_file_facts_from_json (JsonObject *object, GError **error);
