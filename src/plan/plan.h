/* The plan of a move: made once from facts, kept in the journal, then acted upon. Nothing that the later phases need is read
 * anew. */
#pragma once

#include "far/far.h"
#include "plan/estimate.h"
#include "plan/finding.h"
#include "plan/inventory.h"
#include "plan/places.h"

typedef enum {
  VF_PLAN_LAYER,  /* an image of a chain */
  VF_PLAN_MEMORY, /* an external snapshot's saved RAM */
  VF_PLAN_NVRAM,  /* a UEFI variable store: not immutable, and written anew by the destination's QEMU when the guest runs there
                   */
  VF_PLAN_OTHER,  /* one that the user named (--with) */
  VF_PLAN_LINK,   /* a symlink that leads to one of the files */
  VF_PLAN_DIRECTORY_LINK, /* one on the way to them; stays at the source, as directories do */
  VF_PLAN_TPM,            /* a file of an emulated TPM's state; of offline moves, as the next */
  VF_PLAN_SAVED,          /* the managed save image: the RAM of a guest that is shut off */
  VF_PLAN_DATA,           /* what a qcow2 layer keeps its data in */
} VfPlanFileKind;

/* One file that must be at the destination. */
typedef struct {
  VfPlanFileKind kind;
  char *source;
  char *destination;
  VfFileFacts *facts; /* of the source, as it was when the plan was made */
  bool source_is_block;
  bool destination_is_block;
  bool is_top;   /* the guest goes on writing it, until a cap is put over it, or over the layer whose data file it is */
  bool is_round; /* a former cap, added by a round */
  char *format;  /* of a layer or variable store */
  guint64 virtual_bytes;
  char *backing; /* source path of the layer below, or NULL */
  char *backing_format;
  char *new_backing;   /* the backing name to write into the copy; NULL: the recorded one is right there */
  char *data_file;     /* source path of the file that the layer keeps its data in, or NULL */
  char *new_data_file; /* that file's name to write into the copy; NULL: the recorded one is right there */
  bool maybe_there;    /* the destination has a file of that name and size: if its content is equal it is used, else the move is
                          refused */
  char *link_text;     /* of a symlink: what it must say at the destination; else NULL */
  GPtrArray *internal_snapshots; /* char * */
  VfEncryption *encryption;      /* of a layer; NULL: none */
} VfPlanFile;

/* A directory that must have the source's owner and mode at the destination, and goes with its files at a cleanup. */
typedef struct {
  char *path;
  VfFileFacts *facts; /* of the source */
} VfPlanDirectory;

typedef enum {
  VF_TREAT_MOVE,
  VF_TREAT_SHARED, /* both hosts reach it, over the network or on storage that they share; left where it is */
  VF_TREAT_MEDIA,  /* read-only: copied, or found equal there */
  VF_TREAT_SKIP,   /* an empty drive */
} VfTreatment;

typedef struct {
  char *target;
  VfTreatment treatment;
  bool is_probed;                           /* shared, and that was seen */
  char *reason;                             /* why so treated, for people */
  GArray *layers;                           /* guint indexes into files, top first */
  char *source_name, *destination_name;     /* what the definitions call the top layer, where that is a symlink or leads through
                                               one; NULL: by its path */
  char *source_volume, *destination_volume; /* "volume:POOL/NAME" where the definition names the disk so; NULL: by its path */
  char *cap_directory_source;               /* NULL: beside the top layer */
  char *cap_directory_destination;
} VfPlanDisk;

typedef struct {
  char *name;
  char *parent;
  char *kind; /* "internal", "internal with memory", "external", "external with memory" */
  bool current;
} VfPlanSnapshot;

typedef struct {
  char *id;
  char *rendezvous; /* the directory below /run/virt-ferry for the move's sockets, the same on both hosts; not to be guessed */
  char *domain;
  char *uuid;
  char *source_host;
  char *destination_host;
  bool offline; /* in the journal it stands in the request */
  bool persistent;
  bool autostart;
  bool was_running; /* not paused */
  guint checkpoints;
  char *cpus_wanted, *cpus_present, *cpus_online; /* those that the guest is pinned to, and the destination's (base/cpu_set.h);
                                                     for people, not in the journal; NULL: not pinned, or not known */
  char *from_file;        /* holds the XML that stood for a guest; for people, not in the journal; NULL: a guest was asked */
  VfEstimate estimate;    /* for people, not in the journal */
  GPtrArray *files;       /* VfPlanFile; rounds append to it */
  GPtrArray *disks;       /* VfPlanDisk */
  GPtrArray *snapshots;   /* VfPlanSnapshot, parents first */
  GPtrArray *changes;     /* VfPathChange: what the XML documents must say differently at the destination */
  GPtrArray *directories; /* char *: missing at the destination, to be made; parents first */
  GPtrArray *state_directories; /* VfPlanDirectory, parents first: those of an emulated TPM that moves offline */
  GPtrArray *secrets;           /* char *: UUIDs of those that are defined at the destination, with their values */
} VfPlan;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfFarTable, g_hash_table_unref)
VfFarTable *vf_far_table_new (void);

/* Makes the plan; what stands in the way goes to `findings`. Pure. Never fails: a plan with refusals must not be acted upon. */
VfPlan *vf_plan_make (const char *id, const VfInventory *inventory, VfPlaces *places, const VfRequest *request,
                      VfFarTable *far_table);
VfPlan *vf_plan_new (void); /* with a new rendezvous */
void vf_plan_free (VfPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfPlan, vf_plan_free)

VfPlanFile *vf_plan_file (const VfPlan *plan, guint index);
VfPlanFile *vf_plan_file_new (void);

/* The index of the file with this source path, or -1. */
gint vf_plan_find_source (const VfPlan *plan, const char *source);

VfPlanDisk *vf_plan_disk (const VfPlan *plan, guint index);
VfPlanFile *vf_plan_disk_top (const VfPlan *plan, const VfPlanDisk *disk);

/* What definitions and caps call the top layer at either side: its path, or the symlink that leads to it. Borrowed. */
const char *vf_plan_disk_name_at_source (const VfPlan *plan, const VfPlanDisk *disk);
const char *vf_plan_disk_name_at_destination (const VfPlan *plan, const VfPlanDisk *disk);

/* True if the definition at the source names the top layer so. */
bool vf_plan_disk_is_source (const VfPlan *plan, const VfPlanDisk *disk, const VfSource *source);

/* The disk with this target, or NULL. */
const VfPlanDisk *vf_plan_find_disk (const VfPlan *plan, const char *target);

/* The uppermost layer of the disk that LUKS encrypts, whose secret opens the disk's caps too; NULL: none is encrypted. */
VfPlanFile *vf_plan_disk_encrypted (const VfPlan *plan, const VfPlanDisk *disk);

/* True if any disk that travels has such a layer. */
bool vf_plan_is_encrypted (const VfPlan *plan);

/* The cap of generation n over a disk, at either side. The caller frees. */
char *vf_plan_cap_at_source (const VfPlan *plan, const VfPlanDisk *disk, guint generation);
char *vf_plan_cap_at_destination (const VfPlan *plan, const VfPlanDisk *disk, guint generation);

/* Bytes that would travel if nothing were there already. */
guint64 vf_plan_bytes_to_send (const VfPlan *plan);

/* For the journal: everything. */
JsonObject *vf_plan_to_json (const VfPlan *plan);
VfPlan *vf_plan_from_json (JsonObject *object, GError **error);
JsonObject *vf_plan_file_to_json (const VfPlanFile *file);
VfPlanFile *vf_plan_file_from_json (JsonObject *object, GError **error);

/* For `plan --json`: what shared consumers read (docs/man/virt-ferry-plan). */
JsonObject *vf_plan_describe (const VfPlan *plan, const GPtrArray *findings);

const char *vf_treatment_name (VfTreatment treatment);

/* Where libvirt keeps the state of a guest's emulated TPM, on any host (its qemu driver's SWTPM directory). The caller frees.
 */
char *vf_plan_tpm_directory (const char *uuid);

/* Where libvirt keeps the RAM of a guest that was saved (virsh managedsave), on any host (its qemu driver's save directory).
 * The caller frees. */
char *vf_plan_managed_save (const char *domain);

/* Where libvirt keeps its knowledge of a guest's snapshot, on any host. The caller frees. */
char *vf_plan_snapshot_metadata (const char *domain, const char *snapshot);

/* "layer", "memory", "nvram", "other", "link", "directory link", "tpm", "managed-save", "data": on disk in journals. */
const char *vf_plan_file_kind_name (VfPlanFileKind kind);

/* True for what the guest, or libvirt for it, will write or remove at the destination: never a file that was there before. */
bool vf_plan_file_is_written (const VfPlan *plan, const VfPlanFile *file);

/* The planned facts of a directory at that path, or NULL. */
const VfFileFacts *vf_plan_directory_facts (const VfPlan *plan, const char *path);
VfPlanDirectory *vf_plan_directory_new (const char *path, VfFileFacts *facts); /* takes facts */

/* True if the copy gets other names than the source records. */
bool vf_plan_file_is_renamed (const VfPlanFile *file);

/* True for a symlink of either kind. */
bool vf_plan_file_is_link (const VfPlanFile *file);
