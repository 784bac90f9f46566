/* A connection to one libvirt. This room is the only one that includes <libvirt/…>; libvirt's messages are quoted, never
 * printed.
 *
 * All calls block. libvirt's event loop runs in a thread of this room's own, started by the first connection. That loop is
 * GLib's default main context (libvirt since 6.1): from then on no other room runs a loop on the default context or attaches
 * sources to it, for they would be dispatched in libvirt's thread. */
#pragma once

#include "base/error.h"

typedef struct VfHypervisor VfHypervisor;
typedef struct VfGuest VfGuest;

/* Opens `uri`; `side` ("source", "destination") is named in every error of this connection. Keepalive: a peer that is silent
 * for 30 s closes the connection, and waiting calls fail with VF_ERROR_UNREACHABLE; so does opening after 60 s without an
 * answer. A user whom libvirt refuses gets a hint. */
VfHypervisor *vf_hypervisor_open (const char *uri, const char *side, GError **error);
/* Guests found through it stay usable until they are freed. */
void vf_hypervisor_close (VfHypervisor *hypervisor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfHypervisor, vf_hypervisor_close)

/* libvirt's and QEMU's version as libvirt counts them: major * 1,000,000 + minor * 1,000 + release. */
bool vf_hypervisor_versions (VfHypervisor *hypervisor, gulong *libvirt, gulong *qemu, GError **error);
char *vf_hypervisor_hostname (VfHypervisor *hypervisor, GError **error);

/* What libvirt can give a guest of that kind there (domain capabilities XML). Any argument may be NULL. The caller frees. */
char *vf_hypervisor_capabilities (VfHypervisor *hypervisor, const char *arch, const char *machine, const char *type,
                                  GError **error);

/* True while the connection answers. */
bool vf_hypervisor_is_alive (VfHypervisor *hypervisor);

/* By name, ID or UUID, as virsh does. VF_ERROR_NOT_FOUND. */
VfGuest *vf_guest_find (VfHypervisor *hypervisor, const char *name_id_or_uuid, GError **error);
void vf_guest_free (VfGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfGuest, vf_guest_free)

const char *vf_guest_name (VfGuest *guest);
const char *vf_guest_uuid (VfGuest *guest);
