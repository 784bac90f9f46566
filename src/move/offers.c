#include "move/offers.h"

#include "base/json.h"
#include "domain/host.h"
#include "move/move.h"

#include <string.h>

static bool
ask_through_link (const VfRequest *request, VfHost *host, GError **error)
{
  g_autoptr (VfMove) move = vf_move_new (request, NULL, NULL);
  g_autofree char *rendezvous = g_uuid_string_random ();
  g_autoptr (GPtrArray) no_wants = g_ptr_array_new ();
  GError *failure = NULL;
  if (!vf_move_connect_destination (move, rendezvous, error) || !vf_hypervisor_describe (move->destination, host, error))
    return false;
  JsonObject *hello = vf_link_peer (vf_move_link (move));
  host->agent_version = g_strdup (vf_json_string_or (hello, "program", NULL));
  host->qemu_img = g_strdup (vf_json_string_or (hello, "qemu_img", NULL));
  if (vf_far_host_facts (vf_move_link (move), no_wants, &host->bridges, NULL, &failure))
    return true;
  bool is_old = vf_error_is (failure, VF_ERROR_NOT_FOUND); /* an agent that does not know the question */
  if (is_old)
    g_error_free (failure);
  else
    g_propagate_error (error, failure);
  return is_old;
}

static bool
ask_here (const VfRequest *request, VfHost *host, GError **error)
{
  g_autoptr (VfHypervisor) hypervisor = vf_hypervisor_open (request->destination_uri, "host", error);
  if (hypervisor == NULL || !vf_hypervisor_describe (hypervisor, host, error))
    return false;
  g_autofree char *own_name = g_strdup (g_get_host_name ());
  host->agent_version = g_strdup (VF_VERSION);
  if (g_strcmp0 (own_name, host->hostname) == 0)
    host->bridges = vf_host_bridges ();
  return true;
}

VfHost *
vf_host_ask (const VfRequest *request, GError **error)
{
  g_autoptr (VfHost) host = vf_host_new ();
  g_autofree char *scheme = g_uri_parse_scheme (request->destination_uri);
  bool is_far = g_strcmp0 (scheme, "qemu+ssh") == 0;
  if (!(is_far ? ask_through_link (request, host, error) : ask_here (request, host, error)))
    return NULL;
  return g_steal_pointer (&host);
}
