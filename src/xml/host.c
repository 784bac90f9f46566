#include "xml/host.h"

#include "base/json.h"

#include <string.h>

static void
arch_free (VfHostArch *arch)
{
  g_free (arch->arch);
  g_free (arch->emulator);
  g_ptr_array_unref (arch->types);
  g_ptr_array_unref (arch->machines);
  g_free (arch);
}

static void
network_free (VfHostNetwork *network)
{
  g_free (network->name);
  g_free (network->bridge);
  g_free (network->forward);
  g_free (network);
}

static void
pool_free (VfHostPool *pool)
{
  g_free (pool->name);
  g_free (pool->path);
  g_free (pool);
}

VfHost *
vf_host_new (void)
{
  VfHost *host = g_new0 (VfHost, 1);
  host->arches = g_ptr_array_new_with_free_func ((GDestroyNotify)arch_free);
  host->networks = g_ptr_array_new_with_free_func ((GDestroyNotify)network_free);
  host->pools = g_ptr_array_new_with_free_func ((GDestroyNotify)pool_free);
  host->pages = g_array_new (FALSE, TRUE, sizeof (VfHostPages));
  host->looks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return host;
}

void
vf_host_free (VfHost *host)
{
  g_free (host->hostname);
  g_free (host->agent_version);
  g_free (host->qemu_img);
  g_free (host->cpu);
  g_free (host->cpu_model);
  g_free (host->machine_reason);
  g_free (host->cpu_reason);
  g_strfreev (host->bridges);
  g_ptr_array_unref (host->arches);
  g_ptr_array_unref (host->networks);
  g_ptr_array_unref (host->pools);
  g_array_unref (host->pages);
  g_hash_table_unref (host->looks);
  g_free (host);
}

VfHostArch *
vf_host_add_arch (VfHost *host, const char *arch, const char *emulator)
{
  VfHostArch *added = g_new0 (VfHostArch, 1);
  added->arch = g_strdup (arch);
  added->emulator = g_strdup (emulator);
  added->types = g_ptr_array_new_with_free_func (g_free);
  added->machines = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (host->arches, added);
  return added;
}

VfHostNetwork *
vf_host_add_network (VfHost *host, const char *name, bool active)
{
  VfHostNetwork *added = g_new0 (VfHostNetwork, 1);
  added->name = g_strdup (name);
  added->active = active;
  g_ptr_array_add (host->networks, added);
  return added;
}

const VfHostArch *
vf_host_arch (const VfHost *host, const char *arch)
{
  for (guint i = 0; i < host->arches->len; i++)
    if (g_strcmp0 (((const VfHostArch *)host->arches->pdata[i])->arch, arch) == 0)
      return host->arches->pdata[i];
  return NULL;
}

const VfHostNetwork *
vf_host_network (const VfHost *host, const char *name)
{
  for (guint i = 0; i < host->networks->len; i++)
    if (strcmp (((const VfHostNetwork *)host->networks->pdata[i])->name, name) == 0)
      return host->networks->pdata[i];
  return NULL;
}

const VfHostPages *
vf_host_pages (const VfHost *host, guint64 page_bytes)
{
  for (guint i = 0; i < host->pages->len; i++)
    if (g_array_index (host->pages, VfHostPages, i).page_bytes == page_bytes)
      return &g_array_index (host->pages, VfHostPages, i);
  return NULL;
}

static char *
look_key (VfLookKind kind, const char *name)
{
  return g_strconcat (vf_look_kind_name (kind), " ", name, NULL);
}

VfLookAnswer
vf_host_looked (const VfHost *host, VfLookKind kind, const char *name)
{
  g_autofree char *key = look_key (kind, name);
  const VfLookAnswer *answer = g_hash_table_lookup (host->looks, key);
  return answer != NULL ? *answer : (VfLookAnswer){ 0 };
}

void
vf_host_set_look (VfHost *host, VfLookKind kind, const char *name, VfLookAnswer answer)
{
  VfLookAnswer *kept = g_new (VfLookAnswer, 1);
  *kept = answer;
  g_hash_table_insert (host->looks, look_key (kind, name), kept);
}

/* ---- JSON ---- */

static JsonArray *
strings_to_json (const GPtrArray *strings)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < strings->len; i++)
    json_array_add_string_element (array, strings->pdata[i]);
  return array;
}

static void
set_version (JsonObject *object, const char *member, gulong version)
{
  if (version == 0)
    return;
  g_autofree char *text = g_strdup_printf ("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
  json_object_set_string_member (object, member, text);
}

static JsonArray *
arches_to_json (const VfHost *host)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < host->arches->len; i++) {
    const VfHostArch *arch = host->arches->pdata[i];
    JsonObject *object = json_object_new ();
    json_object_set_string_member (object, "arch", arch->arch);
    vf_json_set_string (object, "emulator", arch->emulator);
    json_object_set_array_member (object, "types", strings_to_json (arch->types));
    json_object_set_array_member (object, "machines", strings_to_json (arch->machines));
    json_array_add_object_element (array, object);
  }
  return array;
}

static JsonArray *
networks_to_json (const VfHost *host)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < host->networks->len; i++) {
    const VfHostNetwork *network = host->networks->pdata[i];
    JsonObject *object = json_object_new ();
    json_object_set_string_member (object, "name", network->name);
    json_object_set_boolean_member (object, "active", network->active);
    vf_json_set_string (object, "bridge", network->bridge);
    vf_json_set_string (object, "forward", network->forward);
    json_array_add_object_element (array, object);
  }
  return array;
}

static JsonArray *
pools_to_json (const VfHost *host)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < host->pools->len; i++) {
    const VfHostPool *pool = host->pools->pdata[i];
    JsonObject *object = json_object_new ();
    json_object_set_string_member (object, "name", pool->name);
    vf_json_set_string (object, "path", pool->path);
    json_object_set_boolean_member (object, "active", pool->active);
    json_object_set_int_member (object, "bytes", (gint64)pool->bytes);
    json_object_set_int_member (object, "free_bytes", (gint64)pool->free_bytes);
    json_array_add_object_element (array, object);
  }
  return array;
}

static JsonArray *
pages_to_json (const VfHost *host)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < host->pages->len; i++) {
    const VfHostPages *pages = &g_array_index (host->pages, VfHostPages, i);
    JsonObject *object = json_object_new ();
    json_object_set_int_member (object, "page_bytes", (gint64)pages->page_bytes);
    json_object_set_int_member (object, "total", (gint64)pages->total);
    json_object_set_int_member (object, "free", (gint64)pages->free);
    json_array_add_object_element (array, object);
  }
  return array;
}

static void
set_cpus (JsonObject *object, const VfHost *host)
{
  g_autofree char *present = vf_cpu_set_print (&host->cpus_present);
  g_autofree char *online = vf_cpu_set_print (&host->cpus_online);
  g_autofree char *nodes = vf_cpu_set_print (&host->nodes);
  vf_json_set_string (object, "cpu_model", host->cpu_model);
  if (host->cpus_known) {
    json_object_set_string_member (object, "cpus_present", present);
    json_object_set_string_member (object, "cpus_online", online);
  }
  if (*nodes != '\0')
    json_object_set_string_member (object, "numa_nodes", nodes);
}

JsonObject *
vf_host_to_json (const VfHost *host)
{
  JsonObject *object = json_object_new ();
  vf_json_set_string (object, "hostname", host->hostname);
  set_version (object, "libvirt", host->libvirt_version);
  set_version (object, "qemu", host->qemu_version);
  vf_json_set_string (object, "virt_ferry", host->agent_version);
  vf_json_set_string (object, "qemu_img", host->qemu_img);
  set_cpus (object, host);
  json_object_set_int_member (object, "memory_bytes", (gint64)host->memory_bytes);
  json_object_set_int_member (object, "usable_bytes", (gint64)host->usable_bytes);
  json_object_set_array_member (object, "hugepages", pages_to_json (host));
  json_object_set_array_member (object, "guests", arches_to_json (host));
  if (host->pools_known)
    json_object_set_array_member (object, "pools", pools_to_json (host));
  if (host->networks_known)
    json_object_set_array_member (object, "networks", networks_to_json (host));
  if (host->bridges != NULL) {
    JsonArray *bridges = json_array_new ();
    for (char **name = host->bridges; *name != NULL; name++)
      json_array_add_string_element (bridges, *name);
    json_object_set_array_member (object, "bridges", bridges);
  }
  return object;
}
