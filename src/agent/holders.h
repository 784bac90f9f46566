/* Who has a file or block device in use. */
#pragma once

#include "base/error.h"

/* "process 123 (qemu-system-x86)", "mounted on '/x'", "device 'dm-0'", or NULL for nobody. This process does not count. `fd`
 * may be an O_PATH one. What cannot be looked at (another user's processes, without the right to) is not seen. */
char *vf_holder_of (int fd);

/* VF_ERROR_BUSY naming the holder, "cannot VERB '…': …"; true when there is none. */
bool vf_holder_check (int fd, const char *verb, const char *path, GError **error);
