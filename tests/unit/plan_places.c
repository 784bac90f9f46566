/* Where each file goes: --map, --disk, and what follows them. */
#include "scene.h"

static void
assert_place (VfPlaces *places, const char *source, const char *destination)
{
  g_assert_cmpstr (vf_places_of (places, source), ==, destination);
}

static void
without_wishes_every_file_keeps_its_path (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  g_autoptr (VfPlaces) places = scene_places (scene);
  const GPtrArray *sources = vf_places_sources (places);
  g_assert_cmpuint (sources->len, ==, 5);
  for (guint i = 0; i < sources->len; i++)
    assert_place (places, sources->pdata[i], sources->pdata[i]);
  g_assert_cmpstr (sources->pdata[0], ==, "/srv/vm/top.qcow2");
  g_assert_cmpstr (sources->pdata[4], ==, "/srv/vm/before.mem");
}

static void
the_longest_prefix_maps_by_whole_components (void)
{
  static const struct {
    const char *source, *destination;
  } rows[] = {
    { "/srv/vm/a", "/tank/vm/a" }, { "/srv/vm2/a", "/pool/vm2/a" }, { "/srv/v", "/pool/v" },    { "/srv", "/pool" },
    { "/srv/vm", "/tank/vm" },     { "/srvx/a", "/srvx/a" },        { "/other/a", "/other/a" }, { "/top", "/top" },
  };
  g_autoptr (Scene) scene = scene_shop ();
  vf_request_add_map (scene->request, "/srv=/pool", NULL);
  vf_request_add_map (scene->request, "/srv/vm=/tank/vm", NULL);
  g_autoptr (VfPlaces) places = scene_places (scene);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    assert_place (places, rows[i].source, rows[i].destination);
}

static void
the_order_of_the_maps_does_not_matter_and_they_do_not_chain (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  vf_request_add_map (scene->request, "/srv/vm=/srv", NULL);
  vf_request_add_map (scene->request, "/srv=/pool", NULL);
  g_autoptr (VfPlaces) places = scene_places (scene);
  assert_place (places, "/srv/vm/top.qcow2", "/srv/top.qcow2");
  assert_place (places, "/srv/x", "/pool/x");
}

static void
the_root_maps_and_is_mapped_to (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  vf_request_add_map (scene->request, "/=/all", NULL);
  vf_request_add_map (scene->request, "/flat=/", NULL);
  g_autoptr (VfPlaces) places = scene_places (scene);
  assert_place (places, "/srv/vm/cd.iso", "/all/srv/vm/cd.iso");
  assert_place (places, "/flat/x", "/x");
  assert_place (places, "/flat", "/");
}

static void
a_named_top_takes_its_neighbours_along (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  vf_request_add_disk (scene->request, "vda=/tank/shop/disk.qcow2", NULL);
  g_autoptr (VfPlaces) places = scene_places (scene);
  assert_place (places, "/srv/vm/top.qcow2", "/tank/shop/disk.qcow2");
  assert_place (places, "/srv/vm/base.qcow2", "/tank/shop/base.qcow2");
  assert_place (places, "/srv/vm/branch.qcow2", "/tank/shop/branch.qcow2");
  assert_place (places, "/srv/vm/cd.iso", "/srv/vm/cd.iso");
  assert_place (places, "/srv/vm/before.mem", "/srv/vm/before.mem");
}

static void
a_layer_elsewhere_does_not_follow_a_named_top_but_the_map (void)
{
  g_autoptr (Scene) scene = scene_new (SCENE_DISK ("vda", "/srv/vm/top"));
  scene_chain (scene, "vda", NULL, scene_image ("/srv/vm/top", "qcow2", "/golden/base", "raw"),
               scene_image ("/golden/base", "raw", NULL, NULL), NULL);
  vf_request_add_disk (scene->request, "vda=/tank/disk", NULL);
  vf_request_add_map (scene->request, "/golden=/images", NULL);
  vf_request_add_map (scene->request, "/srv/vm=/never", NULL);
  g_autoptr (VfPlaces) places = scene_places (scene);
  assert_place (places, "/srv/vm/top", "/tank/disk");
  assert_place (places, "/golden/base", "/images/base");
}

static void
nothing_follows_a_top_that_goes_onto_or_comes_from_a_device (void)
{
  g_autoptr (Scene) onto = scene_shop ();
  vf_request_add_disk (onto->request, "vda=/dev/vg/shop", NULL);
  g_autoptr (VfPlaces) onto_places = scene_places (onto);
  assert_place (onto_places, "/srv/vm/top.qcow2", "/dev/vg/shop");
  assert_place (onto_places, "/srv/vm/base.qcow2", "/srv/vm/base.qcow2");

  g_autoptr (Scene) from = scene_new (SCENE_DEVICE ("vda", "/dev/vg/top"));
  scene_chain (from, "vda", NULL, scene_image ("/dev/vg/top", "qcow2", "/dev/vg/base", "raw"),
               scene_image ("/dev/vg/base", "raw", NULL, NULL), NULL);
  vf_request_add_disk (from->request, "vda=/tank/shop.qcow2", NULL);
  g_autoptr (VfPlaces) from_places = scene_places (from);
  assert_place (from_places, "/dev/vg/top", "/tank/shop.qcow2");
  assert_place (from_places, "/dev/vg/base", "/dev/vg/base");
}

static void
a_target_that_the_guest_has_not_is_refused (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  g_autoptr (GError) error = NULL;
  vf_request_add_disk (scene->request, "vdz=/tank/x", NULL);
  g_assert_null (vf_places_new (scene->inventory, scene->request, NULL, NULL, &error));
  assert_failed (&error, VF_ERROR_USAGE, "cannot place disk 'vdz': the guest 'shop' has no such target");
}

static void
two_files_cannot_get_one_name (void)
{
  static const char *const options[] = { "/srv/vm/base.qcow2", "/srv/vm/cd.iso", "/srv/vm/before.mem" };
  for (gsize i = 0; i < G_N_ELEMENTS (options); i++) {
    g_autoptr (Scene) scene = scene_shop ();
    g_autoptr (GError) error = NULL;
    g_autofree char *option = g_strconcat ("vda=", options[i], NULL);
    vf_request_add_disk (scene->request, option, NULL);
    g_assert_null (vf_places_new (scene->inventory, scene->request, NULL, NULL, &error));
    assert_says (error->message, options[i]);
    assert_failed (&error, VF_ERROR_USAGE, "both would be");
  }
}

/* libvirt keeps paths as they were typed. */
static void
a_source_path_with_dots_is_not_mapped_and_kept (void)
{
  g_autoptr (Scene) scene = scene_new (SCENE_DISK ("vda", "/srv/vm/../images/top"));
  scene_chain (scene, "vda", NULL, scene_image ("/srv/vm/../images/top", "raw", NULL, NULL), NULL);
  vf_request_add_map (scene->request, "/srv=/tank", NULL);
  g_autoptr (VfPlaces) places = scene_places (scene);
  assert_place (places, "/srv/vm/../images/top", "/srv/vm/../images/top");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/places/without wishes every file keeps its path", without_wishes_every_file_keeps_its_path);
  g_test_add_func ("/plan/places/the longest prefix maps by whole components", the_longest_prefix_maps_by_whole_components);
  g_test_add_func ("/plan/places/the order of the maps does not matter and they do not chain",
                   the_order_of_the_maps_does_not_matter_and_they_do_not_chain);
  g_test_add_func ("/plan/places/the root maps and is mapped to", the_root_maps_and_is_mapped_to);
  g_test_add_func ("/plan/places/a named top takes its neighbours along", a_named_top_takes_its_neighbours_along);
  g_test_add_func ("/plan/places/a layer elsewhere does not follow a named top but the map",
                   a_layer_elsewhere_does_not_follow_a_named_top_but_the_map);
  g_test_add_func ("/plan/places/nothing follows a top that goes onto or comes from a device",
                   nothing_follows_a_top_that_goes_onto_or_comes_from_a_device);
  g_test_add_func ("/plan/places/a target that the guest has not is refused", a_target_that_the_guest_has_not_is_refused);
  g_test_add_func ("/plan/places/two files cannot get one name", two_files_cannot_get_one_name);
  g_test_add_func ("/plan/places/a source path with dots is not mapped and kept",
                   a_source_path_with_dots_is_not_mapped_and_kept);
  return g_test_run ();
}
