/* Where each file of the guest goes at the destination: docs/internals/phases.md, "Places". Pure. */
#pragma once

#include "plan/inventory.h"
#include "plan/request.h"

typedef struct VfPlaces VfPlaces;

/* VF_ERROR_USAGE if --disk names a target that the guest does not have, or two files would get one name. */
VfPlaces *vf_places_new (const VfInventory *inventory, const VfRequest *request, GError **error);
void vf_places_free (VfPlaces *places);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfPlaces, vf_places_free)

/* The destination of a source path (also of one that is not in the inventory: by --map alone). Borrowed for known paths'
 * lifetime. */
const char *vf_places_of (VfPlaces *places, const char *source_path);

/* All known source paths in the inventory's order (borrowed strings). */
const GPtrArray *vf_places_sources (const VfPlaces *places);
