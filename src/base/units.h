/* Sizes as people write and read them. */
#pragma once

#include "base/error.h"

/* Reads "64M", "1.5G", "4096", "10GiB", "2TB": K M G T P E are powers of 1024, as with qemu-img; an "iB" or "B" behind is
 * allowed. `what` names the option in the error. */
bool vf_parse_bytes (const char *text, const char *what, guint64 *bytes, GError **error);

/* Reads bytes a second, as vf_parse_bytes, a "/s" behind is allowed; "none" is 0: no limit. */
bool vf_parse_rate (const char *text, const char *what, guint64 *bytes_a_second, GError **error);

/* Reads a whole number from `least` to `most`. */
bool vf_parse_number (const char *text, const char *what, guint64 least, guint64 most, guint64 *number, GError **error);

/* "1.5 GiB"; the caller frees. */
char *vf_print_bytes (guint64 bytes);

/* "3:07" or "1:02:03"; the caller frees. */
char *vf_print_seconds (guint64 seconds);
