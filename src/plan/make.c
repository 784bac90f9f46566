/* Facts and request in, plan out. */
#include "base/names.h"
#include "plan/plan.h"

#include <string.h>

typedef struct {
  VfPlan *plan;
  const VfInventory *inventory;
  const VfRequest *request;
  VfPlaces *places;
  VfFarTable *far_table;
} Making;

/* Of a path outside the agent's roots nothing is known. */
static const VfFileFacts *
far_file (const Making *making, const char *destination)
{
  const VfFarFacts *facts = g_hash_table_lookup (making->far_table, destination);
  return facts == NULL || !facts->in_roots ? NULL : facts->file;
}

/* The backing name that the copy must record, or NULL when the recorded one means the right file there too. */
static char *
new_backing_name (const Making *making, const VfImage *image)
{
  if (image->backing_path == NULL)
    return NULL;
  const char *destination = vf_places_of (making->places, image->path); /* by name: QEMU takes a relative one from there */
  const char *backing = vf_places_of (making->places, image->backing_path);
  g_autofree char *meant = vf_backing_path (destination, image->backing_name);
  if (g_strcmp0 (meant, backing) == 0)
    return NULL;
  bool was_relative = *image->backing_name != '/';
  return was_relative ? vf_backing_name_relative (destination, backing) : g_strdup (backing);
}

static gint
find_file (const Making *making, const char *name)
{
  return vf_plan_find_source (making->plan, vf_inventory_real (making->inventory, name));
}

/* The file by any of its names. */
static VfPlanFile *
file_at (const Making *making, const char *source)
{
  VfPlanFile *file = vf_plan_file_new ();
  const VfFileFacts *facts = vf_inventory_file (making->inventory, source);
  file->source = g_strdup (vf_inventory_real (making->inventory, source));
  file->destination = g_strdup (vf_places_of (making->places, file->source));
  g_autoptr (JsonObject) copy = vf_file_facts_to_json (facts);
  file->facts = vf_file_facts_from_json (copy, NULL);
  file->source_is_block = facts->kind == VF_FILE_BLOCK;
  const VfFileFacts *there = far_file (making, file->destination);
  /* below /dev a device is meant, also where there is none yet: the agent makes no files there */
  file->destination_is_block = (there != NULL && there->kind == VF_FILE_BLOCK) || vf_path_is_below (file->destination, "/dev");
  file->maybe_there = there != NULL && there->kind == VF_FILE_REGULAR && there->bytes == facts->bytes;
  return file;
}

/* Files of shared storage are no files of the plan: they are neither copied nor ever removed. */
static bool
travels (const Making *making, const char *name)
{
  return vf_inventory_file (making->inventory, name) != NULL && !vf_inventory_is_shared (making->inventory, name);
}

/* Both are never one that is there already: the image would share its data with another that names the same file. */
static void
add_data_file (const Making *making, const VfImage *image, VfPlanFile *layer)
{
  if (image->data_path == NULL)
    return;
  const char *there = vf_places_of (making->places, image->data_path);
  layer->data_file = g_strdup (vf_inventory_real (making->inventory, image->data_path));
  layer->new_data_file = strcmp (there, image->data_file) == 0 ? NULL : g_strdup (there);
  layer->maybe_there = false;
  if (!travels (making, image->data_path) || find_file (making, image->data_path) >= 0)
    return; /* preflight refuses both */
  VfPlanFile *file = file_at (making, image->data_path);
  file->kind = VF_PLAN_DATA;
  file->format = g_strdup ("raw");
  file->virtual_bytes = image->virtual_bytes;
  file->maybe_there = false;
  g_ptr_array_add (making->plan->files, file);
}

static guint
add_layer (const Making *making, const VfImage *image)
{
  gint known = find_file (making, image->path);
  if (known >= 0)
    return (guint)known;
  VfPlanFile *file = file_at (making, image->path);
  file->kind = VF_PLAN_LAYER;
  file->format = g_strdup (image->format);
  file->virtual_bytes = image->virtual_bytes;
  file->backing = g_strdup (vf_inventory_real (making->inventory, image->backing_path));
  file->backing_format = g_strdup (image->backing_format);
  file->new_backing = new_backing_name (making, image);
  file->encryption = vf_encryption_copy (vf_inventory_encryption (making->inventory, file->source));
  if (file->new_backing != NULL)
    file->maybe_there = false; /* an equal file would name the wrong backing there, and is never written */
  for (guint i = 0; i < image->internal_snapshots->len; i++) {
    const VfInternalSnapshot *snapshot = image->internal_snapshots->pdata[i];
    g_ptr_array_add (file->internal_snapshots, g_strdup (snapshot->name));
  }
  guint index = making->plan->files->len;
  g_ptr_array_add (making->plan->files, file);
  add_data_file (making, image, file);
  return index;
}

static GArray *
add_chain (const Making *making, const VfChain *chain)
{
  GArray *layers = g_array_new (FALSE, FALSE, sizeof (guint));
  for (guint i = 0; i < chain->images->len; i++) {
    const VfImage *image = chain->images->pdata[i];
    if (!travels (making, image->path))
      continue;
    guint index = add_layer (making, image);
    g_array_append_val (layers, index);
  }
  return layers;
}

static void
choose_treatment (const Making *making, const VfXmlDisk *disk, VfPlanDisk *planned)
{
  if (disk->source->kind == VF_SOURCE_NONE) {
    planned->treatment = VF_TREAT_SKIP;
    planned->reason = g_strdup ("the drive is empty");
  } else if (disk->source->kind == VF_SOURCE_OTHER) {
    planned->treatment = VF_TREAT_SHARED;
    planned->reason = g_strdup_printf ("its source is of type '%s', which both hosts reach by themselves", disk->source->other);
  } else if (vf_inventory_is_shared (making->inventory, disk->source->path)) {
    planned->treatment = VF_TREAT_SHARED;
    planned->is_probed = true;
    planned->reason = g_strdup ("both hosts share it: what was made beside it here was seen there");
  } else if (disk->readonly) {
    planned->treatment = VF_TREAT_MEDIA;
    planned->reason = g_strdup ("read-only: copied, or used as it is when an equal file is there");
  } else {
    planned->treatment = VF_TREAT_MOVE;
    planned->reason = g_strdup ("the guest writes it");
  }
}

/* Caps lie beside what the definition names, so that libvirt's names for the chain hold; at the destination in that directory's
 * own place, since a round's caps come before the symlinks. */
static void
name_disk (const Making *making, const VfHead *head, VfPlanDisk *planned, const VfPlanFile *top)
{
  const char *name = ((const VfImage *)head->chain->images->pdata[0])->path;
  const VfTrail *trail = vf_inventory_trail (making->inventory, name);
  const char *there = vf_places_of (making->places, name);
  if (trail == NULL)
    return;
  planned->source_name = g_strdup (name);
  planned->destination_name = g_strdup (there);
  if (planned->cap_directory_destination == NULL && strcmp (there, top->destination) != 0)
    planned->cap_directory_destination = vf_places_map (making->places, trail->directory);
}

static void
add_disk (const Making *making, const VfXmlDisk *disk)
{
  VfPlanDisk *planned = g_new0 (VfPlanDisk, 1);
  const VfHead *head = vf_inventory_live_head (making->inventory, disk->target);
  planned->target = g_strdup (disk->target);
  choose_treatment (making, disk, planned);
  bool has_files = head != NULL && (planned->treatment == VF_TREAT_MOVE || planned->treatment == VF_TREAT_MEDIA);
  planned->layers = has_files ? add_chain (making, head->chain) : g_array_new (FALSE, FALSE, sizeof (guint));
  g_ptr_array_add (making->plan->disks, planned);

  VfPlanFile *top = vf_plan_disk_top (making->plan, planned);
  if (planned->treatment != VF_TREAT_MOVE || top == NULL)
    return;
  top->maybe_there = false;
  if (making->plan->offline) /* nobody writes it, so nothing is put over it */
    return;
  top->is_top = true;
  gint data = vf_plan_find_source (making->plan, top->data_file);
  if (data >= 0)
    vf_plan_file (making->plan, (guint)data)->is_top = true;
  planned->cap_directory_source = top->source_is_block ? g_strdup (making->request->cap_directory) : NULL;
  planned->cap_directory_destination = top->destination_is_block ? g_strdup (making->request->cap_directory) : NULL;
  name_disk (making, head, planned, top);
  if (disk->source->volume == NULL)
    return;
  planned->source_volume = g_strdup (disk->source->volume);
  if (vf_request_disk_path (making->request, disk->target) == NULL)
    planned->destination_volume = vf_request_volume (making->request, disk->source->volume);
}

static const char *
snapshot_kind (const VfSnapshotXml *xml)
{
  if (xml->memory == VF_SNAPSHOT_EXTERNAL)
    return "external with memory";
  for (guint i = 0; i < xml->disks->len; i++)
    if (((const VfSnapshotDisk *)xml->disks->pdata[i])->kind == VF_SNAPSHOT_EXTERNAL)
      return "external";
  return xml->memory == VF_SNAPSHOT_INTERNAL ? "internal with memory" : "internal";
}

static void
add_snapshot (const Making *making, const VfInventorySnapshot *snapshot)
{
  VfPlanSnapshot *planned = g_new0 (VfPlanSnapshot, 1);
  planned->name = g_strdup (snapshot->xml->name);
  planned->parent = g_strdup (snapshot->xml->parent);
  planned->kind = g_strdup (snapshot_kind (snapshot->xml));
  planned->current = snapshot->current;
  g_ptr_array_add (making->plan->snapshots, planned);

  const char *memory = snapshot->xml->memory_file;
  if (memory == NULL || !travels (making, memory) || find_file (making, memory) >= 0)
    return;
  VfPlanFile *file = file_at (making, memory);
  file->kind = VF_PLAN_MEMORY;
  g_ptr_array_add (making->plan->files, file);
}

static void
add_nvram (const Making *making, const VfDomainXml *domain)
{
  if (!travels (making, domain->nvram) || find_file (making, domain->nvram) >= 0)
    return;
  VfPlanFile *file = file_at (making, domain->nvram);
  file->kind = VF_PLAN_NVRAM;
  file->format = g_strdup (domain->nvram_format);
  file->maybe_there = false;
  g_ptr_array_add (making->plan->files, file);
}

static void
add_nvrams (const Making *making)
{
  g_autoptr (GPtrArray) domains = vf_inventory_with_nvram (making->inventory);
  for (guint i = 0; i < domains->len; i++)
    add_nvram (making, domains->pdata[i]);
}

/* What is no regular file is a finding of preflight's. */
static void
add_with (const Making *making)
{
  for (guint i = 0; i < making->request->with->len; i++) {
    const char *name = making->request->with->pdata[i];
    const VfFileFacts *facts = vf_inventory_file (making->inventory, name);
    if (facts == NULL || facts->kind != VF_FILE_REGULAR || !travels (making, name) || find_file (making, name) >= 0)
      continue;
    VfPlanFile *file = file_at (making, name);
    file->kind = VF_PLAN_OTHER;
    g_ptr_array_add (making->plan->files, file);
  }
}

static void
add_links (const Making *making)
{
  const GPtrArray *links = vf_places_links (making->places);
  for (guint i = 0; i < links->len; i++) {
    const VfPlaceLink *link = links->pdata[i];
    const VfFileFacts *facts = link->step->facts;
    const VfFarFacts *there = g_hash_table_lookup (making->far_table, link->destination);
    if (g_hash_table_contains (making->inventory->shared, link->step->path))
      continue;
    VfPlanFile *file = vf_plan_file_new ();
    file->kind = link->step->is_directory ? VF_PLAN_DIRECTORY_LINK : VF_PLAN_LINK;
    file->source = g_strdup (link->step->path);
    file->destination = g_strdup (link->destination);
    file->link_text = g_strdup (link->text);
    g_autoptr (JsonObject) copy = vf_file_facts_to_json (facts);
    file->facts = vf_file_facts_from_json (copy, NULL);
    file->maybe_there = there != NULL && g_strcmp0 (there->link, link->text) == 0;
    g_ptr_array_add (making->plan->files, file);
  }
}

static void
add_missing_directories (const Making *making, const char *directory)
{
  for (g_autofree char *at = g_strdup (directory); strcmp (at, "/") != 0;) {
    const VfFileFacts *facts = far_file (making, at);
    if (facts == NULL || facts->kind != VF_FILE_ABSENT)
      return;
    if (!g_ptr_array_find_with_equal_func (making->plan->directories, at, g_str_equal, NULL))
      g_ptr_array_add (making->plan->directories, g_strdup (at));
    char *up = vf_path_directory (at);
    g_free (at);
    at = up;
  }
}

/* What libvirt keeps of a guest that is shut off, in places of its own. */
static void
add_state_file (const Making *making, const char *path, VfPlanFileKind kind)
{
  if (vf_inventory_file (making->inventory, path) == NULL)
    return;
  VfPlanFile *file = file_at (making, path);
  file->kind = kind;
  file->maybe_there = false;
  g_ptr_array_add (making->plan->files, file);
}

static void
add_state (const Making *making)
{
  const VfInventory *inventory = making->inventory;
  g_autofree char *saved = vf_plan_managed_save (inventory->domain->name);
  for (guint i = 0; i < inventory->tpm_directories->len; i++) {
    const char *path = inventory->tpm_directories->pdata[i];
    g_autoptr (JsonObject) copy = vf_file_facts_to_json (vf_inventory_file (inventory, path));
    g_ptr_array_add (making->plan->state_directories, vf_plan_directory_new (path, vf_file_facts_from_json (copy, NULL)));
    add_missing_directories (making, path);
  }
  for (guint i = 0; i < inventory->tpm_files->len; i++)
    add_state_file (making, inventory->tpm_files->pdata[i], VF_PLAN_TPM);
  if (inventory->has_managed_save)
    add_state_file (making, saved, VF_PLAN_SAVED);
}

static void
add_change (const Making *making, const char *source, bool to_block)
{
  const char *destination = vf_places_of (making->places, source);
  g_ptr_array_add (making->plan->changes,
                   vf_path_change_new (source, destination, to_block ? VF_SOURCE_BLOCK : VF_SOURCE_FILE, NULL));
}

/* Where --disk gives a volume another place it is a file there. */
static void
add_volume_change (const Making *making, const VfXmlDisk *disk, GHashTable *done)
{
  const VfSource *source = disk->source;
  if (source->volume == NULL || !g_hash_table_add (done, source->volume))
    return;
  const VfXmlDisk *live = vf_domain_xml_disk (making->inventory->domain, disk->target);
  bool is_named = live != NULL && g_strcmp0 (live->source->volume, source->volume) == 0 &&
                  vf_request_disk_path (making->request, disk->target) != NULL;
  gint file = is_named && source->path != NULL ? find_file (making, source->path) : -1;
  if (file >= 0) {
    const VfPlanFile *top = vf_plan_file (making->plan, (guint)file);
    g_ptr_array_add (making->plan->changes,
                     vf_path_change_new (source->volume, top->destination,
                                         top->destination_is_block ? VF_SOURCE_BLOCK : VF_SOURCE_FILE, NULL));
    return;
  }
  g_autofree char *there = vf_request_volume (making->request, source->volume);
  g_ptr_array_add (making->plan->changes, vf_path_change_new (source->volume, there, VF_SOURCE_FILE, NULL));
}

static void
add_volume_changes (const Making *making, GHashTable *done)
{
  for (guint i = 0; i < making->inventory->domain->disks->len; i++)
    add_volume_change (making, making->inventory->domain->disks->pdata[i], done);
  for (guint i = 0; i < making->inventory->snapshots->len; i++) {
    const VfSnapshotXml *xml = ((const VfInventorySnapshot *)making->inventory->snapshots->pdata[i])->xml;
    for (guint j = 0; xml->domain != NULL && j < xml->domain->disks->len; j++)
      add_volume_change (making, xml->domain->disks->pdata[j], done);
  }
}

static void
add_snapshot_source_changes (const Making *making, const VfSnapshotXml *xml, GHashTable *done)
{
  for (guint i = 0; i < xml->disks->len; i++) {
    const VfSnapshotDisk *disk = xml->disks->pdata[i];
    if (disk->source != NULL && disk->source->path != NULL && g_hash_table_add (done, disk->source->path))
      add_change (making, disk->source->path, disk->source->kind == VF_SOURCE_BLOCK);
  }
}

/* Every path that some document names; also those whose file is gone, so that no document keeps a mixture. */
static void
add_changes (const Making *making)
{
  g_autoptr (GHashTable) done = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < making->plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (making->plan, i);
    if (!vf_plan_file_is_link (file) && g_hash_table_add (done, file->source))
      add_change (making, file->source, file->destination_is_block);
  }
  for (guint i = 0; i < making->inventory->trail_names->len; i++) {
    char *name = making->inventory->trail_names->pdata[i];
    gint file = find_file (making, name);
    if (file >= 0 && g_hash_table_add (done, name))
      add_change (making, name, vf_plan_file (making->plan, (guint)file)->destination_is_block);
  }
  add_volume_changes (making, done);
  g_autoptr (GPtrArray) with_nvram = vf_inventory_with_nvram (making->inventory);
  for (guint i = 0; i < with_nvram->len; i++) {
    char *path = ((const VfDomainXml *)with_nvram->pdata[i])->nvram;
    if (g_hash_table_add (done, path))
      add_change (making, path, false);
  }
  for (guint i = 0; i < making->inventory->snapshots->len; i++)
    add_snapshot_source_changes (making, ((const VfInventorySnapshot *)making->inventory->snapshots->pdata[i])->xml, done);
}

static gint
compare_text (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static void
add_directories (const Making *making)
{
  for (guint i = 0; i < making->plan->files->len; i++) {
    g_autofree char *directory = vf_path_directory (vf_plan_file (making->plan, i)->destination);
    add_missing_directories (making, directory);
  }
  for (guint i = 0; i < making->plan->disks->len; i++)
    if (vf_plan_disk (making->plan, i)->cap_directory_destination != NULL)
      add_missing_directories (making, vf_plan_disk (making->plan, i)->cap_directory_destination);
  g_ptr_array_sort (making->plan->directories, compare_text); /* a parent sorts before what is below it */
}

VfPlan *
vf_plan_make (const char *id, const VfInventory *inventory, VfPlaces *places, const VfRequest *request, VfFarTable *far_table)
{
  g_autoptr (VfPlan) plan = vf_plan_new ();
  Making making = { plan, inventory, request, places, far_table };
  plan->id = g_strdup (id);
  plan->domain = g_strdup (inventory->domain->name);
  plan->uuid = g_strdup (inventory->domain->uuid);
  plan->source_host = g_strdup (inventory->host);
  plan->offline = request->offline;
  plan->persistent = inventory->persistent;
  plan->autostart = inventory->autostart;
  plan->was_running = g_strcmp0 (inventory->state, "running") == 0;
  plan->checkpoints = inventory->checkpoints;
  for (guint i = 0; i < inventory->domain->disks->len; i++)
    add_disk (&making, inventory->domain->disks->pdata[i]);
  for (guint i = 0; i < inventory->heads->len; i++)
    g_array_unref (add_chain (&making, ((const VfHead *)inventory->heads->pdata[i])->chain));
  for (guint i = 0; i < inventory->snapshots->len; i++)
    add_snapshot (&making, inventory->snapshots->pdata[i]);
  add_nvrams (&making);
  if (plan->offline)
    add_state (&making);
  add_with (&making);
  add_links (&making); /* last: what they lead to has its name by then */
  add_changes (&making);
  add_directories (&making);
  return g_steal_pointer (&plan);
}
