/* The request: --map and --disk as typed, and as the journal keeps them. */
#include "base/json.h"
#include "plan/request.h"
#include "said.h"

static void
pairs_are_read_and_made_normal (void)
{
  g_autoptr (VfRequest) request = vf_request_new ();
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_request_add_map (request, "/srv//vm/=/tank/./vm", &error));
  g_assert_true (vf_request_add_map (request, "/=/all", &error));
  g_assert_true (vf_request_add_disk (request, "vda=/tank/a=b.qcow2", &error));
  g_assert_no_error (error);
  const VfPair *map = request->maps->pdata[0];
  g_assert_cmpstr (map->from, ==, "/srv/vm");
  g_assert_cmpstr (map->to, ==, "/tank/vm");
  g_assert_cmpstr (vf_request_disk_path (request, "vda"), ==, "/tank/a=b.qcow2");
  g_assert_null (vf_request_disk_path (request, "vdb"));
}

static void
half_pairs_and_relative_paths_are_refused (void)
{
  static const char *const maps[] = { "", "=", "/a", "/a=", "=/a", "a=/b", "/a=b", "/a/../b=/c", "/a=/b/..", "/a=./b" };
  static const char *const disks[] = { "", "=", "vda", "vda=", "=/a", "vda=a", "vda=/a/../b", "vda=/.." };
  g_autoptr (VfRequest) request = vf_request_new ();
  g_autoptr (GError) error = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (maps); i++) {
    if (vf_request_add_map (request, maps[i], &error))
      g_error ("--map '%s' was taken", maps[i]);
    assert_failed (&error, VF_ERROR_USAGE, "--map");
  }
  for (gsize i = 0; i < G_N_ELEMENTS (disks); i++) {
    if (vf_request_add_disk (request, disks[i], &error))
      g_error ("--disk '%s' was taken", disks[i]);
    assert_failed (&error, VF_ERROR_USAGE, "--disk");
  }
  g_assert_cmpuint (request->maps->len + request->disks->len, ==, 0);
}

static void
a_prefix_or_target_given_twice_is_refused (void)
{
  g_autoptr (VfRequest) request = vf_request_new ();
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_request_add_map (request, "/srv=/a", NULL));
  g_assert_false (vf_request_add_map (request, "/srv/=/b", &error));
  assert_failed (&error, VF_ERROR_USAGE, "'/srv': given twice");
  g_assert_true (vf_request_add_disk (request, "vda=/a", NULL));
  g_assert_false (vf_request_add_disk (request, "vda=/b", &error));
  assert_failed (&error, VF_ERROR_USAGE, "'vda': given twice");
}

static void
further_files_are_made_absolute_and_taken_once (void)
{
  g_autoptr (VfRequest) request = vf_request_new ();
  g_autofree char *here = g_get_current_dir ();
  g_autofree char *notes = g_build_filename (here, "notes.txt", NULL);
  g_assert_true (vf_request_add_with (request, "/srv//vm/./context.sh", NULL));
  g_assert_true (vf_request_add_with (request, "/srv/vm/context.sh", NULL));
  g_assert_true (vf_request_add_with (request, "notes.txt", NULL));
  g_assert_cmpuint (request->with->len, ==, 2);
  g_assert_cmpstr (request->with->pdata[0], ==, "/srv/vm/context.sh");
  g_assert_cmpstr (request->with->pdata[1], ==, notes);
  static const char *const wrong[] = { "", "../notes", "/srv/../notes", "/srv/\xff" };
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_false (vf_request_add_with (request, wrong[i], &error));
    assert_failed (&error, VF_ERROR_USAGE, "--with");
  }
}

static VfRequest *
full_request (void)
{
  VfRequest *request = vf_request_new ();
  request->domain = g_strdup ("shöp");
  request->destination_uri = g_strdup ("qemu+ssh://bravo/system");
  request->rsh = g_strdup ("ssh -p 22");
  vf_request_add_map (request, "/srv=/tank", NULL);
  vf_request_add_disk (request, "vda=/tank/x", NULL);
  vf_request_add_with (request, "/srv/nötes", NULL);
  vf_request_add_pool (request, "p=q", NULL);
  request->max_cap_bytes = 5;
  request->rounds_max = 0;
  request->downtime_ms = 9;
  request->timeout_s = 11;
  request->streams = 7;
  request->read_back = true;
  request->bandwidth_bytes_s = 12345;
  request->compress_auto = true;
  request->delete_source = true;
  request->tuning.parallel = true;
  request->tuning.parallel_connections = 4;
  request->tuning.dname = g_strdup ("shop-2");
  request->offline = true;
  request->with_secrets = true;
  return request;
}

static void
the_journal_gives_back_every_word (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfRequest) request = full_request ();
  g_autoptr (JsonObject) object = vf_request_to_json (request);
  g_autoptr (VfRequest) again = vf_request_from_json (object, &error);
  g_assert_no_error (error);
  g_autoptr (JsonObject) object_again = vf_request_to_json (again);
  g_assert_true (json_object_equal (object, object_again));
  g_assert_cmpstr (again->domain, ==, "shöp");
  g_assert_cmpstr (again->rsh, ==, "ssh -p 22");
  g_autofree char *volume = vf_request_volume (again, "volume:p/v/w");
  g_assert_cmpstr (volume, ==, "volume:q/v/w");
  g_assert_cmpstr (vf_request_pool (again, "q"), ==, "q");
  g_assert_cmpuint (again->with->len, ==, 1);
  g_assert_cmpstr (again->with->pdata[0], ==, "/srv/nötes");
  g_assert_cmpstr (vf_request_disk_path (again, "vda"), ==, "/tank/x");
  g_assert_cmpuint (again->rounds_max, ==, 0);
  g_assert_cmpuint (again->downtime_ms, ==, 9);
  g_assert_true (again->delete_source);
  g_assert_true (again->tuning.parallel);
  g_assert_cmpuint (again->tuning.parallel_connections, ==, 4);
  g_assert_cmpstr (again->tuning.dname, ==, "shop-2");
  g_assert_true (again->offline);
  g_assert_true (again->with_secrets);
}

static void
a_request_that_lacks_a_word_is_damage (void)
{
  g_autoptr (VfRequest) request = full_request ();
  g_autoptr (JsonObject) whole = vf_request_to_json (request);
  g_autoptr (GList) members = json_object_get_members (whole);
  for (GList *member = members; member != NULL; member = member->next) {
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonObject) object = vf_request_to_json (request);
    json_object_remove_member (object, member->data);
    g_autoptr (VfRequest) again = vf_request_from_json (object, &error);
    if (strcmp (member->data, "rsh") == 0) {
      g_assert_nonnull (again);
      g_assert_null (again->rsh);
    } else {
      g_assert_null (again);
      assert_failed (&error, VF_ERROR_CORRUPT, member->data);
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/request/pairs are read and made normal", pairs_are_read_and_made_normal);
  g_test_add_func ("/plan/request/half pairs and relative paths are refused", half_pairs_and_relative_paths_are_refused);
  g_test_add_func ("/plan/request/a prefix or target given twice is refused", a_prefix_or_target_given_twice_is_refused);
  g_test_add_func ("/plan/request/the journal gives back every word", the_journal_gives_back_every_word);
  g_test_add_func ("/plan/request/a request that lacks a word is damage", a_request_that_lacks_a_word_is_damage);
  g_test_add_func ("/plan/request/further files are made absolute and taken once",
                   further_files_are_made_absolute_and_taken_once);
  return g_test_run ();
}
