/* Facts and wishes in, plan out. */
#include "scene.h"

static VfPlanFile *
layer (const VfPlan *plan, guint disk, guint index)
{
  return vf_plan_file (plan, g_array_index (vf_plan_disk (plan, disk)->layers, guint, index));
}

static void
the_guest_and_its_hosts_are_in_the_plan (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  scene->inventory->autostart = true;
  scene->inventory->checkpoints = 3;
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpstr (plan->id, ==, "0123abcd");
  g_assert_true (g_uuid_string_is_valid (plan->rendezvous));
  g_assert_cmpstr (plan->domain, ==, "shop");
  g_assert_cmpstr (plan->uuid, ==, "6695eb01-f6a4-8304-79aa-97f2502e193f");
  g_assert_cmpstr (plan->source_host, ==, "alpha");
  g_assert_true (plan->persistent && plan->autostart && plan->was_running);
  g_assert_cmpuint (plan->checkpoints, ==, 3);
  g_free (scene->inventory->state);
  scene->inventory->state = g_strdup ("paused");
  g_autoptr (VfPlan) paused = scene_plan (scene);
  g_assert_false (paused->was_running);
}

static void
a_chain_is_planned_top_first_and_each_file_once (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->files->len, ==, 5);
  g_assert_cmpuint (vf_plan_disk (plan, 0)->layers->len, ==, 2);
  g_assert_cmpstr (layer (plan, 0, 0)->source, ==, "/srv/vm/top.qcow2");
  g_assert_cmpstr (layer (plan, 0, 1)->source, ==, "/srv/vm/base.qcow2");
  g_assert_cmpstr (layer (plan, 1, 0)->source, ==, "/srv/vm/cd.iso");
  g_assert_true (vf_plan_disk_top (plan, vf_plan_disk (plan, 0)) == layer (plan, 0, 0));
  g_assert_cmpint (vf_plan_find_source (plan, "/srv/vm/none"), ==, -1);
  g_assert_cmpint (vf_plan_find_source (plan, NULL), ==, -1);
}

static void
a_layer_keeps_what_its_header_says (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  g_autoptr (VfPlan) plan = scene_plan (scene);
  const VfPlanFile *top = layer (plan, 0, 0);
  g_assert_cmpint (top->kind, ==, VF_PLAN_LAYER);
  g_assert_cmpstr (top->format, ==, "qcow2");
  g_assert_cmpuint (top->virtual_bytes, ==, 64 * SCENE_MIB);
  g_assert_cmpstr (top->backing, ==, "/srv/vm/base.qcow2");
  g_assert_cmpstr (top->backing_format, ==, "qcow2");
  g_assert_cmpuint (top->internal_snapshots->len, ==, 1);
  g_assert_cmpstr (top->internal_snapshots->pdata[0], ==, "clean");
  g_assert_cmpuint (top->facts->allocated, ==, 8 * SCENE_MIB);
  g_assert_true (vf_file_is_unchanged (top->facts, vf_inventory_file (scene->inventory, top->source)));
  g_assert_null (layer (plan, 0, 1)->backing);
}

static void
only_the_layer_that_the_guest_writes_is_a_top (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  g_autoptr (VfPlan) plan = scene_plan (scene);
  for (guint i = 0; i < plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (plan, i);
    g_assert_cmpint (file->is_top, ==, g_str_equal (file->source, "/srv/vm/top.qcow2"));
    g_assert_false (file->is_round);
  }
}

static void
variable_stores_travel_as_files_that_the_guest_writes (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  scene->inventory->domain->nvram = g_strdup ("/nvram/shop_VARS.fd");
  scene->inventory->domain->nvram_format = g_strdup ("raw");
  scene_snapshot (scene,
                  "<domainsnapshot><name>old</name><state>shutoff</state><domain><name>shop</name>"
                  "<os><nvram>/nvram/old_VARS.fd</nvram></os></domain></domainsnapshot>",
                  false); /* the file that it names is gone */
  scene_file (scene, "/nvram/shop_VARS.fd", VF_FILE_REGULAR);
  g_assert_true (vf_request_add_map (scene->request, "/nvram=/there", NULL));
  scene_there (scene, "/there/shop_VARS.fd", VF_FILE_REGULAR);
  scene_there (scene, "/there", VF_FILE_ABSENT);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  const VfPlanFile *store = scene_planned (plan, "/nvram/shop_VARS.fd");
  g_assert_cmpint (store->kind, ==, VF_PLAN_NVRAM);
  g_assert_cmpstr (store->destination, ==, "/there/shop_VARS.fd");
  g_assert_cmpstr (store->format, ==, "raw");
  g_assert_false (store->maybe_there);
  g_assert_false (store->is_top);
  g_assert_true (vf_plan_file_is_written (plan, store));
  g_assert_cmpint (vf_plan_find_source (plan, "/nvram/old_VARS.fd"), ==, -1);
  g_assert_true (g_ptr_array_find_with_equal_func (plan->directories, "/there", g_str_equal, NULL));
  guint changes = 0;
  for (guint i = 0; i < plan->changes->len; i++)
    changes += g_str_has_prefix (((VfPathChange *)plan->changes->pdata[i])->to, "/there/");
  g_assert_cmpuint (changes, ==, 2);
}

static void
side_branches_and_memory_belong_to_no_disk (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  g_autoptr (VfPlan) plan = scene_plan (scene);
  const VfPlanFile *branch = scene_planned (plan, "/srv/vm/branch.qcow2");
  const VfPlanFile *memory = scene_planned (plan, "/srv/vm/before.mem");
  g_assert_cmpint (branch->kind, ==, VF_PLAN_LAYER);
  g_assert_cmpint (memory->kind, ==, VF_PLAN_MEMORY);
  for (guint d = 0; d < plan->disks->len; d++)
    for (guint i = 0; i < vf_plan_disk (plan, d)->layers->len; i++)
      g_assert_true (layer (plan, d, i) != branch && layer (plan, d, i) != memory);
}

static void
each_disk_is_treated_as_its_source_wants (void)
{
  static const VfTreatment treatments[] = { VF_TREAT_MOVE, VF_TREAT_MEDIA, VF_TREAT_SKIP, VF_TREAT_SHARED, VF_TREAT_MOVE };
  static const char *const names[] = { "move", "media", "skip", "shared", "move" };
  g_autoptr (Scene) scene = scene_new (SCENE_DISK ("vda", "/srv/a") SCENE_CD (
      "sda",
      "/srv/cd") "<disk type='file' device='cdrom'><target dev='sdb'/></disk>"
                 "<disk type='network' device='disk'><source protocol='rbd' name='p/i'/><target dev='vdb'/></disk>" SCENE_DEVICE (
                     "vdc", "/dev/vg/c"));
  scene_chain (scene, "vda", NULL, scene_image ("/srv/a", "qcow2", NULL, NULL), NULL);
  scene_chain (scene, "sda", NULL, scene_image ("/srv/cd", "raw", NULL, NULL), NULL);
  scene_chain (scene, "vdc", NULL, scene_image ("/dev/vg/c", "raw", NULL, NULL), NULL);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->disks->len, ==, G_N_ELEMENTS (treatments));
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    bool has_files = disk->treatment == VF_TREAT_MOVE || disk->treatment == VF_TREAT_MEDIA;
    g_assert_cmpint (disk->treatment, ==, treatments[i]);
    g_assert_cmpstr (vf_treatment_name (disk->treatment), ==, names[i]);
    g_assert_cmpuint (disk->layers->len, ==, has_files ? 1 : 0);
    g_assert_cmpuint (strlen (disk->reason), >, 0);
  }
  g_assert_cmpuint (plan->files->len, ==, 3);
}

/* ---- backing names ---- */

typedef struct {
  const char *top, *name; /* an image and the backing name that it records */
  const char *map, *disk; /* --map, --disk, or NULL */
  const char *expected;   /* the name for the copy; NULL: the recorded one stays */
} NameRow;

static const NameRow name_rows[] = {
  /* relative: neighbours that stay neighbours keep their name */
  { "/srv/vm/top", "base", NULL, NULL, NULL },
  { "/srv/vm/top", "base", "/srv/vm=/tank", NULL, NULL },
  { "/srv/vm/top", "./base", "/srv/vm=/tank", NULL, NULL },
  { "/srv/vm/top", "base", NULL, "vda=/tank/x", NULL },
  { "/srv/vm/top", "../gold/base", "/srv=/tank", NULL, NULL },
  /* relative: what parts from its neighbour gets another relative name */
  { "/srv/vm/top", "../gold/base", "/srv/vm=/tank", NULL, "../srv/gold/base" },
  { "/srv/vm/top", "../gold/base", "/srv/gold=/gold", NULL, "../../gold/base" },
  { "/srv/vm/top", "../gold/base", NULL, "vda=/tank/shop/x", "../../srv/gold/base" },
  { "/srv/vm/top", "base", "/srv/vm/base=/gold/b", NULL, "../../gold/b" },
  { "/srv/vm/top", "base", "/srv/vm/base=/srv/vm/b:se", NULL, "./b:se" },
  /* absolute: stays absolute, changed when the file goes elsewhere */
  { "/srv/vm/top", "/srv/vm/base", NULL, NULL, NULL },
  { "/srv/vm/top", "/srv/vm/base", "/other=/tank", NULL, NULL },
  { "/srv/vm/top", "/srv/vm/base", "/srv/vm=/tank", NULL, "/tank/base" },
  { "/srv/vm/top", "/srv/vm/base", NULL, "vda=/tank/x", "/tank/base" },
  { "/srv/vm/top", "/gold/base", "/srv=/tank", NULL, NULL },
  { "/srv/vm/top", "/gold/base", "/gold=/tank", NULL, "/tank/base" },
  /* from a file onto a device, whose directory holds no layer */
  { "/srv/vm/top", "base", NULL, "vda=/dev/vg/x", "../../srv/vm/base" },
};

static void
a_backing_name_is_kept_while_it_stays_true_and_else_rewritten_in_kind (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (name_rows); i++) {
    const NameRow *row = &name_rows[i];
    g_autoptr (Scene) scene = scene_new (SCENE_DISK ("vda", "/srv/vm/top"));
    VfImage *top = scene_image (row->top, "qcow2", row->name, "raw");
    scene_chain (scene, "vda", NULL, top, scene_image (top->backing_path, "raw", NULL, NULL), NULL);
    g_assert_true (row->map == NULL || vf_request_add_map (scene->request, row->map, NULL));
    g_assert_true (row->disk == NULL || vf_request_add_disk (scene->request, row->disk, NULL));
    g_autoptr (VfPlan) plan = scene_plan (scene);
    const VfPlanFile *file = layer (plan, 0, 0);
    if (g_strcmp0 (file->new_backing, row->expected) != 0)
      g_error ("row %u: '%s' instead of '%s'", (guint)i, file->new_backing, row->expected);
    g_autofree char *meant = vf_backing_path (file->destination, row->expected != NULL ? row->expected : row->name);
    g_assert_cmpstr (meant, ==, layer (plan, 0, 1)->destination);
  }
}

/* ---- the other end ---- */

static void
a_file_of_that_name_and_size_may_be_there_already (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  scene_there (scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR);
  scene_there (scene, "/srv/vm/top.qcow2", VF_FILE_REGULAR);
  scene_there (scene, "/srv/vm/cd.iso", VF_FILE_REGULAR)->file->bytes++;
  scene_there (scene, "/srv/vm/branch.qcow2", VF_FILE_ABSENT);
  scene_there (scene, "/srv/vm/before.mem", VF_FILE_DIRECTORY);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  for (guint i = 0; i < plan->files->len; i++)
    g_assert_cmpint (vf_plan_file (plan, i)->maybe_there, ==,
                     g_str_equal (vf_plan_file (plan, i)->source, "/srv/vm/base.qcow2"));
}

/* It would be used as it is, and names another file below it. */
static void
a_file_whose_backing_name_must_change_is_not_reused (void)
{
  g_autoptr (Scene) scene = scene_new (SCENE_DISK ("vda", "/srv/top"));
  scene_chain (scene, "vda", NULL, scene_image ("/srv/top", "qcow2", "/srv/middle", "qcow2"),
               scene_image ("/srv/middle", "qcow2", "/srv/base", "raw"), scene_image ("/srv/base", "raw", NULL, NULL), NULL);
  vf_request_add_map (scene->request, "/srv=/tank", NULL);
  scene_there (scene, "/tank/middle", VF_FILE_REGULAR);
  scene_there (scene, "/tank/base", VF_FILE_REGULAR);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpstr (layer (plan, 0, 1)->new_backing, ==, "/tank/base");
  g_assert_false (layer (plan, 0, 1)->maybe_there);
  g_assert_true (layer (plan, 0, 2)->maybe_there);
}

static void
a_data_file_has_its_own_place_and_is_written_with_its_image (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  const VfHead *head = vf_inventory_live_head (scene->inventory, "vda");
  static const char *const names[] = { "/data/top.raw", "/srv/vm/base.raw" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    VfImage *image = head->chain->images->pdata[i];
    image->data_file = g_strdup (names[i]);
    image->data_path = g_strdup (names[i]);
    scene_file (scene, names[i], VF_FILE_REGULAR);
  }
  vf_request_add_map (scene->request, "/srv=/tank", NULL);
  scene_there (scene, "/data/top.raw", VF_FILE_REGULAR);
  scene_there (scene, "/tank/vm/base.raw", VF_FILE_REGULAR);
  scene_there (scene, "/tank/vm/base.qcow2", VF_FILE_REGULAR);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  const VfPlanFile *top = scene_planned (plan, names[0]), *base = scene_planned (plan, names[1]);
  g_assert_cmpuint (vf_plan_disk (plan, 0)->layers->len, ==, 2);
  g_assert_true (top->kind == VF_PLAN_DATA && top->is_top && vf_plan_file_is_written (plan, top) && !top->maybe_there);
  g_assert_true (base->kind == VF_PLAN_DATA && !base->is_top && !vf_plan_file_is_written (plan, base) && !base->maybe_there);
  g_assert_cmpstr (top->destination, ==, "/data/top.raw");
  g_assert_cmpstr (base->destination, ==, "/tank/vm/base.raw");
  g_assert_cmpstr (layer (plan, 0, 0)->data_file, ==, names[0]);
  g_assert_null (layer (plan, 0, 0)->new_data_file);
  g_assert_cmpstr (layer (plan, 0, 1)->new_data_file, ==, "/tank/vm/base.raw");
  g_assert_true (vf_plan_file_is_renamed (layer (plan, 0, 1)) && !vf_plan_file_is_renamed (layer (plan, 0, 0)));
  g_assert_false (layer (plan, 0, 1)->maybe_there);
}

/* It follows the layers that lie beside the top. */
static void
a_data_file_beside_the_top_follows_a_disk_that_is_named (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  VfImage *top = vf_inventory_live_head (scene->inventory, "vda")->chain->images->pdata[0];
  top->data_file = g_strdup ("/srv/vm/top.raw");
  top->data_path = g_strdup ("/srv/vm/top.raw");
  scene_file (scene, "/srv/vm/top.raw", VF_FILE_REGULAR);
  g_assert_true (vf_request_add_disk (scene->request, "vda=/tank/new.qcow2", NULL));
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpstr (layer (plan, 0, 0)->destination, ==, "/tank/new.qcow2");
  g_assert_cmpstr (layer (plan, 0, 0)->new_data_file, ==, "/tank/top.raw");
  g_assert_cmpstr (scene_planned (plan, "/srv/vm/top.raw")->destination, ==, "/tank/top.raw");
}

static void
what_may_be_there_need_not_be_sent (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  g_autoptr (VfPlan) all = scene_plan (scene);
  g_assert_cmpuint (vf_plan_bytes_to_send (all), ==, 5 * 8 * SCENE_MIB);
  scene_there (scene, "/srv/vm/base.qcow2", VF_FILE_REGULAR);
  g_autoptr (VfPlan) less = scene_plan (scene);
  g_assert_cmpuint (vf_plan_bytes_to_send (less), ==, 4 * 8 * SCENE_MIB);
}

static void
devices_are_known_at_both_ends_and_caps_lie_elsewhere_then (void)
{
  g_autoptr (Scene) scene =
      scene_new (SCENE_DEVICE ("vda", "/dev/vg/a") SCENE_DISK ("vdb", "/srv/b") SCENE_DEVICE ("vdc", "/dev/vg/c"));
  scene_chain (scene, "vda", NULL, scene_image ("/dev/vg/a", "raw", NULL, NULL), NULL);
  scene_chain (scene, "vdb", NULL, scene_image ("/srv/b", "qcow2", NULL, NULL), NULL);
  scene_chain (scene, "vdc", NULL, scene_image ("/dev/vg/c", "raw", NULL, NULL), NULL);
  scene_there (scene, "/dev/vg/a", VF_FILE_BLOCK);
  scene_there (scene, "/srv/c.img", VF_FILE_ABSENT);
  vf_request_add_disk (scene->request, "vdb=/dev/vg/b", NULL);
  vf_request_add_disk (scene->request, "vdc=/srv/c.img", NULL);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  static const struct {
    bool source, destination;
    const char *cap_here, *cap_there;
  } rows[] = {
    { true, true, "/var/lib/libvirt/images/a.ferry-0123abcd.cap1", "/var/lib/libvirt/images/a.ferry-0123abcd.cap2" },
    { false, true, "/srv/b.ferry-0123abcd.cap1", "/var/lib/libvirt/images/b.ferry-0123abcd.cap2" },
    { true, false, "/var/lib/libvirt/images/c.ferry-0123abcd.cap1", "/srv/c.img.ferry-0123abcd.cap2" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    g_autofree char *here = vf_plan_cap_at_source (plan, disk, 1);
    g_autofree char *there = vf_plan_cap_at_destination (plan, disk, 2);
    g_assert_cmpint (layer (plan, i, 0)->source_is_block, ==, rows[i].source);
    g_assert_cmpint (layer (plan, i, 0)->destination_is_block, ==, rows[i].destination);
    g_assert_cmpstr (here, ==, rows[i].cap_here);
    g_assert_cmpstr (there, ==, rows[i].cap_there);
  }
}

/* ---- documents and directories ---- */

static const VfPathChange *
change_of (const VfPlan *plan, const char *from)
{
  const VfPathChange *found = NULL;
  for (guint i = 0; i < plan->changes->len; i++) {
    const VfPathChange *change = plan->changes->pdata[i];
    g_assert_true (found == NULL || strcmp (change->from, from) != 0);
    if (strcmp (change->from, from) == 0)
      found = change;
  }
  g_assert_nonnull (found);
  return found;
}

static void
every_path_that_a_document_names_has_one_change (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  scene_snapshot (
      scene,
      "<domainsnapshot><name>lost</name><state>disk-snapshot</state><memory snapshot='no'/><disks>"
      "<disk name='vda' snapshot='external' type='file'><source file='/srv/vm/gone.qcow2'/></disk>"
      "<disk name='vdb' snapshot='external' type='block'><source dev='/dev/vg/gone'/></disk></disks></domainsnapshot>",
      false);
  vf_request_add_map (scene->request, "/srv/vm=/tank", NULL);
  vf_request_add_disk (scene->request, "vda=/dev/vg/shop", NULL);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->changes->len, ==, 7);
  g_assert_cmpstr (change_of (plan, "/srv/vm/top.qcow2")->to, ==, "/dev/vg/shop");
  g_assert_cmpint (change_of (plan, "/srv/vm/top.qcow2")->to_kind, ==, VF_SOURCE_BLOCK);
  g_assert_cmpstr (change_of (plan, "/srv/vm/branch.qcow2")->to, ==, "/tank/branch.qcow2");
  g_assert_cmpint (change_of (plan, "/srv/vm/branch.qcow2")->to_kind, ==, VF_SOURCE_FILE);
  g_assert_cmpstr (change_of (plan, "/srv/vm/before.mem")->to, ==, "/tank/before.mem");
  g_assert_cmpstr (change_of (plan, "/srv/vm/gone.qcow2")->to, ==, "/tank/gone.qcow2");
  g_assert_cmpint (change_of (plan, "/dev/vg/gone")->to_kind, ==, VF_SOURCE_BLOCK);
}

static void
snapshots_are_planned_parents_first_with_their_kind (void)
{
  static const struct {
    const char *memory, *disk, *kind;
  } rows[] = {
    { "external' file='/m", "external", "external with memory" },
    { "no", "external", "external" },
    { "internal", "internal", "internal with memory" },
    { "no", "internal", "internal" },
  };
  g_autoptr (Scene) scene = scene_new (SCENE_DISK ("vda", "/srv/a"));
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *parent = i == 0 ? g_strdup ("") : g_strdup_printf ("<parent><name>s%u</name></parent>", i - 1);
    g_autofree char *xml = g_strdup_printf ("<domainsnapshot><name>s%u</name>%s<memory snapshot='%s'/><disks><disk name='vda' "
                                            "snapshot='%s'/></disks></domainsnapshot>",
                                            i, parent, rows[i].memory, rows[i].disk);
    scene_snapshot (scene, xml, i == 2);
  }
  g_autoptr (VfPlan) plan = scene_plan (scene);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    const VfPlanSnapshot *snapshot = plan->snapshots->pdata[i];
    g_assert_cmpstr (snapshot->kind, ==, rows[i].kind);
    g_assert_cmpint (snapshot->current, ==, i == 2);
    g_assert_cmpint (snapshot->parent == NULL, ==, i == 0);
  }
  g_assert_cmpuint (plan->files->len, ==, 0); /* neither disk nor memory file was found: preflight says so */
}

static void
missing_directories_are_planned_parents_first_and_once (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  vf_request_add_map (scene->request, "/srv/vm=/tank/a/b", NULL);
  vf_request_add_map (scene->request, "/srv/vm/before.mem=/tank/a-b/before.mem", NULL);
  scene_there (scene, "/tank", VF_FILE_DIRECTORY);
  scene_there (scene, "/tank/a", VF_FILE_ABSENT);
  scene_there (scene, "/tank/a/b", VF_FILE_ABSENT);
  scene_there (scene, "/tank/a-b", VF_FILE_ABSENT);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->directories->len, ==, 3);
  g_assert_cmpstr (plan->directories->pdata[0], ==, "/tank/a");
  g_assert_cmpstr (plan->directories->pdata[1], ==, "/tank/a-b");
  g_assert_cmpstr (plan->directories->pdata[2], ==, "/tank/a/b");
}

static void
a_missing_directory_for_caps_is_planned_too (void)
{
  g_autoptr (Scene) scene = scene_new (SCENE_DEVICE ("vda", "/dev/vg/a"));
  scene_chain (scene, "vda", NULL, scene_image ("/dev/vg/a", "raw", NULL, NULL), NULL);
  scene_there (scene, "/dev/vg/a", VF_FILE_BLOCK);
  scene_there (scene, "/var/lib/libvirt/images", VF_FILE_ABSENT);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_cmpuint (plan->directories->len, ==, 1);
  g_assert_cmpstr (plan->directories->pdata[0], ==, "/var/lib/libvirt/images");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/make/the guest and its hosts are in the plan", the_guest_and_its_hosts_are_in_the_plan);
  g_test_add_func ("/plan/make/a chain is planned top first and each file once",
                   a_chain_is_planned_top_first_and_each_file_once);
  g_test_add_func ("/plan/make/a layer keeps what its header says", a_layer_keeps_what_its_header_says);
  g_test_add_func ("/plan/make/only the layer that the guest writes is a top", only_the_layer_that_the_guest_writes_is_a_top);
  g_test_add_func ("/plan/make/variable stores travel as files that the guest writes",
                   variable_stores_travel_as_files_that_the_guest_writes);
  g_test_add_func ("/plan/make/side branches and memory belong to no disk", side_branches_and_memory_belong_to_no_disk);
  g_test_add_func ("/plan/make/each disk is treated as its source wants", each_disk_is_treated_as_its_source_wants);
  g_test_add_func ("/plan/make/a backing name is kept while it stays true and else rewritten in kind",
                   a_backing_name_is_kept_while_it_stays_true_and_else_rewritten_in_kind);
  g_test_add_func ("/plan/make/a file of that name and size may be there already",
                   a_file_of_that_name_and_size_may_be_there_already);
  g_test_add_func ("/plan/make/a file whose backing name must change is not reused",
                   a_file_whose_backing_name_must_change_is_not_reused);
  g_test_add_func ("/plan/make/what may be there need not be sent", what_may_be_there_need_not_be_sent);
  g_test_add_func ("/plan/make/devices are known at both ends, and caps lie elsewhere then",
                   devices_are_known_at_both_ends_and_caps_lie_elsewhere_then);
  g_test_add_func ("/plan/make/every path that a document names has one change",
                   every_path_that_a_document_names_has_one_change);
  g_test_add_func ("/plan/make/snapshots are planned parents first with their kind",
                   snapshots_are_planned_parents_first_with_their_kind);
  g_test_add_func ("/plan/make/missing directories are planned parents first and once",
                   missing_directories_are_planned_parents_first_and_once);
  g_test_add_func ("/plan/make/a data file has its own place and is written with its image",
                   a_data_file_has_its_own_place_and_is_written_with_its_image);
  g_test_add_func ("/plan/make/a data file beside the top follows a disk that is named",
                   a_data_file_beside_the_top_follows_a_disk_that_is_named);
  g_test_add_func ("/plan/make/a missing directory for caps is planned too", a_missing_directory_for_caps_is_planned_too);
  return g_test_run ();
}
