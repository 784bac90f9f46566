/* A name below the roots, taken apart for the *at() calls, so that no two acts on it can meet different directories. */
#pragma once

#include "agent/service.h"
#include "base/file.h"

#include <sys/stat.h>

typedef struct VfPlace {
  char *path;        /* normal */
  VfFd directory_fd; /* O_PATH */
  char *name;        /* in that directory */
} VfPlace;

/* From the member of a request. */
VfPlace *vf_place_new (VfAgent *agent, JsonObject *args, const char *member, GError **error);
void vf_place_free (VfPlace *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfPlace, vf_place_free)

/* As vf_place_new, and the name must carry the request's id. */
VfPlace *vf_place_new_with_id (VfAgent *agent, JsonObject *args, const char *member, GError **error);

/* Looks at the name itself (a symlink is one). *present is false when it is absent, which is no error. */
bool vf_place_look (const VfPlace *place, struct stat *st, bool *present, GError **error);

VfFileId vf_file_id_of_stat (const struct stat *st);

/* Makes the name of its directory durable. */
bool vf_place_sync_directory (const VfPlace *place, GError **error);

/* Opens the regular file that exists under the name, no symlink. */
int vf_place_open (const VfPlace *place, int flags, GError **error);

/* Makes a new regular file, mode 0600, open for reading and writing, its name durable. Something regular that has the name
 * already is removed, unless someone has it open (VF_ERROR_BUSY). */
int vf_place_create (const VfPlace *place, GError **error);

/* As vf_place_create, but a regular file that nobody has open and that has no other name is opened as it is: *existed. */
int vf_place_open_or_create (const VfPlace *place, bool *existed, GError **error);

/* Unlinks a symlink, or a regular file unless someone has it open; the name's end is durable. */
bool vf_place_unlink (const VfPlace *place, GError **error);
