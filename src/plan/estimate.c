#include "plan/estimate.h"

#include "base/units.h"

#include <math.h>

static double
seconds_of (const VfEstimate *estimate, guint64 bytes)
{
  return estimate->link_bytes_per_s == 0 ? 0 : (double)bytes / (double)estimate->link_bytes_per_s;
}

double
vf_estimate_copy_seconds (const VfEstimate *estimate)
{
  return seconds_of (estimate, estimate->copy_bytes);
}

double
vf_estimate_memory_seconds (const VfEstimate *estimate)
{
  return seconds_of (estimate, estimate->memory_bytes);
}

char *
vf_estimate_print (const VfEstimate *estimate)
{
  g_autofree char *rate = vf_print_bytes (estimate->link_bytes_per_s);
  g_autofree char *copy_bytes = vf_print_bytes (estimate->copy_bytes);
  g_autofree char *memory_bytes = vf_print_bytes (estimate->memory_bytes);
  g_autofree char *copy = vf_print_seconds ((guint64)ceil (vf_estimate_copy_seconds (estimate)));
  g_autofree char *memory = vf_print_seconds ((guint64)ceil (vf_estimate_memory_seconds (estimate)));
  g_autofree char *stop =
      estimate->guest_runs
          ? g_strdup_printf ("; the guest runs on, then stops for about %" G_GUINT64_FORMAT " ms", estimate->stop_ms)
          : g_strdup ("");
  return g_strdup_printf ("the link carries %s/s: files (%s) %s, memory (%s) %s at most%s", rate, copy_bytes, copy,
                          memory_bytes, memory, stop);
}

JsonObject *
vf_estimate_to_json (const VfEstimate *estimate)
{
  JsonObject *object = json_object_new ();
  json_object_set_int_member (object, "link_bytes_per_s", (gint64)estimate->link_bytes_per_s);
  json_object_set_int_member (object, "copy_bytes", (gint64)estimate->copy_bytes);
  json_object_set_double_member (object, "copy_seconds", vf_estimate_copy_seconds (estimate));
  json_object_set_int_member (object, "memory_bytes", (gint64)estimate->memory_bytes);
  json_object_set_double_member (object, "memory_seconds", vf_estimate_memory_seconds (estimate));
  json_object_set_int_member (object, "stop_ms", (gint64)estimate->stop_ms);
  return object;
}
