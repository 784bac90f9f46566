/* What the backing name in an image's header means. Private to src/chain. */
#pragma once

#include "base/error.h"

/* The absolute path that `name` in the image at `image_path` means, "." and ".." as written; NULL for protocols, json: and the
 * like, and for a name that is not UTF-8 (qemu-img prints U+FFFD for what it could not). The caller frees. */
char *vf_backing_path_as_written (const char *image_path, const char *name);
