/* What a guest asks of the destination host and does not find there: one test a code, from facts made by hand. */
#include "trial.h"

/* A sound host: x86_64 with KVM, 8 CPUs of which 6 are online, 4 GiB, two nodes, network "lan". */
static VfHost *
sound_host (void)
{
  VfHost *host = vf_host_new ();
  VfHostArch *arch = vf_host_add_arch (host, "x86_64", "/usr/bin/qemu-system-x86_64");
  g_ptr_array_add (arch->types, g_strdup ("kvm"));
  g_ptr_array_add (arch->types, g_strdup ("qemu"));
  g_ptr_array_add (arch->machines, g_strdup ("pc-q35-7.2"));
  host->cpu = g_strdup ("AMD EPYC\naes\nsvm");
  host->cpu_model = g_strdup ("EPYC");
  host->cpus_known = true;
  g_assert_true (vf_cpu_set_parse ("0-7", &host->cpus_present, NULL));
  g_assert_true (vf_cpu_set_parse ("0-5", &host->cpus_online, NULL));
  g_assert_true (vf_cpu_set_parse ("0-1", &host->nodes, NULL));
  host->memory_bytes = (guint64)4096 * SCENE_MIB;
  host->usable_bytes = (guint64)2048 * SCENE_MIB;
  VfHostPages pages = { .page_bytes = 2 * SCENE_MIB, .total = 100, .free = 32 };
  g_array_append_val (host->pages, pages);
  host->networks_known = true;
  vf_host_add_network (host, "lan", true);
  vf_host_add_network (host, "stopped", false);
  vf_host_add_network (host, "pool", true)->forward = g_strdup ("hostdev");
  host->machine_fit = VF_HOST_FITS;
  host->vcpus_max = 16;
  return host;
}

/* The guest asks for what these parts of its XML say: outside and inside of <devices>. The host has everything that the agent
 * is asked for, unless the test says otherwise. */
static Trial *
asking (const char *outside, const char *inside)
{
  g_autofree char *xml = g_strdup_printf ("<domain type='kvm'><name>shop</name><memory unit='MiB'>64</memory><os><type "
                                          "arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>%s<devices>%s</devices></domain>",
                                          outside, inside);
  g_autoptr (GError) error = NULL;
  Trial *trial = trial_clean ();
  trial->scene->inventory->devices = vf_devices_parse (xml, &error);
  g_assert_no_error (error);
  trial->destination->offers = sound_host ();
  trial->destination->source_offers = sound_host ();
  return trial;
}

static void
say (Trial *trial, VfLookKind kind, const char *name, bool there)
{
  vf_host_set_look (trial->destination->offers, kind, name,
                    (VfLookAnswer){ .looked = true, .there = there, .is_bridge = there });
}

/* Whatever is wanted is there. */
static Trial *
satisfied (Trial *trial)
{
  g_autoptr (GPtrArray) wants = vf_preflight_wants (trial->scene->inventory->devices, trial->scene->request);
  for (guint i = 0; i < wants->len; i++)
    say (trial, ((VfFarWant *)wants->pdata[i])->kind, ((VfFarWant *)wants->pdata[i])->name, true);
  return trial;
}

static void
assert_nothing (Trial *taken)
{
  g_autoptr (Trial) trial = taken;
  trial_run (trial);
  for (guint i = 0; i < trial->findings->len; i++)
    g_error ("'%s': %s", ((VfFinding *)trial->findings->pdata[i])->code, ((VfFinding *)trial->findings->pdata[i])->text);
}

/* ---- machine ---- */

static void
architecture (void)
{
  Trial *trial = asking ("", "");
  g_free (trial->scene->inventory->devices->arch);
  trial->scene->inventory->devices->arch = g_strdup ("riscv64");
  assert_refused_for (trial, "no-architecture", "riscv64", "libvirt at bravo has no emulator for riscv64 guests");
}

static void
domain_type (void)
{
  Trial *trial = asking ("", "");
  g_ptr_array_remove_index (((VfHostArch *)trial->destination->offers->arches->pdata[0])->types, 0);
  trial->destination->offers->machine_fit = VF_HOST_DIFFERS; /* says the same once more */
  assert_refused_for (trial, "no-domain-type", "kvm", "runs no x86_64 guests of type 'kvm'; it has: qemu");
}

static void
machine_type (void)
{
  Trial *trial = asking ("", "");
  g_ptr_array_set_size (((VfHostArch *)trial->destination->offers->arches->pdata[0])->machines, 0);
  trial->destination->offers->machine_fit = VF_HOST_DIFFERS;
  trial->destination->offers->machine_reason = g_strdup ("the machine is not supported");
  assert_refused_for (trial, "no-machine-type", "pc-q35-7.2", "libvirt at bravo says: the machine is not supported");
}

static void
emulator (void)
{
  Trial *trial = asking ("", "<emulator>/opt/qemu</emulator>");
  trial->destination->offers->machine_fit = VF_HOST_DIFFERS;
  trial->destination->offers->machine_reason = g_strdup ("Cannot check QEMU binary /opt/qemu");
  assert_refused_for (trial, "no-emulator", "/opt/qemu", "Cannot check QEMU binary");
}

static void
number_of_vcpus (void)
{
  assert_refused_for (asking ("<vcpu>17</vcpu>", ""), "too-many-vcpus", "pc-q35-7.2", "has 17 CPUs, bravo allows 16");
  assert_nothing (asking ("<vcpu>16</vcpu>", ""));
}

static void
processor (void)
{
  Trial *trial = asking ("<cpu mode='custom'><model>EPYC</model></cpu>", "");
  trial->destination->offers->cpu_fit = VF_HOST_DIFFERS;
  trial->destination->offers->cpu_reason = g_strdup ("required features: avx512");
  assert_refused_for (trial, "cpu-differs", "shop", "required features: avx512");
  trial = asking ("<cpu mode='custom'><model>EPYC</model></cpu>", "");
  trial->destination->offers->cpu_fit = VF_HOST_FITS;
  assert_nothing (trial);
}

static void
processor_passed_through (void)
{
  assert_only (asking ("<cpu mode='host-passthrough'/>", ""), VF_FINDING_NOTE, "host-cpu", "host-passthrough", "alike");
  Trial *other = asking ("<cpu mode='host-passthrough'/>", "");
  g_free (other->destination->offers->cpu);
  other->destination->offers->cpu = g_strdup ("AMD EPYC\nsvm\nzzz");
  assert_only (other, VF_FINDING_WARN, "host-cpu", "host-passthrough", "is another; it lacks aes: the guest may crash");
  Trial *unknown = asking ("<cpu mode='maximum'/>", "");
  g_clear_pointer (&unknown->destination->offers->cpu, g_free);
  assert_only (unknown, VF_FINDING_WARN, "host-cpu", "maximum", "it is not known");
}

/* ---- CPUs and nodes ---- */

static void
pins_to_what_is_there (void)
{
  assert_nothing (
      asking ("<vcpu cpuset='0-5'>2</vcpu><cputune><vcpupin vcpu='0' cpuset='1'/><emulatorpin cpuset='5'/></cputune>", ""));
}

static void
pins_to_absent_cpus (void)
{
  assert_refused_for (asking ("<cputune><vcpupin vcpu='0' cpuset='63'/><vcpupin vcpu='1' cpuset='1'/><emulatorpin "
                              "cpuset='5,62-63'/><iothreadpin iothread='1' cpuset='8'/></cputune>",
                              ""),
                      "pinned-to-absent-cpu", "shop", "(vcpu 0: 63; emulator: 62-63; iothread 1: 8); it has 0-7");
}

static void
pins_to_offline_cpus (void)
{
  g_autoptr (Trial) trial = asking ("<vcpu cpuset='5-7'>1</vcpu>", "");
  trial_run (trial);
  g_assert_cmpuint (trial->findings->len, ==, 1);
  const VfFinding *finding = trial->findings->pdata[0];
  g_assert_cmpstr (finding->code, ==, "pinned-to-offline-cpu");
  assert_says (finding->text, "(every vcpu: 6-7)");
  assert_says (finding->hint, "chcpu -e 6-7");
}

static void
nodes (void)
{
  assert_refused_for (asking ("<numatune><memory mode='strict' nodeset='1-2'/></numatune>", ""), "no-numa-node", "shop",
                      "(memory: 2); it has 0-1");
  assert_nothing (asking ("<numatune><memory mode='preferred' nodeset='2'/></numatune>", ""));
}

/* ---- memory ---- */

static void
memory (void)
{
  Trial *too_much = asking ("", "");
  too_much->scene->inventory->devices->memory_bytes = (guint64)4097 * SCENE_MIB;
  assert_refused_for (too_much, "no-memory", "shop", "has 4.0 GiB of memory, all of bravo has 4.0 GiB");
  Trial *tight = asking ("", "");
  tight->scene->inventory->devices->memory_bytes = (guint64)2049 * SCENE_MIB;
  assert_only (tight, VF_FINDING_WARN, "little-memory", "shop", "bravo has 2.0 GiB free now");
  Trial *unknown = asking ("", "");
  unknown->destination->offers->memory_bytes = unknown->destination->offers->usable_bytes = 0;
  assert_nothing (unknown);
}

#define PAGES(size, unit) "<memoryBacking><hugepages><page size='" size "' unit='" unit "'/></hugepages></memoryBacking>"

static void
hugepages (void)
{
  assert_nothing (asking (PAGES ("2", "MiB"), "")); /* 32 pages of 2 MiB are just enough */
  Trial *few = asking (PAGES ("2", "MiB"), "");
  g_array_index (few->destination->offers->pages, VfHostPages, 0).free = 31;
  assert_refused_for (few, "no-hugepages", "2.0 MiB", "bravo has 31 of these free (of 100)");
  assert_refused_for (asking (PAGES ("1", "GiB"), ""), "no-hugepages", "1.0 GiB", "has none of that size");
  Trial *any = asking ("<memoryBacking><hugepages/></memoryBacking>", "");
  g_array_index (any->destination->offers->pages, VfHostPages, 0).free = 31;
  assert_refused_for (any, "no-hugepages", "shop", "too few of them free");
  assert_nothing (asking ("<memoryBacking><hugepages/></memoryBacking>", ""));
}

/* ---- network ---- */

#define MAC "<mac address='52:54:00:00:00:01'/>"
#define ON_BRIDGE "<interface type='bridge'>" MAC "<source bridge='br0'/></interface>"

static void
bridge (void)
{
  assert_nothing (satisfied (asking ("", ON_BRIDGE)));
  assert_nothing (asking ("", ON_BRIDGE)); /* not asked, not guessed */
  Trial *absent = asking ("", ON_BRIDGE);
  say (absent, VF_LOOK_NET_DEVICE, "br0", false);
  assert_refused_for (absent, "no-bridge", "br0", "bravo has no bridge of that name; card 52:54:00:00:00:01 needs it");
  Trial *other = asking ("", ON_BRIDGE);
  vf_host_set_look (other->destination->offers, VF_LOOK_NET_DEVICE, "br0", (VfLookAnswer){ .looked = true, .there = true });
  assert_refused_for (other, "no-bridge", "br0", "that is no bridge");
}

static void
an_open_vswitch_bridge_is_none_to_the_kernel (void)
{
  Trial *trial = asking ("", "<interface type='bridge'><source bridge='br0'/><virtualport type='openvswitch'/></interface>");
  vf_host_set_look (trial->destination->offers, VF_LOOK_NET_DEVICE, "br0", (VfLookAnswer){ .looked = true, .there = true });
  assert_nothing (trial);
}

static void
a_renamed_bridge_is_looked_for_by_its_new_name (void)
{
  Trial *there = asking ("", ON_BRIDGE);
  vf_request_add_net (there->scene->request, "br0=br7", NULL);
  say (there, VF_LOOK_NET_DEVICE, "br7", true);
  say (there, VF_LOOK_NET_DEVICE, "br0", false);
  assert_nothing (there);
  Trial *absent = asking ("", ON_BRIDGE);
  vf_request_add_net (absent->scene->request, "br0=br7", NULL);
  say (absent, VF_LOOK_NET_DEVICE, "br7", false);
  assert_refused_for (absent, "no-bridge", "br7", "no bridge of that name");
}

static void
a_rename_of_nothing_is_told (void)
{
  Trial *trial = satisfied (asking ("", ON_BRIDGE));
  vf_request_add_net (trial->scene->request, "br9=br7", NULL);
  assert_only (trial, VF_FINDING_WARN, "net-unused", "br9", "no card of the running guest");
}

static void
network (void)
{
  assert_nothing (asking ("", "<interface type='network'><source network='lan'/></interface>"));
  assert_refused_for (asking ("", "<interface type='network'><source network='wan'/></interface>"), "no-network", "wan",
                      "libvirt at bravo has no network of that name");
  assert_refused_for (asking ("", "<interface type='network'><source network='stopped'/></interface>"), "network-inactive",
                      "stopped", "not started at bravo");
  Trial *unknown = asking ("", "<interface type='network'><source network='wan'/></interface>");
  unknown->destination->offers->networks_known = false;
  assert_only (unknown, VF_FINDING_WARN, "not-checked", "wan", "does not tell its networks");
}

#define MACVTAP "<interface type='direct'><source dev='eth1' mode='vepa'/></interface>"

static void
macvtap (void)
{
  assert_nothing (satisfied (asking ("", MACVTAP)));
  Trial *absent = asking ("", MACVTAP);
  say (absent, VF_LOOK_NET_DEVICE, "eth1", false);
  assert_refused_for (absent, "no-lower-device", "eth1", "the macvtap of card");
  Trial *taken = asking ("", MACVTAP);
  vf_host_set_look (taken->destination->offers, VF_LOOK_NET_DEVICE, "eth1",
                    (VfLookAnswer){ .looked = true, .there = true, .is_port = true });
  assert_refused_for (taken, "lower-device-taken", "eth1", "part of a bridge or bond");
}

static void
vhost_user (void)
{
  static const char client[] = "<interface type='vhostuser'><source type='unix' path='/run/p0' mode='client'/></interface>";
  static const char server[] = "<interface type='vhostuser'><source type='unix' path='/run/p0' mode='server'/></interface>";
  assert_nothing (satisfied (asking ("", client)));
  Trial *absent = asking ("", client);
  say (absent, VF_LOOK_SOCKET, "/run/p0", false);
  assert_refused_for (absent, "no-socket", "/run/p0", "nothing serves this vhost-user socket at bravo");
  Trial *made = asking ("", server);
  say (made, VF_LOOK_SOCKET, "/run/p0", false);
  assert_nothing (made);
}

static void
vhost_net (void)
{
  static const char chosen[] =
      "<interface type='network'>" MAC "<source network='lan'/><model type='virtio'/><driver name='vhost'/></interface>";
  static const char usual[] = "<interface type='network'>" MAC "<source network='lan'/><model type='virtio'/></interface>";
  static const char emulated[] = "<interface type='network'>" MAC "<source network='lan'/><model type='e1000'/></interface>";
  Trial *refused = asking ("", chosen);
  say (refused, VF_LOOK_DEVICE, "vhost-net", false);
  assert_refused_for (refused, "no-vhost-net", "52:54:00:00:00:01", "driver is 'vhost'");
  Trial *slower = asking ("", usual);
  say (slower, VF_LOOK_DEVICE, "vhost-net", false);
  assert_only (slower, VF_FINDING_NOTE, "no-vhost-net", "52:54:00:00:00:01", "slower");
  Trial *without = asking ("", emulated);
  say (without, VF_LOOK_DEVICE, "vhost-net", false);
  assert_nothing (without);
  assert_nothing (satisfied (asking ("", chosen)));
}

static void
cards_of_the_host (void)
{
  static const char alone[] =
      "<interface type='hostdev'>" MAC "<source><address type='pci' bus='1' slot='1'/></source></interface>";
  static const char paired[] =
      "<interface type='hostdev'>" MAC "<source/><teaming type='transient' persistent='u'/></interface>";
  static const char pooled[] =
      "<interface type='network'>" MAC "<source network='pool'/><teaming type='transient' persistent='u'/></interface>";
  static const char pooled_alone[] = "<interface type='network'>" MAC "<source network='pool'/></interface>";
  assert_refused_for (asking ("", alone), "host-devices", "52:54:00:00:00:01", "cannot be unplugged");
  assert_refused_for (asking ("", pooled_alone), "host-devices", "52:54:00:00:00:01", "cannot be unplugged");
  assert_only (asking ("", paired), VF_FINDING_NOTE, "failover-pair", "52:54:00:00:00:01", "at the same address at bravo");
  assert_only (asking ("", pooled), VF_FINDING_NOTE, "failover-pair", "52:54:00:00:00:01",
               "a free one of network 'pool' at bravo");
  Trial *nowhere = asking ("", pooled);
  vf_request_add_net (nowhere->scene->request, "pool=none", NULL);
  assert_refused_for (nowhere, "no-network", "none", "has no network of that name");
}

/* ---- devices and files ---- */

static void
host_devices_need_no_answer_of_the_destination (void)
{
  Trial *trial = asking ("", "<hostdev type='pci'><source><address bus='6' slot='1'/></source></hostdev>");
  g_clear_pointer (&trial->destination->offers, vf_host_free);
  assert_refused_for (trial, "host-devices", "0000:06:01.0", "PCI device");
}

static void
filesystems (void)
{
  assert_refused_for (asking ("", "<filesystem><source dir='/x'/><target dir='share'/></filesystem>"), "filesystems", "share",
                      "shares a directory of this host");
}

static void
what_is_needed (void)
{
  static const struct {
    const char *outside, *inside;
    VfLookKind kind;
    const char *name, *code, *object;
    VfFindingLevel level;
  } cases[] = {
    { "<os><kernel>/boot/k</kernel></os>", "", VF_LOOK_BOOT_FILE, "/boot/k", "no-boot-file", "/boot/k", VF_FINDING_REFUSE },
    { "<os><nvram template='/usr/share/V'>/v</nvram></os>", "", VF_LOOK_BOOT_FILE, "/usr/share/V", "no-boot-file",
      "/usr/share/V", VF_FINDING_WARN },
    { "", "<serial type='file'><source path='/var/log/g/s.log'/></serial>", VF_LOOK_DIRECTORY, "/var/log/g", "no-directory",
      "/var/log/g/s.log", VF_FINDING_REFUSE },
    { "", "<channel type='unix'><source mode='connect' path='/run/x'/></channel>", VF_LOOK_SOCKET, "/run/x", "no-socket",
      "/run/x", VF_FINDING_REFUSE },
    { "", "<graphics type='vnc'><listen type='address' address='192.0.2.7'/></graphics>", VF_LOOK_IP_ADDRESS, "192.0.2.7",
      "no-listen-address", "192.0.2.7", VF_FINDING_REFUSE },
    { "", "<vsock/>", VF_LOOK_DEVICE, "vhost-vsock", "no-device-node", "/dev/vhost-vsock", VF_FINDING_REFUSE },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    /* the second <os> must not hide the first */
    g_autofree char *outside = g_strdup (cases[i].outside);
    Trial *missing = asking ("", cases[i].inside);
    if (*outside != '\0') {
      g_autofree char *xml = g_strdup_printf ("<domain type='kvm'><name>shop</name>%s</domain>", outside);
      vf_devices_free (missing->scene->inventory->devices);
      missing->scene->inventory->devices = vf_devices_parse (xml, NULL);
    }
    Trial *unasked = asking ("", "");
    GPtrArray *needs = g_ptr_array_ref (missing->scene->inventory->devices->needs);
    g_ptr_array_unref (unasked->scene->inventory->devices->needs);
    unasked->scene->inventory->devices->needs = needs;
    assert_only (unasked, VF_FINDING_NOTE, "not-checked", cases[i].object, "does not look at such places");
    say (missing, cases[i].kind, cases[i].name, false);
    assert_only (missing, cases[i].level, cases[i].code, cases[i].object, "bravo");
  }
  assert_nothing (satisfied (asking ("", "<vsock/><rng><backend model='random'>/dev/hwrng</backend></rng>")));
}

static void
a_destination_that_was_not_reached_adds_no_guesses (void)
{
  Trial *trial = asking ("<vcpu cpuset='63'>99</vcpu><cpu mode='host-passthrough'/>", ON_BRIDGE MACVTAP "<vsock/>");
  g_clear_pointer (&trial->destination->offers, vf_host_free);
  assert_nothing (trial);
}

static void
everything_is_told_at_once (void)
{
  g_autofree char *xml = NULL;
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "xml", "wanting.xml", NULL);
  g_assert_true (g_file_get_contents (path, &xml, NULL, NULL));
  g_autoptr (Trial) trial = asking ("", "");
  vf_devices_free (trial->scene->inventory->devices);
  trial->scene->inventory->devices = vf_devices_parse (xml, NULL);
  g_autoptr (GPtrArray) wants = vf_preflight_wants (trial->scene->inventory->devices, trial->scene->request);
  for (guint i = 0; i < wants->len; i++)
    say (trial, ((VfFarWant *)wants->pdata[i])->kind, ((VfFarWant *)wants->pdata[i])->name, false);
  trial_run (trial);
  g_autoptr (GHashTable) codes = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < trial->findings->len; i++)
    g_hash_table_add (codes, ((VfFinding *)trial->findings->pdata[i])->code);
  static const char *const expected[] = { "pinned-to-absent-cpu", "no-numa-node",     "no-hugepages",  "no-bridge",
                                          "no-lower-device",      "no-socket",        "failover-pair", "no-vhost-net",
                                          "host-devices",         "filesystems",      "no-boot-file",  "no-directory",
                                          "no-device-node",       "no-listen-address" };
  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    if (!g_hash_table_contains (codes, expected[i]))
      g_error ("'%s' was not found", expected[i]);
}

#define ADD(name, function) g_test_add_func ("/preflight/host/" name, function)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("no-architecture", architecture);
  ADD ("no-domain-type", domain_type);
  ADD ("no-machine-type", machine_type);
  ADD ("no-emulator", emulator);
  ADD ("too-many-vcpus", number_of_vcpus);
  ADD ("cpu-differs", processor);
  ADD ("host-cpu", processor_passed_through);
  ADD ("pins to what is there are no finding", pins_to_what_is_there);
  ADD ("pinned-to-absent-cpu", pins_to_absent_cpus);
  ADD ("pinned-to-offline-cpu", pins_to_offline_cpus);
  ADD ("no-numa-node", nodes);
  ADD ("no-memory and little-memory", memory);
  ADD ("no-hugepages", hugepages);
  ADD ("no-bridge", bridge);
  ADD ("an Open vSwitch bridge is none to the kernel", an_open_vswitch_bridge_is_none_to_the_kernel);
  ADD ("a renamed bridge is looked for by its new name", a_renamed_bridge_is_looked_for_by_its_new_name);
  ADD ("net-unused", a_rename_of_nothing_is_told);
  ADD ("no-network and network-inactive", network);
  ADD ("no-lower-device and lower-device-taken", macvtap);
  ADD ("no-socket of vhost-user", vhost_user);
  ADD ("no-vhost-net", vhost_net);
  ADD ("cards of the host, and failover-pair", cards_of_the_host);
  ADD ("host-devices need no answer of the destination", host_devices_need_no_answer_of_the_destination);
  ADD ("filesystems", filesystems);
  ADD ("files, directories, sockets, devices and addresses", what_is_needed);
  ADD ("a destination that was not reached adds no guesses", a_destination_that_was_not_reached_adds_no_guesses);
  ADD ("everything is told at once", everything_is_told_at_once);
  return g_test_run ();
}
