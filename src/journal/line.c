#include "base/json.h"
#include "journal/replay.h"

#include <string.h>
#include <zlib.h>

enum { CRC_DIGITS = 8 };

static guint32
checksum (const char *bytes, gsize length)
{
  return (guint32)crc32_z (0, (const Bytef *)bytes, length);
}

/* What a reader needs first stands first. Members are shared, not copied. */
static JsonObject *
in_order (JsonObject *record)
{
  static const char *const leading[] = { "seq", "time", "record" };
  JsonObject *ordered = json_object_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (leading); i++)
    if (json_object_has_member (record, leading[i]))
      json_object_set_member (ordered, leading[i], json_object_dup_member (record, leading[i]));
  g_autoptr (GList) members = json_object_get_members (record);
  for (GList *at = members; at != NULL; at = at->next)
    if (!json_object_has_member (ordered, at->data))
      json_object_set_member (ordered, at->data, json_object_dup_member (record, at->data));
  return ordered;
}

char *
vf_journal_print_line (JsonObject *record)
{
  g_autoptr (JsonObject) ordered = in_order (record);
  g_autofree char *json = vf_json_print (ordered);
  return g_strdup_printf ("%08x %s\n", checksum (json, strlen (json)), json);
}

static bool
parse_checksum (const char *line, gsize length, guint32 *crc)
{
  *crc = 0;
  if (length <= CRC_DIGITS + 1 || line[CRC_DIGITS] != ' ')
    return false;
  for (gsize i = 0; i < CRC_DIGITS; i++) {
    if (!g_ascii_isxdigit (line[i]) || g_ascii_isupper (line[i]))
      return false;
    *crc = *crc << 4 | (guint32)g_ascii_xdigit_value (line[i]);
  }
  return true;
}

static bool
check_members (JsonObject *record, GError **error)
{
  guint64 seq;
  gint64 time;
  if (!vf_json_u64 (record, "seq", &seq, error) || !vf_json_int (record, "time", &time, error))
    return false;
  return vf_json_string (record, "record", error) != NULL;
}

JsonObject *
vf_journal_parse_line (const char *line, gsize length, GError **error)
{
  guint32 written;
  if (length > VF_JOURNAL_LINE_BYTES_MAX) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read journal record: longer than %d bytes", VF_JOURNAL_LINE_BYTES_MAX);
    return NULL;
  }
  if (!parse_checksum (line, length, &written)) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read journal record: it does not begin with a checksum");
    return NULL;
  }
  const char *json = line + CRC_DIGITS + 1;
  gsize json_length = length - CRC_DIGITS - 1;
  guint32 found = checksum (json, json_length);
  if (found != written) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read journal record: its checksum is %08x, written is %08x", found, written);
    return NULL;
  }
  g_autoptr (JsonObject) record = vf_json_parse (json, json_length, "journal record", error);
  if (record == NULL || !check_members (record, error))
    return NULL;
  return g_steal_pointer (&record);
}

bool
vf_journal_tail_is_torn (const char *tail, gsize length, bool ended)
{
  guint32 written;
  if (!parse_checksum (tail, length, &written))
    return true;
  uLong crc = crc32_z (0, NULL, 0);
  for (gsize i = CRC_DIGITS + 1; i < length; i++) {
    crc = crc32_z (crc, (const Bytef *)tail + i, 1);
    gsize behind = length - i - 1;
    bool may_end_here = tail[i] == '}' || behind == 0;
    if (may_end_here && (guint32)crc == written && (ended || behind >= 2))
      return false;
  }
  return true;
}
