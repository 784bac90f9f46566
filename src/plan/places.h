/* Where each file of the guest goes at the destination: docs/internals/phases.md, "Places". Pure. */
#pragma once

#include "far/far.h"
#include "plan/inventory.h"
#include "plan/request.h"

/* Facts of the destination: path -> VfFarFacts (far/far.h), for every destination path and cap directory. */
typedef GHashTable VfFarTable;

typedef struct VfPlaces VfPlaces;

/* A symlink that must be at the destination too. */
typedef struct {
  const VfTrailStep *step; /* of the inventory */
  char *destination;
  char *text; /* what it must say there */
} VfPlaceLink;

/* A pool that volumes of the guest are in, and the directories (or volume groups) of it at either side. */
typedef struct {
  char *name, *path;
  char *name_there, *path_there; /* the path is NULL where there is no such active pool, or none with a path */
} VfPoolPlace;

void vf_pool_place_free (VfPoolPlace *pool);

/* The inventory must live longer. pools (VfPoolPlace; NULL: nothing is known) tells where volumes go. far_table (NULL: nothing
 * is known) tells which directories that are reached through a symlink here the destination has; its facts of symlinks are of
 * themselves. VF_ERROR_USAGE if --disk names a target that the guest does not have, or two files would get one name. */
VfPlaces *vf_places_new (const VfInventory *inventory, const VfRequest *request, VfFarTable *far_table, const GPtrArray *pools,
                         GError **error);
void vf_places_free (VfPlaces *places);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfPlaces, vf_places_free)

/* The destination of a source path by any of its names (also of one that is not in the inventory: by --map alone). Borrowed for
 * known paths' lifetime. */
const char *vf_places_of (VfPlaces *places, const char *source_path);

/* What --map alone says. The caller frees. */
char *vf_places_map (const VfPlaces *places, const char *source_path);

/* VfPlaceLink, in the order in which they are met (borrowed). */
const GPtrArray *vf_places_links (const VfPlaces *places);

/* All known source paths in the inventory's order (borrowed strings), of files themselves: no symlink is on the way to them. */
const GPtrArray *vf_places_sources (const VfPlaces *places);
