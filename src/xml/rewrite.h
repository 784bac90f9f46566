/* Changing places in domain and snapshot elements. Private to src/xml. */
#pragma once

#include "xml/disk_xml.h"

/* The changes by their `from`, borrowed; of two with the same `from` the first counts. Refuses what cannot stand in XML. */
GHashTable *vf_rewrite_table (const GPtrArray *changes, GError **error);

/* All disks of a <domain> or <inactiveDomain>, and the variable store. */
void vf_rewrite_domain (xmlNode *domain, GHashTable *changes, bool strip_backing);

/* One <disk> of a snapshot's <disks>. */
void vf_rewrite_snapshot_disk (xmlNode *disk, GHashTable *changes);

/* A path in an attribute that has no kind or format beside it. */
void vf_rewrite_attribute (xmlNode *node, const char *name, GHashTable *changes);
