/* Frames of the wire protocol: pure encoding and checking, no I/O. Fuzzed. */
#pragma once

#include "base/error.h"

typedef enum {
  VF_FRAME_HELLO = 1,
  VF_FRAME_OPEN = 2,
  VF_FRAME_ACCEPT = 3,
  VF_FRAME_REFUSE = 4,
  VF_FRAME_DATA = 5,
  VF_FRAME_CREDIT = 6,
  VF_FRAME_END = 7,
  VF_FRAME_RESET = 8,
  VF_FRAME_PING = 9,
  VF_FRAME_PONG = 10,
} VfFrameType;

enum {
  VF_FRAME_HEADER_BYTES = 12,
  VF_FRAME_PAYLOAD_BYTES_MAX = 256 * 1024 + 64,
};

typedef struct {
  guint32 payload_bytes;
  guint32 channel;
  VfFrameType type;
} VfFrame;

/* "DATA"; "unknown" for a number that is no type. */
const char *vf_frame_type_name (VfFrameType type);

/* Writes the 12 header bytes. */
void vf_frame_encode (const VfFrame *frame, guint8 header[VF_FRAME_HEADER_BYTES]);

/* Reads and checks a header by itself: length limits per type (a DATA frame has at least one byte, so that no frame is free),
 * reserved bytes, channel 0 or not as the type wants. Errors are VF_ERROR_PROTOCOL and name the rule. */
bool vf_frame_decode (const guint8 header[VF_FRAME_HEADER_BYTES], VfFrame *frame, GError **error);
