/* The first half of an inspection: everything that the guest and its snapshots have at the source. Private to this room. */
#pragma once

#include "move/move.h"

/* Reads only; the guest must be connected. Blocks on libvirt and qemu-img. */
VfInventory *vf_survey_source (VfMove *move, GError **error);

/* The same of a guest that is known by its XML alone: as if it ran here, without snapshots. What only libvirt knows stays open.
 */
VfInventory *vf_survey_xml (VfMove *move, const char *xml, GError **error);
