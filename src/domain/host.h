/* What a host offers, as its libvirt tells. */
#pragma once

#include "domain/hypervisor.h"
#include "xml/devices.h"
#include "xml/host.h"

/* Fills in everything that libvirt knows of the host. A driver that lacks a call (networks, pools, secrets may be served by
 * daemons that are not there) leaves its part unknown. An error only when the connection is of no use. */
bool vf_hypervisor_describe (VfHypervisor *hypervisor, VfHost *host, GError **error);

/* Asks what the host makes of one guest: machine_fit, vcpus_max, cpu_fit. `type` is the domain type. Never fails: what cannot
 * be found out is VF_HOST_UNKNOWN. */
void vf_hypervisor_try_guest (VfHypervisor *hypervisor, const VfDevices *devices, VfHost *host);
