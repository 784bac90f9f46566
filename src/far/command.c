#include "far/command.h"

#include "far/call.h"

#include <string.h>

enum {
  HEADER_BYTES = 5,
  RECORD_BYTES_MAX = 256 * 1024,
};

VfChannel *
vf_far_command_start (VfLink *link, const VfFarCommand *command, GError **error)
{
  GError *failure = NULL;
  g_autoptr (JsonObject) args = json_object_new ();
  JsonArray *words = json_array_new ();
  for (char **word = command->words; *word != NULL; word++) {
    g_autofree char *text = g_base64_encode ((const guchar *)*word, strlen (*word));
    json_array_add_string_element (words, text);
  }
  json_object_set_array_member (args, "words", words);
  json_object_set_string_member (args, "uri", command->uri);
  json_object_set_int_member (args, "columns", command->columns);
  VfChannel *channel = vf_link_open (link, "command", args, NULL, NULL, &failure);
  if (channel == NULL)
    vf_far_failed (link, failure, error);
  return channel;
}

bool
vf_far_command_stop (VfChannel *channel)
{
  return vf_channel_send (channel, "s", 1, NULL, NULL);
}

static bool
take_output (VfChannel *channel, int fd, guint32 length, VfFarOutput output, gpointer data, GError **error)
{
  if (length == 0 || length > RECORD_BYTES_MAX)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read what a command says: a record of %u bytes", length);
  g_autofree guint8 *bytes = g_malloc (length);
  if (!vf_channel_receive_full (channel, bytes, length, NULL, error))
    return false;
  output (fd, bytes, length, data);
  return true;
}

bool
vf_far_command_follow (VfChannel *channel, VfFarOutput output, gpointer data, VfFarEnd *end, GError **error)
{
  for (;;) {
    guint8 header[HEADER_BYTES];
    guint32 number;
    if (!vf_channel_receive_full (channel, header, sizeof header, NULL, error))
      return false;
    memcpy (&number, header + 1, sizeof number);
    number = GUINT32_FROM_BE (number);
    switch (header[0]) {
    case 'o':
    case 'e':
      if (!take_output (channel, header[0] == 'o' ? 1 : 2, number, output, data, error))
        return false;
      break;
    case 'x':
    case 's':
      *end = (VfFarEnd){ header[0] == 's', number };
      return true;
    default:
      return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read what a command says: a record of unknown type %u", header[0]);
    }
  }
}
