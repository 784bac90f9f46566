#include "preflight/preflight.h"

#include <string.h>

static void
add_want (GPtrArray *wants, VfLookKind kind, const char *name)
{
  if (name == NULL || *name == '\0')
    return;
  for (guint i = 0; i < wants->len; i++) {
    const VfFarWant *known = wants->pdata[i];
    if (known->kind == kind && strcmp (known->name, name) == 0)
      return;
  }
  VfFarWant *want = g_new0 (VfFarWant, 1);
  want->kind = kind;
  want->name = g_strdup (name);
  g_ptr_array_add (wants, want);
}

static void
add_net_want (GPtrArray *wants, const VfRequest *request, const char *name)
{
  if (name != NULL)
    add_want (wants, VF_LOOK_NET_DEVICE, vf_request_net (request, name));
}

GPtrArray *
vf_preflight_wants (const VfDevices *devices, const VfRequest *request)
{
  GPtrArray *wants = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_far_want_free);
  for (guint i = 0; i < devices->nics->len; i++) {
    const VfXmlNic *nic = devices->nics->pdata[i];
    add_net_want (wants, request, nic->bridge);
    add_net_want (wants, request, nic->device);
    add_want (wants, VF_LOOK_SOCKET, nic->socket);
    add_want (wants, VF_LOOK_DEVICE, "vhost-net");
  }
  for (guint i = 0; i < devices->needs->len; i++) {
    const VfXmlNeed *need = devices->needs->pdata[i];
    add_want (wants, need->kind, need->name);
  }
  return wants;
}
