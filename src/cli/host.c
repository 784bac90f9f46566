/* host: what a host offers to guests. */
#include "base/json.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/source_options.h"
#include "move/offers.h"
#include "plan/cpu_map.h"

#include <stdio.h>

static gboolean option_json;
static char *option_rsh;
static char *option_agent_path;

static const GOptionEntry entries[] = {
  { "rsh", 'e', 0, G_OPTION_ARG_STRING, &option_rsh, "the remote shell (default ssh)", "COMMAND" },
  { "agent-path", 0, 0, G_OPTION_ARG_STRING, &option_agent_path, "virt-ferry on that host (default virt-ferry)", "PATH" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &option_json, "print one JSON object", NULL },
  G_OPTION_ENTRY_NULL,
};

static void
add_options (GOptionContext *context)
{
  g_option_context_add_main_entries (context, entries, NULL);
}

static char *
print_version (gulong version)
{
  return g_strdup_printf ("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
}

static void
print_cpus (const VfHost *host)
{
  const VfCpuSet none = { 0 };
  g_autofree char *nodes = vf_cpu_set_print (&host->nodes);
  g_autofree char *map = vf_cpu_map_draw (&host->cpus_present, &host->cpus_online, &none);
  printf ("\nprocessor: %s; NUMA nodes: %s\n", host->cpu_model != NULL ? host->cpu_model : "not known", nodes);
  g_auto (GStrv) lines = g_strsplit (map, "\n", -1);
  for (char **line = lines; line[0] != NULL && line[1] != NULL; line += 2) /* every second one tells of wishes */
    puts (*line);
}

static void
print_memory (const VfHost *host)
{
  g_autofree char *total = vf_print_bytes (host->memory_bytes);
  g_autofree char *usable = vf_print_bytes (host->usable_bytes);
  printf ("\nmemory: %s, %s free\n", total, usable);
  for (guint i = 0; i < host->pages->len; i++) {
    const VfHostPages *pages = &g_array_index (host->pages, VfHostPages, i);
    g_autofree char *size = vf_print_bytes (pages->page_bytes);
    printf ("  pages of %s: %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT " free\n", size, pages->total, pages->free);
  }
}

static void
print_guests (const VfHost *host)
{
  puts ("\nruns guests");
  for (guint i = 0; i < host->arches->len; i++) {
    const VfHostArch *arch = host->arches->pdata[i];
    printf ("  %s:", arch->arch);
    for (guint j = 0; j < arch->types->len; j++)
      printf (" %s", (const char *)arch->types->pdata[j]);
    printf (", %u machine types, %s\n", arch->machines->len, arch->emulator != NULL ? arch->emulator : "");
  }
}

static void
print_pools (const VfHost *host)
{
  if (host->pools->len > 0)
    puts ("\npools");
  for (guint i = 0; i < host->pools->len; i++) {
    const VfHostPool *pool = host->pools->pdata[i];
    g_autofree char *total = vf_print_bytes (pool->bytes);
    g_autofree char *unused = vf_print_bytes (pool->free_bytes);
    printf ("  %s  %s  ", pool->name, pool->path != NULL ? pool->path : "");
    if (pool->active)
      printf ("%s, %s free\n", total, unused);
    else
      puts ("not started");
  }
}

static void
print_networks (const VfHost *host)
{
  if (host->networks->len > 0)
    puts ("\nnetworks");
  for (guint i = 0; i < host->networks->len; i++) {
    const VfHostNetwork *network = host->networks->pdata[i];
    printf ("  %s  %s  %s%s\n", network->name, network->forward != NULL ? network->forward : "isolated",
            network->bridge != NULL ? network->bridge : "", network->active ? "" : "  not started");
  }
  if (host->bridges == NULL || *host->bridges == NULL)
    return;
  g_autofree char *bridges = g_strjoinv (", ", host->bridges);
  printf ("\nbridges: %s\n", bridges);
}

static void
print_host (const VfHost *host)
{
  g_autofree char *libvirt = print_version (host->libvirt_version);
  g_autofree char *qemu = print_version (host->qemu_version);
  printf ("%s: libvirt %s, QEMU %s, virt-ferry %s\n", host->hostname, libvirt, qemu,
          host->agent_version != NULL ? host->agent_version : "not known");
  print_cpus (host);
  print_memory (host);
  print_guests (host);
  print_pools (host);
  print_networks (host);
}

static int
run (char **arguments)
{
  GError *error = NULL;
  const char *here = vf_source_options_uri ();
  if (g_strv_length (arguments) > 1)
    return vf_cli_usage (&vf_command_host, "give one URI, or none for this host");
  g_autoptr (VfRequest) request = vf_request_new ();
  request->destination_uri = g_strdup (arguments[0] != NULL ? arguments[0] : here != NULL ? here : "qemu:///system");
  request->rsh = g_strdup (option_rsh);
  if (option_agent_path != NULL) {
    g_free (request->agent_path);
    request->agent_path = g_strdup (option_agent_path);
  }
  g_autoptr (VfHost) host = vf_host_ask (request, &error);
  if (host == NULL)
    return vf_cli_fail (error);
  if (option_json) {
    g_autoptr (JsonObject) object = vf_host_to_json (host);
    g_autofree char *text = vf_json_print_pretty (object);
    puts (text);
  } else {
    print_host (host);
  }
  return VF_EXIT_DONE;
}

const VfCommand vf_command_host = { "host", "[URI]", "show what a host offers to guests", add_options, run, VF_COMMAND_LOOKS };
