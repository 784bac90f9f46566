/* Folding an encrypted disk's caps with qemu-img, while its guest is shut off. */
#pragma once

#include "move/move.h"

/* Commits every cap that exists, the newest first, down into the disk's top layer. It takes the values of the secrets, which
 * libvirt here tells unless they are private: then VF_ERROR_REFUSED, with the way that needs none of them as a hint. May be
 * done again. */
bool vf_fold_encrypted (VfMove *move, const VfPlanDisk *disk, GError **error);
