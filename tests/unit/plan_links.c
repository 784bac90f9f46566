/* Symlinks: where they and what they lead to go, and what they say there. */
#include "scene.h"

/* disk.0 -> ../../1/HASH of a VM directory, as OpenNebula lays it out. */
#define ONE "/var/lib/one/datastores"
#define NAME ONE "/0/42/disk.0"
#define REAL ONE "/1/HASH"

static Scene *
linked (const char *text)
{
  Scene *scene = scene_new (SCENE_DISK ("vda", NAME));
  scene_trail (scene, NAME, REAL, NAME, text, REAL, false, NULL);
  scene_chain (scene, "vda", NULL, scene_image (NAME, "qcow2", NULL, NULL), NULL);
  return scene;
}

static const VfPlaceLink *
only_link (VfPlaces *places)
{
  const GPtrArray *links = vf_places_links (places);
  g_assert_cmpuint (links->len, ==, 1);
  return links->pdata[0];
}

typedef struct {
  const char *text, *map, *map_too;
  const char *link_there, *text_there, *file_there;
} Row;

static void
a_link_says_what_is_right_there (void)
{
  static const Row rows[] = {
    { "../../1/HASH", NULL, NULL, NAME, "../../1/HASH", REAL },
    { REAL, NULL, NULL, NAME, REAL, REAL },
    { "../../1/HASH", ONE "=/srv", NULL, "/srv/0/42/disk.0", "../../1/HASH", "/srv/1/HASH" },
    { REAL, ONE "=/srv", NULL, "/srv/0/42/disk.0", "/srv/1/HASH", "/srv/1/HASH" },
    { "../../1/HASH", ONE "/1=/srv/images", NULL, NAME, "../../../../../../srv/images/HASH", "/srv/images/HASH" },
    { REAL, ONE "/1=/srv/images", NULL, NAME, "/srv/images/HASH", "/srv/images/HASH" },
    { "../../1/HASH", ONE "/0=/srv/vms", NULL, "/srv/vms/42/disk.0", "../../../var/lib/one/datastores/1/HASH", REAL },
    { "../../1/HASH", ONE "/0=/srv/a", ONE "/1=/srv/1", "/srv/a/42/disk.0", "../../1/HASH", "/srv/1/HASH" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (Scene) scene = linked (rows[i].text);
    if (rows[i].map != NULL)
      vf_request_add_map (scene->request, rows[i].map, NULL);
    if (rows[i].map_too != NULL)
      vf_request_add_map (scene->request, rows[i].map_too, NULL);
    g_autoptr (VfPlaces) places = scene_places (scene);
    g_assert_cmpstr (only_link (places)->destination, ==, rows[i].link_there);
    g_assert_cmpstr (only_link (places)->text, ==, rows[i].text_there);
    g_assert_cmpstr (vf_places_of (places, NAME), ==, rows[i].link_there);
    g_assert_cmpstr (vf_places_of (places, REAL), ==, rows[i].file_there);
    g_assert_cmpuint (vf_places_sources (places)->len, ==, 1);
  }
}

static void
the_plan_has_file_and_link_once_and_names_the_disk_by_the_link (void)
{
  g_autoptr (Scene) scene = linked ("../../1/HASH");
  scene_chain (scene, "vda", "old", scene_image (REAL, "qcow2", NULL, NULL), NULL); /* the same file by its own name */
  vf_request_add_map (scene->request, ONE "=/srv", NULL);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->files->len, ==, 2);
  const VfPlanFile *file = scene_planned (plan, REAL);
  const VfPlanFile *link = scene_planned (plan, NAME);
  g_assert_cmpstr (file->destination, ==, "/srv/1/HASH");
  g_assert_true (file->is_top && link->kind == VF_PLAN_LINK && !link->maybe_there);
  g_assert_cmpstr (link->link_text, ==, "../../1/HASH");
  const VfPlanDisk *disk = vf_plan_find_disk (plan, "vda");
  g_assert_cmpstr (vf_plan_disk_name_at_source (plan, disk), ==, NAME);
  g_assert_cmpstr (vf_plan_disk_name_at_destination (plan, disk), ==, "/srv/0/42/disk.0");
  g_autofree char *here = vf_plan_cap_at_source (plan, disk, 1);
  g_autofree char *there = vf_plan_cap_at_destination (plan, disk, 1);
  g_assert_cmpstr (here, ==, NAME ".ferry-0123abcd.cap1");
  g_assert_cmpstr (there, ==, "/srv/0/42/disk.0.ferry-0123abcd.cap1");
  bool names_link = false, names_file = false;
  for (guint i = 0; i < plan->changes->len; i++) {
    const VfPathChange *change = plan->changes->pdata[i];
    names_link |= g_str_equal (change->from, NAME) && g_str_equal (change->to, "/srv/0/42/disk.0");
    names_file |= g_str_equal (change->from, REAL) && g_str_equal (change->to, "/srv/1/HASH");
  }
  g_assert_true (names_link && names_file);

  g_autoptr (JsonObject) object = vf_plan_to_json (plan);
  g_autoptr (VfPlan) again = vf_plan_from_json (object, NULL);
  g_assert_cmpstr (scene_planned (again, NAME)->link_text, ==, "../../1/HASH");
  g_assert_cmpstr (vf_plan_disk_name_at_source (again, vf_plan_find_disk (again, "vda")), ==, NAME);
}

static void
a_named_place_is_the_files_own (void)
{
  g_autoptr (Scene) scene = linked ("../../1/HASH");
  vf_request_add_disk (scene->request, "vda=/srv/vda.qcow2", NULL);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->files->len, ==, 1);
  g_assert_cmpstr (vf_plan_file (plan, 0)->destination, ==, "/srv/vda.qcow2");
  g_assert_cmpstr (vf_plan_disk_name_at_destination (plan, vf_plan_disk (plan, 0)), ==, "/srv/vda.qcow2");
}

static void
an_equal_link_is_used_and_a_name_is_taken_once (void)
{
  g_autoptr (Scene) scene = linked ("../../1/HASH");
  VfFarFacts *there = scene_there (scene, NAME, VF_FILE_LINK);
  there->link = g_strdup ("../../1/HASH");
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_true (scene_planned (plan, NAME)->maybe_there);
  g_free (there->link);
  there->link = g_strdup ("elsewhere");
  g_autoptr (VfPlan) other = scene_plan (scene);
  g_assert_false (scene_planned (other, NAME)->maybe_there);

  g_autoptr (GError) error = NULL;
  vf_request_add_map (scene->request, REAL "=" NAME, NULL);
  g_assert_null (vf_places_new (scene->inventory, scene->request, NULL, NULL, &error));
  assert_failed (&error, VF_ERROR_USAGE, "both would be");
}

static void
a_further_file_travels_once_and_by_its_link (void)
{
  g_autoptr (Scene) scene = linked ("../../1/HASH");
  scene_trail (scene, "/srv/context.sh", "/etc/context.sh", "/srv/context.sh", "/etc/context.sh", "/etc/context.sh", false,
               NULL);
  scene_file (scene, "/etc/context.sh", VF_FILE_REGULAR);
  scene_file (scene, "/srv/directory", VF_FILE_DIRECTORY);
  static const char *const with[] = { "/srv/context.sh", "/etc/context.sh", NAME, "/srv/directory", "/srv/none" };
  for (gsize i = 0; i < G_N_ELEMENTS (with); i++)
    vf_request_add_with (scene->request, with[i], NULL);
  vf_request_add_map (scene->request, "/etc=/srv/etc", NULL);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->files->len, ==, 4);
  g_assert_cmpint (scene_planned (plan, "/etc/context.sh")->kind, ==, VF_PLAN_OTHER);
  g_assert_cmpstr (scene_planned (plan, "/etc/context.sh")->destination, ==, "/srv/etc/context.sh");
  g_assert_cmpstr (scene_planned (plan, "/srv/context.sh")->link_text, ==, "/srv/etc/context.sh");
  g_assert_cmpint (scene_planned (plan, REAL)->kind, ==, VF_PLAN_LAYER);
}

/* ---- shared storage ---- */

static void
what_is_shared_is_no_file_of_the_plan (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  vf_request_add_with (scene->request, "/srv/vm/before.mem", NULL);
  static const char *const shared[] = { "/srv/vm/top.qcow2", "/srv/vm/cd.iso", "/srv/vm/before.mem" };
  for (gsize i = 0; i < G_N_ELEMENTS (shared); i++)
    g_hash_table_add (scene->inventory->shared, g_strdup (shared[i]));
  g_autoptr (VfPlan) plan = scene_plan (scene);
  for (guint i = 0; i < 2; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    g_assert_cmpint (disk->treatment, ==, VF_TREAT_SHARED);
    g_assert_true (disk->is_probed);
    g_assert_cmpuint (disk->layers->len, ==, 0);
  }
  g_assert_cmpuint (plan->files->len, ==, 2); /* the base and the other branch, which nobody said are shared */
  for (gsize i = 0; i < G_N_ELEMENTS (shared); i++)
    g_assert_cmpint (vf_plan_find_source (plan, shared[i]), ==, -1);
  g_autoptr (JsonObject) object = vf_plan_to_json (plan);
  g_autoptr (VfPlan) again = vf_plan_from_json (object, NULL);
  g_assert_true (vf_plan_disk (again, 0)->is_probed);
}

static void
a_shared_base_stays_and_a_shared_link_too (void)
{
  g_autoptr (Scene) scene = linked ("../../1/HASH");
  g_hash_table_add (scene->inventory->shared, g_strdup (NAME));
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->files->len, ==, 1);
  g_assert_cmpint (vf_plan_disk (plan, 0)->treatment, ==, VF_TREAT_MOVE);

  g_autoptr (Scene) shop = scene_shop ();
  g_hash_table_add (shop->inventory->shared, g_strdup ("/srv/vm/base.qcow2"));
  g_autoptr (VfPlan) mixed = scene_plan (shop);
  g_assert_cmpint (vf_plan_disk (mixed, 0)->treatment, ==, VF_TREAT_MOVE);
  g_assert_cmpuint (vf_plan_disk (mixed, 0)->layers->len, ==, 1);
  g_assert_cmpint (vf_plan_find_source (mixed, "/srv/vm/base.qcow2"), ==, -1);
}

/* ---- volumes ---- */

static VfPoolPlace *
pool_place (const char *name, const char *path, const char *name_there, const char *path_there)
{
  VfPoolPlace *pool = g_new0 (VfPoolPlace, 1);
  *pool = (VfPoolPlace){ g_strdup (name), g_strdup (path), g_strdup (name_there), g_strdup (path_there) };
  return pool;
}

static void
a_volume_goes_into_its_pool_with_what_lies_beside_it (void)
{
  g_autoptr (Scene) scene =
      scene_new ("<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='p' volume='top'/>"
                 "<target dev='vda'/></disk>");
  VfXmlDisk *disk = scene->inventory->domain->disks->pdata[0];
  g_assert_cmpstr (disk->source->volume, ==, "volume:p/top");
  disk->source->kind = VF_SOURCE_FILE;
  disk->source->path = g_strdup ("/pool/top");
  VfHead *head = scene_chain (scene, "vda", NULL, scene_image ("/pool/top", "qcow2", "base", "raw"),
                              scene_image ("/pool/base", "raw", NULL, NULL), NULL);
  head->volume = g_strdup (disk->source->volume);
  vf_request_add_pool (scene->request, "p=q", NULL);
  g_autoptr (GPtrArray) pools = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_pool_place_free);
  g_ptr_array_add (pools, pool_place ("p", "/pool", "q", "/other"));
  for (int named = 0; named < 2; named++) {
    if (named)
      vf_request_add_disk (scene->request, "vda=/srv/top", NULL);
    g_autoptr (VfPlaces) places = vf_places_new (scene->inventory, scene->request, scene->far_table, pools, NULL);
    g_autoptr (VfPlan) plan = vf_plan_make ("0123abcd", scene->inventory, places, scene->request, scene->far_table);
    const VfPlanDisk *planned = vf_plan_disk (plan, 0);
    g_assert_cmpstr (scene_planned (plan, "/pool/top")->destination, ==, named ? "/srv/top" : "/other/top");
    g_assert_cmpstr (scene_planned (plan, "/pool/base")->destination, ==, named ? "/srv/base" : "/other/base");
    g_assert_cmpstr (planned->source_volume, ==, "volume:p/top");
    g_assert_cmpstr (planned->destination_volume, ==, named ? NULL : "volume:q/top");
    g_assert_true (vf_plan_disk_is_source (plan, planned, disk->source));
    const char *to = NULL;
    for (guint i = 0; i < plan->changes->len; i++) {
      const VfPathChange *change = plan->changes->pdata[i];
      if (g_str_equal (change->from, "volume:p/top"))
        to = change->to;
    }
    g_assert_cmpstr (to, ==, named ? "/srv/top" : "volume:q/top");
  }
}

/* ---- directories behind links ---- */

static Scene *
below_link (void)
{
  Scene *scene = scene_new (SCENE_DISK ("vda", "/var/lib/libvirt/images/g/top"));
  scene_trail (scene, "/var/lib/libvirt/images/g/top", "/data/images/g/top", "/var/lib/libvirt/images", "/data/images",
               "/data/images", true, NULL);
  scene_trail (scene, "/var/lib/libvirt/images/g/base", "/data/images/g/base", "/var/lib/libvirt/images", "/data/images",
               "/data/images", true, NULL);
  scene_chain (scene, "vda", NULL, scene_image ("/var/lib/libvirt/images/g/top", "qcow2", "base", "raw"),
               scene_image ("/var/lib/libvirt/images/g/base", "raw", NULL, NULL), NULL);
  return scene;
}

static void
a_linked_directory_is_the_one_that_is_there (void)
{
  g_autoptr (Scene) scene = below_link ();
  VfFarFacts *there = scene_there (scene, "/var/lib/libvirt/images", VF_FILE_DIRECTORY);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->files->len, ==, 2);
  g_assert_cmpstr (scene_planned (plan, "/data/images/g/top")->destination, ==, "/var/lib/libvirt/images/g/top");
  g_assert_cmpstr (scene_planned (plan, "/data/images/g/base")->destination, ==, "/var/lib/libvirt/images/g/base");
  g_assert_null (scene_planned (plan, "/data/images/g/top")->new_backing);

  there->file->kind = VF_FILE_LINK; /* to another directory than here */
  there->link = g_strdup ("/big/images");
  there->leads_to = VF_FILE_DIRECTORY;
  g_autoptr (VfPlan) elsewhere = scene_plan (scene);
  g_assert_cmpuint (elsewhere->files->len, ==, 2);
}

static void
a_linked_directory_that_is_not_there_is_linked_there (void)
{
  g_autoptr (Scene) scene = below_link ();
  scene_there (scene, "/var/lib/libvirt/images", VF_FILE_ABSENT);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->files->len, ==, 3);
  const VfPlanFile *link = scene_planned (plan, "/var/lib/libvirt/images");
  g_assert_cmpint (link->kind, ==, VF_PLAN_DIRECTORY_LINK);
  g_assert_cmpstr (link->link_text, ==, "/data/images");
  g_assert_cmpstr (scene_planned (plan, "/data/images/g/top")->destination, ==, "/data/images/g/top");
  g_autofree char *cap = vf_plan_cap_at_destination (plan, vf_plan_disk (plan, 0), 1);
  g_assert_cmpstr (cap, ==, "/data/images/g/top.ferry-0123abcd.cap1"); /* a round's comes before the link */
}

static void
a_mapped_linked_directory_is_a_directory_there (void)
{
  g_autoptr (Scene) scene = below_link ();
  vf_request_add_map (scene->request, "/var/lib/libvirt/images=/srv/vms", NULL);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->files->len, ==, 2);
  g_assert_cmpstr (scene_planned (plan, "/data/images/g/top")->destination, ==, "/srv/vms/g/top");
  g_autoptr (Scene) both = below_link ();
  vf_request_add_map (both->request, "/data=/big", NULL);
  g_autoptr (VfPlan) target = scene_plan (both);
  g_assert_cmpstr (scene_planned (target, "/var/lib/libvirt/images")->link_text, ==, "/big/images");
  g_assert_cmpstr (scene_planned (target, "/data/images/g/top")->destination, ==, "/big/images/g/top");
}

static void
a_path_with_dots_goes_where_its_file_goes (void)
{
  g_autoptr (Scene) scene = scene_new (SCENE_DISK ("vda", "/srv/vm/../images/top"));
  scene_trail (scene, "/srv/vm/../images/top", "/srv/images/top", NULL);
  scene_chain (scene, "vda", NULL, scene_image ("/srv/vm/../images/top", "raw", NULL, NULL), NULL);
  vf_request_add_map (scene->request, "/srv=/tank", NULL);
  g_autoptr (VfPlaces) places = scene_places (scene);
  g_assert_cmpstr (vf_places_of (places, "/srv/vm/../images/top"), ==, "/tank/images/top");
  g_assert_cmpuint (vf_places_links (places)->len, ==, 0);
}

#define ADD(name, function) g_test_add_func ("/plan/links/" name, function)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("a link says what is right there", a_link_says_what_is_right_there);
  ADD ("the plan has file and link once and names the disk by the link",
       the_plan_has_file_and_link_once_and_names_the_disk_by_the_link);
  ADD ("a named place is the file's own", a_named_place_is_the_files_own);
  ADD ("an equal link is used and a name is taken once", an_equal_link_is_used_and_a_name_is_taken_once);
  ADD ("a further file travels once and by its link", a_further_file_travels_once_and_by_its_link);
  ADD ("what is shared is no file of the plan", what_is_shared_is_no_file_of_the_plan);
  ADD ("a shared base stays, and a shared link too", a_shared_base_stays_and_a_shared_link_too);
  ADD ("a volume goes into its pool with what lies beside it", a_volume_goes_into_its_pool_with_what_lies_beside_it);
  ADD ("a linked directory is the one that is there", a_linked_directory_is_the_one_that_is_there);
  ADD ("a linked directory that is not there is linked there", a_linked_directory_that_is_not_there_is_linked_there);
  ADD ("a mapped linked directory is a directory there", a_mapped_linked_directory_is_a_directory_there);
  ADD ("a path with dots goes where its file goes", a_path_with_dots_goes_where_its_file_goes);
  return g_test_run ();
}
