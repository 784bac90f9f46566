#include "plan/places.h"

#include "base/names.h"

#include <string.h>

struct VfPlaces {
  const VfRequest *request;
  GHashTable *by_source; /* path -> path */
  GPtrArray *sources;    /* keys of by_source in order */
};

static char *
mapped (const VfRequest *request, const char *path)
{
  const VfPair *best = NULL;
  for (guint i = 0; i < request->maps->len; i++) {
    const VfPair *pair = request->maps->pdata[i];
    if (vf_path_is_below (path, pair->from) && (best == NULL || strlen (pair->from) > strlen (best->from)))
      best = pair;
  }
  g_autofree char *normal = vf_path_normal (path);
  if (best == NULL || normal == NULL) /* of a path with ".." only the kernel knows what it is below */
    return g_strdup (path);
  const char *rest = strcmp (best->from, "/") == 0 ? path : path + strlen (best->from);
  g_autofree char *joined = g_strconcat (best->to, "/", rest, NULL);
  return vf_path_normal (joined);
}

static void
place (VfPlaces *places, const char *source, char *destination)
{
  g_autofree char *owned = destination;
  if (g_hash_table_contains (places->by_source, source))
    return;
  char *key = g_strdup (source);
  g_hash_table_insert (places->by_source, key, g_steal_pointer (&owned));
  g_ptr_array_add (places->sources, key);
}

static const VfImage *
top_of (const VfHead *head)
{
  return head->chain->images->len > 0 ? head->chain->images->pdata[0] : NULL;
}

/* --disk names the top layer's place. */
static bool
place_named_tops (VfPlaces *places, const VfInventory *inventory, GError **error)
{
  for (guint i = 0; i < places->request->disks->len; i++) {
    const VfPair *pair = places->request->disks->pdata[i];
    const VfHead *head = vf_inventory_live_head (inventory, pair->from);
    if (vf_domain_xml_disk (inventory->domain, pair->from) == NULL)
      return vf_error_set (error, VF_ERROR_USAGE, "cannot place disk '%s': the guest '%s' has no such target", pair->from,
                           inventory->domain->name);
    if (head != NULL && top_of (head) != NULL)
      place (places, top_of (head)->path, g_strdup (pair->to));
  }
  return true;
}

/* The layers beside a named top follow it, so that relative backing names stay true; a device's directory is no place for them.
 */
static char *
place_beside (VfPlaces *places, const VfInventory *inventory, const VfHead *head, const char *path)
{
  const char *named = vf_request_disk_path (places->request, head->target);
  const VfHead *live = vf_inventory_live_head (inventory, head->target);
  if (named == NULL || live == NULL || top_of (live) == NULL || vf_path_is_below (named, "/dev"))
    return NULL;
  g_autofree char *own = vf_path_directory (path);
  g_autofree char *top = vf_path_directory (top_of (live)->path);
  g_autofree char *name = vf_path_name (path);
  g_autofree char *directory = vf_path_directory (named);
  return strcmp (own, top) == 0 && live->kind == VF_SOURCE_FILE ? g_build_filename (directory, name, NULL) : NULL;
}

static void
place_chains (VfPlaces *places, const VfInventory *inventory)
{
  for (guint i = 0; i < inventory->heads->len; i++) {
    const VfHead *head = inventory->heads->pdata[i];
    for (guint j = 0; j < head->chain->images->len; j++) {
      const char *path = ((const VfImage *)head->chain->images->pdata[j])->path;
      char *beside = place_beside (places, inventory, head, path);
      place (places, path, beside != NULL ? beside : mapped (places->request, path));
    }
  }
}

static bool
refuse_doubles (const VfPlaces *places, GError **error)
{
  g_autoptr (GHashTable) taken = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < places->sources->len; i++) {
    const char *source = places->sources->pdata[i];
    const char *destination = g_hash_table_lookup (places->by_source, source);
    const char *other = g_hash_table_lookup (taken, destination);
    if (other != NULL)
      return vf_error_set (error, VF_ERROR_USAGE, "cannot place '%s' and '%s': both would be '%s' at the destination", other,
                           source, destination);
    g_hash_table_insert (taken, (gpointer)destination, (gpointer)source);
  }
  return true;
}

VfPlaces *
vf_places_new (const VfInventory *inventory, const VfRequest *request, GError **error)
{
  g_autoptr (VfPlaces) places = g_new0 (VfPlaces, 1);
  places->request = request;
  places->by_source = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  places->sources = g_ptr_array_new ();
  if (!place_named_tops (places, inventory, error))
    return NULL;
  place_chains (places, inventory);
  for (guint i = 0; i < inventory->snapshots->len; i++) {
    const VfInventorySnapshot *snapshot = inventory->snapshots->pdata[i];
    if (snapshot->xml->memory_file != NULL)
      place (places, snapshot->xml->memory_file, mapped (request, snapshot->xml->memory_file));
  }
  g_autoptr (GPtrArray) with_nvram = vf_inventory_with_nvram (inventory);
  for (guint i = 0; i < with_nvram->len; i++) {
    const char *path = ((const VfDomainXml *)with_nvram->pdata[i])->nvram;
    place (places, path, mapped (request, path));
  }
  if (!refuse_doubles (places, error))
    return NULL;
  return g_steal_pointer (&places);
}

void
vf_places_free (VfPlaces *places)
{
  g_hash_table_unref (places->by_source);
  g_ptr_array_unref (places->sources);
  g_free (places);
}

const char *
vf_places_of (VfPlaces *places, const char *source_path)
{
  if (!g_hash_table_contains (places->by_source, source_path))
    place (places, source_path, mapped (places->request, source_path));
  return g_hash_table_lookup (places->by_source, source_path);
}

const GPtrArray *
vf_places_sources (const VfPlaces *places)
{
  return places->sources;
}
