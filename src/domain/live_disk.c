#include "domain/live_disk.h"

#include "xml/source.h"

#include <string.h>

typedef struct {
  const char *target;
  VfLiveDisk pending; /* of the <disk> that is being read */
  bool is_it;
  bool found;
  VfLiveDisk *result;
} Reading;

void
vf_live_disk_clear (VfLiveDisk *disk)
{
  g_clear_pointer (&disk->source, g_free);
  g_clear_pointer (&disk->mirror_job, g_free);
  g_clear_pointer (&disk->mirror_source, g_free);
}

/* True if the open elements, innermost first, are `names` and no more. */
static bool
stands_at (GMarkupParseContext *context, const char *const *names)
{
  const GSList *open = g_markup_parse_context_get_element_stack (context);
  for (; *names != NULL && open != NULL; names++, open = open->next)
    if (strcmp (open->data, *names) != 0)
      return false;
  return *names == NULL && open == NULL;
}

static const char *const disk_place[] = { "disk", "devices", "domain", NULL };
static const char *const source_place[] = { "source", "disk", "devices", "domain", NULL };
static const char *const target_place[] = { "target", "disk", "devices", "domain", NULL };
static const char *const mirror_place[] = { "mirror", "disk", "devices", "domain", NULL };
static const char *const mirror_source_place[] = { "source", "mirror", "disk", "devices", "domain", NULL };

static const char *
value_of (const char **names, const char **values, const char *name)
{
  for (; *names != NULL; names++, values++)
    if (strcmp (*names, name) == 0)
      return *values;
  return NULL;
}

static void
keep_path (char **path, const char **names, const char **values)
{
  const char *file = value_of (names, values, "file");
  const char *pool = value_of (names, values, "pool");
  const char *volume = value_of (names, values, "volume");
  g_free (*path);
  *path = pool != NULL && volume != NULL ? vf_volume_key (pool, volume)
                                         : g_strdup (file != NULL ? file : value_of (names, values, "dev"));
}

static void
element_begins (GMarkupParseContext *context, const char *element, const char **names, const char **values, gpointer data,
                GError **error)
{
  Reading *reading = data;
  if (stands_at (context, disk_place)) {
    vf_live_disk_clear (&reading->pending);
    reading->is_it = false;
  } else if (stands_at (context, source_place)) {
    keep_path (&reading->pending.source, names, values);
  } else if (stands_at (context, mirror_source_place)) {
    keep_path (&reading->pending.mirror_source, names, values);
  } else if (stands_at (context, mirror_place)) {
    g_free (reading->pending.mirror_job);
    reading->pending.mirror_job = g_strdup (value_of (names, values, "job"));
  } else if (stands_at (context, target_place)) {
    reading->is_it = g_strcmp0 (value_of (names, values, "dev"), reading->target) == 0;
  }
}

static void
element_ends (GMarkupParseContext *context, const char *element, gpointer data, GError **error)
{
  Reading *reading = data;
  if (!stands_at (context, disk_place) || !reading->is_it)
    return;
  reading->found = true;
  vf_live_disk_clear (reading->result);
  *reading->result = reading->pending;
  reading->pending = (VfLiveDisk){ 0 };
}

bool
vf_live_disk_parse (const char *xml, const char *name, const char *target, VfLiveDisk *disk, GError **error)
{
  static const GMarkupParser parser = { .start_element = element_begins, .end_element = element_ends };
  Reading reading = { .target = target, .result = disk };
  vf_live_disk_clear (disk);
  g_autoptr (GMarkupParseContext) context = g_markup_parse_context_new (&parser, G_MARKUP_DEFAULT_FLAGS, &reading, NULL);
  g_autoptr (GError) refused = NULL;
  bool parsed =
      g_markup_parse_context_parse (context, xml, -1, &refused) && g_markup_parse_context_end_parse (context, &refused);
  vf_live_disk_clear (&reading.pending);
  if (!parsed)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read the XML of guest '%s': %s", name, refused->message);
  if (!reading.found)
    return vf_error_set (error, VF_ERROR_NOT_FOUND, "cannot find disk '%s' of guest '%s': the live XML has none", target, name);
  return true;
}

bool
vf_live_disk_read (VfGuest *guest, const char *target, VfLiveDisk *disk, GError **error)
{
  g_autofree char *xml = vf_guest_xml (guest, VF_XML_LIVE, error);
  return xml != NULL && vf_live_disk_parse (xml, guest->name, target, disk, error);
}
