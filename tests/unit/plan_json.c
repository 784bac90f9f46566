/* The plan as the journal keeps it, and as `plan --json` describes it. */
#include "base/json.h"
#include "scene.h"

static VfPlan *
full_plan (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  scene->inventory->autostart = true;
  scene->inventory->checkpoints = 2;
  vf_request_add_map (scene->request, "/srv/vm=/tänk/vm", NULL);
  vf_request_add_disk (scene->request, "vda=/dev/vg/shop", NULL);
  scene_there (scene, "/tänk/vm", VF_FILE_ABSENT);
  scene_there (scene, "/tänk/vm/base.qcow2", VF_FILE_REGULAR);
  VfPlan *plan = scene_plan (scene);
  g_assert_cmpuint (plan->directories->len, ==, 1);
  vf_plan_file (plan, 1)->data_file = g_strdup ("/srv/data");
  vf_plan_file (plan, 1)->new_data_file = g_strdup ("/tank/data");
  vf_plan_file (plan, 2)->kind = VF_PLAN_DATA;
  return plan;
}

static void
the_journal_gives_back_an_equal_plan (void)
{
  g_autoptr (VfPlan) plan = full_plan ();
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object = vf_plan_to_json (plan);
  g_autofree char *line = vf_json_print (object);
  g_autoptr (JsonObject) read = vf_json_parse (line, strlen (line), "plan", &error);
  g_assert_no_error (error);
  g_autoptr (VfPlan) again = vf_plan_from_json (read, &error);
  g_assert_no_error (error);
  g_autoptr (JsonObject) object_again = vf_plan_to_json (again);
  g_autofree char *line_again = vf_json_print (object_again);
  g_assert_cmpstr (line_again, ==, line);
}

static void
what_the_phases_ask_is_equal_after_the_journal (void)
{
  g_autoptr (VfPlan) plan = full_plan ();
  g_autoptr (JsonObject) object = vf_plan_to_json (plan);
  g_autoptr (VfPlan) again = vf_plan_from_json (object, NULL);
  g_assert_cmpstr (again->rendezvous, ==, plan->rendezvous);
  g_assert_cmpstr (again->destination_host, ==, "bravo");
  g_assert_cmpuint (again->checkpoints, ==, 2);
  g_assert_true (again->persistent && again->autostart && again->was_running);
  g_assert_cmpuint (again->files->len, ==, plan->files->len);
  for (guint i = 0; i < plan->files->len; i++) {
    const VfPlanFile *a = vf_plan_file (plan, i), *b = vf_plan_file (again, i);
    g_assert_cmpint (a->kind, ==, b->kind);
    g_assert_cmpstr (a->destination, ==, b->destination);
    g_assert_true (vf_file_is_unchanged (a->facts, b->facts));
    g_assert_cmpuint (a->facts->id.device, ==, b->facts->id.device);
    g_assert_cmpint (a->is_top, ==, b->is_top);
    g_assert_cmpint (a->maybe_there, ==, b->maybe_there);
    g_assert_cmpint (a->destination_is_block, ==, b->destination_is_block);
    g_assert_cmpstr (a->new_backing, ==, b->new_backing);
    g_assert_cmpstr (a->data_file, ==, b->data_file);
    g_assert_cmpstr (a->new_data_file, ==, b->new_data_file);
    g_assert_cmpuint (a->internal_snapshots->len, ==, b->internal_snapshots->len);
  }
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *a = vf_plan_disk (plan, i), *b = vf_plan_disk (again, i);
    g_assert_cmpint (a->treatment, ==, b->treatment);
    g_assert_cmpstr (a->cap_directory_destination, ==, b->cap_directory_destination);
    g_assert_cmpmem (a->layers->data, a->layers->len * sizeof (guint), b->layers->data, b->layers->len * sizeof (guint));
  }
  g_assert_cmpint (((VfPathChange *)again->changes->pdata[0])->to_kind, ==, VF_SOURCE_BLOCK);
}

static JsonObject *
plan_object (void)
{
  g_autoptr (VfPlan) plan = full_plan ();
  return vf_plan_to_json (plan);
}

static JsonObject *
first_of (JsonObject *plan, const char *member)
{
  return json_array_get_object_element (json_object_get_array_member (plan, member), 0);
}

static void
assert_damaged (JsonObject *object, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_plan_from_json (object, &error));
  assert_failed (&error, VF_ERROR_CORRUPT, part);
}

static void
a_plan_that_lacks_something_is_damage (void)
{
  static const char *const members[] = { "id",          "rendezvous",       "domain", "uuid",  "persistent", "autostart",
                                         "was_running", "checkpoints",      "files",  "disks", "snapshots",  "changes",
                                         "directories", "state_directories" };
  static const struct {
    const char *array, *member;
  } inner[] = {
    { "files", "kind" },     { "files", "source" },      { "files", "destination" },   { "files", "facts" },
    { "files", "is_top" },   { "files", "maybe_there" }, { "files", "virtual_bytes" }, { "files", "internal_snapshots" },
    { "disks", "target" },   { "disks", "treatment" },   { "disks", "layers" },        { "snapshots", "name" },
    { "snapshots", "kind" }, { "changes", "from" },      { "changes", "to" },          { "changes", "to_block" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (members); i++) {
    g_autoptr (JsonObject) object = plan_object ();
    json_object_remove_member (object, members[i]);
    assert_damaged (object, members[i]);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (inner); i++) {
    g_autoptr (JsonObject) object = plan_object ();
    json_object_remove_member (first_of (object, inner[i].array), inner[i].member);
    assert_damaged (object, inner[i].member);
  }
}

static void
words_of_a_later_version_are_damage_and_never_guessed (void)
{
  g_autoptr (JsonObject) treatment = plan_object ();
  json_object_set_string_member (first_of (treatment, "disks"), "treatment", "teleport");
  assert_damaged (treatment, "teleport");
  g_autoptr (JsonObject) kind = plan_object ();
  json_object_set_string_member (first_of (kind, "files"), "kind", "firmware");
  assert_damaged (kind, "firmware");
}

static void
layers_that_are_no_files_of_the_plan_are_damage (void)
{
  static const gint64 indexes[] = { -1, 5, 4294967296 };
  for (gsize i = 0; i < G_N_ELEMENTS (indexes); i++) {
    g_autoptr (JsonObject) object = plan_object ();
    json_array_add_int_element (json_object_get_array_member (first_of (object, "disks"), "layers"), indexes[i]);
    assert_damaged (object, "there is no file");
  }
  g_autoptr (JsonObject) object = plan_object ();
  json_array_add_string_element (json_object_get_array_member (first_of (object, "disks"), "layers"), "0");
  assert_damaged (object, "layers");
  g_autoptr (JsonObject) inner = plan_object ();
  json_array_add_object_element (json_object_get_array_member (first_of (inner, "disks"), "layers"), json_object_new ());
  assert_damaged (inner, "layers");
}

static void
a_disk_that_moves_without_layers_is_damage (void)
{
  g_autoptr (JsonObject) object = plan_object ();
  json_object_set_array_member (first_of (object, "disks"), "layers", json_array_new ());
  assert_damaged (object, "vda");
}

static void
lists_of_words_hold_words_only (void)
{
  g_autoptr (JsonObject) object = plan_object ();
  json_array_add_int_element (json_object_get_array_member (object, "directories"), 3);
  assert_damaged (object, "directories");
  g_autoptr (JsonObject) nested = plan_object ();
  json_array_add_object_element (json_object_get_array_member (nested, "directories"), json_object_new ());
  assert_damaged (nested, "directories");
}

/* ---- what `plan --json` promises (design, section 6) ---- */

static void
assert_members (JsonObject *object, const char *const *members)
{
  for (; *members != NULL; members++)
    if (!json_object_has_member (object, *members))
      g_error ("'%s' is missing", *members);
}

static void
every_promised_member_is_described (void)
{
  static const char *const top[] = { "domain",   "disks", "snapshots",     "checkpoints", "other_files",
                                     "findings", "steps", "bytes_to_send", NULL };
  static const char *const disk[] = { "target", "treatment", "reason", "layers", NULL };
  static const char *const layer[] = { "path", "format", "virtual_bytes", "allocated_bytes", "internal_snapshots", NULL };
  static const char *const finding[] = { "level", "code", "object", "text", "hint", NULL };
  g_autoptr (VfPlan) plan = full_plan ();
  g_autoptr (GPtrArray) findings = vf_findings_new ();
  vf_findings_add (findings, VF_FINDING_WARN, "a-code", "vda", "do %s", "it is %d", 7);
  g_autoptr (JsonObject) object = vf_plan_describe (plan, findings);
  assert_members (object, top);
  assert_members (first_of (object, "disks"), disk);
  assert_members (first_of (first_of (object, "disks"), "layers"), layer);
  assert_members (first_of (object, "other_files"), layer + 2);
  assert_members (first_of (object, "findings"), finding);
  g_assert_cmpstr (vf_json_string_or (first_of (object, "findings"), "level", NULL), ==, "warn");
  g_assert_cmpstr (vf_json_string_or (first_of (object, "findings"), "text", NULL), ==, "it is 7");
  g_assert_cmpstr (vf_json_string_or (first_of (object, "findings"), "hint", NULL), ==, "do %s");
}

static void
the_description_says_what_the_plan_is (void)
{
  static const char *const phases[] = { "cap", "seed", "rounds", "berth", "switch", "settle" };
  g_autoptr (VfPlan) plan = full_plan ();
  g_autoptr (GPtrArray) findings = vf_findings_new ();
  g_autoptr (JsonObject) object = vf_plan_describe (plan, findings);
  JsonArray *disks = json_object_get_array_member (object, "disks");
  JsonArray *layers = json_object_get_array_member (json_array_get_object_element (disks, 0), "layers");
  JsonArray *others = json_object_get_array_member (object, "other_files");
  JsonArray *steps = json_object_get_array_member (object, "steps");
  g_assert_cmpuint (json_array_get_length (disks), ==, 2);
  g_assert_cmpuint (json_array_get_length (layers), ==, 2);
  g_assert_cmpstr (vf_json_string_or (json_array_get_object_element (layers, 0), "path", NULL), ==, "/srv/vm/top.qcow2");
  g_assert_cmpuint (json_array_get_length (others), ==, 2);
  g_assert_cmpstr (vf_json_string_or (json_array_get_object_element (others, 0), "kind", NULL), ==, "branch layer");
  g_assert_cmpstr (vf_json_string_or (json_array_get_object_element (others, 1), "kind", NULL), ==, "memory");
  g_assert_cmpint (vf_json_int_or (object, "bytes_to_send", 0), ==, (gint64)vf_plan_bytes_to_send (plan));
  g_assert_cmpint (vf_json_int_or (object, "checkpoints", 0), ==, 2);
  g_assert_cmpuint (json_array_get_length (steps), ==, G_N_ELEMENTS (phases));
  for (guint i = 0; i < G_N_ELEMENTS (phases); i++)
    g_assert_cmpstr (vf_json_string_or (json_array_get_object_element (steps, i), "phase", NULL), ==, phases[i]);
}

static void
only_a_refusal_refuses (void)
{
  g_autoptr (GPtrArray) findings = vf_findings_new ();
  g_assert_false (vf_findings_refuse (findings));
  vf_findings_add (findings, VF_FINDING_NOTE, "a", NULL, NULL, "x");
  vf_findings_add (findings, VF_FINDING_WARN, "b", NULL, NULL, "x");
  g_assert_false (vf_findings_refuse (findings));
  vf_findings_add (findings, VF_FINDING_REFUSE, "c", NULL, NULL, "x");
  g_assert_true (vf_findings_refuse (findings));
  g_assert_cmpstr (vf_finding_level_name (VF_FINDING_NOTE), ==, "note");
  g_assert_cmpstr (vf_finding_level_name (VF_FINDING_WARN), ==, "warn");
  g_assert_cmpstr (vf_finding_level_name (VF_FINDING_REFUSE), ==, "refuse");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/json/the journal gives back an equal plan", the_journal_gives_back_an_equal_plan);
  g_test_add_func ("/plan/json/what the phases ask is equal after the journal", what_the_phases_ask_is_equal_after_the_journal);
  g_test_add_func ("/plan/json/a plan that lacks something is damage", a_plan_that_lacks_something_is_damage);
  g_test_add_func ("/plan/json/words of a later version are damage and never guessed",
                   words_of_a_later_version_are_damage_and_never_guessed);
  g_test_add_func ("/plan/json/layers that are no files of the plan are damage",
                   layers_that_are_no_files_of_the_plan_are_damage);
  g_test_add_func ("/plan/json/a disk that moves without layers is damage", a_disk_that_moves_without_layers_is_damage);
  g_test_add_func ("/plan/json/lists of words hold words only", lists_of_words_hold_words_only);
  g_test_add_func ("/plan/json/every promised member is described", every_promised_member_is_described);
  g_test_add_func ("/plan/json/the description says what the plan is", the_description_says_what_the_plan_is);
  g_test_add_func ("/plan/json/only a refusal refuses", only_a_refusal_refuses);
  return g_test_run ();
}
