#include "plan/plan.h"

#include "base/names.h"

#include <string.h>

static void
file_free (VfPlanFile *file)
{
  g_free (file->source);
  g_free (file->destination);
  g_clear_pointer (&file->facts, vf_file_facts_free);
  g_free (file->format);
  g_free (file->backing);
  g_free (file->backing_format);
  g_free (file->new_backing);
  g_free (file->data_file);
  g_free (file->new_data_file);
  g_free (file->link_text);
  g_ptr_array_unref (file->internal_snapshots);
  vf_encryption_free (file->encryption);
  g_free (file);
}

static void
disk_free (VfPlanDisk *disk)
{
  g_free (disk->target);
  g_free (disk->reason);
  g_array_unref (disk->layers);
  g_free (disk->source_name);
  g_free (disk->destination_name);
  g_free (disk->source_volume);
  g_free (disk->destination_volume);
  g_free (disk->cap_directory_source);
  g_free (disk->cap_directory_destination);
  g_free (disk);
}

static void
snapshot_free (VfPlanSnapshot *snapshot)
{
  g_free (snapshot->name);
  g_free (snapshot->parent);
  g_free (snapshot->kind);
  g_free (snapshot);
}

static void
directory_free (VfPlanDirectory *directory)
{
  g_free (directory->path);
  g_clear_pointer (&directory->facts, vf_file_facts_free);
  g_free (directory);
}

VfPlan *
vf_plan_new (void)
{
  VfPlan *plan = g_new0 (VfPlan, 1);
  plan->rendezvous = g_uuid_string_random ();
  plan->files = g_ptr_array_new_with_free_func ((GDestroyNotify)file_free);
  plan->disks = g_ptr_array_new_with_free_func ((GDestroyNotify)disk_free);
  plan->snapshots = g_ptr_array_new_with_free_func ((GDestroyNotify)snapshot_free);
  plan->changes = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_path_change_free);
  plan->directories = g_ptr_array_new_with_free_func (g_free);
  plan->state_directories = g_ptr_array_new_with_free_func ((GDestroyNotify)directory_free);
  plan->secrets = g_ptr_array_new_with_free_func (g_free);
  return plan;
}

void
vf_plan_free (VfPlan *plan)
{
  g_free (plan->id);
  g_free (plan->rendezvous);
  g_free (plan->domain);
  g_free (plan->uuid);
  g_free (plan->source_host);
  g_free (plan->destination_host);
  g_free (plan->cpus_wanted);
  g_free (plan->cpus_present);
  g_free (plan->cpus_online);
  g_free (plan->from_file);
  g_ptr_array_unref (plan->files);
  g_ptr_array_unref (plan->disks);
  g_ptr_array_unref (plan->snapshots);
  g_ptr_array_unref (plan->changes);
  g_ptr_array_unref (plan->directories);
  g_ptr_array_unref (plan->state_directories);
  g_ptr_array_unref (plan->secrets);
  g_free (plan);
}

VfFarTable *
vf_far_table_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)vf_far_facts_free);
}

VfPlanFile *
vf_plan_file_new (void)
{
  VfPlanFile *file = g_new0 (VfPlanFile, 1);
  file->internal_snapshots = g_ptr_array_new_with_free_func (g_free);
  return file;
}

VfPlanFile *
vf_plan_file (const VfPlan *plan, guint index)
{
  return plan->files->pdata[index];
}

VfPlanDisk *
vf_plan_disk (const VfPlan *plan, guint index)
{
  return plan->disks->pdata[index];
}

gint
vf_plan_find_source (const VfPlan *plan, const char *source)
{
  for (guint i = 0; source != NULL && i < plan->files->len; i++)
    if (strcmp (vf_plan_file (plan, i)->source, source) == 0)
      return (gint)i;
  return -1;
}

VfPlanFile *
vf_plan_disk_top (const VfPlan *plan, const VfPlanDisk *disk)
{
  return disk->layers->len == 0 ? NULL : vf_plan_file (plan, g_array_index (disk->layers, guint, 0));
}

const char *
vf_plan_disk_name_at_source (const VfPlan *plan, const VfPlanDisk *disk)
{
  return disk->source_name != NULL ? disk->source_name : vf_plan_disk_top (plan, disk)->source;
}

const char *
vf_plan_disk_name_at_destination (const VfPlan *plan, const VfPlanDisk *disk)
{
  return disk->destination_name != NULL ? disk->destination_name : vf_plan_disk_top (plan, disk)->destination;
}

bool
vf_plan_disk_is_source (const VfPlan *plan, const VfPlanDisk *disk, const VfSource *source)
{
  return g_strcmp0 (source->path, vf_plan_disk_name_at_source (plan, disk)) == 0 ||
         (source->volume != NULL && g_strcmp0 (source->volume, disk->source_volume) == 0);
}

const VfPlanDisk *
vf_plan_find_disk (const VfPlan *plan, const char *target)
{
  for (guint i = 0; i < plan->disks->len; i++)
    if (strcmp (vf_plan_disk (plan, i)->target, target) == 0)
      return vf_plan_disk (plan, i);
  return NULL;
}

VfPlanFile *
vf_plan_disk_encrypted (const VfPlan *plan, const VfPlanDisk *disk)
{
  for (guint i = 0; i < disk->layers->len; i++) {
    VfPlanFile *file = vf_plan_file (plan, g_array_index (disk->layers, guint, i));
    if (file->encryption != NULL)
      return file;
  }
  return NULL;
}

bool
vf_plan_is_encrypted (const VfPlan *plan)
{
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    if (disk->treatment == VF_TREAT_MOVE && vf_plan_disk_encrypted (plan, disk) != NULL)
      return true;
  }
  return false;
}

char *
vf_plan_cap_at_source (const VfPlan *plan, const VfPlanDisk *disk, guint generation)
{
  return vf_name_cap (vf_plan_disk_name_at_source (plan, disk), disk->cap_directory_source, plan->id, generation);
}

char *
vf_plan_cap_at_destination (const VfPlan *plan, const VfPlanDisk *disk, guint generation)
{
  return vf_name_cap (vf_plan_disk_name_at_destination (plan, disk), disk->cap_directory_destination, plan->id, generation);
}

guint64
vf_plan_bytes_to_send (const VfPlan *plan)
{
  guint64 bytes = 0;
  for (guint i = 0; i < plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (plan, i);
    bytes += file->maybe_there ? 0 : MIN (file->facts->allocated, file->facts->bytes);
  }
  return bytes;
}

const char *
vf_treatment_name (VfTreatment treatment)
{
  static const char *const names[] = { "move", "shared", "media", "skip" };
  return names[treatment];
}

char *
vf_plan_tpm_directory (const char *uuid)
{
  return g_build_filename ("/var/lib/libvirt/swtpm", uuid, NULL);
}

char *
vf_plan_managed_save (const char *domain)
{
  return g_strdup_printf ("/var/lib/libvirt/qemu/save/%s.save", domain);
}

char *
vf_plan_snapshot_metadata (const char *domain, const char *snapshot)
{
  return g_strdup_printf ("/var/lib/libvirt/qemu/snapshot/%s/%s.xml", domain, snapshot);
}

const char *
vf_plan_file_kind_name (VfPlanFileKind kind)
{
  static const char *const names[] = { "layer",          "memory", "nvram",        "other", "link",
                                       "directory link", "tpm",    "managed-save", "data" };
  return names[kind];
}

static bool
is_written_top (const VfPlan *plan, const VfPlanFile *file)
{
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    const VfPlanFile *top = disk->treatment == VF_TREAT_MOVE ? vf_plan_disk_top (plan, disk) : NULL;
    if (top != NULL && (top == file || g_strcmp0 (top->data_file, file->source) == 0))
      return true;
  }
  return false;
}

bool
vf_plan_file_is_written (const VfPlan *plan, const VfPlanFile *file)
{
  switch (file->kind) {
  case VF_PLAN_NVRAM:
  case VF_PLAN_TPM:
  case VF_PLAN_SAVED:
    return true;
  case VF_PLAN_LAYER:
  case VF_PLAN_DATA:
  case VF_PLAN_MEMORY:
  default:
    return is_written_top (plan, file);
  }
}

VfPlanDirectory *
vf_plan_directory_new (const char *path, VfFileFacts *facts)
{
  VfPlanDirectory *directory = g_new0 (VfPlanDirectory, 1);
  directory->path = g_strdup (path);
  directory->facts = facts;
  return directory;
}

const VfFileFacts *
vf_plan_directory_facts (const VfPlan *plan, const char *path)
{
  for (guint i = 0; i < plan->state_directories->len; i++) {
    const VfPlanDirectory *directory = plan->state_directories->pdata[i];
    if (strcmp (directory->path, path) == 0)
      return directory->facts;
  }
  return NULL;
}

bool
vf_plan_file_is_renamed (const VfPlanFile *file)
{
  return file->new_backing != NULL || file->new_data_file != NULL;
}

bool
vf_plan_file_is_link (const VfPlanFile *file)
{
  return file->kind == VF_PLAN_LINK || file->kind == VF_PLAN_DIRECTORY_LINK;
}
