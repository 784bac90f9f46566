/* A <domain> element, wherever it stands: a document of its own or within a snapshot. Private to src/xml. */
#pragma once

#include "xml/disk_xml.h"

VfDomainXml *vf_domain_node_read (const xmlNode *element, GError **error);
