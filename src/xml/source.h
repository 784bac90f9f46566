/* Where a disk's or layer's data lies, as libvirt's XML says it. */
#pragma once

#include "base/error.h"

typedef enum {
  VF_SOURCE_NONE, /* an empty drive */
  VF_SOURCE_FILE,
  VF_SOURCE_BLOCK,
  VF_SOURCE_OTHER, /* network, volume, dir, nvme, vhostuser, …; slices or fdgroup: not all of a file; `other` names it */
} VfSourceKind;

typedef struct {
  VfSourceKind kind;
  char *path;    /* of FILE and BLOCK, as written there; else NULL */
  char *format;  /* "raw", "qcow2", …; NULL when the XML does not say */
  char *other;   /* libvirt's word for kind OTHER */
  char *name;    /* of kind OTHER: what virsh domblklist shows for it, or NULL */
  char *volume;  /* "volume:POOL/NAME" of a volume, or NULL; it is of kind OTHER until someone has looked up its path */
  char *problem; /* why a volume could not be looked up, or NULL */
} VfSource;

#define VF_VOLUME_PREFIX "volume:"

/* "volume:POOL/NAME": how a volume is named where else a path stands. The caller frees. */
char *vf_volume_key (const char *pool, const char *name);

/* The parts of such a name; false for a path. The caller frees both. */
bool vf_volume_parts (const char *key, char **pool, char **name);

void vf_source_free (VfSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSource, vf_source_free)
