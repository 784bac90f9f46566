#include "move/ledger.h"

#include "base/json.h"
#include "journal/journal.h"

#include <string.h>

VfLedgerCap *
vf_ledger_cap_new (const char *target, const char *path, const char *over)
{
  VfLedgerCap *cap = g_new0 (VfLedgerCap, 1);
  cap->target = g_strdup (target);
  cap->path = g_strdup (path);
  cap->over = g_strdup (over);
  return cap;
}

void
vf_ledger_cap_free (VfLedgerCap *cap)
{
  g_free (cap->target);
  g_free (cap->path);
  g_free (cap->over);
  g_free (cap);
}

VfLedgerSnapshot *
vf_ledger_snapshot_new (const char *name, const char *parent, const char *xml, bool current)
{
  VfLedgerSnapshot *snapshot = g_new0 (VfLedgerSnapshot, 1);
  snapshot->name = g_strdup (name);
  snapshot->parent = g_strdup (parent);
  snapshot->xml = g_strdup (xml);
  snapshot->current = current;
  return snapshot;
}

void
vf_ledger_snapshot_free (VfLedgerSnapshot *snapshot)
{
  g_free (snapshot->name);
  g_free (snapshot->parent);
  g_free (snapshot->xml);
  g_free (snapshot);
}

VfLedgerCheckpoint *
vf_ledger_checkpoint_new (const char *name, const char *parent, const char *xml)
{
  VfLedgerCheckpoint *checkpoint = g_new0 (VfLedgerCheckpoint, 1);
  checkpoint->name = g_strdup (name);
  checkpoint->parent = g_strdup (parent);
  checkpoint->xml = g_strdup (xml);
  return checkpoint;
}

void
vf_ledger_checkpoint_free (VfLedgerCheckpoint *checkpoint)
{
  g_free (checkpoint->name);
  g_free (checkpoint->parent);
  g_free (checkpoint->xml);
  g_free (checkpoint);
}

VfLedger *
vf_ledger_new (const char *id)
{
  VfLedger *ledger = g_new0 (VfLedger, 1);
  ledger->id = g_strdup (id);
  ledger->generations = g_ptr_array_new_with_free_func ((GDestroyNotify)g_ptr_array_unref);
  ledger->directories = g_ptr_array_new_with_free_func (g_free);
  ledger->files = g_array_new (FALSE, TRUE, sizeof (VfLedgerFile));
  ledger->far_caps = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_ledger_cap_free);
  ledger->checkpoints = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_ledger_checkpoint_free);
  ledger->committed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  ledger->caps_gone = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  ledger->secrets = g_ptr_array_new_with_free_func (g_free);
  ledger->left_behind = g_ptr_array_new_with_free_func (g_free);
  return ledger;
}

void
vf_ledger_free (VfLedger *ledger)
{
  g_free (ledger->id);
  g_clear_pointer (&ledger->request, vf_request_free);
  g_clear_pointer (&ledger->plan, vf_plan_free);
  g_ptr_array_unref (ledger->generations);
  g_ptr_array_unref (ledger->directories);
  g_array_unref (ledger->files);
  g_ptr_array_unref (ledger->far_caps);
  g_clear_pointer (&ledger->snapshots, g_ptr_array_unref);
  g_ptr_array_unref (ledger->checkpoints);
  g_hash_table_unref (ledger->committed);
  g_hash_table_unref (ledger->caps_gone);
  g_free (ledger->saved_aside);
  g_free (ledger->undo_reason);
  g_ptr_array_unref (ledger->left_behind);
  g_ptr_array_unref (ledger->secrets);
  g_free (ledger);
}

VfLedgerFile *
vf_ledger_file (VfLedger *ledger, guint index)
{
  return &g_array_index (ledger->files, VfLedgerFile, index);
}

GPtrArray *
vf_ledger_caps (VfLedger *ledger, guint generation)
{
  return generation == 0 || generation > ledger->generations->len ? NULL : ledger->generations->pdata[generation - 1];
}

static char *
gone_key (const char *side, const char *path)
{
  return g_strconcat (side, ":", path, NULL);
}

bool
vf_ledger_cap_is_gone (VfLedger *ledger, const char *side, const char *path)
{
  g_autofree char *key = gone_key (side, path);
  return g_hash_table_contains (ledger->caps_gone, key);
}

/* ---- one function for each kind of record ---- */

static bool
apply_begin (VfLedger *ledger, JsonObject *record, GError **error)
{
  guint64 version;
  if (!vf_json_u64 (record, "version", &version, error))
    return false;
  if (version != VF_JOURNAL_VERSION)
    return vf_error_set (error, VF_ERROR_UNDECIDED,
                         "cannot read journal: it is of version %" G_GUINT64_FORMAT ", this program knows %d", version,
                         VF_JOURNAL_VERSION);
  JsonObject *request = vf_json_object (record, "request", error);
  JsonObject *plan = request == NULL ? NULL : vf_json_object (record, "plan", error);
  if (plan == NULL || ledger->plan != NULL)
    return plan == NULL ? false : vf_error_set (error, VF_ERROR_CORRUPT, "cannot read journal: it begins twice");
  ledger->request = vf_request_from_json (request, error);
  if (ledger->request == NULL)
    return false;
  ledger->plan = vf_plan_from_json (plan, error);
  if (ledger->plan == NULL)
    return false;
  ledger->plan->offline = ledger->request->offline;
  g_array_set_size (ledger->files, ledger->plan->files->len);
  ledger->began_us = vf_json_int_or (record, "time", 0);
  return true;
}

static bool
apply_phase (VfLedger *ledger, JsonObject *record, GError **error)
{
  VfPhase phase;
  const char *name = vf_json_string (record, "phase", error);
  if (name == NULL)
    return false;
  if (!vf_phase_from_name (name, &phase) || !vf_phase_may_follow (ledger->phase, phase))
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read journal: phase '%s' cannot follow '%s'", name,
                         vf_phase_name (ledger->phase));
  ledger->phase = phase;
  return true;
}

/* The layer that a cap of the first generation must lie on. */
static const char *
top_of_target (const VfPlan *plan, const char *target)
{
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    if (disk->treatment == VF_TREAT_MOVE && strcmp (disk->target, target) == 0)
      return vf_plan_disk_name_at_source (plan, disk);
  }
  return NULL;
}

/* Undo goes from any cap to the top layer beneath the first cap of its disk, so each must lie on the former one. */
static bool
check_cap (VfLedger *ledger, guint index, const VfLedgerCap *cap, GError **error)
{
  const GPtrArray *former = vf_ledger_caps (ledger, ledger->generations->len);
  const VfLedgerCap *below = former != NULL && index < former->len ? former->pdata[index] : NULL;
  const char *expected = former == NULL                                              ? top_of_target (ledger->plan, cap->target)
                         : below != NULL && strcmp (below->target, cap->target) == 0 ? below->path
                                                                                     : NULL;
  if (g_strcmp0 (cap->over, expected) != 0)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read journal: a cap of disk '%s' cannot lie on '%s'", cap->target,
                         cap->over);
  return true;
}

static bool
apply_cap (VfLedger *ledger, JsonObject *record, GError **error)
{
  guint64 generation;
  JsonArray *array = vf_json_array (record, "caps", error);
  if (array == NULL || !vf_json_u64 (record, "generation", &generation, error))
    return false;
  if (generation != ledger->generations->len + 1)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read journal: caps of generation %" G_GUINT64_FORMAT " after %u",
                         generation, ledger->generations->len);
  g_autoptr (GPtrArray) caps = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_ledger_cap_free);
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonObject *cap = vf_json_element (array, i, "caps", error);
    const char *target = cap == NULL ? NULL : vf_json_string (cap, "target", error);
    const char *path = target == NULL ? NULL : vf_json_string (cap, "path", error);
    const char *over = path == NULL ? NULL : vf_json_string (cap, "over", error);
    if (over == NULL)
      return false;
    g_ptr_array_add (caps, vf_ledger_cap_new (target, path, over));
    if (!check_cap (ledger, i, caps->pdata[i], error))
      return false;
  }
  if (generation > 1 && caps->len != vf_ledger_caps (ledger, (guint)generation - 1)->len)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read journal: caps of generation %" G_GUINT64_FORMAT " are too few",
                         generation);
  g_ptr_array_add (ledger->generations, g_steal_pointer (&caps));
  return true;
}

static bool
apply_capped (VfLedger *ledger, JsonObject *record, GError **error)
{
  guint64 generation;
  if (!vf_json_u64 (record, "generation", &generation, error))
    return false;
  if (generation == 0 || generation != ledger->generations->len)
    return vf_error_set (error, VF_ERROR_CORRUPT,
                         "cannot read journal: caps of generation %" G_GUINT64_FORMAT " were not announced", generation);
  ledger->capped = ledger->generations->len;
  return true;
}

static bool
apply_directory (VfLedger *ledger, JsonObject *record, GError **error)
{
  const char *path = vf_json_string (record, "path", error);
  if (path == NULL)
    return false;
  g_ptr_array_add (ledger->directories, g_strdup (path));
  return true;
}

static VfLedgerFile *
file_of (VfLedger *ledger, JsonObject *record, GError **error)
{
  guint64 index;
  if (!vf_json_u64 (record, "file", &index, error))
    return NULL;
  if (index >= ledger->files->len) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read journal: there is no file %" G_GUINT64_FORMAT, index);
    return NULL;
  }
  return vf_ledger_file (ledger, (guint)index);
}

static bool
apply_partial (VfLedger *ledger, JsonObject *record, GError **error)
{
  VfLedgerFile *file = file_of (ledger, record, error);
  if (file == NULL)
    return false;
  file->partial_begun = true;
  return true;
}

static bool
read_number (JsonObject *record, const char *member, guint64 *number, GError **error)
{
  const char *text = vf_json_string (record, member, error);
  if (text == NULL)
    return false;
  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, number, NULL))
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read member '%s': '%s' is not a number", member, text);
  return true;
}

static bool
apply_seeded (VfLedger *ledger, JsonObject *record, GError **error)
{
  VfLedgerFile *file = file_of (ledger, record, error);
  const char *digest = file == NULL ? NULL : vf_json_string (record, "digest", error);
  if (digest == NULL || !vf_digest_parse (digest, &file->digest, error) ||
      !read_number (record, "device", &file->id.device, error) || !read_number (record, "inode", &file->id.inode, error) ||
      !vf_json_bool (record, "reused", &file->reused, error))
    return false;
  file->seeded = true;
  return true;
}

static bool
apply_berth (VfLedger *ledger, JsonObject *record, GError **error)
{
  VfLedgerFile *file = file_of (ledger, record, error);
  if (file == NULL)
    return false;
  file->berth_begun = true;
  return true;
}

static bool
apply_round_file (VfLedger *ledger, JsonObject *record, GError **error)
{
  JsonObject *object = vf_json_object (record, "planned", error);
  VfPlanFile *file = object == NULL ? NULL : vf_plan_file_from_json (object, error);
  if (file == NULL)
    return false;
  g_ptr_array_add (ledger->plan->files, file);
  g_array_set_size (ledger->files, ledger->plan->files->len);
  return true;
}

static bool
apply_far_cap (VfLedger *ledger, JsonObject *record, GError **error)
{
  const char *target = vf_json_string (record, "target", error);
  const char *path = target == NULL ? NULL : vf_json_string (record, "path", error);
  if (path == NULL)
    return false;
  for (guint i = 0; i < ledger->far_caps->len; i++)
    if (strcmp (((VfLedgerCap *)ledger->far_caps->pdata[i])->path, path) == 0)
      return true;
  g_ptr_array_add (ledger->far_caps, vf_ledger_cap_new (target, path, NULL));
  return true;
}

static bool
apply_snapshots_drop (VfLedger *ledger, JsonObject *record, GError **error)
{
  JsonArray *array = vf_json_array (record, "snapshots", error);
  if (array == NULL)
    return false;
  g_autoptr (GPtrArray) snapshots = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_ledger_snapshot_free);
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonObject *object = vf_json_element (array, i, "snapshots", error);
    const char *name = object == NULL ? NULL : vf_json_string (object, "name", error);
    const char *xml = name == NULL ? NULL : vf_json_string (object, "xml", error);
    if (xml == NULL)
      return false;
    g_ptr_array_add (snapshots, vf_ledger_snapshot_new (name, vf_json_string_or (object, "parent", NULL), xml,
                                                        vf_json_bool_or (object, "current", false)));
  }
  g_clear_pointer (&ledger->snapshots, g_ptr_array_unref);
  ledger->snapshots = g_steal_pointer (&snapshots);
  return true;
}

static bool
apply_checkpoints (VfLedger *ledger, JsonObject *record, GError **error)
{
  JsonArray *array = vf_json_array (record, "checkpoints", error);
  if (array == NULL)
    return false;
  g_autoptr (GPtrArray) checkpoints = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_ledger_checkpoint_free);
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonObject *object = vf_json_element (array, i, "checkpoints", error);
    const char *name = object == NULL ? NULL : vf_json_string (object, "name", error);
    const char *xml = name == NULL ? NULL : vf_json_string (object, "xml", error);
    if (xml == NULL)
      return false;
    g_ptr_array_add (checkpoints, vf_ledger_checkpoint_new (name, vf_json_string_or (object, "parent", NULL), xml));
  }
  g_ptr_array_unref (ledger->checkpoints);
  ledger->checkpoints = g_steal_pointer (&checkpoints);
  return true;
}

static bool
apply_definition (VfLedger *ledger, JsonObject *record, GError **error)
{
  ledger->definition_kept = true;
  return true;
}

static bool
apply_set_aside (VfLedger *ledger, JsonObject *record, GError **error)
{
  const char *path = vf_json_string (record, "path", error);
  if (path == NULL)
    return false;
  g_free (ledger->saved_aside);
  ledger->saved_aside = g_strdup (path);
  return true;
}

static bool
apply_secret (VfLedger *ledger, JsonObject *record, GError **error)
{
  const char *uuid = vf_json_string (record, "uuid", error);
  if (uuid == NULL)
    return false;
  g_ptr_array_add (ledger->secrets, g_strdup (uuid));
  return true;
}

static bool
apply_switch (VfLedger *ledger, JsonObject *record, GError **error)
{
  ledger->switched = VF_SWITCH_BEGUN;
  return true;
}

static bool
apply_post_copy (VfLedger *ledger, JsonObject *record, GError **error)
{
  ledger->post_copy = true;
  return true;
}

static bool
apply_stayed (VfLedger *ledger, JsonObject *record, GError **error)
{
  ledger->switched = VF_SWITCH_STAYED;
  return true;
}

static bool
apply_switched (VfLedger *ledger, JsonObject *record, GError **error)
{
  ledger->switched = VF_SWITCH_SWITCHED;
  return true;
}

static bool
apply_committed (VfLedger *ledger, JsonObject *record, GError **error)
{
  const char *target = vf_json_string (record, "target", error);
  if (target == NULL)
    return false;
  g_hash_table_add (ledger->committed, g_strdup (target));
  return true;
}

static bool
apply_settle_snapshots (VfLedger *ledger, JsonObject *record, GError **error)
{
  ledger->snapshots_settled = true;
  return true;
}

static bool
apply_cap_gone (VfLedger *ledger, JsonObject *record, GError **error)
{
  const char *side = vf_json_string (record, "side", error);
  const char *path = side == NULL ? NULL : vf_json_string (record, "path", error);
  if (path == NULL)
    return false;
  g_hash_table_add (ledger->caps_gone, gone_key (side, path));
  return true;
}

static bool
apply_undo (VfLedger *ledger, JsonObject *record, GError **error)
{
  g_free (ledger->undo_reason);
  ledger->undo_reason = g_strdup (vf_json_string_or (record, "reason", ""));
  return true;
}

static bool
apply_left_behind (VfLedger *ledger, JsonObject *record, GError **error)
{
  JsonArray *array = vf_json_array (record, "paths", error);
  if (array == NULL)
    return false;
  g_ptr_array_set_size (ledger->left_behind, 0);
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
      return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read member 'paths': element %u is not a string", i);
    g_ptr_array_add (ledger->left_behind, json_node_dup_string (node));
  }
  return true;
}

static bool
apply_downtime (VfLedger *ledger, JsonObject *record, GError **error)
{
  return vf_json_u64 (record, "downtime_ms", &ledger->downtime_ms, error);
}

static bool
apply_nothing (VfLedger *ledger, JsonObject *record, GError **error)
{
  return true;
}

static bool
apply_cleaned (VfLedger *ledger, JsonObject *record, GError **error)
{
  ledger->cleaned = true;
  return true;
}

static const struct {
  const char *kind;
  bool (*apply) (VfLedger *ledger, JsonObject *record, GError **error);
} kinds[] = {
  { "begin", apply_begin },
  { "phase", apply_phase },
  { "cap", apply_cap },
  { "capped", apply_capped },
  { "directory", apply_directory },
  { "partial", apply_partial },
  { "seeded", apply_seeded },
  { "round-file", apply_round_file },
  { "berth", apply_berth },
  { "cap-at-destination", apply_far_cap },
  { "snapshots-drop", apply_snapshots_drop },
  { "checkpoints", apply_checkpoints },
  { "definition", apply_definition },
  { "set-aside", apply_set_aside },
  { "secret", apply_secret },
  { "switch", apply_switch },
  { "post-copy", apply_post_copy },
  { "stayed", apply_stayed },
  { "switched", apply_switched },
  { "downtime", apply_downtime },
  { "settle-commit", apply_nothing },
  { "settle-committed", apply_committed },
  { "settle-snapshots", apply_settle_snapshots },
  { "cap-gone", apply_cap_gone },
  { "undo", apply_undo },
  { "left-behind", apply_left_behind },
  { "cleaned", apply_cleaned },
};

bool
vf_ledger_apply (JsonObject *record, gpointer data, GError **error)
{
  VfLedger *ledger = data;
  const char *kind = vf_json_string (record, "record", error);
  if (kind == NULL)
    return false;
  if (ledger->plan == NULL && strcmp (kind, "begin") != 0)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read journal: '%s' comes before 'begin'", kind);
  ledger->last_us = vf_json_int_or (record, "time", ledger->last_us);
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kind, kinds[i].kind) == 0)
      return kinds[i].apply (ledger, record, error);
  return vf_error_set (error, VF_ERROR_UNDECIDED, "cannot read journal: the record '%s' is not known to this program", kind);
}
