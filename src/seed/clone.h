/* A copy within one host: shared blocks where the filesystem can, else copied by the kernel, else by hand; holes stay holes. */
#pragma once

#include "base/error.h"

typedef enum {
  VF_CLONE_SHARED, /* FICLONE: at once, and takes no room */
  VF_CLONE_COPIED,
} VfCloneKind;

/* Makes the empty file `to` equal to the first `bytes` of `from` (or to all of it, if that is less). What is read is what
 * `from` has at that moment: who needs to be sure compares. On failure `to` holds a part. */
bool vf_clone (int from, int to, guint64 bytes, VfCloneKind *kind, GError **error);
