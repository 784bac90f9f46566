#include "base/error.h"

#include <errno.h>
#include <gio/gio.h>

typedef struct {
  char *hint;
} VfErrorPrivate;

static void
vf_error_private_init (VfErrorPrivate *priv)
{
  priv->hint = NULL;
}

static void
vf_error_private_copy (const VfErrorPrivate *from, VfErrorPrivate *to)
{
  to->hint = g_strdup (from->hint);
}

static void
vf_error_private_clear (VfErrorPrivate *priv)
{
  g_free (priv->hint);
}

G_DEFINE_EXTENDED_ERROR (VfError, vf_error)

static const char *const code_names[] = {
  [VF_ERROR_FAILED] = "failed",       [VF_ERROR_USAGE] = "usage",
  [VF_ERROR_REFUSED] = "refused",     [VF_ERROR_NOT_FOUND] = "not-found",
  [VF_ERROR_EXISTS] = "exists",       [VF_ERROR_NO_SPACE] = "no-space",
  [VF_ERROR_BUSY] = "busy",           [VF_ERROR_UNREACHABLE] = "unreachable",
  [VF_ERROR_TIMEOUT] = "timeout",     [VF_ERROR_CANCELLED] = "cancelled",
  [VF_ERROR_PROTOCOL] = "protocol",   [VF_ERROR_CORRUPT] = "corrupt",
  [VF_ERROR_UNDECIDED] = "undecided",
};

G_STATIC_ASSERT (G_N_ELEMENTS (code_names) == VF_ERROR_UNDECIDED + 1);

const char *
vf_error_code_name (VfErrorCode code)
{
  g_return_val_if_fail ((gsize)code < G_N_ELEMENTS (code_names), "failed");
  return code_names[code];
}

VfErrorCode
vf_error_code_from_name (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (code_names); i++)
    if (g_strcmp0 (name, code_names[i]) == 0)
      return (VfErrorCode)i;
  return VF_ERROR_FAILED;
}

bool
vf_error_set (GError **error, VfErrorCode code, const char *format, ...)
{
  if (error != NULL) {
    va_list args;
    va_start (args, format);
    *error = g_error_new_valist (VF_ERROR, code, format, args);
    va_end (args);
  }
  return false;
}

static VfErrorCode
code_from_errno (int saved_errno)
{
  switch (saved_errno) {
  case ENOENT:
  case ENOTDIR:
    return VF_ERROR_NOT_FOUND;
  case EEXIST:
  case ENOTEMPTY:
    return VF_ERROR_EXISTS;
  case ENOSPC:
  case EDQUOT:
    return VF_ERROR_NO_SPACE;
  case EBUSY:
  case ETXTBSY:
    return VF_ERROR_BUSY;
  default:
    return VF_ERROR_FAILED;
  }
}

bool
vf_error_set_errno (GError **error, int saved_errno, const char *format, ...)
{
  if (error != NULL) {
    va_list args;
    va_start (args, format);
    g_autofree char *what = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, VF_ERROR, code_from_errno (saved_errno), "%s: %s", what, g_strerror (saved_errno));
  }
  return false;
}

void
vf_error_hint (GError **error, const char *format, ...)
{
  if (error == NULL || *error == NULL || (*error)->domain != VF_ERROR)
    return;
  VfErrorPrivate *priv = vf_error_get_private (*error);
  if (priv->hint != NULL)
    return;
  va_list args;
  va_start (args, format);
  priv->hint = g_strdup_vprintf (format, args);
  va_end (args);
}

const char *
vf_error_get_hint (const GError *error)
{
  if (error == NULL || error->domain != VF_ERROR)
    return NULL;
  return vf_error_get_private (error)->hint;
}

bool
vf_error_is (const GError *error, VfErrorCode code)
{
  return error != NULL && g_error_matches (error, VF_ERROR, (int)code);
}

void
vf_error_attach (GError **first, GError **later, const char *also)
{
  if (later == NULL || *later == NULL)
    return;
  if (first != NULL && *first == NULL) {
    *first = g_steal_pointer (later);
    return;
  }
  if (first != NULL) {
    g_autofree char *joined = g_strdup_printf ("%s; %s: %s", (*first)->message, also, (*later)->message);
    g_free ((*first)->message);
    (*first)->message = g_steal_pointer (&joined);
  }
  g_clear_error (later);
}

static VfErrorCode
code_from_foreign (const GError *foreign)
{
  if (foreign->domain == VF_ERROR)
    return (VfErrorCode)foreign->code;
  if (foreign->domain == G_FILE_ERROR)
    return foreign->code == G_FILE_ERROR_NOENT ? VF_ERROR_NOT_FOUND : VF_ERROR_FAILED;
  if (foreign->domain == G_SPAWN_ERROR)
    return foreign->code == G_SPAWN_ERROR_NOENT ? VF_ERROR_NOT_FOUND : VF_ERROR_FAILED;
  if (foreign->domain != G_IO_ERROR)
    return VF_ERROR_FAILED;
  switch (foreign->code) {
  case G_IO_ERROR_CANCELLED:
    return VF_ERROR_CANCELLED;
  case G_IO_ERROR_NOT_FOUND:
    return VF_ERROR_NOT_FOUND;
  case G_IO_ERROR_NO_SPACE:
    return VF_ERROR_NO_SPACE;
  case G_IO_ERROR_TIMED_OUT:
    return VF_ERROR_TIMEOUT;
  default:
    return VF_ERROR_FAILED;
  }
}

bool
vf_error_adopt (GError **error, GError *foreign, const char *format, ...)
{
  g_autoptr (GError) owned = foreign;
  va_list args;
  va_start (args, format);
  g_autofree char *prefix = g_strdup_vprintf (format, args);
  va_end (args);
  vf_error_set (error, code_from_foreign (owned), "%s: %s", prefix, owned->message);
  if (vf_error_get_hint (owned) != NULL)
    vf_error_hint (error, "%s", vf_error_get_hint (owned));
  return false;
}
