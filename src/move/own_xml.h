/* The user's own definitions of the guest at the destination: --xml and --persistent-xml. */
#pragma once

#include "move/move.h"

/* Notes the digests of the files that the request names, so that a later process takes no others. VF_ERROR_USAGE for a file
 * that cannot be read. */
bool vf_own_xml_note (VfRequest *request, GError **error);

/* Reads the files, once, and compares them with the digests. */
bool vf_own_xml_load (VfMove *move, GError **error);

/* Looks whether they are of this guest and name its disks; what stands in the way becomes a finding. They must be loaded. */
void vf_own_xml_check (const VfMove *move, const VfPlan *plan, GPtrArray *findings);
