/* Caps whose files are made here and not by libvirt or the agent: those of a guest with an encrypted disk. They get the LUKS
 * header of the layer below, so that the same secret opens them and nobody has to know its value
 * (docs/internals/encryption.md). */
#pragma once

#include "chain/luks.h"
#include "move/move.h"

/* Makes the files of all caps of this generation at the source, which are in the journal. What a crash left of them is made
 * anew: the guest must not write them yet. */
bool vf_cap_files_make (VfMove *move, guint generation, GError **error);

/* Makes the cap of an encrypted disk in memory and sends it as the file `path` at the destination; image->luks is filled in. */
bool vf_cap_file_send (VfMove *move, const VfPlanDisk *disk, const char *path, VfCapImage *image, GError **error);
