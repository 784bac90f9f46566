/* Storage pools that hold what a move touches. Private to this room. */
#pragma once

#include "move/move.h"

typedef enum { VF_AT_SOURCE, VF_AT_DESTINATION } VfSide;

/* Has libvirt on that side look anew into the pools whose directories hold files of the plan. Never fails. */
void vf_move_refresh_pools (VfMove *move, VfHypervisor *hypervisor, VfSide side);

/* VfPoolPlace for every pool that a definition or snapshot of the guest names. */
GPtrArray *vf_move_pool_places (const VfInventory *inventory, const VfRequest *request, const VfHost *here,
                                const VfHost *there);

/* Has the persistent definition at the destination name its volumes by pool and name again; libvirt knows their paths after the
 * caps were committed. Idempotent. */
bool vf_move_name_volumes (VfMove *move, VfGuest *guest, GError **error);
