/* Private to this room: what stands behind VfHypervisor and VfGuest, and libvirt's handles freed by themselves. */
#pragma once

#include "domain/guest.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

typedef struct VfJobBoard VfJobBoard; /* job_watch.h */

struct VfHypervisor {
  gatomicrefcount refs;
  virConnectPtr connection;
  char *side;
  gint close_reason; /* a virConnectCloseReason, or OPEN; atomic: libvirt's thread writes it */
  VfJobBoard *jobs;
};

enum { VF_CONNECTION_OPEN = -1 };

struct VfGuest {
  VfHypervisor *hypervisor; /* holds a reference */
  virDomainPtr domain;
  char *name;
  char uuid[VIR_UUID_STRING_BUFLEN];
};

VfHypervisor *vf_hypervisor_ref (VfHypervisor *hypervisor);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (virDomain, virDomainFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (virDomainSnapshot, virDomainSnapshotFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (virError, virFreeError)

/* Typed parameters, of libvirt's making or ours. */
typedef struct {
  virTypedParameterPtr list;
  int count;
  int capacity;
} VfParams;

static inline void
vf_params_clear (VfParams *params)
{
  virTypedParamsFree (params->list, params->count);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VfParams, vf_params_clear)
