/* The source's typed calls of the agent's services (docs/internals/wire.md). Every call blocks until the answer, the link's
 * death or the cancellable; errors carry the agent's code, text and hint, with "on HOST" so that the message says which end
 * failed. */
#pragma once

#include "base/file.h"
#include "base/host_look.h"
#include "chain/tool.h"
#include "link/link.h"
#include "seed/seed.h"

typedef struct {
  VfFileFacts *file;
  bool in_roots;
  char *signature;     /* what libblkid (or the magic of qcow2) found on a block device, or NULL */
  char *link;          /* the text of a symlink that was looked at itself, or NULL */
  VfFileKind leads_to; /* what that leads to */
  char *refused;       /* why it could not be looked at: a symlink leads out of the roots; NULL otherwise */
  char *held_by;       /* "process 123 (qemu-system-x86)" that has a block device or file open, mounted "/x", or NULL */
} VfFarFacts;

/* A path that leads out of the agent's roots by a symlink is an answer too, with in_roots false and `refused` set. `itself`: a
 * symlink is not followed. */
VfFarFacts *vf_far_stat (VfLink *link, const char *path, bool itself, GCancellable *cancellable, GError **error);
void vf_far_facts_free (VfFarFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfFarFacts, vf_far_facts_free)

/* Makes the one directory `path` (its parent must exist), with the owner (by name, ignored where the far end does not know it)
 * and mode of `as`, or as 0711 of the agent's own where that is NULL. *made is false when it was there already, and as it was.
 */
bool vf_far_mkdir (VfLink *link, const char *path, const VfFileFacts *as, bool *made, GError **error);

/* Removes an empty directory. *removed is false, and no error, when it is absent or holds something. */
bool vf_far_rmdir (VfLink *link, const char *path, bool *removed, GError **error);

/* Sends a file into `partial` or onto a block device. What an old partial of the same id has already, or with source->resumes
 * the device, is compared and only what differs travels. source->peer and key are not read: the far end's stand there. far_id
 * is valid as soon as the far end has accepted, also when the transfer failed later. */
bool vf_far_seed (VfLink *link, const char *partial, const char *id, bool is_block, const VfSeedSource *source,
                  VfSeedCounts *counts, VfDigest *digest, VfFileId *far_id, GError **error);

/* Is the far file or device the same as this one? Of `source` the file and the cancellable are read; nothing travels but the
 * digests, and both ends read at the same time. digest (of this one) and far_id are valid on success. */
bool vf_far_compare (VfLink *link, const char *path, const VfSeedSource *source, bool *equal, VfDigest *digest,
                     VfFileId *far_id, GError **error);

/* Gives a partial owner (by name, ignored where the far end does not know it) and mode. */
bool vf_far_own (VfLink *link, const char *partial, const char *id, const VfFileFacts *as, GError **error);

/* Writes other names into a partial qcow2, without opening what they name. */
bool vf_far_rebase (VfLink *link, const char *partial, const char *id, const VfImageNames *names, GError **error);

/* An empty qcow2 of `bytes` over `backing` (whose content is not read). Its name must carry the id; an old one is replaced. */
bool vf_far_create_cap (VfLink *link, const char *path, const char *id, const char *backing, const char *backing_format,
                        guint64 bytes, VfFileId *far_id, GError **error);

/* Renames partial to path without replacing, if its inode is still `far_id`; syncs the directory. Berthing what already has its
 * final name with that inode succeeds. */
bool vf_far_berth (VfLink *link, const char *partial, const char *path, const char *id, const VfFileId *far_id, GError **error);

/* Makes a symlink under a name that carries the id; an old one of that name is replaced. VF_ERROR_REFUSED for a text that leads
 * out of the roots. vf_far_berth gives it its own name. */
bool vf_far_symlink (VfLink *link, const char *partial, const char *id, const char *text, VfFileId *far_id, GError **error);

/* Removes a file or symlink of this move: its name carries the id, or its inode is `far_id` (NULL: by name only). Absent is
 * fine. A file that some process holds open is refused (VF_ERROR_BUSY). */
bool vf_far_remove (VfLink *link, const char *path, const char *id, const VfFileId *far_id, bool *removed, GError **error);

/* Zeroes the first and last MiB of a block device that this move had begun to write, so that nothing takes it for a disk. */
bool vf_far_wipe (VfLink *link, const char *device, const char *id, GError **error);

/* Makes (or removes with all sockets in it) the directory /run/virt-ferry/NAME there, 01733, where QEMU makes its sockets. */
bool vf_far_rendezvous (VfLink *link, const char *name, bool present, GError **error);

/* A question after something that a guest names there, and its answer. */
typedef struct {
  VfLookKind kind;
  char *name;
  VfLookAnswer answer;
} VfFarWant;

void vf_far_want_free (VfFarWant *want);

/* Answers every VfFarWant in `wants`. *bridges (may be NULL) gets the names of the Linux bridges there. VF_ERROR_NOT_FOUND: the
 * agent there is older than this service. */
bool vf_far_host_facts (VfLink *link, GPtrArray *wants, char ***bridges, GCancellable *cancellable, GError **error);

/* How much a measurement may take. A slow link may exceed the time by about as much again. */
typedef struct {
  guint ms_max;
  guint64 bytes_max;
} VfMeasure;

/* Measures how many bytes a second the link carries to the far end, which throws them away. VF_ERROR_NOT_FOUND: the agent there
 * is older than this service. */
bool vf_far_measure (VfLink *link, const VfMeasure *limits, GCancellable *cancellable, guint64 *bytes_per_s, GError **error);
