/* The guest's name in libvirt's documents. Pure. */
#pragma once

#include "base/error.h"

/* Gives the guest of a <domain>, <domainsnapshot> or <domaincheckpoint> (in its <domain> and <inactiveDomain>) the name; NULL:
 * its own. VF_ERROR_REFUSED for a name that XML cannot hold. The caller frees. */
char *vf_xml_rename_guest (const char *xml, const char *name, GError **error);
