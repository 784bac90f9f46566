/* Which of libvirt's secrets a document names: by UUID, or by usage where it gives no UUID. Pure. */
#pragma once

#include "base/error.h"

/* Adds to `names` (char *) those in a <domain> or <domainsnapshot> that it does not have yet. */
bool vf_secret_names_add (GPtrArray *names, const char *xml, const char *root, GError **error);
