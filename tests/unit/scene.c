#include "scene.h"

#include <stdarg.h>

static const char guest_xml[] = "<domain type='kvm'><name>shop</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>"
                                "<memory unit='MiB'>64</memory><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>"
                                "<devices>%s</devices></domain>";

Scene *
scene_new (const char *disks_xml)
{
  Scene *scene = g_new0 (Scene, 1);
  g_autofree char *xml = g_strdup_printf (guest_xml, disks_xml);
  g_autoptr (GError) error = NULL;
  scene->inventory = vf_inventory_new ();
  scene->inventory->domain = vf_domain_xml_parse (xml, &error);
  g_assert_no_error (error);
  scene->inventory->host = g_strdup ("alpha");
  scene->inventory->state = g_strdup ("running");
  scene->inventory->persistent = true;
  scene->request = vf_request_new ();
  scene->request->domain = g_strdup ("shop");
  scene->request->destination_uri = g_strdup ("qemu+ssh://bravo/system");
  scene->far_table = vf_far_table_new ();
  return scene;
}

void
scene_free (Scene *scene)
{
  vf_inventory_free (scene->inventory);
  vf_request_free (scene->request);
  g_hash_table_unref (scene->far_table);
  g_free (scene);
}

static void
internal_snapshot_free (VfInternalSnapshot *snapshot)
{
  g_free (snapshot->id);
  g_free (snapshot->name);
  g_free (snapshot);
}

VfImage *
scene_image (const char *path, const char *format, const char *backing, const char *backing_format)
{
  VfImage *image = g_new0 (VfImage, 1);
  image->path = g_strdup (path);
  image->format = g_strdup (format);
  image->virtual_bytes = 64 * SCENE_MIB;
  image->allocated_bytes = 8 * SCENE_MIB;
  image->backing_name = g_strdup (backing);
  image->backing_path = backing == NULL ? NULL : vf_backing_path (path, backing);
  image->backing_format = g_strdup (backing_format);
  image->internal_snapshots = g_ptr_array_new_with_free_func ((GDestroyNotify)internal_snapshot_free);
  return image;
}

static VfFileFacts *
facts_new (VfFileKind kind)
{
  static guint64 inode = 100;
  VfFileFacts *facts = g_new0 (VfFileFacts, 1);
  facts->kind = kind;
  facts->directory_exists = true;
  facts->free_bytes = (guint64)1024 * SCENE_MIB;
  facts->filesystem = 7;
  if (kind == VF_FILE_ABSENT)
    return facts;
  facts->bytes = kind == VF_FILE_BLOCK ? 64 * SCENE_MIB : 9 * SCENE_MIB;
  facts->allocated = 8 * SCENE_MIB;
  facts->id = (VfFileId){ .device = G_GUINT64_CONSTANT (0xfedcba9876543210), .inode = inode++ };
  facts->mtime_ns = 1111111111222222222;
  facts->ctime_ns = 1111111111333333333;
  facts->mode = 0640;
  facts->user = g_strdup ("libvirt-qemu");
  facts->group = g_strdup ("kvm");
  return facts;
}

VfFileFacts *
scene_file (Scene *scene, const char *path, VfFileKind kind)
{
  VfFileFacts *facts = facts_new (kind);
  g_hash_table_insert (scene->inventory->files, g_strdup (path), facts);
  return facts;
}

void
scene_trail (Scene *scene, const char *name, const char *real, ...)
{
  va_list steps;
  VfTrail *trail = g_new0 (VfTrail, 1);
  trail->real = g_strdup (real);
  trail->steps = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_trail_step_free);
  va_start (steps, real);
  for (const char *path = va_arg (steps, const char *); path != NULL; path = va_arg (steps, const char *)) {
    VfTrailStep *step = g_new0 (VfTrailStep, 1);
    step->path = g_strdup (path);
    step->text = g_strdup (va_arg (steps, const char *));
    step->to = g_strdup (va_arg (steps, const char *));
    step->real = g_strdup (step->to);
    step->is_directory = va_arg (steps, int) != 0;
    step->facts = facts_new (VF_FILE_LINK);
    g_ptr_array_add (trail->steps, step);
  }
  va_end (steps);
  const VfTrailStep *last = trail->steps->len > 0 ? trail->steps->pdata[trail->steps->len - 1] : NULL;
  trail->directory = g_path_get_dirname (last != NULL && !last->is_directory ? last->path : real);
  vf_inventory_add_trail (scene->inventory, name, trail);
}

VfHead *
scene_chain (Scene *scene, const char *target, const char *snapshot, ...)
{
  va_list images;
  VfHead *head = g_new0 (VfHead, 1);
  head->target = g_strdup (target);
  head->snapshot = g_strdup (snapshot);
  head->kind = VF_SOURCE_FILE;
  head->chain = g_new0 (VfChain, 1);
  head->chain->images = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_image_free);
  va_start (images, snapshot);
  for (VfImage *image = va_arg (images, VfImage *); image != NULL; image = va_arg (images, VfImage *)) {
    bool is_device = g_str_has_prefix (image->path, "/dev/");
    if (head->chain->images->len == 0 && is_device)
      head->kind = VF_SOURCE_BLOCK;
    g_ptr_array_add (head->chain->images, image);
    if (vf_inventory_file (scene->inventory, image->path) == NULL)
      scene_file (scene, vf_inventory_real (scene->inventory, image->path), is_device ? VF_FILE_BLOCK : VF_FILE_REGULAR);
  }
  va_end (images);
  vf_inventory_add_head (scene->inventory, head);
  return head;
}

void
scene_snapshot (Scene *scene, const char *xml, bool current)
{
  g_autoptr (GError) error = NULL;
  VfSnapshotXml *snapshot = vf_snapshot_xml_parse (xml, &error);
  g_assert_no_error (error);
  vf_inventory_add_snapshot (scene->inventory, snapshot, current);
}

VfFarFacts *
scene_there (Scene *scene, const char *path, VfFileKind kind)
{
  VfFarFacts *facts = g_new0 (VfFarFacts, 1);
  facts->file = facts_new (kind);
  facts->in_roots = true;
  g_hash_table_insert (scene->far_table, g_strdup (path), facts);
  return facts;
}

VfPlaces *
scene_places (Scene *scene)
{
  g_autoptr (GError) error = NULL;
  VfPlaces *places = vf_places_new (scene->inventory, scene->request, scene->far_table, NULL, &error);
  g_assert_no_error (error);
  return places;
}

VfPlan *
scene_plan (Scene *scene)
{
  g_autoptr (VfPlaces) places = scene_places (scene);
  VfPlan *plan = vf_plan_make ("0123abcd", scene->inventory, places, scene->request, scene->far_table);
  g_assert_null (plan->destination_host);
  plan->destination_host = g_strdup ("bravo");
  return plan;
}

const VfPlanFile *
scene_planned (const VfPlan *plan, const char *source)
{
  gint index = vf_plan_find_source (plan, source);
  if (index < 0)
    g_error ("'%s' is not in the plan", source);
  return vf_plan_file (plan, (guint)index);
}

Scene *
scene_shop (void)
{
  Scene *scene = scene_new (SCENE_DISK ("vda", "/srv/vm/top.qcow2") SCENE_CD ("sda", "/srv/vm/cd.iso"));
  VfImage *top = scene_image ("/srv/vm/top.qcow2", "qcow2", "base.qcow2", "qcow2");
  VfInternalSnapshot *clean = g_new0 (VfInternalSnapshot, 1);
  clean->id = g_strdup ("1");
  clean->name = g_strdup ("clean");
  g_ptr_array_add (top->internal_snapshots, clean);
  scene_chain (scene, "vda", NULL, top, scene_image ("/srv/vm/base.qcow2", "qcow2", NULL, NULL), NULL);
  scene_chain (scene, "sda", NULL, scene_image ("/srv/vm/cd.iso", "raw", NULL, NULL), NULL)->is_media = true;
  scene_chain (scene, "vda", "before", scene_image ("/srv/vm/branch.qcow2", "qcow2", "base.qcow2", "qcow2"),
               scene_image ("/srv/vm/base.qcow2", "qcow2", NULL, NULL), NULL);
  scene_file (scene, "/srv/vm/before.mem", VF_FILE_REGULAR);
  scene_file (scene, "/srv/vm", VF_FILE_DIRECTORY);
  scene_snapshot (
      scene,
      "<domainsnapshot><name>before</name><state>running</state><memory snapshot='external' file='/srv/vm/before.mem'/>"
      "<disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/>"
      "<source file='/srv/vm/branch.qcow2'/></disk><disk name='sda' snapshot='no'/></disks></domainsnapshot>",
      false);
  scene_snapshot (scene,
                  "<domainsnapshot><name>clean</name><parent><name>before</name></parent><state>shutoff</state>"
                  "<memory snapshot='no'/><disks><disk name='vda' snapshot='internal'/></disks></domainsnapshot>",
                  true);
  return scene;
}
