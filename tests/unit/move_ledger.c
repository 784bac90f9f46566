/* The ledger: one record after another, the same whether appended or replayed. */
#include "base/json.h"
#include "journal/journal.h"
#include "move_scene.h"

#include <ftw.h>
#include <glib/gstdio.h>

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
assert_refused (VfLedger *ledger, const char *json, VfErrorCode code, const char *part)
{
  g_autoptr (JsonObject) record = record_of (json);
  g_autoptr (GError) error = NULL;
  if (vf_ledger_apply (record, ledger, &error))
    g_error ("'%s' was taken", json);
  assert_failed (&error, code, part);
}

static void
begin_brings_request_plan_and_time (void)
{
  g_autoptr (VfLedger) ledger = vf_ledger_new ("0123abcd");
  JsonObject *begin = record_begin ();
  json_object_set_int_member (begin, "time", 1234567);
  apply_well (ledger, begin);
  g_assert_cmpstr (ledger->id, ==, "0123abcd");
  g_assert_cmpstr (ledger->request->destination_uri, ==, "qemu+ssh://bravo/system");
  g_assert_cmpstr (ledger->plan->domain, ==, "shop");
  g_assert_cmpuint (ledger->files->len, ==, ledger->plan->files->len);
  g_assert_cmpint (ledger->began_us, ==, 1234567);
  g_assert_cmpint (ledger->last_us, ==, 1234567);
  g_assert_cmpint (ledger->phase, ==, VF_PHASE_PLANNED);
  for (guint i = 0; i < ledger->files->len; i++)
    g_assert_false (vf_ledger_file (ledger, i)->partial_begun || vf_ledger_file (ledger, i)->seeded);
}

static void
nothing_comes_before_begin_and_it_comes_once (void)
{
  g_autoptr (VfLedger) ledger = vf_ledger_new ("0123abcd");
  assert_refused (ledger, "{\"record\":\"phase\",\"phase\":\"cap\"}", VF_ERROR_CORRUPT, "'phase' comes before 'begin'");
  apply_well (ledger, record_begin ());
  g_autoptr (JsonObject) again = record_begin ();
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_ledger_apply (again, ledger, &error));
  assert_failed (&error, VF_ERROR_CORRUPT, "it begins twice");
}

static void
a_journal_of_another_version_is_for_a_person (void)
{
  g_autoptr (VfLedger) ledger = vf_ledger_new ("0123abcd");
  g_autoptr (JsonObject) begin = record_begin ();
  g_autoptr (GError) error = NULL;
  json_object_set_int_member (begin, "version", VF_JOURNAL_VERSION + 1);
  g_assert_false (vf_ledger_apply (begin, ledger, &error));
  assert_failed (&error, VF_ERROR_UNDECIDED, "of version 2, this program knows 1");
}

static void
an_unknown_record_is_for_a_person (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  assert_refused (ledger, "{\"record\":\"teleport\"}", VF_ERROR_UNDECIDED, "the record 'teleport' is not known");
  assert_refused (ledger, "{\"record\":\"\"}", VF_ERROR_UNDECIDED, "");
  assert_refused (ledger, "{\"kind\":\"phase\"}", VF_ERROR_CORRUPT, "record");
}

static void
phases_follow_the_table (void)
{
  static const char *const phases[] = { "cap", "seed", "seed", "rounds", "berth", "switch", "settle", "done" };
  g_autoptr (VfLedger) ledger = ledger_begun ();
  for (gsize i = 0; i < G_N_ELEMENTS (phases); i++) {
    g_autofree char *json = g_strdup_printf ("{\"record\":\"phase\",\"phase\":\"%s\"}", phases[i]);
    apply_text (ledger, json);
    g_assert_cmpstr (vf_phase_name (ledger->phase), ==, phases[i]);
  }
  assert_refused (ledger, "{\"record\":\"phase\",\"phase\":\"undo\"}", VF_ERROR_CORRUPT, "phase 'undo' cannot follow 'done'");
  assert_refused (ledger, "{\"record\":\"phase\",\"phase\":\"?\"}", VF_ERROR_CORRUPT, "phase '?'");
  g_assert_cmpint (ledger->phase, ==, VF_PHASE_DONE);
}

static void
caps_are_catalogued_before_they_are_known_to_be_on (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  g_assert_null (vf_ledger_caps (ledger, 1));
  apply_text (ledger, RECORD_CAP_1);
  g_assert_cmpuint (ledger->capped, ==, 0);
  g_assert_null (vf_ledger_caps (ledger, 0));
  g_assert_null (vf_ledger_caps (ledger, 2));
  const VfLedgerCap *cap = vf_ledger_caps (ledger, 1)->pdata[0];
  g_assert_cmpstr (cap->target, ==, "vda");
  g_assert_cmpstr (cap->path, ==, CAP_HERE ("1"));
  g_assert_cmpstr (cap->over, ==, "/srv/vm/top.qcow2");
  apply_text (ledger, RECORD_CAPPED ("1"));
  g_assert_cmpuint (ledger->capped, ==, 1);
  apply_text (ledger, RECORD_CAP_2);
  g_assert_cmpuint (ledger->capped, ==, 1);
  apply_text (ledger, RECORD_CAPPED ("2"));
  g_assert_cmpuint (ledger->capped, ==, 2);
}

/* Undo goes from a cap to the top layer that lies under the first one of its disk: there must be one. */
static void
caps_that_fit_nowhere_are_damage (void)
{
  static const char *const first[] = {
    RECORD_CAP ("2", "/srv/vm/top.qcow2"),
    RECORD_CAP ("0", "/srv/vm/top.qcow2"),
    RECORD_CAP ("1", "/etc/passwd"),
    "{\"record\":\"cap\",\"generation\":1,\"caps\":[{\"target\":\"vda\",\"path\":\"/x\"}]}",
    "{\"record\":\"cap\",\"generation\":1,\"caps\":[3]}",
    "{\"record\":\"cap\",\"generation\":1,\"caps\":{}}",
    "{\"record\":\"cap\",\"generation\":-1,\"caps\":[]}",
    "{\"record\":\"cap\",\"caps\":[]}",
    RECORD_CAPPED ("1"),
  };
  static const char *const second[] = {
    RECORD_CAP_1,
    RECORD_CAP ("3", CAP_HERE ("1")),
    RECORD_CAP ("2", "/srv/vm/base.qcow2"),
    RECORD_CAP ("2", CAP_HERE ("2")),
    "{\"record\":\"cap\",\"generation\":2,\"caps\":[]}",
    "{\"record\":\"cap\",\"generation\":2,\"caps\":[{\"target\":\"vdb\",\"path\":\"/x\",\"over\":\"" CAP_HERE ("1") "\"}]}",
    RECORD_CAPPED ("2"),
  };
  g_autoptr (VfLedger) ledger = ledger_begun ();
  for (gsize i = 0; i < G_N_ELEMENTS (first); i++)
    assert_refused (ledger, first[i], VF_ERROR_CORRUPT, "cannot read ");
  g_assert_cmpuint (ledger->generations->len, ==, 0);
  apply_text (ledger, RECORD_CAP_1);
  for (gsize i = 0; i < G_N_ELEMENTS (second); i++)
    assert_refused (ledger, second[i], VF_ERROR_CORRUPT, "cannot read ");
  g_assert_cmpuint (ledger->generations->len, ==, 1);
  apply_text (ledger, RECORD_CAPPED ("1"));
}

static void
a_file_goes_from_partial_to_seeded_to_berthed (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  VfLedgerFile *file = vf_ledger_file (ledger, 1);
  apply_well (ledger, vf_record_file ("partial", 1, "/tank/base.qcow2.ferry-0123abcd.part"));
  g_assert_true (file->partial_begun && !file->seeded && !file->berth_begun);
  VfDigest digest;
  VfFileId id = { .device = G_MAXUINT64, .inode = G_GUINT64_CONSTANT (0x8000000000000001) };
  g_assert_true (vf_digest_parse (SHA, &digest, NULL));
  apply_well (ledger, vf_record_seeded (1, &digest, &id, false));
  g_assert_true (file->seeded && !file->reused && !file->berth_begun);
  g_assert_true (vf_digest_equal (&file->digest, &digest));
  g_assert_true (vf_file_id_equal (&file->id, &id));
  apply_well (ledger, vf_record_file ("berth", 1, "/tank/base.qcow2"));
  g_assert_true (file->berth_begun);
  for (guint i = 0; i < ledger->files->len; i++)
    g_assert_true (i == 1 || !vf_ledger_file (ledger, i)->partial_begun);
}

static void
a_reused_file_is_seeded_without_a_partial (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  VfDigest digest;
  g_assert_true (vf_digest_parse (SHA, &digest, NULL));
  apply_well (ledger, vf_record_seeded (0, &digest, &(VfFileId){ 1, 2 }, true));
  const VfLedgerFile *file = vf_ledger_file (ledger, 0);
  g_assert_true (file->seeded && file->reused && !file->partial_begun);
}

static void
files_that_are_none_are_damage (void)
{
  static const char *const rows[] = {
    "{\"record\":\"partial\",\"file\":5}",
    "{\"record\":\"partial\",\"file\":-1}",
    "{\"record\":\"partial\",\"file\":\"1\"}",
    "{\"record\":\"partial\",\"file\":4294967296}",
    "{\"record\":\"berth\",\"file\":5}",
    "{\"record\":\"berth\"}",
    "{\"record\":\"seeded\",\"file\":1}",
    "{\"record\":\"seeded\",\"file\":1,\"digest\":\"x\",\"device\":\"1\",\"inode\":\"1\",\"reused\":true}",
    "{\"record\":\"seeded\",\"file\":1,\"digest\":\"" SHA "\",\"device\":1,\"inode\":\"1\",\"reused\":true}",
    "{\"record\":\"seeded\",\"file\":1,\"digest\":\"" SHA "\",\"device\":\"-1\",\"inode\":\"1\",\"reused\":true}",
    "{\"record\":\"seeded\",\"file\":1,\"digest\":\"" SHA "\",\"device\":\"1\",\"inode\":\"1\",\"reused\":1}",
  };
  g_autoptr (VfLedger) ledger = ledger_begun ();
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    assert_refused (ledger, rows[i], VF_ERROR_CORRUPT, "cannot read ");
  for (guint i = 0; i < ledger->files->len; i++)
    g_assert_false (vf_ledger_file (ledger, i)->seeded);
}

static JsonObject *
record_round_file (void)
{
  JsonObject *record = vf_record_new ("round-file");
  g_autoptr (Scene) scene = scene_shop ();
  g_autoptr (VfPlan) plan = scene_plan (scene);
  JsonObject *planned = vf_plan_file_to_json (vf_plan_file (plan, 0));
  json_object_set_string_member (planned, "source", CAP_HERE ("1"));
  json_object_set_string_member (planned, "destination", CAP_THERE ("1"));
  json_object_set_boolean_member (planned, "is_round", TRUE);
  json_object_set_object_member (record, "planned", planned);
  return record;
}

static void
a_round_appends_a_file_to_plan_and_ledger (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  guint before = ledger->files->len;
  apply_well (ledger, record_round_file ());
  g_assert_cmpuint (ledger->plan->files->len, ==, before + 1);
  g_assert_cmpuint (ledger->files->len, ==, before + 1);
  g_assert_true (vf_plan_file (ledger->plan, before)->is_round);
  g_assert_false (vf_ledger_file (ledger, before)->seeded);
  apply_well (ledger, vf_record_file ("partial", before, "/x"));
  assert_refused (ledger, "{\"record\":\"round-file\"}", VF_ERROR_CORRUPT, "planned");
  assert_refused (ledger, "{\"record\":\"round-file\",\"planned\":{}}", VF_ERROR_CORRUPT, "kind");
}

static void
directories_and_caps_at_the_destination_are_remembered (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  apply_text (ledger, "{\"record\":\"directory\",\"path\":\"/tank\"}");
  apply_text (ledger, "{\"record\":\"directory\",\"path\":\"/tank/a\"}");
  for (guint i = 0; i < 2; i++) /* a resumed move says it again */
    apply_text (ledger, "{\"record\":\"cap-at-destination\",\"target\":\"vda\",\"path\":\"" CAP_THERE ("1") "\"}");
  g_assert_cmpuint (ledger->directories->len, ==, 2);
  g_assert_cmpstr (ledger->directories->pdata[1], ==, "/tank/a");
  g_assert_cmpuint (ledger->far_caps->len, ==, 1);
  g_assert_cmpstr (((VfLedgerCap *)ledger->far_caps->pdata[0])->path, ==, CAP_THERE ("1"));
  assert_refused (ledger, "{\"record\":\"directory\"}", VF_ERROR_CORRUPT, "path");
  assert_refused (ledger, "{\"record\":\"cap-at-destination\",\"target\":\"vda\"}", VF_ERROR_CORRUPT, "path");
}

static void
checkpoints_keep_their_xml_and_order (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  g_autoptr (GPtrArray) checkpoints = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_ledger_checkpoint_free);
  g_ptr_array_add (checkpoints, vf_ledger_checkpoint_new ("monday", NULL, "<a/>\n\"ä\""));
  g_ptr_array_add (checkpoints, vf_ledger_checkpoint_new ("tuesday", "monday", "<b/>"));
  g_assert_cmpuint (ledger->checkpoints->len, ==, 0);
  apply_well (ledger, vf_record_checkpoints (checkpoints));
  for (guint i = 0; i < 2; i++) {
    const VfLedgerCheckpoint *here = checkpoints->pdata[i], *there = ledger->checkpoints->pdata[i];
    g_assert_cmpstr (there->name, ==, here->name);
    g_assert_cmpstr (there->parent, ==, here->parent);
    g_assert_cmpstr (there->xml, ==, here->xml);
  }
  assert_refused (ledger, "{\"record\":\"checkpoints\"}", VF_ERROR_CORRUPT, "checkpoints");
  assert_refused (ledger, "{\"record\":\"checkpoints\",\"checkpoints\":[{\"name\":\"a\"}]}", VF_ERROR_CORRUPT, "xml");
  g_assert_cmpuint (ledger->checkpoints->len, ==, 2);
  apply_text (ledger, "{\"record\":\"checkpoints\",\"checkpoints\":[]}"); /* the switch was begun anew */
  g_assert_cmpuint (ledger->checkpoints->len, ==, 0);
}

static void
dropped_snapshots_keep_their_xml_and_order (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  g_autoptr (GPtrArray) snapshots = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_ledger_snapshot_free);
  g_ptr_array_add (snapshots, vf_ledger_snapshot_new ("before", NULL, "<a/>\n\"ä\"", false));
  g_ptr_array_add (snapshots, vf_ledger_snapshot_new ("clean", "before", "<b/>", true));
  g_assert_null (ledger->snapshots);
  apply_well (ledger, vf_record_snapshots (snapshots));
  for (guint i = 0; i < 2; i++) {
    const VfLedgerSnapshot *here = snapshots->pdata[i], *there = ledger->snapshots->pdata[i];
    g_assert_cmpstr (there->name, ==, here->name);
    g_assert_cmpstr (there->parent, ==, here->parent);
    g_assert_cmpstr (there->xml, ==, here->xml);
    g_assert_cmpint (there->current, ==, here->current);
  }
  assert_refused (ledger, "{\"record\":\"snapshots-drop\"}", VF_ERROR_CORRUPT, "snapshots");
  assert_refused (ledger, "{\"record\":\"snapshots-drop\",\"snapshots\":[{\"name\":\"a\"}]}", VF_ERROR_CORRUPT, "xml");
  g_assert_cmpuint (ledger->snapshots->len, ==, 2);
}

static void
a_switch_is_begun_before_it_is_decided (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  g_assert_cmpint (ledger->switched, ==, VF_SWITCH_NOT_BEGUN);
  apply_text (ledger, "{\"record\":\"switch\"}");
  g_assert_cmpint (ledger->switched, ==, VF_SWITCH_BEGUN);
  apply_text (ledger, "{\"record\":\"stayed\",\"reason\":\"x\"}");
  g_assert_cmpint (ledger->switched, ==, VF_SWITCH_STAYED);
  apply_text (ledger, "{\"record\":\"switch\"}");
  apply_text (ledger, "{\"record\":\"switched\"}");
  g_assert_cmpint (ledger->switched, ==, VF_SWITCH_SWITCHED);
}

static void
settling_is_remembered_step_by_step (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  apply_text (ledger, "{\"record\":\"downtime\",\"downtime_ms\":77}");
  apply_text (ledger, "{\"record\":\"settle-commit\",\"target\":\"vda\"}");
  g_assert_false (g_hash_table_contains (ledger->committed, "vda"));
  apply_text (ledger, "{\"record\":\"settle-committed\",\"target\":\"vda\"}");
  g_assert_true (g_hash_table_contains (ledger->committed, "vda"));
  apply_text (ledger, "{\"record\":\"cap-gone\",\"side\":\"destination\",\"path\":\"/x\"}");
  g_assert_true (vf_ledger_cap_is_gone (ledger, "destination", "/x"));
  g_assert_false (vf_ledger_cap_is_gone (ledger, "source", "/x"));
  g_assert_false (ledger->snapshots_settled);
  apply_text (ledger, "{\"record\":\"settle-snapshots\"}");
  g_assert_true (ledger->snapshots_settled);
  g_assert_cmpuint (ledger->downtime_ms, ==, 77);
  g_assert_false (ledger->cleaned);
  apply_text (ledger, "{\"record\":\"cleaned\"}");
  g_assert_true (ledger->cleaned);
  assert_refused (ledger, "{\"record\":\"settle-committed\"}", VF_ERROR_CORRUPT, "target");
  assert_refused (ledger, "{\"record\":\"cap-gone\",\"side\":\"source\"}", VF_ERROR_CORRUPT, "path");
  assert_refused (ledger, "{\"record\":\"downtime\",\"downtime_ms\":-1}", VF_ERROR_CORRUPT, "negative");
}

static void
an_undo_keeps_its_reason_and_the_last_list_of_what_it_left (void)
{
  g_autoptr (VfLedger) ledger = ledger_begun ();
  apply_text (ledger, "{\"record\":\"undo\",\"reason\":\"full\"}");
  g_assert_cmpstr (ledger->undo_reason, ==, "full");
  apply_text (ledger, "{\"record\":\"left-behind\",\"paths\":[\"/a\",\"/b\"]}");
  apply_text (ledger, "{\"record\":\"left-behind\",\"paths\":[\"/b\"]}");
  g_assert_cmpuint (ledger->left_behind->len, ==, 1);
  g_assert_cmpstr (ledger->left_behind->pdata[0], ==, "/b");
  assert_refused (ledger, "{\"record\":\"left-behind\"}", VF_ERROR_CORRUPT, "paths");
  assert_refused (ledger, "{\"record\":\"left-behind\",\"paths\":[1]}", VF_ERROR_CORRUPT, "paths");
  assert_refused (ledger, "{\"record\":\"left-behind\",\"paths\":[{}]}", VF_ERROR_CORRUPT, "paths");
}

/* ---- appended or replayed, it is one ledger ---- */

static void
add_caps (GString *text, VfLedger *ledger)
{
  for (guint g = 1; g <= ledger->generations->len; g++)
    for (guint i = 0; i < vf_ledger_caps (ledger, g)->len; i++) {
      const VfLedgerCap *cap = vf_ledger_caps (ledger, g)->pdata[i];
      g_string_append_printf (text, "cap %u %s %s %s\n", g, cap->target, cap->path, cap->over);
    }
}

static void
add_files (GString *text, VfLedger *ledger)
{
  for (guint i = 0; i < ledger->files->len; i++) {
    const VfLedgerFile *file = vf_ledger_file (ledger, i);
    g_autofree char *digest = vf_digest_print (&file->digest);
    g_string_append_printf (text, "file %u %d%d%d%d %s %" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT "\n", i, file->partial_begun,
                            file->seeded, file->reused, file->berth_begun, digest, file->id.device, file->id.inode);
  }
}

/* Everything but the times. */
static char *
everything (VfLedger *ledger)
{
  g_autoptr (JsonObject) plan = vf_plan_to_json (ledger->plan);
  g_autoptr (JsonObject) request = vf_request_to_json (ledger->request);
  g_autofree char *plan_text = vf_json_print (plan);
  g_autofree char *request_text = vf_json_print (request);
  GString *text = g_string_new (NULL);
  g_string_append_printf (text,
                          "%s\n%s\n%s capped %u switched %d settled %d downtime %" G_GUINT64_FORMAT " cleaned %d undo %s\n",
                          plan_text, request_text, vf_phase_name (ledger->phase), ledger->capped, ledger->switched,
                          ledger->snapshots_settled, ledger->downtime_ms, ledger->cleaned, ledger->undo_reason);
  add_caps (text, ledger);
  add_files (text, ledger);
  g_string_append_printf (text, "directories %u far caps %u committed %u gone %u left %u snapshots %u checkpoints %u\n",
                          ledger->directories->len, ledger->far_caps->len, g_hash_table_size (ledger->committed),
                          g_hash_table_size (ledger->caps_gone), ledger->left_behind->len,
                          ledger->snapshots == NULL ? 0 : ledger->snapshots->len, ledger->checkpoints->len);
  g_string_append_printf (text, "definition %d aside %s\n", ledger->definition_kept, ledger->saved_aside);
  return g_string_free (text, FALSE);
}

static const char *const whole_move[] = {
  "{\"record\":\"phase\",\"phase\":\"cap\"}",
  RECORD_CAP_1,
  RECORD_CAPPED ("1"),
  "{\"record\":\"phase\",\"phase\":\"seed\"}",
  "{\"record\":\"directory\",\"path\":\"/tank\"}",
  "{\"record\":\"partial\",\"file\":0,\"path\":\"/x\"}",
  "{\"record\":\"seeded\",\"file\":0,\"digest\":\"" SHA
  "\",\"device\":\"18446744073709551615\",\"inode\":\"7\",\"reused\":false}",
  "{\"record\":\"seeded\",\"file\":1,\"digest\":\"" SHA "\",\"device\":\"1\",\"inode\":\"8\",\"reused\":true}",
  "{\"record\":\"phase\",\"phase\":\"rounds\"}",
  RECORD_CAP_2,
  RECORD_CAPPED ("2"),
  NULL, /* the round's file */
  "{\"record\":\"phase\",\"phase\":\"berth\"}",
  "{\"record\":\"berth\",\"file\":0,\"path\":\"/y\"}",
  "{\"record\":\"cap-at-destination\",\"target\":\"vda\",\"path\":\"/z\"}",
  "{\"record\":\"phase\",\"phase\":\"switch\"}",
  "{\"record\":\"snapshots-drop\",\"snapshots\":[{\"name\":\"a\",\"xml\":\"<x/>\"}]}",
  "{\"record\":\"checkpoints\",\"checkpoints\":[{\"name\":\"c\",\"xml\":\"<x/>\"}]}",
  "{\"record\":\"definition\"}",
  "{\"record\":\"set-aside\",\"path\":\"/k\"}",
  "{\"record\":\"switch\"}",
  "{\"record\":\"switched\",\"reason\":\"r\"}",
  "{\"record\":\"downtime\",\"downtime_ms\":9}",
  "{\"record\":\"phase\",\"phase\":\"settle\"}",
  "{\"record\":\"settle-commit\",\"target\":\"vda\"}",
  "{\"record\":\"settle-committed\",\"target\":\"vda\"}",
  "{\"record\":\"cap-gone\",\"side\":\"destination\",\"path\":\"/z\"}",
  "{\"record\":\"settle-snapshots\"}",
  "{\"record\":\"phase\",\"phase\":\"done\"}",
  "{\"record\":\"cleaned\"}",
};

/* Appends as vf_move_record does: the journal first, then the ledger. Takes the record. */
static void
record_both (VfJournal *journal, VfLedger *ledger, JsonObject *taken)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_journal_append (journal, taken, &error));
  apply_well (ledger, taken);
}

static void
assert_replays_as (const char *state, VfLedger *ledger)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfLedger) replayed = vf_ledger_new ("0123abcd");
  g_assert_true (vf_journal_read (state, "0123abcd", vf_ledger_apply, replayed, NULL, &error));
  g_assert_no_error (error);
  g_autofree char *one = everything (ledger);
  g_autofree char *two = everything (replayed);
  g_assert_cmpstr (two, ==, one);
  g_assert_cmpint (replayed->began_us, ==, ledger->began_us);
  g_assert_cmpint (replayed->last_us, ==, ledger->last_us);
}

static int
remove_entry (const char *path, const struct stat *facts, int kind, struct FTW *place)
{
  return remove (path);
}

static void
a_replayed_ledger_equals_the_one_that_was_written_at_every_record (void)
{
  g_autofree char *state = g_dir_make_tmp ("ferry-ledger-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfLedger) ledger = vf_ledger_new ("0123abcd");
  VfJournal *journal = vf_journal_create (state, "0123abcd", &error);
  g_assert_no_error (error);
  record_both (journal, ledger, record_begin ());
  for (gsize i = 0; i < G_N_ELEMENTS (whole_move); i++) {
    record_both (journal, ledger, whole_move[i] == NULL ? record_round_file () : record_of (whole_move[i]));
    assert_replays_as (state, ledger);
  }
  vf_journal_free (journal);
  nftw (state, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/move/ledger/begin brings request, plan and time", begin_brings_request_plan_and_time);
  g_test_add_func ("/move/ledger/nothing comes before begin, and it comes once", nothing_comes_before_begin_and_it_comes_once);
  g_test_add_func ("/move/ledger/a journal of another version is for a person", a_journal_of_another_version_is_for_a_person);
  g_test_add_func ("/move/ledger/an unknown record is for a person", an_unknown_record_is_for_a_person);
  g_test_add_func ("/move/ledger/phases follow the table", phases_follow_the_table);
  g_test_add_func ("/move/ledger/caps are catalogued before they are known to be on",
                   caps_are_catalogued_before_they_are_known_to_be_on);
  g_test_add_func ("/move/ledger/caps that fit nowhere are damage", caps_that_fit_nowhere_are_damage);
  g_test_add_func ("/move/ledger/a file goes from partial to seeded to berthed", a_file_goes_from_partial_to_seeded_to_berthed);
  g_test_add_func ("/move/ledger/a reused file is seeded without a partial", a_reused_file_is_seeded_without_a_partial);
  g_test_add_func ("/move/ledger/files that are none are damage", files_that_are_none_are_damage);
  g_test_add_func ("/move/ledger/a round appends a file to plan and ledger", a_round_appends_a_file_to_plan_and_ledger);
  g_test_add_func ("/move/ledger/directories and caps at the destination are remembered",
                   directories_and_caps_at_the_destination_are_remembered);
  g_test_add_func ("/move/ledger/checkpoints keep their XML and order", checkpoints_keep_their_xml_and_order);
  g_test_add_func ("/move/ledger/dropped snapshots keep their XML and order", dropped_snapshots_keep_their_xml_and_order);
  g_test_add_func ("/move/ledger/a switch is begun before it is decided", a_switch_is_begun_before_it_is_decided);
  g_test_add_func ("/move/ledger/settling is remembered step by step", settling_is_remembered_step_by_step);
  g_test_add_func ("/move/ledger/an undo keeps its reason and the last list of what it left",
                   an_undo_keeps_its_reason_and_the_last_list_of_what_it_left);
  g_test_add_func ("/move/ledger/a replayed ledger equals the one that was written, at every record",
                   a_replayed_ledger_equals_the_one_that_was_written_at_every_record);
  return g_test_run ();
}
