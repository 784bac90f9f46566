/* The journal's records, written. What reads them is ledger.c; docs/internals/journal.md lists them. */
#include "base/json.h"
#include "journal/journal.h"
#include "move/ledger.h"

JsonObject *
vf_record_new (const char *kind)
{
  JsonObject *record = json_object_new ();
  json_object_set_string_member (record, "record", kind);
  return record;
}

JsonObject *
vf_record_begin (const VfRequest *request, const VfPlan *plan)
{
  JsonObject *record = vf_record_new ("begin");
  json_object_set_int_member (record, "version", VF_JOURNAL_VERSION);
  json_object_set_object_member (record, "request", vf_request_to_json (request));
  json_object_set_object_member (record, "plan", vf_plan_to_json (plan));
  return record;
}

JsonObject *
vf_record_caps (guint generation, const GPtrArray *caps)
{
  JsonObject *record = vf_record_new ("cap");
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < caps->len; i++) {
    const VfLedgerCap *cap = caps->pdata[i];
    JsonObject *object = json_object_new ();
    json_object_set_string_member (object, "target", cap->target);
    json_object_set_string_member (object, "path", cap->path);
    json_object_set_string_member (object, "over", cap->over);
    json_array_add_object_element (array, object);
  }
  json_object_set_int_member (record, "generation", generation);
  json_object_set_array_member (record, "caps", array);
  return record;
}

JsonObject *
vf_record_file (const char *kind, guint file, const char *path)
{
  JsonObject *record = vf_record_new (kind);
  json_object_set_int_member (record, "file", file);
  vf_json_set_string (record, "path", path);
  return record;
}

JsonObject *
vf_record_seeded (guint file, const VfDigest *digest, const VfFileId *id, bool reused)
{
  JsonObject *record = vf_record_file ("seeded", file, NULL);
  g_autofree char *text = vf_digest_print (digest);
  g_autofree char *device = g_strdup_printf ("%" G_GUINT64_FORMAT, id->device);
  g_autofree char *inode = g_strdup_printf ("%" G_GUINT64_FORMAT, id->inode);
  json_object_set_string_member (record, "digest", text);
  json_object_set_string_member (record, "device", device);
  json_object_set_string_member (record, "inode", inode);
  json_object_set_boolean_member (record, "reused", reused);
  return record;
}

JsonObject *
vf_record_snapshots (const GPtrArray *snapshots)
{
  JsonObject *record = vf_record_new ("snapshots-drop");
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < snapshots->len; i++) {
    const VfLedgerSnapshot *snapshot = snapshots->pdata[i];
    JsonObject *object = json_object_new ();
    json_object_set_string_member (object, "name", snapshot->name);
    vf_json_set_string (object, "parent", snapshot->parent);
    json_object_set_string_member (object, "xml", snapshot->xml);
    json_object_set_boolean_member (object, "current", snapshot->current);
    json_array_add_object_element (array, object);
  }
  json_object_set_array_member (record, "snapshots", array);
  return record;
}

JsonObject *
vf_record_checkpoints (const GPtrArray *checkpoints)
{
  JsonObject *record = vf_record_new ("checkpoints");
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < checkpoints->len; i++) {
    const VfLedgerCheckpoint *checkpoint = checkpoints->pdata[i];
    JsonObject *object = json_object_new ();
    json_object_set_string_member (object, "name", checkpoint->name);
    vf_json_set_string (object, "parent", checkpoint->parent);
    json_object_set_string_member (object, "xml", checkpoint->xml);
    json_array_add_object_element (array, object);
  }
  json_object_set_array_member (record, "checkpoints", array);
  return record;
}
