/* libvirt's storage pools, as far as disks name volumes of them. */
#pragma once

#include "domain/hypervisor.h"
#include "xml/source.h"

/* Looks up a source that names a volume: it becomes one of kind FILE or BLOCK with a path, or, when the volume lies on the
 * network, of kind OTHER with `other` "network". Other sources stay as they are. VF_ERROR_NOT_FOUND when the pool is not active
 * or lacks it. */
bool vf_hypervisor_resolve_source (VfHypervisor *hypervisor, VfSource *source, GError **error);

/* Has libvirt look anew into the active pools whose directory one of the `paths` (char *) lies in. A failure is libvirt's own
 * affair: what it then does not list is there all the same. */
void vf_hypervisor_refresh_pools (VfHypervisor *hypervisor, const GPtrArray *paths);
