/* Journals of any content: lines of records, each given a right checksum, seq and time, into a ledger; then what the phases ask
 * of it. Whatever was taken must be whole enough to be acted upon. */
#include "base/json.h"
#include "journal/journal.h"
#include "move/documents.h"

#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* Stands before an input that does not bring its own, so that chance need not find a whole plan. */
static const char begin[] =
    "{\"record\":\"begin\",\"version\":1,\"request\":{\"domain\":\"g\",\"source_uri\":\"s\","
    "\"destination_uri\":\"d\",\"agent_path\":\"a\",\"cap_directory\":\"/c\",\"maps\":[],\"disks\":[],\"nets\":[],"
    "\"with\":[],\"max_cap_bytes\":1,\"rounds_max\":2,\"downtime_ms\":0,\"streams\":0,\"zstd_level\":0,"
    "\"timeout_s\":3,\"delete_source\":false,\"with_secrets\":false,\"offline\":false,\"tuning\":{},\"read_back\":false,"
    "\"bandwidth_bytes_s\":0,\"compress_auto\":false,\"pools\":[]},\"plan\":{\"id\":\"0123abcd\","
    "\"rendezvous\":\"r\",\"domain\":\"g\",\"uuid\":\"u\",\"persistent\":true,\"autostart\":false,"
    "\"was_running\":true,\"checkpoints\":0,\"files\":[{\"kind\":\"layer\",\"source\":\"/s/t\","
    "\"destination\":\"/d/t\",\"facts\":{\"kind\":\"file\",\"bytes\":1,\"allocated\":1,\"device\":1,\"inode\":1,"
    "\"mtime_ns\":1,\"ctime_ns\":1,\"mode\":1,\"free_bytes\":1,\"filesystem\":1,\"directory_exists\":true},"
    "\"source_is_block\":false,\"destination_is_block\":false,\"is_top\":true,\"is_round\":false,"
    "\"maybe_there\":false,\"virtual_bytes\":1,\"format\":\"raw\",\"internal_snapshots\":[]}],"
    "\"disks\":[{\"target\":\"vda\",\"treatment\":\"move\",\"layers\":[0]}],\"snapshots\":[],"
    "\"changes\":[{\"from\":\"/s/t\",\"to\":\"/d/t\",\"to_block\":false}],\"directories\":[],\"secrets\":[],"
    "\"state_directories\":[]}}";

static const char domain[] = "<domain><name>g</name><devices><disk type='file'><driver type='qcow2'/>"
                             "<source file='/s/t.ferry-0123abcd.cap1'/><target dev='vda'/></disk></devices></domain>";

static bool
apply_line (VfLedger *ledger, const char *line, gsize length)
{
  static guint64 seq;
  if (length == 0 || *line != '{')
    return false;
  g_autofree char *body = g_strdup_printf ("{\"seq\":%" G_GUINT64_FORMAT ",\"time\":1,%.*s", ++seq, (int)length - 1, line + 1);
  g_autofree char *whole = g_strdup_printf ("%08lx %s", crc32_z (0, (const guint8 *)body, strlen (body)), body);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) record = vf_journal_parse_line (whole, strlen (whole), &error);
  bool applied = record != NULL && vf_ledger_apply (record, ledger, &error);
  g_assert_true (applied == (error == NULL));
  g_assert_true (applied || vf_error_is (error, VF_ERROR_CORRUPT) || vf_error_is (error, VF_ERROR_UNDECIDED) ||
                 vf_error_is (error, VF_ERROR_USAGE));
  return applied;
}

static void
check_round_trip (const VfPlan *plan)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object = vf_plan_to_json (plan);
  g_autoptr (VfPlan) again = vf_plan_from_json (object, &error);
  g_assert_no_error (error);
  g_autoptr (JsonObject) object_again = vf_plan_to_json (again);
  g_assert_true (json_object_equal (object, object_again));
}

/* What every phase takes for granted. */
static void
use_ledger (VfLedger *ledger)
{
  const VfPlan *plan = ledger->plan;
  g_autoptr (GPtrArray) findings = vf_findings_new ();
  g_autoptr (JsonObject) described = vf_plan_describe (plan, findings);
  g_autofree char *live = vf_document_domain (ledger, domain, false, NULL);
  g_autofree char *persistent = vf_document_domain (ledger, domain, true, NULL);
  g_autofree char *definition = vf_document_definition (ledger, domain, NULL);
  g_autofree char *back = vf_document_without_caps (ledger, domain, NULL);
  g_assert_cmpuint (ledger->files->len, ==, plan->files->len);
  g_assert_cmpuint (ledger->capped, <=, ledger->generations->len);
  for (guint i = 0; i < ledger->left_behind->len; i++)
    g_assert_nonnull (ledger->left_behind->pdata[i]);
  vf_documents_change (ledger);
  check_round_trip (plan);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const char own_begin[] = "{\"record\":\"begin\"";
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_auto (GStrv) lines = g_strsplit (text, "\n", 200);
  g_autoptr (VfLedger) ledger = vf_ledger_new ("0123abcd");
  if (!g_str_has_prefix (text, own_begin))
    g_assert_true (apply_line (ledger, begin, sizeof begin - 1));
  for (char **line = lines; *line != NULL; line++)
    if (!apply_line (ledger, *line, strlen (*line)))
      break; /* as replay ends there */
  if (ledger->plan != NULL)
    use_ledger (ledger);
  return 0;
}
