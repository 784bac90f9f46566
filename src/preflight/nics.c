/* Is there what the guest's network cards are connected to? */
#include "preflight/preflight.h"

#include <string.h>

typedef struct {
  const VfPreflight *preflight;
  const VfXmlNic *nic;
  const VfHost *there;
  const char *host;
} Card;

static const char *const net_hint = "make it there, or name another one: --net OLD=NEW";

static const char *
name_there (const Card *card, const char *name)
{
  return vf_request_net (card->preflight->request, name);
}

static const VfHostNetwork *
check_network (const Card *card)
{
  GPtrArray *findings = card->preflight->findings;
  const char *name = name_there (card, card->nic->network);
  const VfHostNetwork *network = vf_host_network (card->there, name);
  g_autofree char *start = g_strdup_printf ("start it there: virsh net-start %s", name);
  if (!card->there->networks_known)
    vf_findings_add (findings, VF_FINDING_WARN, "not-checked", name, NULL,
                     "libvirt at %s does not tell its networks; card %s needs this one", card->host, card->nic->name);
  else if (network == NULL)
    vf_findings_add (findings, VF_FINDING_REFUSE, "no-network", name, net_hint,
                     "libvirt at %s has no network of that name; card %s needs it", card->host, card->nic->name);
  else if (!network->active)
    vf_findings_add (findings, VF_FINDING_REFUSE, "network-inactive", name, start,
                     "the network is not started at %s; card %s needs it", card->host, card->nic->name);
  return network;
}

static void
check_bridge (const Card *card)
{
  GPtrArray *findings = card->preflight->findings;
  if (card->nic->bridge == NULL)
    return;
  const char *name = name_there (card, card->nic->bridge);
  VfLookAnswer look = vf_host_looked (card->there, VF_LOOK_NET_DEVICE, name);
  bool is_ovs = g_strcmp0 (card->nic->virtualport, "openvswitch") == 0; /* not a bridge to the kernel */
  if (look.looked && !look.there)
    vf_findings_add (findings, VF_FINDING_REFUSE, "no-bridge", name, net_hint,
                     "%s has no bridge of that name; card %s needs it", card->host, card->nic->name);
  else if (look.looked && !look.is_bridge && !is_ovs)
    vf_findings_add (findings, VF_FINDING_REFUSE, "no-bridge", name, net_hint,
                     "%s has a network device of that name that is no bridge; card %s needs one", card->host, card->nic->name);
}

static void
check_direct (const Card *card)
{
  GPtrArray *findings = card->preflight->findings;
  if (card->nic->device == NULL)
    return;
  const char *name = name_there (card, card->nic->device);
  VfLookAnswer look = vf_host_looked (card->there, VF_LOOK_NET_DEVICE, name);
  if (look.looked && !look.there)
    vf_findings_add (findings, VF_FINDING_REFUSE, "no-lower-device", name, net_hint,
                     "%s has no network device of that name; the macvtap of card %s needs it", card->host, card->nic->name);
  else if (look.looked && look.is_port)
    vf_findings_add (findings, VF_FINDING_REFUSE, "lower-device-taken", name, net_hint,
                     "the network device is part of a bridge or bond at %s and can carry no macvtap; card %s needs one",
                     card->host, card->nic->name);
}

static void
check_vhost_user (const Card *card)
{
  const VfXmlNic *nic = card->nic;
  if (nic->socket == NULL || g_strcmp0 (nic->mode, "client") != 0)
    return; /* as a server QEMU makes it */
  VfLookAnswer look = vf_host_looked (card->there, VF_LOOK_SOCKET, nic->socket);
  if (look.looked && !look.there)
    vf_findings_add (card->preflight->findings, VF_FINDING_REFUSE, "no-socket", nic->socket,
                     "start the virtual switch that serves it there",
                     "nothing serves this vhost-user socket at %s; card %s needs it", card->host, nic->name);
}

/* libvirt migrates a guest with a card of the host only when QEMU may unplug it before the switch. */
static void
check_host_card (const Card *card)
{
  GPtrArray *findings = card->preflight->findings;
  const VfXmlNic *nic = card->nic;
  if (g_strcmp0 (nic->teaming, "transient") != 0) {
    vf_findings_add (findings, VF_FINDING_REFUSE, "host-devices", nic->name,
                     "pair it with a virtio card (<teaming>), which carries on while it is away, or detach it before the move",
                     "the network card is a device of this host that cannot be unplugged for the move");
    return;
  }
  const VfHostNetwork *network = nic->network == NULL ? NULL : check_network (card);
  if (nic->network == NULL)
    vf_findings_add (
        findings, VF_FINDING_NOTE, "failover-pair", nic->name,
        "a network of libvirt that is a pool of such cards would find a free one there",
        "QEMU unplugs the card before the switch and plugs in the one at the same address at %s; its virtio partner "
        "carries on meanwhile",
        card->host);
  else if (network != NULL && network->active)
    vf_findings_add (
        findings, VF_FINDING_NOTE, "failover-pair", nic->name, NULL,
        "QEMU unplugs the card before the switch and plugs in a free one of network '%s' at %s; its virtio partner "
        "carries on meanwhile",
        network->name, card->host);
}

static bool
is_host_card (const Card *card)
{
  const VfHost *here = card->preflight->destination->source_offers;
  const VfXmlNic *nic = card->nic;
  if (strcmp (nic->type, "hostdev") == 0 || strcmp (nic->type, "vdpa") == 0)
    return true;
  const VfHostNetwork *network = here == NULL || nic->network == NULL ? NULL : vf_host_network (here, nic->network);
  return network != NULL && g_strcmp0 (network->forward, "hostdev") == 0;
}

static void
check_vhost_net (const Card *card)
{
  static const char *const tap_types[] = { "bridge", "network", "direct", "ethernet", NULL };
  const VfXmlNic *nic = card->nic;
  VfLookAnswer look = vf_host_looked (card->there, VF_LOOK_DEVICE, "vhost-net");
  bool is_tap = g_strv_contains (tap_types, nic->type) && nic->model != NULL && g_str_has_prefix (nic->model, "virtio");
  if (!is_tap || !look.looked || look.there || g_strcmp0 (nic->driver, "qemu") == 0)
    return;
  if (g_strcmp0 (nic->driver, "vhost") == 0)
    vf_findings_add (card->preflight->findings, VF_FINDING_REFUSE, "no-vhost-net", nic->name,
                     "load it there: modprobe vhost_net", "%s has no /dev/vhost-net, and the card's driver is 'vhost'",
                     card->host);
  else
    vf_findings_add (card->preflight->findings, VF_FINDING_NOTE, "no-vhost-net", nic->name, "load it there: modprobe vhost_net",
                     "%s has no /dev/vhost-net: the card's packets will go through QEMU itself, slower", card->host);
}

static void
check_card (const Card *card)
{
  if (is_host_card (card)) {
    check_host_card (card);
    return;
  }
  if (card->there == NULL)
    return;
  if (card->nic->network != NULL)
    check_network (card); /* the bridge or device behind it is the network's own business */
  else if (strcmp (card->nic->type, "direct") == 0)
    check_direct (card);
  else if (strcmp (card->nic->type, "vhostuser") == 0)
    check_vhost_user (card);
  else
    check_bridge (card);
  check_vhost_net (card);
}

static void
check_renames (const VfPreflight *preflight, const VfDevices *devices)
{
  for (guint i = 0; i < preflight->request->nets->len; i++) {
    const VfPair *pair = preflight->request->nets->pdata[i];
    bool used = false;
    for (guint j = 0; j < devices->nics->len && !used; j++) {
      const VfXmlNic *nic = devices->nics->pdata[j];
      used = g_strcmp0 (nic->bridge, pair->from) == 0 || g_strcmp0 (nic->network, pair->from) == 0 ||
             g_strcmp0 (nic->device, pair->from) == 0;
    }
    if (!used)
      vf_findings_add (preflight->findings, VF_FINDING_WARN, "net-unused", pair->from, "see virsh domiflist",
                       "no card of the running guest is connected to it; --net %s=%s changes at most its snapshots", pair->from,
                       pair->to);
  }
}

void
vf_preflight_nics (const VfPreflight *preflight)
{
  const VfDevices *devices = preflight->inventory->devices;
  const VfDestinationFacts *destination = preflight->destination;
  if (devices == NULL)
    return;
  for (guint i = 0; i < devices->nics->len; i++) {
    Card card = { preflight, devices->nics->pdata[i], destination->offers,
                  destination->host != NULL ? destination->host : "the destination" };
    check_card (&card);
  }
  check_renames (preflight, devices);
}
