/* A guest made by hand: what an inventory of it would hold, what the destination would answer. No host is asked. */
#pragma once

#include "plan/plan.h"
#include "said.h"

enum { SCENE_MIB = 1024 * 1024 };

typedef struct {
  VfInventory *inventory;
  VfRequest *request;
  VfFarTable *far_table;
} Scene;

/* A running guest "shop" on alpha with the given <disk> elements, no chain and no snapshot yet. */
Scene *scene_new (const char *disks_xml);
void scene_free (Scene *scene);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Scene, scene_free)

/* A writable qcow2 file, and a read-only raw one. */
#define SCENE_DISK(target, path)                                                                                               \
  "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='" path "'/><target dev='" target            \
  "' bus='virtio'/></disk>"
#define SCENE_DEVICE(target, path)                                                                                             \
  "<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='" path "'/><target dev='" target              \
  "' bus='virtio'/></disk>"
#define SCENE_CD(target, path)                                                                                                 \
  "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='" path "'/><target dev='" target             \
  "' bus='sata'/><readonly/></disk>"

/* An image of 8 MiB allocated and 64 MiB virtual size; `backing` is the recorded name, or NULL. */
VfImage *scene_image (const char *path, const char *format, const char *backing, const char *backing_format);

/* A chain of images, top first, ended by NULL; takes them. `snapshot` as in VfHead. Each gets facts of a regular file, unless
 * its path is below /dev. Returns the head, borrowed. */
VfHead *scene_chain (Scene *scene, const char *target, const char *snapshot, ...) G_GNUC_NULL_TERMINATED;

/* The name leads to `real` by symlinks: for each where it lies, its text, what it names, and whether it is a directory; ended
 * by NULL. To be called before the chain is added. */
void scene_trail (Scene *scene, const char *name, const char *real, ...) G_GNUC_NULL_TERMINATED;

/* A file or directory of the source that is no image. Borrowed. */
VfFileFacts *scene_file (Scene *scene, const char *path, VfFileKind kind);

void scene_snapshot (Scene *scene, const char *xml, bool current);

/* What the destination says of a path: 1 GiB free, within the roots, no holder. Borrowed; change it as the test wants. */
VfFarFacts *scene_there (Scene *scene, const char *path, VfFileKind kind);

VfPlaces *scene_places (Scene *scene);
VfPlan *scene_plan (Scene *scene); /* for move 0123abcd to bravo */

/* The planned file with this source path; it must be there. */
const VfPlanFile *scene_planned (const VfPlan *plan, const char *source);

/* "shop" as most tests want it: vda is top.qcow2 (with internal snapshot "clean") over base.qcow2, sda a CD; snapshot "before"
 * external with memory (other branch branch.qcow2 over base.qcow2), "clean" below it. Everything lies in /srv/vm. */
Scene *scene_shop (void);
