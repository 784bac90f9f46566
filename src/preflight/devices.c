/* Devices of the host that cannot travel, and files, sockets and addresses that must be there. */
#include "preflight/preflight.h"

#include <string.h>

static void
check_host_devices (const VfPreflight *preflight, const VfDevices *devices)
{
  for (guint i = 0; i < devices->host_devices->len; i++) {
    const VfXmlHostDevice *device = devices->host_devices->pdata[i];
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "host-devices", device->name,
                     "detach it before the move (virsh detach-device) and attach one there afterwards",
                     "the guest uses a device of this host (%s), whose state cannot travel", device->what);
  }
  for (guint i = 0; i < devices->filesystems->len; i++)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "filesystems", devices->filesystems->pdata[i],
                     "unmount it in the guest and detach it before the move; share it over the network instead",
                     "the guest shares a directory of this host, and the daemon that serves it keeps state that cannot travel");
}

static void
tell_unchecked (const VfPreflight *preflight, const VfXmlNeed *need)
{
  vf_findings_add (preflight->findings, VF_FINDING_NOTE, "not-checked", need->path, "see by hand that it is there",
                   "the guest needs it (%s); the agent at %s does not look at such places", need->what,
                   preflight->destination->host);
}

static void
tell_missing (const VfPreflight *preflight, const VfXmlNeed *need)
{
  GPtrArray *findings = preflight->findings;
  const char *host = preflight->destination->host;
  bool template = strcmp (need->what, "nvram template") == 0; /* read only when there are no variables yet */
  switch (need->kind) {
  case VF_LOOK_BOOT_FILE:
    vf_findings_add (findings, template ? VF_FINDING_WARN : VF_FINDING_REFUSE, "no-boot-file", need->path,
                     "copy it there, to the same path", "%s does not have this file (%s)", host, need->what);
    break;
  case VF_LOOK_DIRECTORY:
    vf_findings_add (findings, VF_FINDING_REFUSE, "no-directory", need->path, "make the directory there",
                     "%s does not have the directory of this file or socket (%s)", host, need->what);
    break;
  case VF_LOOK_SOCKET:
    vf_findings_add (findings, VF_FINDING_REFUSE, "no-socket", need->path, "start the program that serves it there",
                     "nothing serves this socket at %s (%s)", host, need->what);
    break;
  case VF_LOOK_IP_ADDRESS:
    vf_findings_add (findings, VF_FINDING_REFUSE, "no-listen-address", need->path,
                     "let it listen on 0.0.0.0 or ::, or on a network (<listen type='network'>), before the move",
                     "%s does not have this address, and QEMU would fail to listen on it (%s)", host, need->what);
    break;
  case VF_LOOK_DEVICE:
  case VF_LOOK_NET_DEVICE:
  default:
    vf_findings_add (findings, VF_FINDING_REFUSE, "no-device-node", need->path, "load its kernel module there",
                     "%s does not have this device (%s)", host, need->what);
    break;
  }
}

static void
check_needs (const VfPreflight *preflight, const VfDevices *devices, const VfHost *there)
{
  for (guint i = 0; i < devices->needs->len; i++) {
    const VfXmlNeed *need = devices->needs->pdata[i];
    VfLookAnswer look = vf_host_looked (there, need->kind, need->name);
    if (!look.looked)
      tell_unchecked (preflight, need);
    else if (!look.there)
      tell_missing (preflight, need);
  }
}

void
vf_preflight_devices (const VfPreflight *preflight)
{
  const VfDevices *devices = preflight->inventory->devices;
  const VfHost *there = preflight->destination->offers;
  if (devices == NULL)
    return;
  check_host_devices (preflight, devices);
  if (there == NULL)
    return;
  check_needs (preflight, devices, there);
}
