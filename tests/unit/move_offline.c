/* What is different in a move of a guest that is shut off: its plan, its checks, its records, its table. */
#include "journal/journal.h"
#include "move/documents.h"
#include "move/outcome.h"
#include "move_scene.h"
#include "trial.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define UUID_OF(scene) ((scene)->inventory->domain->uuid)

/* "shop", shut off, with saved memory and an emulated TPM. */
static void
put_away (Scene *scene)
{
  VfInventory *inventory = scene->inventory;
  g_free (inventory->state);
  inventory->state = g_strdup ("shut off");
  inventory->has_managed_save = true;
  inventory->domain->tpm = g_strdup ("emulator");
  char *directory = vf_plan_tpm_directory (UUID_OF (scene));
  char *file = g_build_filename (directory, "tpm2-00.permall", NULL);
  VfFileFacts *facts = scene_file (scene, directory, VF_FILE_DIRECTORY);
  facts->mode = 0711;
  scene_file (scene, file, VF_FILE_REGULAR);
  g_autofree char *saved = vf_plan_managed_save ("shop");
  scene_file (scene, saved, VF_FILE_REGULAR);
  g_ptr_array_add (inventory->tpm_directories, directory);
  g_ptr_array_add (inventory->tpm_files, file);
  scene_there (scene, directory, VF_FILE_ABSENT);
  scene_there (scene, file, VF_FILE_ABSENT);
  scene_there (scene, saved, VF_FILE_ABSENT);
  scene->request->offline = true;
}

static void
nothing_is_written_and_the_state_keeps_its_places (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  put_away (scene);
  g_assert_true (vf_request_add_map (scene->request, "/=/elsewhere", NULL));
  g_autofree char *saved = vf_plan_managed_save ("shop");
  g_autofree char *directory = vf_plan_tpm_directory (UUID_OF (scene));
  scene_there (scene, directory, VF_FILE_ABSENT);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_assert_true (plan->offline);
  for (guint i = 0; i < plan->files->len; i++)
    g_assert_false (vf_plan_file (plan, i)->is_top);
  const VfPlanFile *top = scene_planned (plan, "/srv/vm/top.qcow2");
  g_assert_cmpstr (top->destination, ==, "/elsewhere/srv/vm/top.qcow2");
  g_assert_true (vf_plan_file_is_written (plan, top)); /* by the guest, when it is started there */
  const VfPlanFile *image = scene_planned (plan, saved);
  g_assert_cmpint (image->kind, ==, VF_PLAN_SAVED);
  g_assert_cmpstr (image->destination, ==, saved);
  const VfPlanFile *tpm = scene_planned (plan, scene->inventory->tpm_files->pdata[0]);
  g_assert_cmpint (tpm->kind, ==, VF_PLAN_TPM);
  g_assert_cmpstr (tpm->destination, ==, tpm->source);
  g_assert_cmpuint (vf_plan_directory_facts (plan, directory)->mode, ==, 0711);
  g_assert_null (vf_plan_directory_facts (plan, "/srv/vm"));
  g_assert_true (g_ptr_array_find_with_equal_func (plan->directories, directory, g_str_equal, NULL));
}

static void
the_journal_gives_the_plan_back (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  g_autoptr (GError) error = NULL;
  put_away (scene);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_autoptr (JsonObject) object = vf_plan_to_json (plan);
  g_autoptr (VfPlan) again = vf_plan_from_json (object, &error);
  g_assert_no_error (error);
  g_autoptr (JsonObject) object_again = vf_plan_to_json (again);
  g_assert_true (json_object_equal (object, object_again));
  g_assert_cmpuint (again->state_directories->len, ==, 1);
  g_autoptr (VfLedger) ledger = vf_ledger_new ("0123abcd");
  apply_well (ledger, vf_record_begin (scene->request, plan));
  g_assert_true (ledger->plan->offline);
}

static void
the_steps_have_no_overlays (void)
{
  g_autoptr (Scene) scene = scene_shop ();
  put_away (scene);
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_autoptr (GPtrArray) findings = vf_findings_new ();
  g_autoptr (JsonObject) said = vf_plan_describe (plan, findings);
  static const char *const phases[] = { "seed", "berth", "switch", "settle" };
  JsonArray *steps = json_object_get_array_member (said, "steps");
  g_assert_cmpuint (json_array_get_length (steps), ==, G_N_ELEMENTS (phases));
  for (guint i = 0; i < G_N_ELEMENTS (phases); i++)
    g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (steps, i), "phase"), ==, phases[i]);
}

/* ---- checks ---- */

static Trial *
trial_put_away (void)
{
  Trial *trial = trial_clean ();
  put_away (trial->scene);
  return trial;
}

static void
a_guest_that_is_put_away_may_go_with_all_it_has (void)
{
  g_autoptr (Trial) trial = trial_put_away ();
  trial_run (trial);
  g_assert_false (vf_findings_refuse (trial->findings));
}

static void
a_guest_that_runs_is_refused_with_the_hint_to_leave_the_option_away (void)
{
  g_autoptr (Trial) trial = trial_clean ();
  trial->scene->request->offline = true;
  trial_run (trial);
  const VfFinding *finding = trial->findings->pdata[0];
  g_assert_cmpstr (finding->code, ==, "not-shut-off");
  assert_says (finding->hint, "without --offline");
}

static void
a_guest_that_is_shut_off_is_refused_with_the_hint_to_the_option (void)
{
  g_autoptr (Trial) trial = trial_put_away ();
  trial->scene->request->offline = false;
  trial->scene->inventory->has_managed_save = false;
  trial_run (trial);
  const VfFinding *finding = trial->findings->pdata[0];
  g_assert_cmpstr (finding->code, ==, "not-running");
  assert_says (finding->hint, "--offline");
}

static void
saved_memory_of_that_name_there_is_in_the_way (void)
{
  Trial *trial = trial_put_away ();
  g_autofree char *saved = vf_plan_managed_save ("shop");
  scene_there (trial->scene, saved, VF_FILE_REGULAR);
  assert_refused_for (trial, "file-in-the-way", saved, "the guest's writes must not go into it");
}

static void
the_name_in_saved_memory_cannot_change (void)
{
  g_autoptr (Trial) trial = trial_put_away ();
  trial->scene->request->tuning.dname = g_strdup ("shop-2");
  trial_run (trial);
  guint told = 0;
  for (guint i = 0; i < trial->findings->len; i++)
    told += strcmp (((const VfFinding *)trial->findings->pdata[i])->code, "saved-name") == 0;
  g_assert_cmpuint (told, ==, 2); /* a snapshot's memory, and the managed save image */
}

static void
a_device_whose_copy_would_differ (void)
{
  Trial *trial = trial_on_device ();
  trial->scene->request->offline = true;
  g_free (trial->scene->inventory->state);
  trial->scene->inventory->state = g_strdup ("shut off");
  trial->plan = scene_plan (trial->scene);
  vf_plan_file (trial->plan, 0)->new_backing = g_strdup ("/other");
  trial_run (trial);
  bool told = false;
  for (guint i = 0; i < trial->findings->len; i++)
    told = told || strcmp (((const VfFinding *)trial->findings->pdata[i])->code, "offline-device") == 0;
  g_assert_true (told);
  trial_free (trial);
}

/* ---- records ---- */

static void
what_was_put_aside_is_remembered (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  g_autoptr (GError) error = NULL;
  apply_text (ledger, "{\"record\":\"phase\",\"phase\":\"seed\"}");
  apply_text (ledger, "{\"record\":\"phase\",\"phase\":\"berth\"}");
  g_assert_false (ledger->definition_kept);
  apply_text (ledger, "{\"record\":\"definition\"}");
  g_assert_true (ledger->definition_kept);
  apply_text (ledger, "{\"record\":\"set-aside\",\"path\":\"/a\"}");
  apply_text (ledger, "{\"record\":\"set-aside\",\"path\":\"/b\"}");
  g_assert_cmpstr (ledger->saved_aside, ==, "/b");
  g_autoptr (JsonObject) nameless = record_of ("{\"record\":\"set-aside\"}");
  g_assert_false (vf_ledger_apply (nameless, ledger, &error));
  assert_failed (&error, VF_ERROR_CORRUPT, "path");
}

static void
the_definition_changes_its_places_only (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  g_autoptr (GError) error = NULL;
  g_autofree char *xml = vf_document_definition (
      ledger,
      "<domain><name>shop</name><title>t</title><devices>" SCENE_DISK ("vda", "/srv/vm/top.qcow2") "</devices></domain>",
      &error);
  g_assert_no_error (error);
  assert_says (xml, "/tank/top.qcow2");
  assert_says (xml, "<title>t</title>");
}

static void
a_kept_document_is_private_and_can_be_dropped_twice (void)
{
  g_autofree char *state = g_dir_make_tmp ("ferry-kept-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  VfJournal *journal = vf_journal_create (state, "0123abcd", &error);
  g_assert_no_error (error);
  g_assert_true (vf_journal_keep (state, "0123abcd", "d.xml", "old", &error));
  g_assert_true (vf_journal_keep (state, "0123abcd", "d.xml", "<new/>", &error));
  g_autofree char *path = g_build_filename (state, "moves", "0123abcd", "d.xml", NULL);
  struct stat facts;
  g_assert_cmpint (stat (path, &facts), ==, 0);
  g_assert_cmpuint (facts.st_mode & 07777, ==, 0600);
  g_autofree char *text = vf_journal_kept (state, "0123abcd", "d.xml", &error);
  g_assert_cmpstr (text, ==, "<new/>");
  for (guint i = 0; i < 2; i++)
    g_assert_true (vf_journal_drop (state, "0123abcd", "d.xml", &error));
  g_assert_null (vf_journal_kept (state, "0123abcd", "d.xml", &error));
  assert_failed (&error, VF_ERROR_NOT_FOUND, path);
  vf_journal_free (journal);
  g_autofree char *file = g_build_filename (state, "moves", "0123abcd", "journal", NULL);
  g_autofree char *move = g_path_get_dirname (file);
  g_autofree char *moves = g_path_get_dirname (move);
  g_unlink (file);
  g_rmdir (move);
  g_rmdir (moves);
  g_rmdir (state);
}

/* ---- the table ---- */

#define U VF_GUEST_UNKNOWN
#define A VF_GUEST_ABSENT
#define O VF_GUEST_SHUT_OFF
#define P VF_GUEST_PAUSED
#define R VF_GUEST_RUNNING

static void
all_cells_are_as_written (void)
{
  static const struct {
    VfGuestState source, destination;
    VfOfflineStep step;
  } cells[] = {
    { R, A, VF_OFFLINE_STAYED },
    { R, O, VF_OFFLINE_PERSON },
    { R, P, VF_OFFLINE_PERSON },
    { R, R, VF_OFFLINE_PERSON },
    { VF_GUEST_DIVIDED, A, VF_OFFLINE_STAYED },
    { P, A, VF_OFFLINE_STAYED },
    { P, O, VF_OFFLINE_PERSON },
    { P, P, VF_OFFLINE_PERSON },
    { P, R, VF_OFFLINE_PERSON },
    { O, A, VF_OFFLINE_UNDEFINE },
    { O, O, VF_OFFLINE_PERSON },
    { O, P, VF_OFFLINE_PERSON },
    { O, R, VF_OFFLINE_PERSON },
    { A, A, VF_OFFLINE_DEFINE },
    { A, O, VF_OFFLINE_MOVED },
    { A, P, VF_OFFLINE_MOVED },
    { A, R, VF_OFFLINE_MOVED },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cells); i++)
    if (vf_outcome_next_offline (cells[i].source, cells[i].destination) != cells[i].step)
      g_error ("row '%s', column '%s'", vf_guest_state_name (cells[i].source), vf_guest_state_name (cells[i].destination));
  for (guint state = U; state <= R; state++) {
    g_assert_cmpint (vf_outcome_next_offline (U, (VfGuestState)state), ==, VF_OFFLINE_WAIT);
    g_assert_cmpint (vf_outcome_next_offline ((VfGuestState)state, U), ==, VF_OFFLINE_WAIT);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, test) g_test_add_func ("/move/offline/" name, test)
  ADD ("nothing is written, and the state keeps its places", nothing_is_written_and_the_state_keeps_its_places);
  ADD ("the journal gives the plan back", the_journal_gives_the_plan_back);
  ADD ("the steps have no overlays", the_steps_have_no_overlays);
  ADD ("a guest that is put away may go with all it has", a_guest_that_is_put_away_may_go_with_all_it_has);
  ADD ("a guest that runs is refused, with the hint to leave the option away",
       a_guest_that_runs_is_refused_with_the_hint_to_leave_the_option_away);
  ADD ("a guest that is shut off is refused, with the hint to the option",
       a_guest_that_is_shut_off_is_refused_with_the_hint_to_the_option);
  ADD ("saved memory of that name there is in the way", saved_memory_of_that_name_there_is_in_the_way);
  ADD ("a device whose copy would differ is refused", a_device_whose_copy_would_differ);
  ADD ("the name in saved memory cannot change", the_name_in_saved_memory_cannot_change);
  ADD ("what was put aside is remembered", what_was_put_aside_is_remembered);
  ADD ("the definition changes its places only", the_definition_changes_its_places_only);
  ADD ("a kept document is private and can be dropped twice", a_kept_document_is_private_and_can_be_dropped_twice);
  ADD ("all cells of the table are as written", all_cells_are_as_written);
  return g_test_run ();
}
