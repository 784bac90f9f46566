/* What a test may ask of an error: its code, and words that its message must have. */
#pragma once

#include "base/error.h"

#include <string.h>

static inline void
assert_says (const char *text, const char *part)
{
  if (text == NULL || strstr (text, part) == NULL)
    g_error ("'%s' does not say '%s'", text != NULL ? text : "(nothing)", part);
}

/* Clears the error, so that one variable serves a table. */
static inline void
assert_failed (GError **error, VfErrorCode code, const char *part)
{
  g_assert_error (*error, VF_ERROR, (int)code);
  assert_says ((*error)->message, part);
  g_clear_error (error);
}
