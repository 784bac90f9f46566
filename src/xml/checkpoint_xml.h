/* libvirt's domain checkpoint XML (https://libvirt.org/formatcheckpoint.html). Pure. */
#pragma once

#include "xml/domain_xml.h"

/* As vf_domain_xml_rewrite, over <disks> (a disk may be named by its path) and <domain>. Backing stores are kept and rewritten.
 */
char *vf_checkpoint_xml_rewrite (const char *xml, const GPtrArray *changes, GError **error);
