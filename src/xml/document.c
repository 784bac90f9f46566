#include "xml/document.h"

#include <libxml/parser.h>
#include <libxml/xmlsave.h>
#include <string.h>

enum { XML_BYTES_MAX = 16 * 1024 * 1024 };

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlParserCtxt, xmlFreeParserCtxt)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlBuffer, xmlBufferFree)

static const xmlChar *
xml_string (const char *text)
{
  return (const xmlChar *)text;
}

/* Takes what libxml2 allocated. */
static char *
copy_unless_empty (xmlChar *text)
{
  char *copy = text == NULL || *text == '\0' ? NULL : g_strdup ((const char *)text);
  xmlFree (text);
  return copy;
}

static xmlParserCtxt *
new_parser (void)
{
  static gsize initialized = 0;
  if (g_once_init_enter (&initialized)) {
    xmlInitParser ();
    g_once_init_leave (&initialized, 1);
  }
  return xmlNewParserCtxt ();
}

static void
report_syntax (xmlParserCtxt *parser, const char *root, GError **error)
{
  const xmlError *problem = xmlCtxtGetLastError (parser);
  g_autofree char *text =
      g_utf8_make_valid (problem != NULL && problem->message != NULL ? problem->message : "no reason given", -1);
  vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <%s>: line %d: %s", root, problem != NULL ? problem->line : 0,
                g_strstrip (text));
}

static bool
element_is (const xmlNode *node, const char *name)
{
  return node->type == XML_ELEMENT_NODE && node->ns == NULL && strcmp ((const char *)node->name, name) == 0;
}

static bool
check_shape (xmlDoc *document, const char *root, GError **error)
{
  if (document->intSubset != NULL || document->extSubset != NULL)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <%s>: it declares a document type", root);
  const xmlNode *element = xmlDocGetRootElement (document);
  if (element == NULL || !element_is (element, root))
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <%s>: the root element is <%s>", root,
                         element != NULL ? (const char *)element->name : "");
  return true;
}

xmlDoc *
vf_xml_read (const char *xml, const char *root, GError **error)
{
  gsize length = strlen (xml);
  if (length > XML_BYTES_MAX) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <%s>: %zu bytes, the most is %d", root, length, XML_BYTES_MAX);
    return NULL;
  }
  g_autoptr (xmlParserCtxt) parser = new_parser ();
  const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
  g_autoptr (xmlDoc) document = xmlCtxtReadMemory (parser, xml, (int)length, NULL, NULL, options);
  if (document == NULL) {
    report_syntax (parser, root, error);
    return NULL;
  }
  if (!check_shape (document, root, error))
    return NULL;
  return g_steal_pointer (&document);
}

char *
vf_xml_print (xmlDoc *document, GError **error)
{
  g_autoptr (xmlBuffer) buffer = xmlBufferCreate ();
  xmlSaveCtxt *save = xmlSaveToBuffer (buffer, "UTF-8", XML_SAVE_NO_DECL);
  bool saved = save != NULL && xmlSaveDoc (save, document) >= 0;
  if (save != NULL)
    saved = xmlSaveClose (save) >= 0 && saved;
  if (!saved) {
    vf_error_set (error, VF_ERROR_FAILED, "cannot print <%s>: libxml2 refused it", xmlDocGetRootElement (document)->name);
    return NULL;
  }
  return g_strdup ((const char *)xmlBufferContent (buffer));
}

bool
vf_xml_can_hold (const char *text)
{
  if (!g_utf8_validate (text, -1, NULL))
    return false;
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0xfffe || c == 0xffff)
      return false;
  }
  return true;
}

static xmlNode *
first_from (xmlNode *node, const char *name)
{
  while (node != NULL && !element_is (node, name))
    node = node->next;
  return node;
}

xmlNode *
vf_xml_first (const xmlNode *parent, const char *name)
{
  return parent == NULL ? NULL : first_from (parent->children, name);
}

xmlNode *
vf_xml_next (const xmlNode *node)
{
  return first_from (node->next, (const char *)node->name);
}

guint
vf_xml_count (const xmlNode *parent, const char *name)
{
  guint count = 0;
  for (const xmlNode *node = vf_xml_first (parent, name); node != NULL; node = vf_xml_next (node))
    count++;
  return count;
}

bool
vf_xml_has_descendant (const xmlNode *parent, const char *name)
{
  if (vf_xml_first (parent, name) != NULL)
    return true;
  for (const xmlNode *node = parent->children; node != NULL; node = node->next)
    if (node->type == XML_ELEMENT_NODE && vf_xml_has_descendant (node, name))
      return true;
  return false;
}

char *
vf_xml_attribute (const xmlNode *node, const char *name)
{
  return node == NULL ? NULL : copy_unless_empty (xmlGetNoNsProp (node, xml_string (name)));
}

char *
vf_xml_text (const xmlNode *node)
{
  return node == NULL ? NULL : copy_unless_empty (xmlNodeGetContent (node));
}

bool
vf_xml_attribute_is (const xmlNode *node, const char *name, const char *value)
{
  g_autofree char *written = vf_xml_attribute (node, name);
  return g_strcmp0 (written, value) == 0;
}

void
vf_xml_set_attribute (xmlNode *node, const char *name, const char *value)
{
  xmlSetProp (node, xml_string (name), xml_string (value));
}

void
vf_xml_remove_attribute (xmlNode *node, const char *name)
{
  xmlUnsetProp (node, xml_string (name));
}

void
vf_xml_set_text (xmlNode *node, const char *text)
{
  xmlNodeSetContent (node, NULL); /* takes markup, so the text itself is added by the call that does not */
  xmlNodeAddContent (node, xml_string (text));
}

xmlNode *
vf_xml_append (xmlNode *parent, const char *name)
{
  return xmlAddChild (parent, xmlNewDocNode (parent->doc, NULL, xml_string (name), NULL));
}

xmlNode *
vf_xml_prepend (xmlNode *parent, const char *name)
{
  if (parent->children == NULL)
    return vf_xml_append (parent, name);
  return xmlAddPrevSibling (parent->children, xmlNewDocNode (parent->doc, NULL, xml_string (name), NULL));
}

static void
free_node (xmlNode *node)
{
  xmlUnlinkNode (node);
  xmlFreeNode (node);
}

void
vf_xml_remove (xmlNode *node)
{
  if (node->prev != NULL && xmlIsBlankNode (node->prev))
    free_node (node->prev);
  free_node (node);
}

void
vf_xml_remove_all (xmlNode *parent, const char *name)
{
  xmlNode *next = NULL;
  for (xmlNode *node = vf_xml_first (parent, name); node != NULL; node = next) {
    next = vf_xml_next (node);
    vf_xml_remove (node);
  }
}
