/* A move being made: what its phases share. Private to this room; `migrate.h` is its door.
 *
 * Rule 1 of the design lives in vf_move_record: whatever a phase is about to do is in the journal, on disk, before it does it.
 */
#pragma once

#include "domain/block_job.h"
#include "domain/migration.h"
#include "domain/snapshots.h"
#include "journal/journal.h"
#include "link/relay.h"
#include "link/remote_shell.h"
#include "base/fd.h"
#include "move/ledger.h"
#include "move/report.h"
#include "preflight/preflight.h"

typedef struct {
  guint64 data_bytes; /* as sent: less than read, when compressed */
  guint64 zero_bytes, reused_bytes, allocated_bytes;
} VfMoveBytes;

/* Where the guest's memory is, which post-copy divides. */
typedef enum {
  VF_MEMORY_IN_ONE_PLACE,
  VF_MEMORY_DIVIDED,
  VF_MEMORY_LOST, /* and one of the parts is gone */
} VfMemory;

typedef struct {
  const VfRequest *request; /* borrowed; of the ledger once the journal has begun */
  const VfReporter *reporter;
  GCancellable *cancellable; /* what the user's Ctrl-C cancels; phases that must end pass NULL instead */
  VfFd guard;                /* the guest's lock */
  VfJournal *journal;
  VfLedger *ledger;

  /* the two hosts; NULL while not connected */
  VfHypervisor *source;
  VfGuest *guest; /* at the source */
  VfRemoteShell *shell;
  VfRelay *libvirt_relay;
  VfHypervisor *destination;
  char *local_rendezvous; /* the directory of our own sockets */

  VfMoveBytes bytes;
  guint rounds;
  VfMemory memory;                    /* when both sides were looked at last */
  char *own_xml, *own_persistent_xml; /* what --xml and --persistent-xml hold; may be secret; NULL: not read */
} VfMove;

VfMove *vf_move_new (const VfRequest *request, const VfReporter *reporter, GCancellable *cancellable);
void vf_move_free (VfMove *move); /* closes connections; undoes nothing */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfMove, vf_move_free)

/* Journal first, then the ledger. Takes `record`. */
bool vf_move_record (VfMove *move, JsonObject *record, GError **error);

/* The one writer of the phase: records it and tells the reporter. */
bool vf_move_enter (VfMove *move, VfPhase phase, GError **error);

const VfPlan *vf_move_plan (const VfMove *move);
VfLink *vf_move_link (const VfMove *move); /* NULL while not connected */
bool vf_move_is_cancelled (const VfMove *move, GError **error);
void vf_move_note (const VfMove *move, const char *format, ...) G_GNUC_PRINTF (2, 3);
void vf_move_progress (const VfMove *move, VfPhase phase, const char *detail, guint64 done, guint64 total);

/* The disks that travel: calls `act` for each until one fails. */
typedef bool (*VfDiskAct) (VfMove *move, const VfPlanDisk *disk, gpointer data, GError **error);
bool vf_move_each_disk (VfMove *move, VfDiskAct act, gpointer data, GError **error);

/* ---- hosts.c: the connections ---- */

/* The source's libvirt and the guest (by the request's words, or by the ledger's UUID). */
bool vf_move_connect_source (VfMove *move, GError **error);

/* The link, and libvirt at the destination through it. Idempotent; a dead link is replaced. */
bool vf_move_connect_destination (VfMove *move, const char *rendezvous, GError **error);
void vf_move_disconnect_destination (VfMove *move);

/* Removes the directory of this side's relayed sockets, in use or left by a killed process. Idempotent. */
void vf_move_remove_rendezvous (const char *rendezvous);

/* The sockets of QEMU's streams: a listener here for a socket of that name there. */
VfRelay *vf_move_relay (VfMove *move, const char *name, char **uri, GError **error);

/* ---- the phases, one file each; every one may be entered again after a crash ---- */

bool vf_phase_cap (VfMove *move, GError **error);
bool vf_phase_seed (VfMove *move, GError **error);
bool vf_phase_rounds (VfMove *move, GError **error);
bool vf_phase_berth (VfMove *move, GError **error);
bool vf_phase_switch (VfMove *move, GError **error); /* true: the guest is at the destination */
bool vf_phase_settle (VfMove *move, GError **error);

/* The outcome of a switch that has begun (decide.c): looks at both sides until the table of outcome.h decides or the deadline
 * is over, and records what it saw. A migration that broke in post-copy is gone on with. *moved is valid when true is returned.
 */
bool vf_move_decide (VfMove *move, bool *moved, GError **error);

/* Goes on with a migration that broke in post-copy, over the link that there is now (switch.c). */
bool vf_move_go_on_in_post_copy (VfMove *move, GError **error);

/* Those of a guest that is shut off. */
bool vf_phase_seed_offline (VfMove *move, GError **error);
bool vf_phase_berth_offline (VfMove *move, GError **error);
bool vf_phase_switch_offline (VfMove *move, GError **error);
bool vf_phase_settle_offline (VfMove *move, GError **error);

/* For an abort of one whose switch has begun: decides without going on. True: the guest is at the destination. As
 * vf_phase_switch, which does no more when the switch has begun. (switch_offline.c) */
bool vf_move_decide_offline (VfMove *move, GError **error);

/* Fails unless the guest is shut off at the source now (switch_offline.c). */
bool vf_move_is_at_rest (VfMove *move, GError **error);

/* What both sides say of the guest, asked afresh over connections that are made anew where they are dead (decide.c). Never
 * fails; the caller frees *reason. */
VfGuestState vf_move_observe_source (VfMove *move, char **reason);
VfGuestState vf_move_observe_destination (VfMove *move, char **reason);

/* Writes "switched" or "stayed" (decide.c). */
bool vf_move_record_outcome (VfMove *move, const char *kind, const char *reason, GError **error);

/* The move's bandwidth in bytes a second, 0: no limit; a VfLinkRate (rate.c). */
guint64 vf_move_rate (gpointer move);

/* Puts the next generation of caps on (cap.c). */
bool vf_move_put_caps (VfMove *move, GError **error);

/* Fails when the guest has snapshots now that the plan does not know, or lacks one of the plan's. */
bool vf_move_snapshots_are_as_planned (VfMove *move, GError **error);

/* Journals the snapshots and makes the source's libvirt forget them (switch.c). */
bool vf_move_put_snapshots_aside (VfMove *move, GError **error);

/* Changes the places in the domain XML that memory files and a managed save image embed, at the destination (settle.c). */
bool vf_move_mend_memory_files (VfMove *move, GError **error);

/* Snapshots, checkpoints and autostart at the destination, unless they are settled (settle.c). */
bool vf_move_settle_metadata (VfMove *move, VfGuest *guest, GError **error);

/* The definition that an offline move keeps beside its journal (kept_definition.c); to be dropped when nobody can need it. */
bool vf_move_keep_definition (VfMove *move, const char *xml, GError **error);
char *vf_move_kept_definition (VfMove *move, GError **error);
bool vf_move_drop_definition (VfMove *move, GError **error);

/* The plan's managed save image, or NULL. Borrowed. (kept_definition.c) */
const VfPlanFile *vf_move_saved_image (const VfMove *move);

/* Fails with VF_ERROR_CORRUPT when a planned file, save the managed save image, was written since; devices are read for it
 * (switch_offline.c). */
bool vf_move_files_are_as_planned (VfMove *move, GError **error);

/* For an undo: gives the source back what an offline switch took away, the saved memory before the definition. */
bool vf_move_bring_definition_back (VfMove *move, GError **error);

/* Redefines at the source the snapshots that it was made to forget (undo.c). */
bool vf_move_bring_snapshots_back (VfMove *move, GError **error);

/* Seeds one file of the plan unless it is (seed.c). */
bool vf_move_seed_file (VfMove *move, guint index, GError **error);

/* A planned file as it is at the source now; a symlink itself (seed.c). */
VfFileFacts *vf_move_look_at_source (const VfPlanFile *file, GError **error);

/* Bytes of the plan that have to travel in this phase, and those that have (seed.c). */
guint64 vf_move_file_weight (const VfPlanFile *file);

/* Takes everything back (docs/internals/phases.md, Undo). Cannot be cancelled. */
bool vf_move_undo (VfMove *move, const char *reason, GError **error);

/* Removes what may lie at the destination (undo.c); what cannot be removed is recorded as left behind. */
bool vf_move_undo_destination (VfMove *move, GError **error);
