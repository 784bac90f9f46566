/* How each end of a move reads: what failed, where the guest is and whether its data is whole, the next command. */
#pragma once

#include "move/move.h"
#include "move/result.h"

/* All take `error`. */
VfResult *vf_words_refused (GError *error);                   /* exit 2 (or 1 for wrong words): nothing was touched */
VfResult *vf_words_undone (VfMove *move, GError *error);      /* exit 3 */
VfResult *vf_words_interrupted (VfMove *move, GError *error); /* exit 4 */
VfResult *vf_words_unsettled (VfMove *move, GError *error);   /* exit 5 */
VfResult *vf_words_not_known (VfMove *move, GError *error);   /* exit 4, 5 or 6 */
VfResult *vf_words_done (VfMove *move);                       /* exit 0 */
