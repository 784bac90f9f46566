/* What is done to a migration while its call blocks: a thread beside it. Private to this room.
 *
 * The migration is aborted when the user asks for it (the callback of a cancellable holds that cancellable's lock, so it only
 * records and wakes), and when libvirt at the destination is lost: the call waits for the source's QEMU then, which may wait
 * for ever for a peer that is silent. And it is changed to post-copy, or the guest is paused, when the request's tuning says
 * so. */
#pragma once

#include "domain/libvirt_handles.h"
#include "domain/migration.h"

typedef struct VfCompanion VfCompanion;

/* `request` must outlive it. NULL only when the tuning needs libvirt's events, which cannot be had. */
VfCompanion *vf_companion_start (VfGuest *guest, VfHypervisor *destination, const VfMigrationRequest *request, GError **error);

/* The call has returned: waits for the thread's end, frees. NULL is fine. */
void vf_companion_end (VfCompanion *companion);
