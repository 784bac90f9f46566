/* What there is at the source. */
#include "move/survey.h"

#include "base/names.h"
#include "domain/pools.h"
#include "xml/secret_names.h"
#include "xml/snapshot_xml.h"

#include <string.h>

typedef struct {
  VfMove *move;
  VfInventory *inventory;
  GHashTable *read; /* paths whose chain below is known */
} Survey;

static bool
add_facts (VfInventory *inventory, const char *path, GError **error)
{
  if (g_hash_table_contains (inventory->files, path))
    return true;
  VfFileFacts *facts = vf_file_look (path, error);
  if (facts == NULL)
    return false;
  if (facts->kind == VF_FILE_ABSENT)
    vf_file_facts_free (facts);
  else
    g_hash_table_insert (inventory->files, g_strdup (path), facts);
  return true;
}

/* A file by the name that something gives it: the symlinks on the way, and the facts of what they lead to. */
static bool
add_file_facts (VfInventory *inventory, const char *name, GError **error)
{
  VfTrail *trail = *name == '/' ? vf_trail_follow (name, error) : NULL;
  if (trail == NULL)
    return *name != '/' && add_facts (inventory, name, error);
  g_autofree char *real = g_strdup (trail->real);
  bool leads_on = trail->problem == NULL;
  vf_inventory_add_trail (inventory, name, trail);
  return !leads_on || add_facts (inventory, real, error);
}

static bool
add_chain_facts (Survey *survey, const VfHead *head, GError **error)
{
  for (guint i = 0; i < head->chain->images->len; i++) {
    const char *path = ((const VfImage *)head->chain->images->pdata[i])->path;
    g_autofree char *directory = vf_path_directory (path);
    const char *data = ((const VfImage *)head->chain->images->pdata[i])->data_path;
    g_hash_table_add (survey->read, g_strdup (path));
    if (!add_file_facts (survey->inventory, path, error) || !add_facts (survey->inventory, directory, error) ||
        (data != NULL && !add_file_facts (survey->inventory, data, error)))
      return false;
  }
  return head->chain->state != VF_CHAIN_MISSING && head->chain->state != VF_CHAIN_UNREADABLE
             ? true
             : add_file_facts (survey->inventory, head->chain->at, error);
}

/* A volume that cannot be found is a finding of preflight's. */
static bool
look_up_volume (Survey *survey, VfSource *source, GError **error)
{
  GError *failure = NULL;
  if (source == NULL || source->volume == NULL || source->path != NULL)
    return true;
  if (survey->move->source == NULL) {
    g_free (source->problem);
    source->problem = g_strdup_printf ("no libvirt was asked where '%s' lies", source->volume);
    return true;
  }
  if (vf_hypervisor_resolve_source (survey->move->source, source, &failure))
    return true;
  if (!vf_error_is (failure, VF_ERROR_NOT_FOUND)) {
    g_propagate_error (error, failure);
    return false;
  }
  g_free (source->problem);
  source->problem = g_strdup (failure->message);
  g_error_free (failure);
  return true;
}

static bool
survey_head (Survey *survey, const char *target, const char *snapshot, VfSource *source, bool is_media, GError **error)
{
  if (!look_up_volume (survey, source, error))
    return false;
  if (source == NULL || source->path == NULL)
    return true;
  if (snapshot != NULL && g_hash_table_contains (survey->read, source->path))
    return true;
  const char *format = source->format != NULL ? source->format : "raw"; /* libvirt's own default where the XML is silent */
  VfChain *chain = vf_chain_read (source->path, format, survey->move->cancellable, error);
  if (chain == NULL)
    return false;
  VfHead *head = g_new0 (VfHead, 1);
  head->target = g_strdup (target);
  head->snapshot = g_strdup (snapshot);
  head->is_media = is_media;
  head->kind = source->kind;
  head->volume = g_strdup (source->volume);
  head->chain = chain;
  vf_inventory_add_head (survey->inventory, head);
  return add_chain_facts (survey, head, error);
}

static bool
survey_disks (Survey *survey, const VfDomainXml *domain, const char *snapshot, GError **error)
{
  for (guint i = 0; i < domain->disks->len; i++) {
    const VfXmlDisk *disk = domain->disks->pdata[i];
    if (!survey_head (survey, disk->target, snapshot, disk->source, disk->readonly, error))
      return false;
  }
  return true;
}

static bool
survey_snapshot (Survey *survey, const VfSnapshotRecord *record, GError **error)
{
  VfSnapshotXml *xml = vf_snapshot_xml_parse (record->xml, error);
  if (xml == NULL) {
    g_prefix_error (error, "cannot read snapshot '%s': ", record->name);
    return false;
  }
  vf_inventory_add_snapshot (survey->inventory, xml, record->current);
  if (!vf_secret_names_add (survey->inventory->snapshot_secrets, record->xml, "domainsnapshot", error))
    return false;
  if (xml->domain != NULL && !survey_disks (survey, xml->domain, xml->name, error))
    return false;
  for (guint i = 0; i < xml->disks->len; i++) {
    const VfSnapshotDisk *disk = xml->disks->pdata[i];
    if (disk->kind != VF_SNAPSHOT_EXTERNAL || disk->source == NULL)
      continue;
    if (disk->source->format == NULL)
      disk->source->format = g_strdup ("qcow2"); /* what libvirt makes overlays as */
    if (!survey_head (survey, disk->target, xml->name, disk->source, false, error))
      return false;
  }
  return xml->memory_file == NULL || add_file_facts (survey->inventory, xml->memory_file, error);
}

static bool
survey_facts (Survey *survey, GError **error)
{
  VfInventory *inventory = survey->inventory;
  g_autoptr (GPtrArray) targets = g_ptr_array_new ();
  for (guint i = 0; i < inventory->domain->disks->len; i++)
    g_ptr_array_add (targets, ((const VfXmlDisk *)inventory->domain->disks->pdata[i])->target);
  g_ptr_array_add (targets, NULL);
  g_autoptr (VfGuestFacts) facts = vf_guest_facts (survey->move->guest, (const char *const *)targets->pdata, error);
  if (facts == NULL)
    return false;
  inventory->persistent = facts->persistent;
  inventory->autostart = facts->autostart;
  inventory->has_managed_save = facts->has_managed_save;
  inventory->checkpoints = facts->checkpoints;
  inventory->job = g_strdup (facts->job);
  for (guint i = 0; i < facts->block_jobs->len; i++)
    g_ptr_array_add (inventory->block_jobs, g_strdup (facts->block_jobs->pdata[i]));
  inventory->state = g_strdup (vf_guest_state_name (vf_guest_observe (survey->move->source, inventory->domain->uuid, NULL)));
  inventory->host = vf_hypervisor_hostname (survey->move->source, error);
  return inventory->host != NULL;
}

static bool
survey_nvram (VfInventory *inventory, GError **error)
{
  g_autoptr (GPtrArray) domains = vf_inventory_with_nvram (inventory);
  for (guint i = 0; i < domains->len; i++)
    if (!add_file_facts (inventory, ((const VfDomainXml *)domains->pdata[i])->nvram, error))
      return false;
  return true;
}

static bool
survey_with (Survey *survey, GError **error)
{
  const GPtrArray *with = survey->move->request->with;
  for (guint i = 0; i < with->len; i++)
    if (!add_file_facts (survey->inventory, with->pdata[i], error))
      return false;
  return true;
}

/* Directories and files, parents first; what is neither (a socket) is not state. */
static bool
survey_tpm_directory (VfInventory *inventory, const char *directory, GError **error)
{
  GError *failure = NULL;
  if (!add_facts (inventory, directory, error))
    return false;
  const VfFileFacts *facts = vf_inventory_file (inventory, directory);
  if (facts == NULL || facts->kind != VF_FILE_DIRECTORY)
    return true;
  g_autoptr (GDir) listing = g_dir_open (directory, 0, &failure);
  if (listing == NULL)
    return vf_error_adopt (error, failure, "cannot read directory '%s'", directory);
  g_ptr_array_add (inventory->tpm_directories, g_strdup (directory));
  for (const char *name = g_dir_read_name (listing); name != NULL; name = g_dir_read_name (listing)) {
    g_autofree char *path = g_build_filename (directory, name, NULL);
    if (!survey_tpm_directory (inventory, path, error))
      return false;
    const VfFileFacts *found = vf_inventory_file (inventory, path);
    if (found != NULL && found->kind == VF_FILE_REGULAR)
      g_ptr_array_add (inventory->tpm_files, g_strdup (path));
  }
  return true;
}

/* What a migration would carry in its stream. libvirt tells of an image only that it made, or found when it was started. */
static bool
survey_state_files (VfInventory *inventory, GError **error)
{
  g_autofree char *saved = vf_plan_managed_save (inventory->domain->name);
  g_autofree char *tpm = vf_plan_tpm_directory (inventory->domain->uuid);
  if (!add_facts (inventory, saved, error))
    return false;
  inventory->has_managed_save = inventory->has_managed_save || vf_inventory_file (inventory, saved) != NULL;
  return g_strcmp0 (inventory->domain->tpm, "emulator") != 0 || survey_tpm_directory (inventory, tpm, error);
}

/* What is read here carries secrets: it is parsed, and kept nowhere. */
static bool
survey_devices (Survey *survey, GError **error)
{
  g_autofree char *xml = vf_guest_xml (survey->move->guest, VF_XML_MIGRATABLE, error);
  survey->inventory->devices = xml == NULL ? NULL : vf_devices_parse (xml, error);
  return survey->inventory->devices != NULL;
}

/* The running guest's secrets, and those of its definition, which it starts from there. */
static bool
survey_secret_names (Survey *survey, GError **error)
{
  VfInventory *inventory = survey->inventory;
  static const VfXmlKind kinds[] = { VF_XML_LIVE, VF_XML_INACTIVE };
  for (gsize i = 0; i < (inventory->persistent ? G_N_ELEMENTS (kinds) : 1); i++) {
    g_autofree char *xml = vf_guest_xml (survey->move->guest, kinds[i], error);
    if (xml == NULL || !vf_secret_names_add (inventory->secrets, xml, "domain", error))
      return false;
  }
  for (guint i = 0; i < inventory->secrets->len; i++) {
    guint at = 0;
    if (g_ptr_array_find_with_equal_func (inventory->snapshot_secrets, inventory->secrets->pdata[i], g_str_equal, &at))
      g_ptr_array_remove_index (inventory->snapshot_secrets, at);
  }
  return true;
}

VfInventory *
vf_survey_source (VfMove *move, GError **error)
{
  g_autoptr (VfInventory) inventory = vf_inventory_new ();
  g_autoptr (GHashTable) read = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Survey survey = { move, inventory, read };
  g_autofree char *xml = vf_guest_xml (move->guest, VF_XML_LIVE, error);
  inventory->domain = xml == NULL ? NULL : vf_domain_xml_parse (xml, error);
  if (inventory->domain == NULL || !survey_facts (&survey, error) || !survey_devices (&survey, error) ||
      !survey_disks (&survey, inventory->domain, NULL, error) || !add_facts (inventory, move->request->cap_directory, error))
    return NULL;
  g_autoptr (GPtrArray) records = vf_guest_snapshots (move->guest, error);
  for (guint i = 0; records != NULL && i < records->len; i++)
    if (!survey_snapshot (&survey, records->pdata[i], error))
      return NULL;
  if (records == NULL || !survey_nvram (inventory, error) || !survey_with (&survey, error) ||
      !survey_secret_names (&survey, error) || (move->request->offline && !survey_state_files (inventory, error)))
    return NULL;
  return g_steal_pointer (&inventory);
}

VfInventory *
vf_survey_xml (VfMove *move, const char *xml, GError **error)
{
  g_autoptr (VfInventory) inventory = vf_inventory_new ();
  g_autoptr (GHashTable) read = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Survey survey = { move, inventory, read };
  inventory->domain = vf_domain_xml_parse (xml, error);
  inventory->devices = inventory->domain == NULL ? NULL : vf_devices_parse (xml, error);
  if (inventory->devices == NULL)
    return NULL;
  if (inventory->domain->uuid == NULL)
    inventory->domain->uuid = g_uuid_string_random (); /* as libvirt does when it is defined */
  inventory->persistent = true;
  inventory->state = g_strdup ("running");
  inventory->host = g_strdup (g_get_host_name ());
  bool surveyed = survey_disks (&survey, inventory->domain, NULL, error) &&
                  add_facts (inventory, move->request->cap_directory, error) && survey_nvram (inventory, error) &&
                  survey_with (&survey, error) && vf_secret_names_add (inventory->secrets, xml, "domain", error);
  return surveyed ? g_steal_pointer (&inventory) : NULL;
}
