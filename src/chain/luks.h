/* LUKS in images, without any key. A LUKS header holds the key that the data is encrypted with, itself encrypted by the
 * passphrase; whoever copies the header makes an image that the same passphrase opens, and need not know it. Caps over
 * encrypted disks are made so (docs/internals/encryption.md). */
#pragma once

#include "base/error.h"

/* The LUKS header of a layer: of a raw one its beginning, of a qcow2 what its header extension names. VF_ERROR_REFUSED for one
 * that has none, or another version than 1, which is the only one that QEMU knows. `format` is "raw" or "qcow2". */
GBytes *vf_luks_read (const char *path, const char *format, GError **error);

/* What a raw LUKS image keeps before its data, from such a header. */
guint64 vf_luks_payload_offset (GBytes *luks);

/* A cap: an empty qcow2 over `backing`, whose content is not read. */
typedef struct {
  const char *backing;
  const char *backing_format;
  guint64 bytes; /* as the guest sees it */
  GBytes *luks;  /* NULL: not encrypted */
} VfCapImage;

/* Fills the open new file, `path` being its name for errors. What is left in it after a failure is nothing. */
bool vf_cap_image_fill (int fd, const char *path, const VfCapImage *cap, GError **error);
