#include "plan/tuning.h"

#include "base/json.h"
#include "base/names.h"
#include "base/units.h"

#include <string.h>

enum { HOUR_S = 3600, CONNECTIONS_MAX = 32 }; /* the link has 64 channels, for everything */

const VfTuningRow vf_tuning_rows[] = {
  { "suspend", "suspend", VF_TUNING_SWITCH, offsetof (VfTuning, suspend), 0, 1, NULL, "leave the guest paused there", NULL },
  { "post-copy-ram", "post_copy_ram", VF_TUNING_SWITCH, offsetof (VfTuning, post_copy_ram), 0, 1, NULL,
    "after one pass over the memory run the guest there, and send the rest then", NULL },
  { "post-copy-bandwidth", "post_copy_bandwidth_mib_s", VF_TUNING_NUMBER, offsetof (VfTuning, post_copy_bandwidth_mib_s), 1,
    1 << 20, NULL, "send memory so fast at most, after the change to post-copy", "MIB/S" },
  { "timeout-post-copy", "timeout_post_copy_s", VF_TUNING_NUMBER, offsetof (VfTuning, timeout_post_copy_s), 1, 24 * HOUR_S,
    NULL, "change to post-copy when the switch takes longer", "SECONDS" },
  { "timeout-suspend", "timeout_suspend_s", VF_TUNING_NUMBER, offsetof (VfTuning, timeout_suspend_s), 1, 24 * HOUR_S, NULL,
    "pause the guest when the switch takes longer, until it is there", "SECONDS" },
  { "auto-converge", "auto_converge", VF_TUNING_SWITCH, offsetof (VfTuning, auto_converge), 0, 1, NULL,
    "slow the guest down while it changes memory faster than the link carries", NULL },
  { "auto-converge-initial", "auto_converge_initial_percent", VF_TUNING_NUMBER,
    offsetof (VfTuning, auto_converge_initial_percent), 1, 99, "auto-converge", "by how much at first (QEMU's default: 20)",
    "PERCENT" },
  { "auto-converge-increment", "auto_converge_increment_percent", VF_TUNING_NUMBER,
    offsetof (VfTuning, auto_converge_increment_percent), 1, 99, "auto-converge", "by how much more then (QEMU's default: 10)",
    "PERCENT" },
  { "parallel", "parallel", VF_TUNING_SWITCH, offsetof (VfTuning, parallel), 0, 1, NULL,
    "send memory over several streams of QEMU", NULL },
  { "parallel-connections", "parallel_connections", VF_TUNING_NUMBER, offsetof (VfTuning, parallel_connections), 1,
    CONNECTIONS_MAX, "parallel", "how many (QEMU's default: 2)", "N" },
  { "compressed", "compressed", VF_TUNING_SWITCH, offsetof (VfTuning, compressed), 0, 1, NULL,
    "let QEMU compress the memory that it sends", NULL },
  { "comp-methods", "comp_methods", VF_TUNING_TEXT, offsetof (VfTuning, comp_methods), 0, 0, "compressed",
    "how, in QEMU's words: xbzrle (the default), mt, zlib, zstd", "METHOD[,...]" },
  { "comp-xbzrle-cache", "comp_xbzrle_cache_bytes", VF_TUNING_BYTES, offsetof (VfTuning, comp_xbzrle_cache_bytes), 0, 0,
    "compressed", "memory for xbzrle's old pages", "SIZE" },
  { "comp-mt-level", "comp_mt_level", VF_TUNING_NUMBER, offsetof (VfTuning, comp_mt_level), 1, 9, "compressed",
    "of mt, 1 (fast) to 9", "N" },
  { "comp-mt-threads", "comp_mt_threads", VF_TUNING_NUMBER, offsetof (VfTuning, comp_mt_threads), 1, 255, "compressed",
    "of mt, here", "N" },
  { "comp-mt-dthreads", "comp_mt_dthreads", VF_TUNING_NUMBER, offsetof (VfTuning, comp_mt_dthreads), 1, 255, "compressed",
    "of mt, there", "N" },
  { "dname", "dname", VF_TUNING_TEXT, offsetof (VfTuning, dname), 0, 0, NULL, "another name for the guest there", "NAME" },
  { "xml", "xml", VF_TUNING_FILE, offsetof (VfTuning, xml), 0, 0, NULL, "the guest's definition there, as it runs", "FILE" },
  { "persistent-xml", "persistent_xml", VF_TUNING_FILE, offsetof (VfTuning, persistent_xml), 0, 0, NULL,
    "the guest's definition there, for its next start", "FILE" },
  { NULL, "xml_sha256", VF_TUNING_TEXT, offsetof (VfTuning, xml_sha256), 0, 0, NULL, NULL, NULL },
  { NULL, "persistent_xml_sha256", VF_TUNING_TEXT, offsetof (VfTuning, persistent_xml_sha256), 0, 0, NULL, NULL, NULL },
  { "graphicsuri", "graphicsuri", VF_TUNING_TEXT, offsetof (VfTuning, graphicsuri), 0, 0, NULL,
    "where spice clients find the guest there", "URI" },
  { "unsafe", "unsafe", VF_TUNING_SWITCH, offsetof (VfTuning, unsafe), 0, 1, NULL,
    "migrate though libvirt thinks a disk that is left in place unsafe", NULL },
};

const gsize vf_tuning_row_count = G_N_ELEMENTS (vf_tuning_rows);

/* Pairs that end in an error of libvirt's or QEMU's, or in something that nobody can mean. */
static const struct {
  const char *one, *other, *why;
} conflicts[] = {
  { "post-copy-ram", "parallel", "QEMU sends no memory over several streams in post-copy" },
  { "timeout-post-copy", "parallel", "QEMU sends no memory over several streams in post-copy" },
  { "post-copy-ram", "suspend", "post-copy is there to run the guest" },
  { "timeout-post-copy", "suspend", "post-copy is there to run the guest" },
  { "post-copy-ram", "timeout-post-copy", "the first changes to post-copy as soon as it can" },
  { "post-copy-ram", "timeout-suspend", "in post-copy the guest runs at the destination" },
  { "timeout-post-copy", "timeout-suspend", "the guest can be paused or run there, not both" },
};

static gpointer
member_of (const VfTuning *tuning, const VfTuningRow *row)
{
  return (guint8 *)(gsize)tuning + row->offset;
}

static bool
is_text (const VfTuningRow *row)
{
  return row->kind == VF_TUNING_TEXT || row->kind == VF_TUNING_FILE;
}

void
vf_tuning_clear (VfTuning *tuning)
{
  for (gsize i = 0; i < vf_tuning_row_count; i++)
    if (is_text (&vf_tuning_rows[i]))
      g_clear_pointer ((char **)member_of (tuning, &vf_tuning_rows[i]), g_free);
}

bool
vf_tuning_has (const VfTuning *tuning, const VfTuningRow *row)
{
  gpointer member = member_of (tuning, row);
  if (row->kind == VF_TUNING_SWITCH)
    return *(bool *)member;
  return is_text (row) ? *(char **)member != NULL : *(guint64 *)member != 0;
}

static bool
set_text (char **to, const VfTuningRow *row, const char *text, GError **error)
{
  if (*text == '\0')
    return vf_error_set (error, VF_ERROR_USAGE, "cannot use --%s '': it is empty", row->option);
  g_free (*to);
  *to = row->kind == VF_TUNING_FILE ? g_canonicalize_filename (text, NULL) : g_strdup (text);
  return true;
}

bool
vf_tuning_set (VfTuning *tuning, const VfTuningRow *row, const char *text, GError **error)
{
  g_autofree char *option = g_strconcat ("--", row->option, NULL);
  gpointer member = member_of (tuning, row);
  switch (row->kind) {
  case VF_TUNING_SWITCH:
    *(bool *)member = true;
    return true;
  case VF_TUNING_NUMBER:
    return vf_parse_number (text, option, row->least, row->most, member, error);
  case VF_TUNING_BYTES:
    return vf_parse_bytes (text, option, member, error);
  default:
    return set_text (member, row, text, error);
  }
}

static const VfTuningRow *
row_by_option (const char *option)
{
  for (gsize i = 0; i < vf_tuning_row_count; i++)
    if (g_strcmp0 (vf_tuning_rows[i].option, option) == 0)
      return &vf_tuning_rows[i];
  g_return_val_if_reached (NULL);
}

static bool
check_needs (const VfTuning *tuning, GError **error)
{
  for (gsize i = 0; i < vf_tuning_row_count; i++) {
    const VfTuningRow *row = &vf_tuning_rows[i];
    if (row->needs != NULL && vf_tuning_has (tuning, row) && !vf_tuning_has (tuning, row_by_option (row->needs)))
      return vf_error_set (error, VF_ERROR_USAGE, "cannot use --%s without --%s", row->option, row->needs);
  }
  if (tuning->post_copy_bandwidth_mib_s > 0 && !vf_tuning_may_post_copy (tuning))
    return vf_error_set (error, VF_ERROR_USAGE,
                         "cannot use --post-copy-bandwidth without --post-copy-ram or --timeout-post-copy");
  return true;
}

/* The rules of libvirt and QEMU for methods, and what they say of options. */
static bool
check_methods (const VfTuning *tuning, GError **error)
{
  static const char *const known[] = { "xbzrle", "mt", "zlib", "zstd", NULL };
  g_auto (GStrv) methods = g_strsplit (tuning->comp_methods != NULL ? tuning->comp_methods : "", ",", -1);
  for (char **method = methods; *method != NULL; method++)
    if (!g_strv_contains (known, *method))
      return vf_error_set (error, VF_ERROR_USAGE, "cannot use --comp-methods '%s': '%s' is not xbzrle, mt, zlib or zstd",
                           tuning->comp_methods, *method);
  const char *const *list = (const char *const *)methods;
  bool xbzrle = g_strv_contains (list, "xbzrle"), mt = g_strv_contains (list, "mt");
  bool of_streams = g_strv_contains (list, "zlib") || g_strv_contains (list, "zstd");
  bool tunes_mt = tuning->comp_mt_level > 0 || tuning->comp_mt_threads > 0 || tuning->comp_mt_dthreads > 0;
  const struct {
    bool wrong;
    const char *text;
  } rules[] = {
    { tuning->compressed && tuning->parallel && (xbzrle || mt || !of_streams),
      "cannot use --compressed with --parallel: only --comp-methods zlib or zstd go with several streams" },
    { of_streams && !tuning->parallel, "cannot use --comp-methods zlib or zstd without --parallel" },
    { mt && vf_tuning_may_post_copy (tuning),
      "cannot use --comp-methods mt with post-copy: QEMU cannot unpack pages into a guest that runs" },
    { tunes_mt && !mt, "cannot use --comp-mt-... without --comp-methods mt" },
    { tuning->comp_xbzrle_cache_bytes > 0 && !xbzrle, "cannot use --comp-xbzrle-cache without --comp-methods xbzrle" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rules); i++)
    if (rules[i].wrong)
      return vf_error_set (error, VF_ERROR_USAGE, "%s", rules[i].text);
  return true;
}

bool
vf_tuning_check (const VfTuning *tuning, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (conflicts); i++)
    if (vf_tuning_has (tuning, row_by_option (conflicts[i].one)) && vf_tuning_has (tuning, row_by_option (conflicts[i].other)))
      return vf_error_set (error, VF_ERROR_USAGE, "cannot use --%s with --%s: %s", conflicts[i].one, conflicts[i].other,
                           conflicts[i].why);
  if (tuning->dname != NULL && (strchr (tuning->dname, '/') != NULL || strchr (tuning->dname, '\n') != NULL))
    return vf_error_set (error, VF_ERROR_USAGE, "cannot use --dname '%s': a guest's name has no '/' and no line end",
                         tuning->dname);
  return check_needs (tuning, error) && check_methods (tuning, error);
}

bool
vf_tuning_may_post_copy (const VfTuning *tuning)
{
  return tuning->post_copy_ram || tuning->timeout_post_copy_s > 0;
}

JsonObject *
vf_tuning_to_json (const VfTuning *tuning)
{
  JsonObject *object = json_object_new ();
  for (gsize i = 0; i < vf_tuning_row_count; i++) {
    const VfTuningRow *row = &vf_tuning_rows[i];
    gpointer member = member_of (tuning, row);
    if (!vf_tuning_has (tuning, row))
      continue;
    if (row->kind == VF_TUNING_SWITCH)
      json_object_set_boolean_member (object, row->member, true);
    else if (is_text (row))
      json_object_set_string_member (object, row->member, *(char **)member);
    else
      json_object_set_int_member (object, row->member, (gint64) * (guint64 *)member);
  }
  return object;
}

static bool
take_member (JsonObject *object, const VfTuningRow *row, VfTuning *tuning, GError **error)
{
  gpointer member = member_of (tuning, row);
  if (row->kind == VF_TUNING_SWITCH)
    return vf_json_bool (object, row->member, member, error);
  if (!is_text (row))
    return vf_json_u64 (object, row->member, member, error);
  const char *text = vf_json_string (object, row->member, error);
  g_free (*(char **)member);
  *(char **)member = g_strdup (text);
  return text != NULL;
}

bool
vf_tuning_from_json (JsonObject *object, VfTuning *tuning, GError **error)
{
  guint known = 0;
  for (gsize i = 0; i < vf_tuning_row_count; i++) {
    if (!json_object_has_member (object, vf_tuning_rows[i].member))
      continue;
    known++;
    if (!take_member (object, &vf_tuning_rows[i], tuning, error))
      return false;
  }
  if (known < json_object_get_size (object))
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read member 'tuning': it has an option that is not known");
  return true;
}
