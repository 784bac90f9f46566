/* What the journal says may exist and has been decided. Built by one function from records, whether just appended or replayed
 * after a crash, so that going on and undoing are the same code in both cases. */
#pragma once

#include "base/file.h"
#include "move/phase.h"
#include "plan/plan.h"
#include "seed/digest.h"

typedef struct {
  char *target;
  char *path;
  char *over; /* the layer it lies on */
} VfLedgerCap;

typedef struct {
  bool partial_begun; /* the partial (or device) may exist, or be written */
  bool seeded;        /* complete and verified */
  bool reused;        /* an equal file was there already: never to be written or removed */
  bool berth_begun;   /* it may have its final name */
  VfDigest digest;
  VfFileId id;
} VfLedgerFile;

typedef struct {
  char *name;
  char *parent;
  char *xml;
  bool current;
} VfLedgerSnapshot;

typedef struct {
  char *name;
  char *parent;
  char *xml;
} VfLedgerCheckpoint;

typedef enum {
  VF_SWITCH_NOT_BEGUN,
  VF_SWITCH_BEGUN, /* the outcome is not known yet */
  VF_SWITCH_STAYED,
  VF_SWITCH_SWITCHED,
} VfSwitchState;

typedef struct {
  char *id;
  gint64 began_us;
  gint64 last_us; /* time of the newest record */
  VfRequest *request;
  VfPlan *plan;
  VfPhase phase;
  GPtrArray *generations; /* GPtrArray of VfLedgerCap each: caps of generation 1, 2, … */
  guint capped;           /* so many generations are known to be on */
  GPtrArray *directories; /* char *: made at the destination, perhaps */
  GArray *files;          /* VfLedgerFile, one for each of plan->files */
  GPtrArray *far_caps;    /* VfLedgerCap at the destination */
  GPtrArray *snapshots;   /* VfLedgerSnapshot that libvirt may have forgotten; NULL: none were dropped */
  GPtrArray *checkpoints; /* VfLedgerCheckpoint that libvirt may have forgotten, parents first; empty until the switch */
  GPtrArray *secrets;     /* char *: UUIDs that may be defined at the destination, and by this move */
  VfSwitchState switched;
  bool post_copy;        /* the guest may have been run at the destination with its memory divided */
  bool definition_kept;  /* of an offline move: the guest's definition lies beside the journal, and may be nowhere else */
  char *saved_aside;     /* the managed save image may have this second name at the source; or NULL */
  GHashTable *committed; /* targets whose caps are folded at the destination */
  bool snapshots_settled;
  GHashTable *caps_gone; /* "source:PATH", "destination:PATH" */
  char *undo_reason;
  GPtrArray *left_behind; /* char *: what undo could not remove at the destination */
  guint64 downtime_ms;
  bool cleaned;
} VfLedger;

VfLedger *vf_ledger_new (const char *id);
void vf_ledger_free (VfLedger *ledger);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfLedger, vf_ledger_free)

/* Applies one record; a VfJournalApply. VF_ERROR_CORRUPT for a record that makes no sense, VF_ERROR_UNDECIDED for an unknown
 * one. */
bool vf_ledger_apply (JsonObject *record, gpointer ledger, GError **error);

VfLedgerFile *vf_ledger_file (VfLedger *ledger, guint index);
GPtrArray *vf_ledger_caps (VfLedger *ledger, guint generation); /* 1 is the first; NULL if there is none */
bool vf_ledger_cap_is_gone (VfLedger *ledger, const char *side, const char *path);

/* Records, ready for the journal; the caller unrefs. */
JsonObject *vf_record_new (const char *kind);
JsonObject *vf_record_begin (const VfRequest *request, const VfPlan *plan);
JsonObject *vf_record_caps (guint generation, const GPtrArray *caps);
JsonObject *vf_record_file (const char *kind, guint file, const char *path);
JsonObject *vf_record_seeded (guint file, const VfDigest *digest, const VfFileId *id, bool reused);
JsonObject *vf_record_snapshots (const GPtrArray *snapshots);
JsonObject *vf_record_checkpoints (const GPtrArray *checkpoints);

VfLedgerCap *vf_ledger_cap_new (const char *target, const char *path, const char *over);
VfLedgerSnapshot *vf_ledger_snapshot_new (const char *name, const char *parent, const char *xml, bool current);
void vf_ledger_cap_free (VfLedgerCap *cap);
void vf_ledger_snapshot_free (VfLedgerSnapshot *snapshot);
VfLedgerCheckpoint *vf_ledger_checkpoint_new (const char *name, const char *parent, const char *xml);
void vf_ledger_checkpoint_free (VfLedgerCheckpoint *checkpoint);
