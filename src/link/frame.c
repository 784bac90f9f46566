#include "link/frame.h"

#include "link/link.h"

#include <string.h>

typedef struct {
  const char *name;
  guint32 bytes_min, bytes_max;
  bool on_link; /* travels on channel 0, and only there */
} FrameRule;

static const FrameRule rules[] = {
  [VF_FRAME_HELLO] = { "HELLO", 2, VF_FRAME_PAYLOAD_BYTES_MAX, true },
  [VF_FRAME_OPEN] = { "OPEN", 2, VF_FRAME_PAYLOAD_BYTES_MAX, false },
  [VF_FRAME_ACCEPT] = { "ACCEPT", 2, VF_FRAME_PAYLOAD_BYTES_MAX, false },
  [VF_FRAME_REFUSE] = { "REFUSE", 2, VF_FRAME_PAYLOAD_BYTES_MAX, false },
  [VF_FRAME_DATA] = { "DATA", 1, VF_LINK_DATA_BYTES_MAX, false },
  [VF_FRAME_CREDIT] = { "CREDIT", 4, 4, false },
  [VF_FRAME_END] = { "END", 0, 0, false },
  [VF_FRAME_RESET] = { "RESET", 2, VF_FRAME_PAYLOAD_BYTES_MAX, false },
  [VF_FRAME_PING] = { "PING", 8, 8, true },
  [VF_FRAME_PONG] = { "PONG", 8, 8, true },
};

const char *
vf_frame_type_name (VfFrameType type)
{
  return (gsize)type < G_N_ELEMENTS (rules) && rules[type].name != NULL ? rules[type].name : "unknown";
}

static void
put_u32 (guint8 *at, guint32 value)
{
  guint32 big_endian = GUINT32_TO_BE (value);
  memcpy (at, &big_endian, sizeof big_endian);
}

static guint32
get_u32 (const guint8 *at)
{
  guint32 big_endian;
  memcpy (&big_endian, at, sizeof big_endian);
  return GUINT32_FROM_BE (big_endian);
}

void
vf_frame_encode (const VfFrame *frame, guint8 header[VF_FRAME_HEADER_BYTES])
{
  memset (header, 0, VF_FRAME_HEADER_BYTES);
  put_u32 (header, frame->payload_bytes);
  put_u32 (header + 4, frame->channel);
  header[8] = (guint8)frame->type;
}

bool
vf_frame_decode (const guint8 header[VF_FRAME_HEADER_BYTES], VfFrame *frame, GError **error)
{
  *frame = (VfFrame){ .payload_bytes = get_u32 (header), .channel = get_u32 (header + 4), .type = header[8] };
  if (frame->type < VF_FRAME_HELLO || frame->type > VF_FRAME_PONG)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read frame: type %u is unknown", header[8]);
  const FrameRule *rule = &rules[frame->type];
  if (header[9] != 0 || header[10] != 0 || header[11] != 0)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read frame '%s': its reserved bytes are not zero", rule->name);
  if (frame->payload_bytes < rule->bytes_min || frame->payload_bytes > rule->bytes_max)
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read frame '%s': %u bytes, where %u to %u are allowed", rule->name,
                         frame->payload_bytes, rule->bytes_min, rule->bytes_max);
  if (rule->on_link != (frame->channel == 0))
    return vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read frame '%s': it came on channel %u, where %s is allowed",
                         rule->name, frame->channel, rule->on_link ? "only 0" : "any but 0");
  return true;
}
