#include "domain/hypervisor.h"

#include "domain/job_watch.h"
#include "domain/libvirt_error.h"
#include "domain/libvirt_loop.h"

#include <string.h>

enum {
  OPEN_DEADLINE_S = 60, /* keepalive watches a connection only once it is open */
  KEEPALIVE_INTERVAL_S = 5,
  KEEPALIVE_COUNT = 6,
};

/* virConnectOpen knows no deadline, so a thread of its own waits in it; who comes last cleans up. */
typedef struct {
  gatomicrefcount refs;
  GMutex lock;
  GCond wake;
  char *uri;
  virConnectPtr connection;
  virErrorPtr said;
  bool ended;
} Opening;

static void
opening_unref (Opening *opening)
{
  if (!g_atomic_ref_count_dec (&opening->refs))
    return;
  if (opening->connection != NULL)
    virConnectClose (opening->connection);
  g_clear_pointer (&opening->said, virFreeError);
  g_mutex_clear (&opening->lock);
  g_cond_clear (&opening->wake);
  g_free (opening->uri);
  g_free (opening);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Opening, opening_unref)

static gpointer
open_connection (gpointer data)
{
  g_autoptr (Opening) opening = data;
  virConnectPtr connection = virConnectOpen (opening->uri);
  virErrorPtr said = connection == NULL ? virSaveLastError () : NULL;
  g_mutex_lock (&opening->lock);
  opening->connection = connection;
  opening->said = said;
  opening->ended = true;
  g_cond_signal (&opening->wake);
  g_mutex_unlock (&opening->lock);
  return NULL;
}

static bool
await_opening (Opening *opening)
{
  gint64 end_us = g_get_monotonic_time () + OPEN_DEADLINE_S * G_TIME_SPAN_SECOND;
  g_mutex_lock (&opening->lock);
  bool in_time = true;
  while (!opening->ended && in_time)
    in_time = g_cond_wait_until (&opening->wake, &opening->lock, end_us);
  bool ended = opening->ended;
  g_mutex_unlock (&opening->lock);
  return ended;
}

static virConnectPtr
connect_within_deadline (VfHypervisor *hypervisor, const char *uri, GError **error)
{
  g_autoptr (Opening) opening = g_new0 (Opening, 1);
  g_atomic_ref_count_init (&opening->refs);
  g_mutex_init (&opening->lock);
  g_cond_init (&opening->wake);
  opening->uri = g_strdup (uri);
  g_atomic_ref_count_inc (&opening->refs);
  g_thread_unref (g_thread_new ("libvirt-open", open_connection, opening));
  if (!await_opening (opening)) {
    vf_error_set (error, VF_ERROR_UNREACHABLE, "cannot open libvirt '%s' on the %s: no answer after %d s", uri,
                  hypervisor->side, OPEN_DEADLINE_S);
    return NULL;
  }
  if (opening->connection == NULL) {
    g_autofree char *act = g_strdup_printf ("open libvirt '%s'", uri);
    vf_libvirt_fail_with (error, hypervisor, opening->said, act);
  }
  return g_steal_pointer (&opening->connection);
}

VfHypervisor *
vf_hypervisor_ref (VfHypervisor *hypervisor)
{
  g_atomic_ref_count_inc (&hypervisor->refs);
  return hypervisor;
}

static void
hypervisor_unref (VfHypervisor *hypervisor)
{
  if (!g_atomic_ref_count_dec (&hypervisor->refs))
    return;
  if (hypervisor->connection != NULL)
    virConnectClose (hypervisor->connection);
  vf_job_board_unref (hypervisor->jobs);
  g_free (hypervisor->side);
  g_free (hypervisor);
}

static void
connection_closed (virConnectPtr connection, int reason, void *data)
{
  VfHypervisor *hypervisor = data;
  g_atomic_int_set (&hypervisor->close_reason, reason);
}

/* Drivers without a peer (test:///) have neither; that is no error. The callback gets no reference and no free function: such a
 * driver takes them, says yes and never gives them back. It needs none, for deregistering it waits until it has returned. */
static void
watch_connection (VfHypervisor *hypervisor)
{
  virConnectSetKeepAlive (hypervisor->connection, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT);
  virConnectRegisterCloseCallback (hypervisor->connection, connection_closed, hypervisor, NULL);
}

VfHypervisor *
vf_hypervisor_open (const char *uri, const char *side, GError **error)
{
  if (!vf_libvirt_loop_start (error))
    return NULL;
  g_autoptr (VfHypervisor) hypervisor = g_new0 (VfHypervisor, 1);
  g_atomic_ref_count_init (&hypervisor->refs);
  hypervisor->side = g_strdup (side);
  hypervisor->close_reason = VF_CONNECTION_OPEN;
  hypervisor->jobs = vf_job_board_new ();
  hypervisor->connection = connect_within_deadline (hypervisor, uri, error);
  if (hypervisor->connection == NULL)
    return NULL;
  watch_connection (hypervisor);
  return g_steal_pointer (&hypervisor);
}

void
vf_hypervisor_close (VfHypervisor *hypervisor)
{
  if (hypervisor == NULL)
    return;
  if (hypervisor->connection != NULL)
    virConnectUnregisterCloseCallback (hypervisor->connection, connection_closed);
  hypervisor_unref (hypervisor);
}

bool
vf_hypervisor_versions (VfHypervisor *hypervisor, gulong *libvirt, gulong *qemu, GError **error)
{
  if (virConnectGetLibVersion (hypervisor->connection, libvirt) < 0)
    return vf_libvirt_fail (error, hypervisor, "read the version of libvirt");
  if (virConnectGetVersion (hypervisor->connection, qemu) < 0)
    return vf_libvirt_fail (error, hypervisor, "read the version of QEMU");
  return true;
}

char *
vf_hypervisor_hostname (VfHypervisor *hypervisor, GError **error)
{
  char *hostname = virConnectGetHostname (hypervisor->connection);
  if (hostname == NULL)
    vf_libvirt_fail (error, hypervisor, "read the host name");
  return hostname;
}

char *
vf_hypervisor_capabilities (VfHypervisor *hypervisor, const char *arch, const char *machine, const char *type, GError **error)
{
  char *xml = virConnectGetDomainCapabilities (hypervisor->connection, NULL, arch, machine, type, 0);
  if (xml == NULL)
    vf_libvirt_fail (error, hypervisor, "ask what a guest of machine type '%s' can have",
                     machine != NULL ? machine : "default");
  return xml;
}

bool
vf_hypervisor_is_alive (VfHypervisor *hypervisor)
{
  gulong version = 0;
  return g_atomic_int_get (&hypervisor->close_reason) == VF_CONNECTION_OPEN &&
         virConnectIsAlive (hypervisor->connection) == 1 && virConnectGetLibVersion (hypervisor->connection, &version) == 0;
}

static virDomainPtr
look_up_id (virConnectPtr connection, const char *text)
{
  guint64 id = 0;
  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT, &id, NULL))
    return NULL;
  return virDomainLookupByID (connection, (int)id);
}

static virDomainPtr
look_up_uuid (virConnectPtr connection, const char *text)
{
  if (strlen (text) != VIR_UUID_STRING_BUFLEN - 1)
    return NULL;
  return virDomainLookupByUUIDString (connection, text);
}

/* virsh's order. Only "no such guest" leads to the next way; a broken connection ends the search. */
static virDomainPtr
look_up (virConnectPtr connection, const char *text)
{
  virDomainPtr (*const ways[]) (virConnectPtr, const char *) = { look_up_id, look_up_uuid, virDomainLookupByName };
  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++) {
    virResetLastError ();
    virDomainPtr domain = ways[i](connection, text);
    int code = virGetLastErrorCode ();
    bool goes_on = code == VIR_ERR_OK || code == VIR_ERR_NO_DOMAIN || code == VIR_ERR_INVALID_ARG;
    if (domain != NULL || !goes_on)
      return domain;
  }
  return NULL;
}

VfGuest *
vf_guest_find (VfHypervisor *hypervisor, const char *name_id_or_uuid, GError **error)
{
  virDomainPtr domain = look_up (hypervisor->connection, name_id_or_uuid);
  if (domain == NULL) {
    vf_libvirt_fail (error, hypervisor, "find guest '%s'", name_id_or_uuid);
    return NULL;
  }
  VfGuest *guest = g_new0 (VfGuest, 1);
  guest->hypervisor = vf_hypervisor_ref (hypervisor);
  guest->domain = domain;
  guest->name = g_strdup (virDomainGetName (domain));
  virDomainGetUUIDString (domain, guest->uuid);
  return guest;
}

void
vf_guest_free (VfGuest *guest)
{
  if (guest == NULL)
    return;
  virDomainFree (guest->domain);
  hypervisor_unref (guest->hypervisor);
  g_free (guest->name);
  g_free (guest);
}

const char *
vf_guest_name (VfGuest *guest)
{
  return guest->name;
}

const char *
vf_guest_uuid (VfGuest *guest)
{
  return guest->uuid;
}
