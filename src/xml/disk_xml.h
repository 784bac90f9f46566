/* The parts of a <disk> that domain and snapshot XML share. Private to src/xml. */
#pragma once

#include "xml/document.h"
#include "xml/domain_xml.h"

/* "volume:POOL/NAME" of a <disk>, <backingStore> or <mirror> of type volume, or NULL. The caller frees. */
char *vf_source_volume (const xmlNode *layer);

/* `layer` is a <disk> (of a domain or a snapshot), <backingStore> or <mirror>: its type attribute and <source>. Takes `format`,
 * which may be NULL. A source of which the guest sees only a part (<slices>) or that is passed as a descriptor (fdgroup) is of
 * kind OTHER. */
VfSource *vf_source_read (const xmlNode *layer, char *format);

/* Reads one <disk> of a domain. Never fails: what is absent is NULL. */
VfXmlDisk *vf_xml_disk_read (const xmlNode *disk);
void vf_xml_disk_free (VfXmlDisk *disk);

/* The attribute of <source> that holds the path, by the type attribute of `layer`: "file", "dev", or NULL for other types. */
const char *vf_source_attribute (const xmlNode *layer);
