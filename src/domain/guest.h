/* What a guest is and does now. */
#pragma once

#include "domain/hypervisor.h"

#include <gio/gio.h>

/* What a decision may rest on (docs/internals/phases.md, the outcome of a switch). */
typedef enum {
  VF_GUEST_UNKNOWN, /* no answer: it may be any of the others */
  VF_GUEST_ABSENT,  /* libvirt knows no such guest */
  VF_GUEST_SHUT_OFF,
  VF_GUEST_PAUSED,
  VF_GUEST_RUNNING,
  VF_GUEST_DIVIDED, /* in post-copy, also a broken one: its memory lies partly at either host, whether it runs here or stands */
} VfGuestState;

const char *vf_guest_state_name (VfGuestState state);

/* Looks the UUID up afresh and asks for its state; never fails: what cannot be found out is UNKNOWN. `reason` (may be NULL)
 * gets libvirt's text (virsh's words) for the state's reason or the error; the caller frees. A crashed guest whose QEMU is kept
 * counts as PAUSED. */
VfGuestState vf_guest_observe (VfHypervisor *hypervisor, const char *uuid, char **reason);

typedef struct {
  bool persistent;
  bool autostart;
  bool has_managed_save;
  guint checkpoints;
  char *job;             /* the domain job that is active ("migration", "incoming migration", "snapshot", …), or NULL */
  GPtrArray *block_jobs; /* char *, "vda: copy", one for each disk that has one */
} VfGuestFacts;

VfGuestFacts *vf_guest_facts (VfGuest *guest, const char *const *targets, GError **error);
void vf_guest_facts_free (VfGuestFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfGuestFacts, vf_guest_facts_free)

typedef enum {
  VF_XML_LIVE,
  VF_XML_INACTIVE,
  VF_XML_MIGRATABLE,          /* live, for the destination, with secrets: never stored or shown */
  VF_XML_MIGRATABLE_INACTIVE, /* as above, of the persistent definition */
  VF_XML_DEFINITION, /* the persistent definition as it is on disk, with secrets, to be defined again elsewhere or later */
} VfXmlKind;

/* The caller frees. */
char *vf_guest_xml (VfGuest *guest, VfXmlKind kind, GError **error);

bool vf_guest_resume (VfGuest *guest, GError **error);
bool vf_guest_set_autostart (VfGuest *guest, bool autostart, GError **error);

/* Replaces the persistent definition (virDomainDefineXML). */
bool vf_hypervisor_define (VfHypervisor *hypervisor, const char *xml, GError **error);

/* Removes the persistent definition (virDomainUndefineFlags), durably, and checkpoints' metadata with it. UEFI variables and
 * the state of a TPM stay. `saved`: the managed save image goes; libvirt refuses a guest that has one, or snapshots' metadata.
 * A guest that runs becomes transient. */
bool vf_guest_undefine (VfGuest *guest, bool saved, GError **error);

/* The XML of every guest that this libvirt knows, as it runs and as it is defined (char *). */
GPtrArray *vf_hypervisor_all_xml (VfHypervisor *hypervisor, GError **error);

/* The domain XML that is embedded in a saved memory file on that host, with secrets (never stored or shown), and its
 * replacement, which must carry them too. */
char *vf_memory_file_xml (VfHypervisor *hypervisor, const char *path, GError **error);
bool vf_memory_file_set_xml (VfHypervisor *hypervisor, const char *path, const char *xml, GError **error);
