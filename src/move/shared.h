/* Storage that both hosts share, found out by trying. Private to this room. */
#pragma once

#include "move/move.h"

/* Adds to inventory->shared what both hosts have as one and the same file: whatever keeps its path and has a namesake of that
 * size (or inode number) there is a candidate, and a file of random name and content, made beside it here, must be seen by the
 * agent. The file is removed at once; one that a killed process left is removed by the next probe in that directory. Where
 * nothing can be made, nothing is taken for shared. */
bool vf_find_shared (VfMove *move, const char *id, VfInventory *inventory, VfPlaces *places, VfFarTable *table, GError **error);

/* Refuses (a finding) disks whose caps at both ends would lie in one shared directory: they would have one name. */
bool vf_check_shared_caps (VfMove *move, const VfPlan *plan, VfFarTable *table, GPtrArray *findings, GError **error);
