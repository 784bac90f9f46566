/* Headers to the decoder: what it takes must come back as it was. */
#include "link/frame.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  for (; size >= VF_FRAME_HEADER_BYTES; data += VF_FRAME_HEADER_BYTES, size -= VF_FRAME_HEADER_BYTES) {
    guint8 again[VF_FRAME_HEADER_BYTES];
    VfFrame frame;
    g_autoptr (GError) error = NULL;
    if (!vf_frame_decode (data, &frame, &error)) {
      g_assert (vf_error_is (error, VF_ERROR_PROTOCOL));
      continue;
    }
    g_assert (error == NULL);
    g_assert (frame.payload_bytes <= VF_FRAME_PAYLOAD_BYTES_MAX);
    vf_frame_encode (&frame, again);
    g_assert (memcmp (again, data, sizeof again) == 0);
  }
  return 0;
}
