/* A <domain> element, wherever it stands: a document of its own or within a snapshot. Private to src/xml. */
#pragma once

#include "xml/disk_xml.h"

VfDomainXml *vf_domain_node_read (const xmlNode *element, GError **error);

/* 1024 for "KiB", 1000 for "KB", …; false for an unknown unit. */
bool vf_xml_unit_factor (const char *unit, guint64 *factor);

/* An element such as <memory unit='KiB'>…</memory>; 0 for NULL. */
bool vf_xml_read_memory (const xmlNode *memory, guint64 *bytes, GError **error);
