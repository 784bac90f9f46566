/* What a guest asks of its host. */
#include "xml/devices.h"
#include "xml/secret_names.h"
#include "xml_data.h"

static VfDevices *
parse (const char *xml)
{
  g_autoptr (GError) error = NULL;
  VfDevices *devices = vf_devices_parse (xml, &error);
  g_assert_no_error (error);
  return devices;
}

static VfDevices *
wanting (void)
{
  g_autofree char *xml = data_text ("wanting.xml");
  return parse (xml);
}

static void
the_machine_and_its_processor_are_read (void)
{
  g_autoptr (VfDevices) devices = wanting ();
  g_assert_cmpstr (devices->name, ==, "wanting");
  g_assert_cmpstr (devices->type, ==, "kvm");
  g_assert_cmpstr (devices->arch, ==, "x86_64");
  g_assert_cmpstr (devices->machine, ==, "pc-q35-7.2");
  g_assert_cmpstr (devices->emulator, ==, "/usr/bin/qemu-system-x86_64");
  g_assert_cmpstr (devices->cpu_mode, ==, "custom");
  g_assert_true (g_str_has_prefix (devices->cpu, "<cpu mode=\"custom\"") && g_str_has_suffix (devices->cpu, "</cpu>"));
  g_assert_cmpuint (devices->threads, ==, 2);
  g_assert_cmpuint (devices->vcpus, ==, 4);
  g_assert_cmpuint (devices->memory_bytes, ==, (guint64)2 << 30);
}

static void
hugepages_are_read_with_their_sizes (void)
{
  g_autoptr (VfDevices) devices = wanting ();
  g_assert_true (devices->has_hugepages);
  g_assert_cmpuint (devices->hugepage_bytes->len, ==, 2);
  g_assert_cmpuint (g_array_index (devices->hugepage_bytes, guint64, 0), ==, 2 << 20);
  g_assert_cmpuint (g_array_index (devices->hugepage_bytes, guint64, 1), ==, 1 << 30);
  g_autoptr (VfDevices) plain = parse ("<domain><name>a</name><memoryBacking><hugepages/></memoryBacking></domain>");
  g_assert_true (plain->has_hugepages);
  g_assert_cmpuint (g_array_index (plain->hugepage_bytes, guint64, 0), ==, 0);
}

static void
assert_bindings (const GPtrArray *bindings, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < bindings->len; i++) {
    const VfXmlBinding *binding = bindings->pdata[i];
    g_autofree char *set = vf_cpu_set_print (&binding->set);
    g_string_append_printf (text, "%s=%s;", binding->what, set);
  }
  g_assert_cmpstr (text->str, ==, expected);
}

static void
everything_that_is_bound_is_read (void)
{
  g_autoptr (VfDevices) devices = wanting ();
  assert_bindings (devices->pins, "every vcpu=0-1,3;vcpu 0=63;vcpu 1=1;emulator=62-63;iothread 1=5;");
  assert_bindings (devices->nodes, "memory=1;memory of guest node 0=3;"); /* a preference may go unheard */
}

static void
cards_are_read_with_what_they_are_connected_to (void)
{
  g_autoptr (VfDevices) devices = wanting ();
  g_assert_cmpuint (devices->nics->len, ==, 5);
  const VfXmlNic *bridge = devices->nics->pdata[0];
  const VfXmlNic *network = devices->nics->pdata[1];
  const VfXmlNic *direct = devices->nics->pdata[2];
  const VfXmlNic *vhost_user = devices->nics->pdata[3];
  const VfXmlNic *hostdev = devices->nics->pdata[4];
  g_assert_cmpstr (bridge->name, ==, "52:54:00:00:00:01");
  g_assert_cmpstr (bridge->bridge, ==, "br0");
  g_assert_cmpstr (bridge->virtualport, ==, "openvswitch");
  g_assert_cmpstr (bridge->driver, ==, "vhost");
  g_assert_cmpstr (network->network, ==, "lan");
  g_assert_cmpstr (network->teaming, ==, "persistent");
  g_assert_cmpstr (direct->device, ==, "eth1");
  g_assert_cmpstr (direct->mode, ==, "vepa");
  g_assert_cmpstr (vhost_user->socket, ==, "/run/vswitch/p0");
  g_assert_cmpstr (vhost_user->mode, ==, "client");
  g_assert_cmpstr (hostdev->name, ==, "interface 5");
  g_assert_cmpstr (hostdev->teaming, ==, "transient");
}

static void
devices_of_the_host_are_named (void)
{
  static const char *const expected[] = { "PCI device 0000:06:12.5", "mediated device c2177883-f1bb-47f0-914d-32a22e3a8804",
                                          "TPM /dev/tpm0", "input device /dev/input/event1", "serial /dev/ttyS1" };
  g_autoptr (VfDevices) devices = wanting ();
  g_assert_cmpuint (devices->host_devices->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < devices->host_devices->len; i++) {
    const VfXmlHostDevice *device = devices->host_devices->pdata[i];
    g_autofree char *text = g_strdup_printf ("%s %s", device->what, device->name);
    g_assert_cmpstr (text, ==, expected[i]);
  }
  g_assert_cmpuint (devices->filesystems->len, ==, 1);
  g_assert_cmpstr (devices->filesystems->pdata[0], ==, "share");
}

static void
what_must_be_there_is_listed_once (void)
{
  static const char *const expected[] = {
    "boot-file kernel /boot/vmlinuz-guest",
    "boot-file initrd /boot/initrd-guest",
    "boot-file dtb /boot/guest.dtb",
    "boot-file loader /usr/share/OVMF/OVMF_CODE_4M.fd",
    "boot-file nvram template /usr/share/OVMF/OVMF_VARS_4M.fd",
    "directory serial /var/log/guests",
    "directory serial log /var/log/hub",
    "socket serial /run/hub.sock",
    "ip-address graphics 192.0.2.7",
    "device random numbers hwrng",
    "device vsock vhost-vsock",
    "boot-file option ROM /usr/share/ipxe/virtio.rom",
  };
  g_autoptr (VfDevices) devices = wanting ();
  for (guint i = 0; i < MIN (devices->needs->len, G_N_ELEMENTS (expected)); i++) {
    const VfXmlNeed *need = devices->needs->pdata[i];
    g_autofree char *text = g_strdup_printf ("%s %s %s", vf_look_kind_name (need->kind), need->what, need->name);
    g_assert_cmpstr (text, ==, expected[i]);
  }
  g_assert_cmpuint (devices->needs->len, ==, G_N_ELEMENTS (expected));
}

static void
secrets_are_found_in_every_layer (void)
{
  static const char tpm[] = "<domain><devices><tpm><backend type='emulator'><encryption secret='of-tpm'/></backend></tpm>"
                            "<tpm><backend><encryption secret='ceph a'/></backend></tpm></devices></domain>";
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *xml = data_text ("wanting.xml");
  g_assert_true (vf_secret_names_add (names, xml, "domain", NULL));
  g_assert_true (vf_secret_names_add (names, tpm, "domain", NULL));
  g_assert_false (vf_secret_names_add (names, tpm, "domainsnapshot", NULL));
  g_assert_cmpuint (names->len, ==, 3);
  g_assert_cmpstr (names->pdata[0], ==, "ceph a");
  g_assert_cmpstr (names->pdata[1], ==, "0a81f5b2-8403-7b23-c8d6-21ccc2f80d6f");
  g_assert_cmpstr (names->pdata[2], ==, "of-tpm");
}

static void
a_plain_guest_asks_for_nothing (void)
{
  g_autoptr (VfDevices) devices = parse ("<domain type='qemu'><name>a</name><vcpu placement='auto'>2</vcpu></domain>");
  g_assert_cmpuint (devices->pins->len + devices->nodes->len + devices->nics->len + devices->host_devices->len, ==, 0);
  g_assert_cmpuint (devices->needs->len + devices->filesystems->len, ==, 0);
  g_assert_false (devices->has_hugepages);
  g_assert_null (devices->cpu_mode);
  g_assert_cmpuint (devices->vcpus, ==, 2);
  g_assert_cmpuint (devices->threads, ==, 1);
}

static void
sets_and_sizes_that_are_none_are_refused (void)
{
  static const char *const parts[][2] = {
    { "<vcpu cpuset='x'>1</vcpu>", "cannot read <vcpu>" },
    { "<cputune><vcpupin vcpu='0' cpuset='0-99999999'/></cputune>", "cannot read <vcpupin>" },
    { "<numatune><memory nodeset='-'/></numatune>", "cannot read <memory>" },
    { "<memoryBacking><hugepages><page size='0'/></hugepages></memoryBacking>", "cannot read <page>" },
    { "<memoryBacking><hugepages><page/></hugepages></memoryBacking>", "cannot read <page>" },
    { "<memory unit='parsec'>1</memory>", "cannot read <memory>" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++) {
    g_autofree char *xml = g_strdup_printf ("<domain><name>a</name>%s</domain>", parts[i][0]);
    g_autoptr (GError) error = NULL;
    assert_refused (vf_devices_parse (xml, &error), &error, VF_ERROR_CORRUPT, parts[i][1]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/xml/devices/the machine and its processor are read", the_machine_and_its_processor_are_read);
  g_test_add_func ("/xml/devices/hugepages are read with their sizes", hugepages_are_read_with_their_sizes);
  g_test_add_func ("/xml/devices/everything that is bound is read", everything_that_is_bound_is_read);
  g_test_add_func ("/xml/devices/cards are read with what they are connected to",
                   cards_are_read_with_what_they_are_connected_to);
  g_test_add_func ("/xml/devices/devices of the host are named", devices_of_the_host_are_named);
  g_test_add_func ("/xml/devices/what must be there is listed once", what_must_be_there_is_listed_once);
  g_test_add_func ("/xml/devices/secrets are found in every layer", secrets_are_found_in_every_layer);
  g_test_add_func ("/xml/devices/a plain guest asks for nothing", a_plain_guest_asks_for_nothing);
  g_test_add_func ("/xml/devices/sets and sizes that are none are refused", sets_and_sizes_that_are_none_are_refused);
  return g_test_run ();
}
