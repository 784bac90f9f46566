/* Documents of tests/unit/data/xml. */
#pragma once

#include "xml/snapshot_xml.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>

static inline char *
data_path (const char *name)
{
  return g_test_build_filename (G_TEST_DIST, "data", "xml", name, NULL);
}

static inline char *
data_text (const char *name)
{
  char *text = NULL;
  g_autofree char *path = data_path (name);
  g_autoptr (GError) error = NULL;
  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return text;
}

static inline char *
canonical (const char *xml)
{
  xmlDoc *document = xmlReadDoc ((const xmlChar *)xml, NULL, NULL, 0);
  xmlChar *form = NULL;
  g_assert_nonnull (document);
  g_assert_cmpint (xmlC14NDocDumpMemory (document, NULL, XML_C14N_1_1, NULL, 1, &form), >=, 0);
  char *copy = g_strdup ((const char *)form);
  xmlFree (form);
  xmlFreeDoc (document);
  return copy;
}

/* The text is that of the golden file; VF_UPDATE_GOLDEN=1 writes the file instead. */
static inline void
assert_golden (const char *text, const char *name)
{
  if (g_getenv ("VF_UPDATE_GOLDEN") != NULL) {
    g_autofree char *path = data_path (name);
    g_assert_true (g_file_set_contents (path, text, -1, NULL));
    return;
  }
  g_autofree char *expected = data_text (name);
  g_assert_cmpstr (text, ==, expected);
}

static inline GPtrArray *
changes_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)vf_path_change_free);
}

static inline void
assert_refused (gpointer result, GError **error, VfErrorCode code, const char *part)
{
  g_assert_null (result);
  g_assert_nonnull (*error);
  g_assert_true (vf_error_is (*error, code));
  if (strstr ((*error)->message, part) == NULL)
    g_error ("'%s' does not say '%s'", (*error)->message, part);
}
