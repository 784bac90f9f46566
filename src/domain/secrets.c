#include "domain/secrets.h"

#include "base/fd.h"
#include "domain/libvirt_error.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (virSecret, virSecretFree)

/* Wiped when it goes. */
typedef struct {
  guint8 *bytes;
  gsize size;
} Value;

static void
value_clear (Value *value)
{
  if (value->bytes == NULL)
    return;
  explicit_bzero (value->bytes, value->size);
  free (value->bytes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Value, value_clear)

void
vf_secret_facts_free (VfSecretFacts *facts)
{
  g_free (facts->uuid);
  g_free (facts->usage);
  g_free (facts->xml);
  g_free (facts);
}

static virSecretPtr
by_uuid (VfHypervisor *hypervisor, const char *uuid)
{
  return strlen (uuid) == VIR_UUID_STRING_BUFLEN - 1 ? virSecretLookupByUUIDString (hypervisor->connection, uuid) : NULL;
}

/* XML that names a usage does not name its type: the device implies it. Names are told apart by nobody else either. */
static virSecretPtr
by_usage (VfHypervisor *hypervisor, const char *usage)
{
  for (int type = VIR_SECRET_USAGE_TYPE_VOLUME; type <= VIR_SECRET_USAGE_TYPE_VTPM; type++) {
    virSecretPtr secret = virSecretLookupByUsage (hypervisor->connection, type, usage);
    if (secret != NULL || virGetLastErrorCode () != VIR_ERR_NO_SECRET)
      return secret;
  }
  return NULL;
}

static virSecretPtr
look_up (VfHypervisor *hypervisor, const char *uuid_or_usage)
{
  virResetLastError ();
  virSecretPtr secret = by_uuid (hypervisor, uuid_or_usage);
  bool goes_on = virGetLastErrorCode () == VIR_ERR_OK || virGetLastErrorCode () == VIR_ERR_NO_SECRET ||
                 virGetLastErrorCode () == VIR_ERR_INVALID_ARG;
  if (secret != NULL || !goes_on)
    return secret;
  return by_usage (hypervisor, uuid_or_usage);
}

static bool
is_absent (void)
{
  return virGetLastErrorCode () == VIR_ERR_NO_SECRET;
}

static char *
usage_of (virSecretPtr secret)
{
  static const char *const types[] = { "none", "volume", "ceph", "iscsi", "tls", "vtpm" };
  const char *usage = virSecretGetUsageID (secret);
  int type = virSecretGetUsageType (secret);
  if (usage == NULL || *usage == '\0' || type <= VIR_SECRET_USAGE_TYPE_NONE)
    return NULL;
  return g_strdup_printf ("%s '%s'", type < (int)G_N_ELEMENTS (types) ? types[type] : "usage", usage);
}

static VfSecretFacts *
describe (virSecretPtr secret)
{
  char uuid[VIR_UUID_STRING_BUFLEN];
  char *xml = virSecretGetXMLDesc (secret, 0);
  if (xml == NULL || virSecretGetUUIDString (secret, uuid) != 0) {
    free (xml);
    return NULL;
  }
  VfSecretFacts *facts = g_new0 (VfSecretFacts, 1);
  facts->uuid = g_strdup (uuid);
  facts->usage = usage_of (secret);
  facts->xml = g_strdup (xml);
  facts->private = strstr (xml, "private='yes'") != NULL; /* libvirt's own print: no other text can hold a plain quote there */
  free (xml);
  return facts;
}

bool
vf_secret_find (VfHypervisor *hypervisor, const char *uuid_or_usage, VfSecretFacts **facts, GError **error)
{
  g_autoptr (virSecret) secret = look_up (hypervisor, uuid_or_usage);
  *facts = NULL;
  if (secret == NULL && is_absent ())
    return true;
  *facts = secret == NULL ? NULL : describe (secret);
  return *facts != NULL || vf_libvirt_fail (error, hypervisor, "read secret '%s'", uuid_or_usage);
}

char *
vf_secret_with_usage_of (VfHypervisor *hypervisor, const VfSecretFacts *like)
{
  g_autofree virSecretPtr *secrets = NULL;
  char *found = NULL;
  int count = like->usage == NULL ? 0 : virConnectListAllSecrets (hypervisor->connection, &secrets, 0);
  for (int i = 0; i < count; i++) {
    g_autoptr (virSecret) secret = secrets[i];
    char uuid[VIR_UUID_STRING_BUFLEN];
    g_autofree char *usage = usage_of (secret);
    if (found == NULL && g_strcmp0 (usage, like->usage) == 0 && virSecretGetUUIDString (secret, uuid) == 0)
      found = g_strdup (uuid);
  }
  return found;
}

static bool
read_value (VfHypervisor *hypervisor, virSecretPtr secret, const char *name, Value *value, GError **error)
{
  value->bytes = virSecretGetValue (secret, &value->size, 0);
  if (value->bytes != NULL)
    return true;
  bool is_private = virGetLastErrorCode () == VIR_ERR_INVALID_SECRET;
  bool is_unset = virGetLastErrorCode () == VIR_ERR_NO_SECRET;
  if (!is_private && !is_unset)
    return vf_libvirt_fail (error, hypervisor, "read the value of secret '%s'", name);
  return vf_error_set (error, VF_ERROR_REFUSED, "cannot read the value of secret '%s' on the %s: %s", name, hypervisor->side,
                       is_private ? "it is private, and libvirt tells nobody" : "it was never set");
}

bool
vf_secret_has_value (VfHypervisor *hypervisor, const char *uuid)
{
  g_auto (Value) value = { 0 };
  g_autoptr (virSecret) secret = look_up (hypervisor, uuid);
  value.bytes = secret == NULL ? NULL : virSecretGetValue (secret, &value.size, 0);
  return value.bytes != NULL || virGetLastErrorCode () != VIR_ERR_NO_SECRET;
}

bool
vf_secret_carry (VfHypervisor *from, VfHypervisor *to, const char *uuid, GError **error)
{
  g_auto (Value) value = { 0 };
  g_autoptr (virSecret) here = look_up (from, uuid);
  if (here == NULL)
    return vf_libvirt_fail (error, from, "find secret '%s'", uuid);
  g_autoptr (VfSecretFacts) facts = describe (here);
  if (facts == NULL)
    return vf_libvirt_fail (error, from, "read secret '%s'", uuid);
  if (!read_value (from, here, uuid, &value, error))
    return false;
  g_autoptr (virSecret) there = virSecretDefineXML (to->connection, facts->xml, 0);
  if (there == NULL)
    return vf_libvirt_fail (error, to, "define secret '%s'", uuid);
  if (virSecretSetValue (there, value.bytes, value.size, 0) < 0)
    return vf_libvirt_fail (error, to, "set the value of secret '%s'", uuid);
  return true;
}

bool
vf_secret_remove (VfHypervisor *hypervisor, const char *uuid, bool *removed, GError **error)
{
  virResetLastError ();
  g_autoptr (virSecret) secret = by_uuid (hypervisor, uuid);
  *removed = false;
  if (secret == NULL && is_absent ())
    return true;
  if (secret == NULL || virSecretUndefine (secret) < 0)
    return vf_libvirt_fail (error, hypervisor, "remove secret '%s'", uuid);
  *removed = true;
  return true;
}

int
vf_secret_open_value (VfHypervisor *hypervisor, const char *uuid_or_usage, GError **error)
{
  g_auto (Value) value = { 0 };
  g_autoptr (virSecret) secret = look_up (hypervisor, uuid_or_usage);
  if (secret == NULL) {
    vf_libvirt_fail (error, hypervisor, "find secret '%s'", uuid_or_usage);
    return VF_FD_NONE;
  }
  if (!read_value (hypervisor, secret, uuid_or_usage, &value, error))
    return VF_FD_NONE;
  g_auto (VfFd) fd = memfd_create ("secret", MFD_CLOEXEC);
  if (fd == VF_FD_NONE || !vf_fd_pwrite_full (fd, value.bytes, value.size, 0)) {
    vf_error_set_errno (error, errno, "cannot hand on secret '%s'", uuid_or_usage);
    return VF_FD_NONE;
  }
  return vf_fd_steal (&fd);
}
