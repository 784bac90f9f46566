/* What libvirt says of a host, in its own documents. */
#include "xml/host.h"

#include "xml/document.h"

#include <string.h>

static void
add_texts (GPtrArray *texts, const xmlNode *parent, const char *element, const char *attribute)
{
  for (const xmlNode *node = vf_xml_first (parent, element); node != NULL; node = vf_xml_next (node)) {
    char *text = attribute != NULL ? vf_xml_attribute (node, attribute) : vf_xml_text (node);
    if (text != NULL && !g_ptr_array_find_with_equal_func (texts, text, g_str_equal, NULL))
      g_ptr_array_add (texts, g_steal_pointer (&text));
    g_free (text);
  }
}

static void
read_guest (VfHost *host, const xmlNode *guest)
{
  const xmlNode *arch = vf_xml_first (guest, "arch");
  g_autofree char *name = vf_xml_attribute (arch, "name");
  g_autofree char *emulator = vf_xml_text (vf_xml_first (arch, "emulator"));
  g_autofree char *os = vf_xml_text (vf_xml_first (guest, "os_type"));
  if (name == NULL || g_strcmp0 (os, "hvm") != 0)
    return;
  VfHostArch *added = vf_host_add_arch (host, name, emulator);
  add_texts (added->types, arch, "domain", "type");
  add_texts (added->machines, arch, "machine", NULL);
  add_texts (added->machines, arch, "machine", "canonical");
  for (const xmlNode *domain = vf_xml_first (arch, "domain"); domain != NULL; domain = vf_xml_next (domain)) {
    add_texts (added->machines, domain, "machine", NULL);
    add_texts (added->machines, domain, "machine", "canonical");
  }
}

static gint
compare_text (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* Microcode, clock and topology differ between equal processors, or do not matter to a guest. */
static char *
describe_cpu (const xmlNode *cpu)
{
  g_autoptr (GPtrArray) features = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *model = vf_xml_text (vf_xml_first (cpu, "model"));
  g_autofree char *vendor = vf_xml_text (vf_xml_first (cpu, "vendor"));
  if (model == NULL)
    return NULL;
  add_texts (features, cpu, "feature", "name");
  g_ptr_array_sort (features, compare_text);
  GString *text = g_string_new (NULL);
  g_string_append_printf (text, "%s %s", vendor != NULL ? vendor : "", model);
  for (guint i = 0; i < features->len; i++)
    g_string_append_printf (text, "\n%s", (const char *)features->pdata[i]);
  return g_string_free (text, FALSE);
}

static guint64
number_of (char *text)
{
  g_autofree char *owned = text;
  guint64 number = 0;
  return owned != NULL && g_ascii_string_to_unsigned (owned, 10, 0, G_MAXUINT64, &number, NULL) ? number : 0;
}

static void
add_pages (VfHost *host, guint64 page_bytes, guint64 total)
{
  for (guint i = 0; i < host->pages->len; i++) {
    VfHostPages *known = &g_array_index (host->pages, VfHostPages, i);
    if (known->page_bytes == page_bytes) {
      known->total += total;
      return;
    }
  }
  VfHostPages pages = { .page_bytes = page_bytes, .total = total };
  g_array_append_val (host->pages, pages);
}

/* A cell's smallest size is ordinary memory. libvirt counts sizes in KiB. */
static void
read_cell (VfHost *host, const xmlNode *cell)
{
  g_autofree char *id = vf_xml_attribute (cell, "id");
  guint64 number = 0;
  if (id != NULL && g_ascii_string_to_unsigned (id, 10, 0, VF_CPU_SET_MAX - 1, &number, NULL))
    vf_cpu_set_add (&host->nodes, (guint)number);
  const xmlNode *first = vf_xml_first (cell, "pages");
  for (const xmlNode *pages = first == NULL ? NULL : vf_xml_next (first); pages != NULL; pages = vf_xml_next (pages)) {
    guint64 bytes;
    if (!__builtin_mul_overflow (number_of (vf_xml_attribute (pages, "size")), 1024, &bytes) && bytes > 0)
      add_pages (host, bytes, number_of (vf_xml_text (pages)));
  }
}

bool
vf_host_read_capabilities (VfHost *host, const char *xml, GError **error)
{
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "capabilities", error);
  if (document == NULL)
    return false;
  const xmlNode *root = xmlDocGetRootElement (document);
  const xmlNode *self = vf_xml_first (root, "host");
  const xmlNode *cpu = vf_xml_first (self, "cpu");
  host->cpu = describe_cpu (cpu);
  host->cpu_model = vf_xml_text (vf_xml_first (cpu, "model"));
  const xmlNode *cells = vf_xml_first (vf_xml_first (self, "topology"), "cells");
  for (const xmlNode *cell = vf_xml_first (cells, "cell"); cell != NULL; cell = vf_xml_next (cell))
    read_cell (host, cell);
  for (const xmlNode *guest = vf_xml_first (root, "guest"); guest != NULL; guest = vf_xml_next (guest))
    read_guest (host, guest);
  return true;
}

bool
vf_host_read_domain_capabilities (VfHost *host, const char *xml, GError **error)
{
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "domainCapabilities", error);
  if (document == NULL)
    return false;
  const xmlNode *vcpu = vf_xml_first (xmlDocGetRootElement (document), "vcpu");
  guint64 most = number_of (vf_xml_attribute (vcpu, "max"));
  host->vcpus_max = (guint)MIN (most, G_MAXUINT);
  return true;
}

bool
vf_host_read_network (VfHostNetwork *network, const char *xml, GError **error)
{
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "network", error);
  if (document == NULL)
    return false;
  const xmlNode *root = xmlDocGetRootElement (document);
  const xmlNode *forward = vf_xml_first (root, "forward");
  network->bridge = vf_xml_attribute (vf_xml_first (root, "bridge"), "name");
  network->forward = vf_xml_attribute (forward, "mode");
  if (forward != NULL && network->forward == NULL)
    network->forward = g_strdup ("nat"); /* libvirt's default */
  return true;
}

bool
vf_host_read_pool (VfHostPool *pool, const char *xml, GError **error)
{
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "pool", error);
  if (document == NULL)
    return false;
  pool->path = vf_xml_text (vf_xml_first (vf_xml_first (xmlDocGetRootElement (document), "target"), "path"));
  return true;
}
