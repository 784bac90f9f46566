#include "move/result.h"

#include "base/json.h"

VfResult *
vf_result_new (void)
{
  return g_new0 (VfResult, 1);
}

void
vf_result_free (VfResult *result)
{
  g_free (result->id);
  g_clear_error (&result->error);
  g_free (result->guest);
  g_free (result->data);
  g_free (result->next);
  g_clear_pointer (&result->disks, json_array_unref);
  g_free (result);
}

const char *
vf_exit_name (VfExit exit)
{
  static const char *const names[] = { "done", "usage", "refused", "undone", "interrupted", "unsettled", "undecided" };
  return names[exit];
}

static JsonObject *
bytes_to_json (const VfResult *result)
{
  JsonObject *object = json_object_new ();
  json_object_set_int_member (object, "allocated", (gint64)result->bytes_allocated);
  json_object_set_int_member (object, "sent", (gint64)result->bytes_sent);
  json_object_set_int_member (object, "reused", (gint64)result->bytes_reused);
  json_object_set_int_member (object, "zero", (gint64)result->bytes_zero);
  return object;
}

JsonObject *
vf_result_to_json (const VfResult *result)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "event", "result");
  vf_json_set_string (object, "id", result->id);
  json_object_set_string_member (object, "outcome", vf_exit_name (result->exit));
  json_object_set_int_member (object, "exit", result->exit);
  json_object_set_double_member (object, "seconds", result->seconds);
  if (result->downtime_ms > 0)
    json_object_set_int_member (object, "downtime_ms", (gint64)result->downtime_ms);
  vf_json_set_string (object, "guest", result->guest);
  vf_json_set_string (object, "data", result->data);
  json_object_set_object_member (object, "bytes", bytes_to_json (result));
  json_object_set_int_member (object, "rounds", result->rounds);
  if (result->disks != NULL)
    json_object_set_array_member (object, "disks", json_array_ref (result->disks));
  if (result->error != NULL) {
    json_object_set_string_member (object, "text", result->error->message);
    json_object_set_string_member (object, "code", vf_error_code_name ((VfErrorCode)result->error->code));
    vf_json_set_string (object, "hint", vf_error_get_hint (result->error));
  }
  vf_json_set_string (object, "next", result->next);
  return object;
}
