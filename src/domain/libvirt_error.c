#include "domain/libvirt_error.h"

#include <errno.h>
#include <string.h>

static const struct {
  int said;
  VfErrorCode code;
} codes[] = {
  { VIR_ERR_NO_DOMAIN, VF_ERROR_NOT_FOUND },
  { VIR_ERR_NO_DOMAIN_SNAPSHOT, VF_ERROR_NOT_FOUND },
  { VIR_ERR_NO_DOMAIN_CHECKPOINT, VF_ERROR_NOT_FOUND },
  { VIR_ERR_DOM_EXIST, VF_ERROR_EXISTS },
  { VIR_ERR_OPERATION_ABORTED, VF_ERROR_CANCELLED },
  { VIR_ERR_OPERATION_TIMEOUT, VF_ERROR_BUSY }, /* "cannot acquire state change lock": another call holds the guest */
  { VIR_ERR_RESOURCE_BUSY, VF_ERROR_BUSY },
  { VIR_ERR_BLOCK_COPY_ACTIVE, VF_ERROR_BUSY },
  { VIR_ERR_RPC, VF_ERROR_UNREACHABLE },
  { VIR_ERR_NO_CONNECT, VF_ERROR_UNREACHABLE },
  { VIR_ERR_UNKNOWN_HOST, VF_ERROR_UNREACHABLE },
  { VIR_ERR_NO_SERVER, VF_ERROR_UNREACHABLE },
  { VIR_ERR_SSH, VF_ERROR_UNREACHABLE },
  { VIR_ERR_LIBSSH, VF_ERROR_UNREACHABLE },
  { VIR_ERR_GNUTLS_ERROR, VF_ERROR_UNREACHABLE },
};

/* A lost connection comes as SYSTEM_ERROR ("Cannot recv data") or INTERNAL_ERROR ("client socket is closed") of the RPC layer.
 */
static bool
is_of_transport (const virError *said)
{
  return said->domain == VIR_FROM_RPC && (said->code == VIR_ERR_SYSTEM_ERROR || said->code == VIR_ERR_INTERNAL_ERROR);
}

static bool
is_about_authority (const virError *said)
{
  return said->code == VIR_ERR_AUTH_FAILED || said->code == VIR_ERR_AUTH_CANCELLED || said->code == VIR_ERR_AUTH_UNAVAILABLE ||
         (said->code == VIR_ERR_SYSTEM_ERROR && said->int1 == EACCES && said->domain == VIR_FROM_RPC);
}

/* QEMU's errno reaches us only as text behind one of libvirt's general codes. */
static bool
is_about_space (const virError *said)
{
  return (said->code == VIR_ERR_SYSTEM_ERROR && said->int1 == ENOSPC) ||
         (said->message != NULL && strstr (said->message, g_strerror (ENOSPC)) != NULL);
}

static VfErrorCode
code_from_libvirt (VfHypervisor *hypervisor, const virError *said)
{
  if (is_about_authority (said))
    return VF_ERROR_FAILED;
  for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
    if (codes[i].said == said->code)
      return codes[i].code;
  if (is_of_transport (said))
    return VF_ERROR_UNREACHABLE;
  if (hypervisor != NULL && hypervisor->connection != NULL && virConnectIsAlive (hypervisor->connection) != 1)
    return VF_ERROR_UNREACHABLE;
  return is_about_space (said) ? VF_ERROR_NO_SPACE : VF_ERROR_FAILED;
}

static char *
on_one_line (const char *text)
{
  char *line = g_strchomp (g_strdup (text));
  return g_strdelimit (line, "\r\n", ' ');
}

static const char *
close_reason_text (VfHypervisor *hypervisor)
{
  switch (hypervisor == NULL ? VF_CONNECTION_OPEN : g_atomic_int_get (&hypervisor->close_reason)) {
  case VIR_CONNECT_CLOSE_REASON_KEEPALIVE:
    return " (it was silent for too long)";
  case VIR_CONNECT_CLOSE_REASON_EOF:
    return " (it closed the connection)";
  case VIR_CONNECT_CLOSE_REASON_ERROR:
    return " (the connection broke)";
  default:
    return "";
  }
}

bool
vf_libvirt_fail_with (GError **error, VfHypervisor *hypervisor, const virError *said, const char *act)
{
  const char *side = hypervisor != NULL ? hypervisor->side : "host";
  if (said == NULL || said->code == VIR_ERR_OK)
    return vf_error_set (error, VF_ERROR_FAILED, "cannot %s on the %s: libvirt gave no reason", act, side);
  g_autofree char *text = on_one_line (said->message != NULL ? said->message : "no message");
  VfErrorCode code = code_from_libvirt (hypervisor, said);
  vf_error_set (error, code, "cannot %s on the %s: %s%s", act, side, text,
                code == VF_ERROR_UNREACHABLE ? close_reason_text (hypervisor) : "");
  if (is_about_authority (said))
    vf_error_hint (error, "run as root, or as a user whom libvirt on the %s lets manage guests (group libvirt)", side);
  return false;
}

bool
vf_libvirt_fail (GError **error, VfHypervisor *hypervisor, const char *format, ...)
{
  g_autoptr (virError) said = virSaveLastError ();
  va_list args;
  va_start (args, format);
  g_autofree char *act = g_strdup_vprintf (format, args);
  va_end (args);
  return vf_libvirt_fail_with (error, hypervisor, said, act);
}

char *
vf_libvirt_text (void)
{
  const char *message = virGetLastErrorMessage ();
  return on_one_line (message != NULL ? message : "no message");
}

bool
vf_libvirt_lacks_call (void)
{
  return virGetLastErrorCode () == VIR_ERR_NO_SUPPORT;
}
