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
  g_free (file->link_text);
  g_ptr_array_unref (file->internal_snapshots);
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

const VfPlanDisk *
vf_plan_find_disk (const VfPlan *plan, const char *target)
{
  for (guint i = 0; i < plan->disks->len; i++)
    if (strcmp (vf_plan_disk (plan, i)->target, target) == 0)
      return vf_plan_disk (plan, i);
  return NULL;
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

const char *
vf_plan_file_kind_name (VfPlanFileKind kind)
{
  static const char *const names[] = { "layer", "memory", "nvram", "other", "link", "directory link" };
  return names[kind];
}

bool
vf_plan_file_is_written (const VfPlanFile *file)
{
  return file->is_top || file->kind == VF_PLAN_NVRAM;
}

bool
vf_plan_file_is_link (const VfPlanFile *file)
{
  return file->kind == VF_PLAN_LINK || file->kind == VF_PLAN_DIRECTORY_LINK;
}
