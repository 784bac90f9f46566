#include "xml/device_nodes.h"

#include "xml/domain_node.h"

#include <string.h>

static void
binding_free (VfXmlBinding *binding)
{
  g_free (binding->what);
  g_free (binding);
}

static GPtrArray *
list_of (GDestroyNotify free_function)
{
  return g_ptr_array_new_with_free_func (free_function);
}

static VfDevices *
devices_new (void)
{
  VfDevices *devices = g_new0 (VfDevices, 1);
  devices->hugepage_bytes = g_array_new (FALSE, FALSE, sizeof (guint64));
  devices->pins = list_of ((GDestroyNotify)binding_free);
  devices->nodes = list_of ((GDestroyNotify)binding_free);
  devices->nics = list_of ((GDestroyNotify)vf_xml_nic_free);
  devices->host_devices = list_of ((GDestroyNotify)vf_xml_host_device_free);
  devices->filesystems = list_of (g_free);
  devices->needs = list_of ((GDestroyNotify)vf_xml_need_free);
  return devices;
}

void
vf_devices_free (VfDevices *devices)
{
  g_free (devices->name);
  g_free (devices->type);
  g_free (devices->arch);
  g_free (devices->machine);
  g_free (devices->emulator);
  g_free (devices->cpu_mode);
  g_free (devices->cpu);
  g_array_unref (devices->hugepage_bytes);
  g_ptr_array_unref (devices->pins);
  g_ptr_array_unref (devices->nodes);
  g_ptr_array_unref (devices->nics);
  g_ptr_array_unref (devices->host_devices);
  g_ptr_array_unref (devices->filesystems);
  g_ptr_array_unref (devices->needs);
  g_free (devices);
}

/* ---- what is bound to CPUs and nodes ---- */

/* An absent set binds nothing. Takes `what`. */
static bool
add_binding (GPtrArray *bindings, char *what, const xmlNode *element, const char *attribute, GError **error)
{
  g_autofree char *owned = what;
  g_autofree char *text = vf_xml_attribute (element, attribute);
  if (text == NULL)
    return true;
  g_autofree VfXmlBinding *binding = g_new0 (VfXmlBinding, 1);
  if (!vf_cpu_set_parse (text, &binding->set, error)) {
    g_prefix_error (error, "cannot read <%s>: ", (const char *)element->name);
    return false;
  }
  binding->what = g_steal_pointer (&owned);
  g_ptr_array_add (bindings, g_steal_pointer (&binding));
  return true;
}

static bool
add_pins (GPtrArray *pins, const xmlNode *cputune, const char *element, const char *number, const char *what, GError **error)
{
  for (const xmlNode *pin = vf_xml_first (cputune, element); pin != NULL; pin = vf_xml_next (pin)) {
    g_autofree char *which = number == NULL ? NULL : vf_xml_attribute (pin, number);
    if (!add_binding (pins, which == NULL ? g_strdup (what) : g_strdup_printf ("%s %s", what, which), pin, "cpuset", error))
      return false;
  }
  return true;
}

static bool
read_pins (const xmlNode *domain, VfDevices *devices, GError **error)
{
  const xmlNode *cputune = vf_xml_first (domain, "cputune");
  const xmlNode *vcpu = vf_xml_first (domain, "vcpu");
  return add_binding (devices->pins, g_strdup ("every vcpu"), vcpu, "cpuset", error) &&
         add_pins (devices->pins, cputune, "vcpupin", "vcpu", "vcpu", error) &&
         add_pins (devices->pins, cputune, "emulatorpin", NULL, "emulator", error) &&
         add_pins (devices->pins, cputune, "iothreadpin", "iothread", "iothread", error);
}

/* Without a mode libvirt means strict; a preference may go unheard. */
static bool
is_strict (const xmlNode *binding)
{
  g_autofree char *mode = vf_xml_attribute (binding, "mode");
  return mode == NULL || strcmp (mode, "strict") == 0 || strcmp (mode, "restrictive") == 0;
}

static bool
read_nodes (const xmlNode *domain, VfDevices *devices, GError **error)
{
  const xmlNode *numatune = vf_xml_first (domain, "numatune");
  const xmlNode *memory = vf_xml_first (numatune, "memory");
  if (memory != NULL && is_strict (memory) && !add_binding (devices->nodes, g_strdup ("memory"), memory, "nodeset", error))
    return false;
  for (const xmlNode *node = vf_xml_first (numatune, "memnode"); node != NULL; node = vf_xml_next (node)) {
    g_autofree char *cell = vf_xml_attribute (node, "cellid");
    if (is_strict (node) &&
        !add_binding (devices->nodes, g_strdup_printf ("memory of guest node %s", cell != NULL ? cell : "?"), node, "nodeset",
                      error))
      return false;
  }
  return true;
}

/* ---- memory ---- */

static bool
read_page_size (const xmlNode *page, guint64 *bytes, GError **error)
{
  guint64 number, factor;
  g_autofree char *text = vf_xml_attribute (page, "size");
  g_autofree char *unit = vf_xml_attribute (page, "unit");
  if (text == NULL || !vf_xml_unit_factor (unit != NULL ? unit : "KiB", &factor) ||
      !g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT64, &number, NULL) || __builtin_mul_overflow (number, factor, bytes))
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read <page>: '%s' is not an amount of memory", text);
  return true;
}

static bool
read_hugepages (const xmlNode *domain, VfDevices *devices, GError **error)
{
  const xmlNode *hugepages = vf_xml_first (vf_xml_first (domain, "memoryBacking"), "hugepages");
  devices->has_hugepages = hugepages != NULL;
  for (const xmlNode *page = vf_xml_first (hugepages, "page"); page != NULL; page = vf_xml_next (page)) {
    guint64 bytes;
    if (!read_page_size (page, &bytes, error))
      return false;
    g_array_append_val (devices->hugepage_bytes, bytes);
  }
  if (hugepages != NULL && devices->hugepage_bytes->len == 0) {
    const guint64 the_default = 0;
    g_array_append_val (devices->hugepage_bytes, the_default);
  }
  return true;
}

/* ---- the processor ---- */

static guint
number_or (char *text, guint otherwise)
{
  g_autofree char *owned = text;
  guint64 number;
  if (owned == NULL || !g_ascii_string_to_unsigned (g_strstrip (owned), 10, 1, G_MAXUINT, &number, NULL))
    return otherwise;
  return (guint)number;
}

static char *
print_element (const xmlNode *element)
{
  xmlBufferPtr buffer = xmlBufferCreate ();
  char *text = NULL;
  if (xmlNodeDump (buffer, element->doc, (xmlNode *)element, 0, 0) >= 0)
    text = g_strdup ((const char *)xmlBufferContent (buffer));
  xmlBufferFree (buffer);
  return text;
}

static void
read_processor (const xmlNode *domain, VfDevices *devices)
{
  const xmlNode *cpu = vf_xml_first (domain, "cpu");
  devices->vcpus = number_or (vf_xml_text (vf_xml_first (domain, "vcpu")), 1);
  devices->threads = number_or (vf_xml_attribute (vf_xml_first (cpu, "topology"), "threads"), 1);
  if (cpu == NULL)
    return;
  devices->cpu = print_element (cpu);
  devices->cpu_mode = vf_xml_attribute (cpu, "mode");
  if (devices->cpu_mode == NULL && vf_xml_first (cpu, "model") != NULL)
    devices->cpu_mode = g_strdup ("custom"); /* libvirt's default where a model is named */
}

VfDevices *
vf_devices_parse (const char *xml, GError **error)
{
  g_autoptr (xmlDoc) document = vf_xml_read (xml, "domain", error);
  if (document == NULL)
    return NULL;
  const xmlNode *domain = xmlDocGetRootElement (document);
  const xmlNode *os_type = vf_xml_first (vf_xml_first (domain, "os"), "type");
  g_autoptr (VfDevices) devices = devices_new ();
  devices->name = vf_xml_text (vf_xml_first (domain, "name"));
  devices->type = vf_xml_attribute (domain, "type");
  devices->arch = vf_xml_attribute (os_type, "arch");
  devices->machine = vf_xml_attribute (os_type, "machine");
  devices->emulator = vf_xml_text (vf_xml_first (vf_xml_first (domain, "devices"), "emulator"));
  read_processor (domain, devices);
  if (!vf_xml_read_memory (vf_xml_first (domain, "memory"), &devices->memory_bytes, error) ||
      !read_hugepages (domain, devices, error) || !read_pins (domain, devices, error) || !read_nodes (domain, devices, error))
    return NULL;
  vf_devices_read_nodes (domain, devices);
  return g_steal_pointer (&devices);
}
