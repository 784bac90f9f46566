/* libxml2, as this room uses it: bounded, silent, without network, entities or document types. Elements and attributes of
 * libvirt are in no namespace; what is in one (<qemu:commandline>, metadata) is never found by these functions. Private to
 * src/xml. */
#pragma once

#include "base/error.h"

#include <libxml/tree.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)

/* Parses at most 16 MiB whose root element is `root`; "domain" and "domainsnapshot" also name the text in errors. xmlFreeDoc
 * frees. */
xmlDoc *vf_xml_read (const char *xml, const char *root, GError **error);

/* The document without an XML declaration, in UTF-8. The caller frees. */
char *vf_xml_print (xmlDoc *document, GError **error);

/* True if `text` can stand in an XML 1.0 document: UTF-8, and no control characters but tab and line ends. */
bool vf_xml_can_hold (const char *text);

/* The first child element of that name, and the next sibling of the same name. A NULL parent has no children. */
xmlNode *vf_xml_first (const xmlNode *parent, const char *name);
xmlNode *vf_xml_next (const xmlNode *node);

/* How many child elements have that name. */
guint vf_xml_count (const xmlNode *parent, const char *name);

/* True if an element of that name stands anywhere below. Depth is bounded by the parser's 256. */
bool vf_xml_has_descendant (const xmlNode *parent, const char *name);

/* Copies; NULL when the attribute or text is absent or empty, or `node` is NULL. The caller frees. */
char *vf_xml_attribute (const xmlNode *node, const char *name);
char *vf_xml_text (const xmlNode *node);

bool vf_xml_attribute_is (const xmlNode *node, const char *name, const char *value);

void vf_xml_set_attribute (xmlNode *node, const char *name, const char *value);
void vf_xml_remove_attribute (xmlNode *node, const char *name);
void vf_xml_set_text (xmlNode *node, const char *text);

/* A new element at the end of, or before everything else in, `parent`. Owned by the document. */
xmlNode *vf_xml_append (xmlNode *parent, const char *name);
xmlNode *vf_xml_prepend (xmlNode *parent, const char *name);

/* Removes an element, or all child elements of that name, with the white space before each. */
void vf_xml_remove (xmlNode *node);
void vf_xml_remove_all (xmlNode *parent, const char *name);
