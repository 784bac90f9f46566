/* The devices of a guest, as far as the host must have something for them. */
#include "xml/device_nodes.h"

#include "base/names.h"

#include <string.h>

void
vf_xml_nic_free (VfXmlNic *nic)
{
  g_free (nic->type);
  g_free (nic->name);
  g_free (nic->bridge);
  g_free (nic->network);
  g_free (nic->device);
  g_free (nic->mode);
  g_free (nic->socket);
  g_free (nic->model);
  g_free (nic->driver);
  g_free (nic->teaming);
  g_free (nic->virtualport);
  g_free (nic);
}

void
vf_xml_need_free (VfXmlNeed *need)
{
  g_free (need->what);
  g_free (need->name);
  g_free (need->path);
  g_free (need);
}

void
vf_xml_host_device_free (VfXmlHostDevice *device)
{
  g_free (device->what);
  g_free (device->name);
  g_free (device);
}

/* Takes `path`; nothing is added for NULL. */
static void
add_need (VfDevices *devices, VfLookKind kind, const char *what, const char *name, char *path)
{
  if (path == NULL)
    return;
  for (guint i = 0; i < devices->needs->len; i++) {
    const VfXmlNeed *known = devices->needs->pdata[i];
    if (known->kind == kind && strcmp (known->path, path) == 0) { /* a console is a serial port once more */
      g_free (path);
      return;
    }
  }
  VfXmlNeed *need = g_new0 (VfXmlNeed, 1);
  need->what = g_strdup (what);
  need->kind = kind;
  need->name = g_strdup (name != NULL ? name : path);
  need->path = path;
  g_ptr_array_add (devices->needs, need);
}

/* Both are taken. */
static void
add_host_device (VfDevices *devices, const char *what, char *name)
{
  VfXmlHostDevice *device = g_new0 (VfXmlHostDevice, 1);
  device->what = g_strdup (what);
  device->name = name != NULL ? name : g_strdup ("?");
  g_ptr_array_add (devices->host_devices, device);
}

/* The directory of a file that QEMU or libvirt makes. libvirt makes its own below /var/lib/libvirt/qemu and /run/libvirt. */
static void
add_directory_need (VfDevices *devices, const char *what, char *path)
{
  static const char *const made_by_libvirt[] = { "/var/lib/libvirt/qemu/channel", "/run/libvirt", "/var/run/libvirt", NULL };
  g_autofree char *normal = path == NULL ? NULL : vf_path_normal (path);
  for (const char *const *place = made_by_libvirt; normal != NULL && *place != NULL; place++)
    if (vf_path_is_below (normal, *place))
      g_clear_pointer (&normal, g_free);
  if (normal == NULL) {
    g_free (path);
    return;
  }
  g_autofree char *directory = vf_path_directory (normal);
  add_need (devices, VF_LOOK_DIRECTORY, what, directory, path);
}

/* ---- <os> ---- */

static void
read_boot (const xmlNode *domain, VfDevices *devices)
{
  static const char *const files[] = { "kernel", "initrd", "dtb", "loader", "shim" };
  const xmlNode *os = vf_xml_first (domain, "os");
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    add_need (devices, VF_LOOK_BOOT_FILE, files[i], NULL, vf_xml_text (vf_xml_first (os, files[i])));
  add_need (devices, VF_LOOK_BOOT_FILE, "nvram template", NULL, vf_xml_attribute (vf_xml_first (os, "nvram"), "template"));
}

/* ---- <interface> ---- */

static VfXmlNic *
read_nic (const xmlNode *interface, guint number)
{
  const xmlNode *source = vf_xml_first (interface, "source");
  VfXmlNic *nic = g_new0 (VfXmlNic, 1);
  nic->type = vf_xml_attribute (interface, "type");
  nic->name = vf_xml_attribute (vf_xml_first (interface, "mac"), "address");
  nic->bridge = vf_xml_attribute (source, "bridge");
  nic->network = vf_xml_attribute (source, "network");
  nic->device = vf_xml_attribute (source, "dev");
  nic->mode = vf_xml_attribute (source, "mode");
  nic->socket = vf_xml_attribute (source, "path");
  nic->model = vf_xml_attribute (vf_xml_first (interface, "model"), "type");
  nic->driver = vf_xml_attribute (vf_xml_first (interface, "driver"), "name");
  nic->teaming = vf_xml_attribute (vf_xml_first (interface, "teaming"), "type");
  nic->virtualport = vf_xml_attribute (vf_xml_first (interface, "virtualport"), "type");
  if (nic->type == NULL)
    nic->type = g_strdup ("user");
  if (nic->name == NULL)
    nic->name = g_strdup_printf ("interface %u", number);
  return nic;
}

static void
read_nics (const xmlNode *all, VfDevices *devices)
{
  for (const xmlNode *node = vf_xml_first (all, "interface"); node != NULL; node = vf_xml_next (node))
    g_ptr_array_add (devices->nics, read_nic (node, devices->nics->len + 1));
}

/* ---- devices of the host ---- */

static char *
pci_name (const xmlNode *source)
{
  const xmlNode *address = vf_xml_first (source, "address");
  g_autofree char *uuid = vf_xml_attribute (address, "uuid");
  g_autofree char *domain = vf_xml_attribute (address, "domain");
  g_autofree char *bus = vf_xml_attribute (address, "bus");
  g_autofree char *slot = vf_xml_attribute (address, "slot");
  g_autofree char *function = vf_xml_attribute (address, "function");
  if (uuid != NULL)
    return g_steal_pointer (&uuid);
  if (bus == NULL || slot == NULL)
    return NULL;
  const char *parts[] = { domain != NULL ? domain : "0", bus, slot, function != NULL ? function : "0" };
  guint64 numbers[G_N_ELEMENTS (parts)];
  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
    numbers[i] = g_ascii_strtoull (parts[i], NULL, 0) & 0xffff;
  return g_strdup_printf ("%04x:%02x:%02x.%x", (guint)numbers[0], (guint)numbers[1], (guint)numbers[2], (guint)numbers[3]);
}

/* A device that QEMU unplugs before the switch and plugs in again may stand with <teaming>. */
static void
read_host_device (const xmlNode *node, VfDevices *devices)
{
  static const struct {
    const char *type;
    const char *what;
  } kinds[] = { { "pci", "PCI device" },        { "mdev", "mediated device" }, { "usb", "USB device" },
                { "scsi", "SCSI device" },      { "scsi_host", "SCSI host" },  { "storage", "storage device" },
                { "misc", "character device" }, { "net", "network device" } };
  g_autofree char *type = vf_xml_attribute (node, "type");
  const char *what = "device";
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_strcmp0 (kinds[i].type, type) == 0)
      what = kinds[i].what;
  if (vf_xml_attribute_is (vf_xml_first (node, "teaming"), "type", "transient"))
    return;
  add_host_device (devices, what, pci_name (vf_xml_first (node, "source")));
}

static void
read_host_devices (const xmlNode *all, VfDevices *devices)
{
  for (const xmlNode *node = vf_xml_first (all, "hostdev"); node != NULL; node = vf_xml_next (node))
    read_host_device (node, devices);
  for (const xmlNode *tpm = vf_xml_first (all, "tpm"); tpm != NULL; tpm = vf_xml_next (tpm)) {
    const xmlNode *backend = vf_xml_first (tpm, "backend");
    if (vf_xml_attribute_is (backend, "type", "passthrough"))
      add_host_device (devices, "TPM", vf_xml_attribute (vf_xml_first (backend, "device"), "path"));
  }
  for (const xmlNode *input = vf_xml_first (all, "input"); input != NULL; input = vf_xml_next (input)) {
    const xmlNode *source = vf_xml_first (input, "source");
    if (vf_xml_attribute_is (input, "type", "passthrough"))
      add_host_device (devices, "input device", vf_xml_attribute (source, "evdev"));
    else if (vf_xml_attribute_is (input, "type", "evdev"))
      add_host_device (devices, "input device", vf_xml_attribute (source, "dev"));
  }
  for (const xmlNode *shared = vf_xml_first (all, "filesystem"); shared != NULL; shared = vf_xml_next (shared)) {
    char *target = vf_xml_attribute (vf_xml_first (shared, "target"), "dir");
    g_ptr_array_add (devices->filesystems, target != NULL ? target : g_strdup ("?"));
  }
}

/* ---- names that must be there ---- */

static void
read_character_device (const xmlNode *node, const char *kind, VfDevices *devices)
{
  const xmlNode *source = vf_xml_first (node, "source");
  g_autofree char *log = g_strdup_printf ("%s log", kind);
  g_autofree char *type = vf_xml_attribute (node, "type");
  add_directory_need (devices, log, vf_xml_attribute (vf_xml_first (node, "log"), "file"));
  if (g_strcmp0 (type, "unix") == 0 && vf_xml_attribute_is (source, "mode", "connect"))
    add_need (devices, VF_LOOK_SOCKET, kind, NULL, vf_xml_attribute (source, "path"));
  else if (g_strcmp0 (type, "unix") == 0 || g_strcmp0 (type, "file") == 0)
    add_directory_need (devices, kind, vf_xml_attribute (source, "path"));
  else if (g_strcmp0 (type, "dev") == 0)
    add_host_device (devices, kind, vf_xml_attribute (source, "path"));
}

static void
read_listen (const xmlNode *listen, VfDevices *devices)
{
  g_autofree char *address = vf_xml_attribute (listen, "address");
  if (address != NULL && strcmp (address, "0.0.0.0") != 0 && strcmp (address, "::") != 0)
    add_need (devices, VF_LOOK_IP_ADDRESS, "graphics", NULL, g_steal_pointer (&address));
  add_directory_need (devices, "graphics", vf_xml_attribute (listen, "socket"));
}

static void
read_needs (const xmlNode *all, VfDevices *devices)
{
  static const char *const characters[] = { "serial", "parallel", "console", "channel" };
  for (gsize i = 0; i < G_N_ELEMENTS (characters); i++)
    for (const xmlNode *node = vf_xml_first (all, characters[i]); node != NULL; node = vf_xml_next (node))
      read_character_device (node, characters[i], devices);
  for (const xmlNode *graphics = vf_xml_first (all, "graphics"); graphics != NULL; graphics = vf_xml_next (graphics))
    for (const xmlNode *listen = vf_xml_first (graphics, "listen"); listen != NULL; listen = vf_xml_next (listen))
      read_listen (listen, devices);
  for (const xmlNode *rng = vf_xml_first (all, "rng"); rng != NULL; rng = vf_xml_next (rng)) {
    const xmlNode *backend = vf_xml_first (rng, "backend");
    char *path = vf_xml_attribute_is (backend, "model", "random") ? vf_xml_text (backend) : NULL;
    g_autofree char *name = path != NULL && g_str_has_prefix (path, "/dev/") ? g_strdup (path + strlen ("/dev/")) : NULL;
    add_need (devices, VF_LOOK_DEVICE, "random numbers", name, path);
  }
  if (vf_xml_first (all, "vsock") != NULL)
    add_need (devices, VF_LOOK_DEVICE, "vsock", "vhost-vsock", g_strdup ("/dev/vhost-vsock"));
}

/* <rom> may stand in several kinds of devices. Depth is bounded by the parser's 256. */
static void
read_anywhere (const xmlNode *parent, VfDevices *devices)
{
  for (const xmlNode *rom = vf_xml_first (parent, "rom"); rom != NULL; rom = vf_xml_next (rom))
    add_need (devices, VF_LOOK_BOOT_FILE, "option ROM", NULL, vf_xml_attribute (rom, "file"));
  for (const xmlNode *node = parent == NULL ? NULL : parent->children; node != NULL; node = node->next)
    if (node->type == XML_ELEMENT_NODE)
      read_anywhere (node, devices);
}

void
vf_devices_read_nodes (const xmlNode *domain, VfDevices *devices)
{
  const xmlNode *all = vf_xml_first (domain, "devices");
  read_boot (domain, devices);
  read_nics (all, devices);
  read_host_devices (all, devices);
  read_needs (all, devices);
  read_anywhere (all, devices);
}
