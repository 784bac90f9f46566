/* Where a disk's or layer's data lies, as libvirt's XML says it. */
#pragma once

#include "base/error.h"

typedef enum {
  VF_SOURCE_NONE, /* an empty drive */
  VF_SOURCE_FILE,
  VF_SOURCE_BLOCK,
  VF_SOURCE_OTHER, /* network, volume, dir, nvme, vhostuser, …; slices or fdgroup: not all of a file; `other` names it */
} VfSourceKind;

/* How a layer is encrypted, and the secret of libvirt's that opens it: its name only, never its value. */
typedef struct {
  char *format; /* "luks", "qcow", "luks2", …; NULL when the XML does not say */
  char *engine; /* "qemu", "librbd"; NULL: the default */
  char *secret; /* UUID or usage; NULL: none is named */
  bool by_usage;
} VfEncryption;

VfEncryption *vf_encryption_copy (const VfEncryption *encryption); /* NULL of NULL */
void vf_encryption_free (VfEncryption *encryption);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfEncryption, vf_encryption_free)

typedef struct {
  VfSourceKind kind;
  char *path;    /* of FILE and BLOCK, as written there; else NULL */
  char *format;  /* "raw", "qcow2", …; NULL when the XML does not say */
  char *other;   /* libvirt's word for kind OTHER */
  char *name;    /* of kind OTHER: what virsh domblklist shows for it, or NULL */
  char *volume;  /* "volume:POOL/NAME" of a volume, or NULL; it is of kind OTHER until someone has looked up its path */
  char *problem; /* why a volume could not be looked up, or NULL */
  VfEncryption *encryption; /* NULL: not encrypted */
  char *data_store; /* of a qcow2 layer: the path of its data file; "" where that is no path; NULL when the XML does not say, as
                       before libvirt 10.10 */
} VfSource;

#define VF_VOLUME_PREFIX "volume:"

/* "volume:POOL/NAME": how a volume is named where else a path stands. The caller frees. */
char *vf_volume_key (const char *pool, const char *name);

/* The parts of such a name; false for a path. The caller frees both. */
bool vf_volume_parts (const char *key, char **pool, char **name);

void vf_source_free (VfSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSource, vf_source_free)
