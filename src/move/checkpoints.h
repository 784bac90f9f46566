/* Checkpoints of incremental backups: kept in the journal before libvirt forgets them, defined where the guest ends up. */
#pragma once

#include "move/move.h"

/* Before the switch: what the source's libvirt has now goes into the journal. */
bool vf_checkpoints_keep (VfMove *move, GError **error);

/* Defines at the destination, parents first, those that libvirt does not have there, when the caps are committed. One whose
 * bitmaps are not whole is left out with its children, and told: the guest's next backup must be a full one. */
bool vf_checkpoints_settle (VfMove *move, VfGuest *there, GError **error);

/* The same at the source, for an undo. */
bool vf_checkpoints_bring_back (VfMove *move, GError **error);
