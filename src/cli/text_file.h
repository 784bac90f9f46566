/* A text that a user names by a file, or gives on standard input ("-"). */
#pragma once

#include "base/error.h"

/* At most 16 MiB, without zero bytes. The caller frees. Where this process was started for somebody elsewhere there is no
 * standard input, and "-" is VF_ERROR_USAGE. */
char *vf_text_file_read (const char *path, GError **error);

/* What to call it: the path as valid UTF-8, or "standard input". The caller frees. */
char *vf_text_file_name (const char *path);
