/* The first words of both sides: the magic, so that a login script's chatter is told from the agent, then HELLO. */
#include "base/json.h"
#include "link/link_private.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static const char magic[] = "VFERRY1\n";
enum { MAGIC_BYTES = sizeof magic - 1 };

static JsonObject *
hello_with_versions (JsonObject *hello, GError **error)
{
  g_autofree char *text = hello == NULL ? g_strdup ("{}") : vf_json_print (hello);
  JsonObject *full = vf_json_parse (text, strlen (text), "the greeting", error);
  if (full == NULL)
    return NULL;
  if (!json_object_has_member (full, "program"))
    json_object_set_string_member (full, "program", VF_VERSION);
  if (!json_object_has_member (full, "host"))
    json_object_set_string_member (full, "host", g_get_host_name ());
  if (!json_object_has_member (full, "protocol"))
    json_object_set_int_member (full, "protocol", VF_LINK_PROTOCOL);
  return full;
}

static bool
send_hello (VfLink *link, JsonObject *hello, GError **error)
{
  g_autoptr (JsonObject) full = hello_with_versions (hello, error);
  if (full == NULL)
    return false;
  g_autofree char *text = vf_json_print (full);
  gsize length = strlen (text);
  if (length > VF_FRAME_PAYLOAD_BYTES_MAX)
    return vf_error_set (error, VF_ERROR_FAILED, "cannot greet %s: the greeting has %zu bytes, where %d are allowed",
                         link->peer_name, length, VF_FRAME_PAYLOAD_BYTES_MAX);
  guint8 header[VF_FRAME_HEADER_BYTES];
  vf_frame_encode (&(VfFrame){ .payload_bytes = (guint32)length, .type = VF_FRAME_HELLO }, header);
  struct iovec parts[] = { { (char *)magic, MAGIC_BYTES }, { header, sizeof header }, { text, length } };
  errno = 0;
  VfStreamResult result = vf_stream_write (link, parts, G_N_ELEMENTS (parts));
  link->bytes_sent += MAGIC_BYTES + sizeof header + length;
  /* A peer that is gone already has perhaps said why: reading finds out. */
  if (result == VF_STREAM_OK || result == VF_STREAM_END)
    return true;
  return vf_error_set (error, VF_ERROR_UNREACHABLE, "cannot reach %s: it does not take the greeting", link->peer_name);
}

/* Why nothing came: what the shell said on its standard error tells more than what it printed. */
static bool
report_silence (VfLink *link, VfStreamResult result, const GString *chatter, GError **error)
{
  int saved_errno = errno;
  g_autofree char *epitaph = vf_link_ask_epitaph (link);
  g_autofree char *said = epitaph != NULL ? g_steal_pointer (&epitaph) : vf_reason_last_line (chatter->str, chatter->len);
  const char *why = result == VF_STREAM_SILENT ? "it did not answer in time"
                    : result == VF_STREAM_END  ? "it hung up before it said anything"
                                               : g_strerror (saved_errno);
  if (said == NULL)
    return vf_error_set (error, VF_ERROR_UNREACHABLE, "cannot reach %s: %s", link->peer_name, why);
  if (result == VF_STREAM_END)
    return vf_error_set (error, VF_ERROR_UNREACHABLE, "cannot reach %s: '%s'", link->peer_name, said);
  return vf_error_set (error, VF_ERROR_UNREACHABLE, "cannot reach %s: %s; it said '%s'", link->peer_name, why, said);
}

/* Reads up to and with the magic; what follows it stays in the intake. */
static bool
skip_to_magic (VfLink *link, GError **error)
{
  g_autoptr (GString) chatter = g_string_new (NULL);
  while (chatter->len < VF_LINK_CHATTER_BYTES_MAX) {
    gsize n = 0, before = chatter->len;
    VfStreamResult result = vf_stream_read_some (link, link->intake, VF_LINK_CHATTER_BYTES_MAX - before, &n);
    if (result != VF_STREAM_OK)
      return report_silence (link, result, chatter, error);
    g_string_append_len (chatter, (const char *)link->intake, (gssize)n);
    const char *found = memmem (chatter->str, chatter->len, magic, MAGIC_BYTES);
    if (found == NULL)
      continue;
    link->intake_start = (gsize)(found - chatter->str) + MAGIC_BYTES - before;
    link->intake_end = n;
    return true;
  }
  return report_silence (link, VF_STREAM_END, chatter, error);
}

static bool
check_versions (VfLink *link, GError **error)
{
  gint64 protocol = vf_json_int_or (link->peer, "protocol", 0);
  if (protocol == VF_LINK_PROTOCOL)
    return true;
  const char *program = vf_json_string_or (link->peer, "program", "unknown");
  g_autofree char *version = vf_reason_clean (program, MIN (strlen (program), 64));
  vf_error_set (error, VF_ERROR_REFUSED,
                "cannot talk to %s: it speaks protocol %" G_GINT64_FORMAT
                " (virt-ferry %s), this side speaks protocol %d (virt-ferry %s)",
                link->peer_name, protocol, version, VF_LINK_PROTOCOL, VF_VERSION);
  vf_error_hint (error, "install the same version of virt-ferry on both hosts");
  return false;
}

static bool
read_hello (VfLink *link, GError **error)
{
  guint8 header[VF_FRAME_HEADER_BYTES];
  VfFrame frame;
  g_autoptr (GString) nothing = g_string_new (NULL);
  VfStreamResult result = vf_stream_read_full (link, header, sizeof header);
  if (result != VF_STREAM_OK)
    return report_silence (link, result, nothing, error);
  if (!vf_frame_decode (header, &frame, error))
    return false;
  if (frame.type != VF_FRAME_HELLO)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot greet %s: its first frame is %s, not HELLO", link->peer_name,
                         vf_frame_type_name (frame.type));
  g_autofree char *text = g_malloc (frame.payload_bytes);
  result = vf_stream_read_full (link, text, frame.payload_bytes);
  if (result != VF_STREAM_OK)
    return report_silence (link, result, nothing, error);
  g_autoptr (GError) reason = NULL;
  link->peer = vf_json_parse (text, frame.payload_bytes, "its HELLO", &reason);
  if (link->peer == NULL)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot greet %s: %s", link->peer_name, reason->message);
  return check_versions (link, error);
}

bool
vf_link_greet (VfLink *link, JsonObject *hello, GError **error)
{
  bool greeted = send_hello (link, hello, error) && skip_to_magic (link, error) && read_hello (link, error);
  link->greeting_deadline_us = 0;
  return greeted;
}
