#include "plan/places.h"

#include "base/names.h"
#include "plan/plan.h"

#include <string.h>

struct VfPlaces {
  const VfRequest *request;
  const VfInventory *inventory;
  GHashTable *by_source; /* path, by any name -> path */
  GPtrArray *sources;    /* the keys of by_source that are files' own paths, in order */
  GPtrArray *implied;    /* VfPair: what else maps, since a directory that a symlink leads to is another one there */
  GPtrArray *links;      /* VfPlaceLink */
  GHashTable *linked;    /* paths of the symlinks that are in `links`, or must not be */
};

static void
implied_free (VfPair *pair)
{
  g_free (pair->from);
  g_free (pair->to);
  g_free (pair);
}

static void
link_free (VfPlaceLink *link)
{
  g_free (link->destination);
  g_free (link->text);
  g_free (link);
}

/* On a tie the user's own wish counts. */
static const VfPair *
longest_prefix (const GPtrArray *pairs, const char *path, const VfPair *best)
{
  for (guint i = 0; i < pairs->len; i++) {
    const VfPair *pair = pairs->pdata[i];
    if (vf_path_is_below (path, pair->from) && (best == NULL || strlen (pair->from) > strlen (best->from)))
      best = pair;
  }
  return best;
}

static char *
mapped (const VfPlaces *places, const char *path)
{
  const VfPair *best = longest_prefix (places->implied, path, longest_prefix (places->request->maps, path, NULL));
  g_autofree char *normal = vf_path_normal (path);
  if (best == NULL || normal == NULL) /* of a path with ".." only the kernel knows what it is below */
    return g_strdup (path);
  const char *rest = strcmp (best->from, "/") == 0 ? path : path + strlen (best->from);
  g_autofree char *joined = g_strconcat (best->to, "/", rest, NULL);
  return vf_path_normal (joined);
}

/* Takes `destination`. The first place counts. */
static const char *
place (VfPlaces *places, const char *source, char *destination, bool is_file)
{
  g_autofree char *owned = destination;
  const char *known = g_hash_table_lookup (places->by_source, source);
  if (known != NULL)
    return known;
  char *key = g_strdup (source);
  g_hash_table_insert (places->by_source, key, owned);
  if (is_file)
    g_ptr_array_add (places->sources, key);
  return g_steal_pointer (&owned);
}

static void
add_link (VfPlaces *places, const VfTrailStep *step)
{
  if (!g_hash_table_add (places->linked, step->path))
    return;
  VfPlaceLink *link = g_new0 (VfPlaceLink, 1);
  link->step = step;
  link->destination = mapped (places, step->path);
  g_ptr_array_add (places->links, link);
}

/* Takes `elsewhere`, the place that the user gave the file itself: no link leads to it then. NULL: where the maps say. */
static void
place_name (VfPlaces *places, const char *name, char *elsewhere)
{
  g_autofree char *given = elsewhere;
  const VfTrail *trail = vf_inventory_trail (places->inventory, name);
  if (trail == NULL || trail->problem != NULL) {
    place (places, name, given != NULL ? g_steal_pointer (&given) : mapped (places, name), true);
    return;
  }
  const char *real = place (places, trail->real, given != NULL ? g_strdup (given) : mapped (places, trail->real), true);
  bool keeps_name = given == NULL && trail->steps->len > 0;
  if (g_hash_table_contains (places->by_source, name))
    return;
  place (places, name, keeps_name ? mapped (places, name) : g_strdup (real), false);
  for (guint i = 0; keeps_name && i < trail->steps->len; i++)
    add_link (places, trail->steps->pdata[i]);
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
      place_name (places, top_of (head)->path, g_strdup (pair->to));
  }
  return true;
}

void
vf_pool_place_free (VfPoolPlace *pool)
{
  g_free (pool->name);
  g_free (pool->path);
  g_free (pool->name_there);
  g_free (pool->path_there);
  g_free (pool);
}

/* What lies in a pool's directory goes into the pool's there, unless the user maps that himself. */
static void
imply_pool (VfPlaces *places, const VfPoolPlace *pool)
{
  if (pool->path == NULL || pool->path_there == NULL || longest_prefix (places->request->maps, pool->path, NULL) != NULL)
    return;
  VfPair *pair = g_new0 (VfPair, 1);
  pair->from = g_strdup (pool->path);
  pair->to = g_strdup (pool->path_there);
  g_ptr_array_add (places->implied, pair);
}

/* A volume's place is its pool's there, whatever the maps say: the definition names it by pool and name. */
static void
place_volume (VfPlaces *places, const VfHead *head, const GPtrArray *pools)
{
  g_autofree char *pool_name = NULL;
  g_autofree char *name = NULL;
  if (head->volume == NULL || top_of (head) == NULL || !vf_volume_parts (head->volume, &pool_name, &name))
    return;
  for (guint i = 0; i < pools->len; i++) {
    const VfPoolPlace *pool = pools->pdata[i];
    if (strcmp (pool->name, pool_name) == 0 && pool->path_there != NULL)
      place_name (places, top_of (head)->path, g_build_filename (pool->path_there, name, NULL));
  }
}

static void
place_volumes (VfPlaces *places, const VfInventory *inventory, const GPtrArray *pools)
{
  for (guint i = 0; i < inventory->heads->len; i++)
    place_volume (places, inventory->heads->pdata[i], pools);
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
      place_name (places, path, place_beside (places, inventory, head, path));
    }
    for (guint j = 0; j < head->chain->images->len; j++) {
      const char *path = ((const VfImage *)head->chain->images->pdata[j])->data_path;
      if (path != NULL)
        place_name (places, path, place_beside (places, inventory, head, path));
    }
  }
}

static bool
take (GHashTable *taken, const char *source, const char *destination, GError **error)
{
  const char *other = g_hash_table_lookup (taken, destination);
  if (other != NULL)
    return vf_error_set (error, VF_ERROR_USAGE, "cannot place '%s' and '%s': both would be '%s' at the destination", other,
                         source, destination);
  g_hash_table_insert (taken, (gpointer)destination, (gpointer)source);
  return true;
}

static bool
refuse_doubles (const VfPlaces *places, GError **error)
{
  g_autoptr (GHashTable) taken = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < places->sources->len; i++) {
    const char *source = places->sources->pdata[i];
    if (!take (taken, source, g_hash_table_lookup (places->by_source, source), error))
      return false;
  }
  for (guint i = 0; i < places->links->len; i++) {
    const VfPlaceLink *link = places->links->pdata[i];
    if (!take (taken, link->step->path, link->destination, error))
      return false;
  }
  return true;
}

/* ---- symlinks ---- */

static char *
lexical (const char *link, const char *text)
{
  g_autofree char *directory = vf_path_directory (link);
  g_autofree char *written = g_strconcat (directory, "/", text, NULL);
  return g_canonicalize_filename (written, "/");
}

/* What the link must say there: the same text when that leads to the same file's place, else a text of the same kind that does.
 */
static char *
text_there (const VfPlaces *places, const VfTrailStep *step, const char *link_there)
{
  const char *placed = g_hash_table_lookup (places->by_source, step->to);
  g_autofree char *to_there = placed != NULL ? g_strdup (placed) : mapped (places, step->to);
  if (*step->text == '/') {
    g_autofree char *normal = vf_path_normal (step->text);
    bool through_links = normal != NULL && strcmp (normal, step->to) != 0;
    g_autofree char *text = through_links ? mapped (places, normal) : g_strdup (to_there);
    return g_strcmp0 (text, normal) == 0 ? g_strdup (step->text) : g_steal_pointer (&text);
  }
  g_autofree char *meant = lexical (step->path, step->text);
  g_autofree char *meant_there = lexical (link_there, step->text);
  bool same_places = strcmp (step->path, link_there) == 0 && strcmp (step->to, to_there) == 0;
  bool is_right = strcmp (meant, step->to) == 0 ? strcmp (meant_there, to_there) == 0 : same_places;
  return is_right ? g_strdup (step->text) : vf_backing_name_relative (link_there, to_there);
}

/* Where a directory is reached through a symlink and the destination has a directory of that name, that is where the files go,
 * as without the symlink; also where the user named the link's place and not its target's. Else the link is made there too. */
static void
imply_directory (VfPlaces *places, const VfTrailStep *step, VfFarTable *far_table)
{
  g_autofree char *link_there = mapped (places, step->path);
  g_autofree char *target_there = mapped (places, step->real);
  const VfFarFacts *there = far_table == NULL ? NULL : g_hash_table_lookup (far_table, link_there);
  g_autofree char *text = text_there (places, step, link_there);
  bool is_directory = there != NULL && there->in_roots &&
                      (there->file->kind == VF_FILE_DIRECTORY ||
                       (there->link != NULL && there->leads_to == VF_FILE_DIRECTORY && strcmp (there->link, text) != 0));
  bool is_moved = strcmp (link_there, step->path) != 0;
  if (strcmp (target_there, step->real) != 0 || (!is_moved && !is_directory))
    return;
  VfPair *pair = g_new0 (VfPair, 1);
  pair->from = g_strdup (step->real);
  pair->to = g_steal_pointer (&link_there);
  g_ptr_array_add (places->implied, pair);
  g_hash_table_add (places->linked, step->path); /* never made */
}

typedef void (*StepAct) (VfPlaces *places, const VfTrailStep *step, VfFarTable *far_table);

static void
each_directory_link (VfPlaces *places, VfFarTable *far_table, StepAct act)
{
  for (guint i = 0; i < places->inventory->trail_names->len; i++) {
    const VfTrail *trail = vf_inventory_trail (places->inventory, places->inventory->trail_names->pdata[i]);
    for (guint j = 0; trail->problem == NULL && j < trail->steps->len; j++) {
      const VfTrailStep *step = trail->steps->pdata[j];
      if (step->is_directory && !g_hash_table_contains (places->linked, step->path))
        act (places, step, far_table);
    }
  }
}

/* libvirt's own places are the same on every host, whatever --map says. */
static void
place_state (VfPlaces *places, const VfInventory *inventory)
{
  if (!places->request->offline)
    return;
  for (guint i = 0; i < inventory->tpm_files->len; i++)
    place (places, inventory->tpm_files->pdata[i], g_strdup (inventory->tpm_files->pdata[i]), true);
  g_autofree char *saved = vf_plan_managed_save (inventory->domain->name);
  if (inventory->has_managed_save)
    place (places, saved, g_strdup (saved), true);
}

VfPlaces *
vf_places_new (const VfInventory *inventory, const VfRequest *request, VfFarTable *far_table, const GPtrArray *pools,
               GError **error)
{
  g_autoptr (VfPlaces) places = g_new0 (VfPlaces, 1);
  places->request = request;
  places->inventory = inventory;
  places->by_source = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  places->sources = g_ptr_array_new ();
  places->implied = g_ptr_array_new_with_free_func ((GDestroyNotify)implied_free);
  places->links = g_ptr_array_new_with_free_func ((GDestroyNotify)link_free);
  places->linked = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; pools != NULL && i < pools->len; i++)
    imply_pool (places, pools->pdata[i]);
  each_directory_link (places, far_table, imply_directory);
  if (!place_named_tops (places, inventory, error))
    return NULL;
  if (pools != NULL)
    place_volumes (places, inventory, pools);
  place_chains (places, inventory);
  for (guint i = 0; i < inventory->snapshots->len; i++) {
    const VfInventorySnapshot *snapshot = inventory->snapshots->pdata[i];
    if (snapshot->xml->memory_file != NULL)
      place_name (places, snapshot->xml->memory_file, NULL);
  }
  g_autoptr (GPtrArray) with_nvram = vf_inventory_with_nvram (inventory);
  for (guint i = 0; i < with_nvram->len; i++)
    place_name (places, ((const VfDomainXml *)with_nvram->pdata[i])->nvram, NULL);
  place_state (places, inventory);
  for (guint i = 0; i < request->with->len; i++)
    place_name (places, request->with->pdata[i], NULL);
  for (guint i = 0; i < places->links->len; i++) {
    VfPlaceLink *link = places->links->pdata[i];
    link->text = text_there (places, link->step, link->destination);
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
  g_ptr_array_unref (places->implied);
  g_ptr_array_unref (places->links);
  g_hash_table_unref (places->linked);
  g_free (places);
}

const char *
vf_places_of (VfPlaces *places, const char *source_path)
{
  return place (places, source_path, mapped (places, source_path), true);
}

char *
vf_places_map (const VfPlaces *places, const char *source_path)
{
  return mapped (places, source_path);
}

const GPtrArray *
vf_places_links (const VfPlaces *places)
{
  return places->links;
}

const GPtrArray *
vf_places_sources (const VfPlaces *places)
{
  return places->sources;
}
