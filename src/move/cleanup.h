/* Removing what a finished move no longer needs; only on request. */
#pragma once

#include "move/move.h"
#include "move/result.h"

/* Looks for the guest at the destination, then removes its files at the source that no other guest there uses. Changes `result`
 * (words, exit, error). */
void vf_cleanup_source (VfMove *move, VfResult *result);

/* Tries again to remove what an undo had to leave at the destination. */
void vf_cleanup_destination (VfMove *move, VfResult *result);
