/* Inspection: reads everything a plan needs, on both hosts, and touches nothing. */
#pragma once

#include "move/move.h"

/* Connects both sides, makes the inventory and the plan with a new ID, runs every preflight check. A destination that cannot be
 * reached is a finding, not an error, so that a user sees all at once. Errors: unknown guest, no libvirt here, wrong words,
 * cancellation. */
bool vf_inspect (VfMove *move, VfPlan **plan, GPtrArray **findings, GError **error);

/* The same of a guest that there is only `xml` of, which `file` (for people) holds. libvirt here is not needed; the images are
 * looked at on this machine. request->destination_uri may be NULL: then no destination is looked at. VF_ERROR_CORRUPT for XML
 * that is none of a domain. */
bool vf_inspect_xml (VfMove *move, const char *xml, const char *file, VfPlan **plan, GPtrArray **findings, GError **error);
