/* Other names for what a guest's network cards are connected to. Pure; fuzzed. */
#pragma once

#include "base/error.h"

/* Gives every <interface> of a <domain>, or of the domains in a <domainsnapshot>, the new name where its source names a bridge,
 * network or lower device of an old one. `renames` is old name -> new name (char *); each name is changed once. Nothing else
 * changes; with nothing to rename the text itself comes back. VF_ERROR_REFUSED for a name that XML cannot hold. The caller
 * frees. */
char *vf_xml_rename_networks (const char *xml, GHashTable *renames, GError **error);
