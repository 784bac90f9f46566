/* What libvirt says of a host. */
#include "xml/host.h"
#include "xml_data.h"

static VfHost *
capable (void)
{
  VfHost *host = vf_host_new ();
  g_autofree char *xml = data_text ("capabilities.xml");
  g_autoptr (GError) error = NULL;
  vf_host_read_capabilities (host, xml, &error);
  g_assert_no_error (error);
  return host;
}

static bool
lists (const GPtrArray *words, const char *word)
{
  return g_ptr_array_find_with_equal_func ((GPtrArray *)words, word, g_str_equal, NULL);
}

static void
guests_are_listed_with_types_and_machines (void)
{
  g_autoptr (VfHost) host = capable ();
  g_assert_cmpuint (host->arches->len, ==, 1);
  const VfHostArch *arch = vf_host_arch (host, "x86_64");
  g_assert_cmpstr (arch->emulator, ==, "/usr/bin/qemu-system-x86_64");
  g_assert_true (lists (arch->types, "qemu") && lists (arch->types, "kvm") && arch->types->len == 2);
  g_assert_true (lists (arch->machines, "pc") && lists (arch->machines, "pc-i440fx-7.2"));
  g_assert_true (lists (arch->machines, "pc-q35-7.2") && lists (arch->machines, "only-kvm") && arch->machines->len == 4);
  g_assert_null (vf_host_arch (host, "i686"));
}

static void
a_processor_is_its_vendor_model_and_features (void)
{
  g_autoptr (VfHost) host = capable ();
  g_assert_cmpstr (host->cpu, ==, "Intel Skylake-Client-IBRS\nds\nvmx");
  g_assert_cmpstr (host->cpu_model, ==, "Skylake-Client-IBRS");
}

static void
nodes_and_hugepages_are_added_up (void)
{
  g_autoptr (VfHost) host = capable ();
  g_autofree char *nodes = vf_cpu_set_print (&host->nodes);
  g_assert_cmpstr (nodes, ==, "0,3");
  g_assert_cmpuint (host->pages->len, ==, 2);
  g_assert_cmpuint (vf_host_pages (host, 2 << 20)->total, ==, 128);
  g_assert_cmpuint (vf_host_pages (host, 1 << 30)->total, ==, 0);
  g_assert_null (vf_host_pages (host, 4096));
}

static void
domain_capabilities_bound_the_cpus (void)
{
  g_autoptr (VfHost) host = vf_host_new ();
  g_assert_true (vf_host_read_domain_capabilities (host, "<domainCapabilities><vcpu max='288'/></domainCapabilities>", NULL));
  g_assert_cmpuint (host->vcpus_max, ==, 288);
  g_assert_false (vf_host_read_domain_capabilities (host, "<capabilities/>", NULL));
}

static void
networks_are_told_apart_by_what_they_forward_to (void)
{
  static const char *const cases[][3] = {
    { "<network><name>a</name><bridge name='virbr0'/></network>", "virbr0", NULL },
    { "<network><name>a</name><forward/><bridge name='virbr0'/></network>", "virbr0", "nat" },
    { "<network><name>a</name><forward mode='hostdev'><pf dev='eth0'/></forward></network>", NULL, "hostdev" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (VfHost) host = vf_host_new ();
    VfHostNetwork *network = vf_host_add_network (host, "a", true);
    g_assert_true (vf_host_read_network (network, cases[i][0], NULL));
    g_assert_cmpstr (network->bridge, ==, cases[i][1]);
    g_assert_cmpstr (network->forward, ==, cases[i][2]);
    g_assert_true (vf_host_network (host, "a") == network);
    g_assert_null (vf_host_network (host, "b"));
  }
}

static void
the_agents_answers_are_kept_by_kind_and_name (void)
{
  g_autoptr (VfHost) host = vf_host_new ();
  vf_host_set_look (host, VF_LOOK_SOCKET, "/run/a", (VfLookAnswer){ .looked = true, .there = true });
  g_assert_true (vf_host_looked (host, VF_LOOK_SOCKET, "/run/a").there);
  g_assert_false (vf_host_looked (host, VF_LOOK_DIRECTORY, "/run/a").looked);
  g_assert_false (vf_host_looked (host, VF_LOOK_SOCKET, "/run/b").looked);
}

static void
json_tells_what_is_known_and_leaves_out_the_rest (void)
{
  g_autoptr (VfHost) host = capable ();
  g_autoptr (JsonObject) bare = vf_host_to_json (host);
  g_assert_false (json_object_has_member (bare, "networks") || json_object_has_member (bare, "pools") ||
                  json_object_has_member (bare, "bridges") || json_object_has_member (bare, "cpus_online") ||
                  json_object_has_member (bare, "libvirt"));
  host->libvirt_version = 9000002;
  host->networks_known = host->pools_known = host->cpus_known = true;
  vf_cpu_set_add (&host->cpus_online, 1);
  g_autoptr (JsonObject) full = vf_host_to_json (host);
  g_assert_cmpstr (json_object_get_string_member (full, "libvirt"), ==, "9.0.2");
  g_assert_cmpstr (json_object_get_string_member (full, "cpus_online"), ==, "1");
  g_assert_cmpstr (json_object_get_string_member (full, "numa_nodes"), ==, "0,3");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (full, "hugepages")), ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/xml/host/guests are listed with types and machines", guests_are_listed_with_types_and_machines);
  g_test_add_func ("/xml/host/a processor is its vendor, model and features", a_processor_is_its_vendor_model_and_features);
  g_test_add_func ("/xml/host/nodes and hugepages are added up", nodes_and_hugepages_are_added_up);
  g_test_add_func ("/xml/host/domain capabilities bound the CPUs", domain_capabilities_bound_the_cpus);
  g_test_add_func ("/xml/host/networks are told apart by what they forward to",
                   networks_are_told_apart_by_what_they_forward_to);
  g_test_add_func ("/xml/host/the agent's answers are kept by kind and name", the_agents_answers_are_kept_by_kind_and_name);
  g_test_add_func ("/xml/host/JSON tells what is known and leaves out the rest",
                   json_tells_what_is_known_and_leaves_out_the_rest);
  return g_test_run ();
}
