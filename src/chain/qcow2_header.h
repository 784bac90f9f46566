/* The header of a qcow2 image, read and written without qemu-img (docs/interop/qcow2.txt of QEMU is the form). qemu-img writes
 * into an encrypted image only with its key, and into one with a data file only with that file at hand; neither is there when a
 * copy gets another name to back on. Only the first cluster is ever changed: its extensions and the names in it. Every number
 * in it is taken for hostile. Fuzzed. */
#pragma once

#include "base/error.h"

typedef enum {
  VF_QCOW2_CRYPT_NONE = 0,
  VF_QCOW2_CRYPT_AES = 1,
  VF_QCOW2_CRYPT_LUKS = 2,
} VfQcow2Crypt;

typedef struct {
  guint32 type;
  GBytes *data;
} VfQcow2Extension;

typedef struct {
  guint32 version; /* 2 or 3 */
  guint32 cluster_bits;
  guint64 virtual_bytes;
  guint32 crypt; /* a VfQcow2Crypt */
  bool has_data_file;
  guint64 refcount_table_at;
  guint32 refcount_order; /* refcounts have 1 << order bits */
  GBytes *fixed;          /* the header proper, as it lies there */
  GPtrArray *extensions;  /* VfQcow2Extension, in their order */
  char *backing;          /* as recorded; NULL when there is none */
} VfQcow2Header;

/* `path` is for errors. VF_ERROR_REFUSED when it is no qcow2, VF_ERROR_CORRUPT when it contradicts itself. */
VfQcow2Header *vf_qcow2_header_read (int fd, const char *path, GError **error);
void vf_qcow2_header_free (VfQcow2Header *header);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfQcow2Header, vf_qcow2_header_free)

/* The same from the first bytes of an image: at most one cluster of them counts. */
VfQcow2Header *vf_qcow2_header_parse (GBytes *start, const char *path, GError **error);

/* The data of the extension, or NULL. Borrowed. */
GBytes *vf_qcow2_header_extension (const VfQcow2Header *header, guint32 type);

/* Replaces or adds one. */
void vf_qcow2_header_set_extension (VfQcow2Header *header, guint32 type, GBytes *data);

#define VF_QCOW2_BACKING_FORMAT 0xe2792acau
#define VF_QCOW2_ENCRYPTION 0x0537be77u
#define VF_QCOW2_DATA_FILE 0x44415441u

/* The first cluster as the header says now. VF_ERROR_REFUSED when its names are too long for it. */
GBytes *vf_qcow2_header_print (const VfQcow2Header *header, const char *path, GError **error);

/* Writes it. Not atomic: for copies and new images that nobody has open. */
bool vf_qcow2_header_write (const VfQcow2Header *header, int fd, const char *path, GError **error);
