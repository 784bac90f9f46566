/* What qemu-img does to images. The first two write headers without opening what they name. Image paths are absolute, so that
 * qemu-img takes them for nothing but a path; a backing name is a path too, never a protocol or "json:". */
#pragma once

#include "base/error.h"

/* `qemu-img create -u`: an empty qcow2 of `bytes` at `path`. An existing file is written over: make it yourself, exclusively.
 */
bool vf_image_create_overlay (const char *path, const char *backing, const char *backing_format, guint64 bytes, GError **error);

/* The names that an image records of other files. */
typedef struct {
  const char *backing; /* NULL: as it is */
  const char *backing_format;
  const char *data_file; /* an absolute path; NULL: as it is */
} VfImageNames;

/* Writes other names into a qcow2: with `qemu-img rebase -u`, or without it where that would have to open a data file or an
 * encrypted image. VF_ERROR_REFUSED when the file at `path` is no qcow2, or has no data file to name. */
bool vf_image_rename (const char *path, const VfImageNames *names, GError **error);

/* `qemu-img commit -d -b base`: folds `path` and every layer between into `base`, for a guest that is shut off. The layers
 * above base keep their content, which is then also in base. qemu-img's own locks refuse an image that is in use. Blocks as
 * long as it takes. */
bool vf_image_commit (const char *path, const char *base, GError **error);

/* One layer of a chain that is opened with its keys. */
typedef struct {
  const char *path;
  const char *format; /* "raw" or "qcow2" */
  bool is_block;
  int key_fd; /* a file with the value of the secret that opens it; -1: not encrypted */
} VfKeyedLayer;

/* `qemu-img commit -d` of the first layer into the second, of a chain that ends with the last; the layers are told and not read
 * from the headers. Keys are read from the descriptors by their names below /proc: nothing of them is on a command line. */
bool vf_image_commit_keyed (const VfKeyedLayer *layers, gsize count, GError **error);
