/* The first half of an inspection: everything that the guest and its snapshots have at the source. Private to this room. */
#pragma once

#include "move/move.h"

/* Reads only; the guest must be connected. Blocks on libvirt and qemu-img. */
VfInventory *vf_survey_source (VfMove *move, GError **error);
