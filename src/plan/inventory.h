/* What was found at the source: the facts that a plan is made from. */
#pragma once

#include "base/trail.h"
#include "chain/image.h"
#include "xml/devices.h"
#include "xml/snapshot_xml.h"

/* One chain that the guest or a snapshot of it needs. */
typedef struct {
  char *target;   /* "vda" */
  char *snapshot; /* the snapshot that needs it; NULL: the guest as it runs */
  bool is_media;  /* read-only: a CD, a read-only disk */
  VfSourceKind kind;
  char *volume; /* "volume:POOL/NAME" where a definition names the top layer so, or NULL */
  VfChain *chain;
} VfHead;

typedef struct {
  VfSnapshotXml *xml;
  bool current;
} VfInventorySnapshot;

typedef struct {
  VfDomainXml *domain; /* as it runs now */
  VfDevices *devices;  /* what it asks of its host; NULL: not read */
  char *host;          /* the source's hostname */
  char *state;         /* "running", "paused", "shut off" */
  bool persistent;
  bool autostart;
  bool has_managed_save;
  GPtrArray *tpm_files;       /* char *: what an emulated TPM keeps on disk; empty unless it has to travel as files */
  GPtrArray *tpm_directories; /* char *: where that lies, parents first */
  guint checkpoints;
  char *job;                             /* or NULL */
  GPtrArray *block_jobs;                 /* char * */
  GPtrArray *snapshots;                  /* VfInventorySnapshot, parents first */
  GPtrArray *heads;                      /* VfHead: the running chains first */
  GPtrArray *secrets, *snapshot_secrets; /* char *: libvirt's secrets that the guest, and that only its snapshots name */
  GHashTable *files; /* path -> VfFileFacts of every layer and memory file that exists, and of the directories that take caps */
  GHashTable *shared;     /* set of paths (files' own, symlinks') that both hosts have as one and the same file */
  GHashTable *trails;     /* path as something names it -> VfTrail, of those that lead through symlinks or ".." */
  GPtrArray *trail_names; /* the keys of trails, in the order in which they were added */
} VfInventory;

VfInventory *vf_inventory_new (void);
void vf_inventory_free (VfInventory *inventory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfInventory, vf_inventory_free)

void vf_inventory_add_head (VfInventory *inventory, VfHead *head);                         /* takes it */
void vf_inventory_add_snapshot (VfInventory *inventory, VfSnapshotXml *xml, bool current); /* takes xml */

/* The chain that the running guest has for this target, or NULL. */
const VfHead *vf_inventory_live_head (const VfInventory *inventory, const char *target);

/* The guest as it runs and as its snapshots remember it, as far as they have UEFI variables in a file, one for each path
 * (borrowed VfDomainXml). */
GPtrArray *vf_inventory_with_nvram (const VfInventory *inventory);

/* Keeps the trail (takes it) unless `name` is a path without symlinks and "..". */
void vf_inventory_add_trail (VfInventory *inventory, const char *name, VfTrail *trail);
const VfTrail *vf_inventory_trail (const VfInventory *inventory, const char *name); /* NULL: the name is the path itself */

/* The file's path without symlinks: borrowed, or `name` itself. */
const char *vf_inventory_real (const VfInventory *inventory, const char *name);

/* By any name of the file. False for NULL. */
bool vf_inventory_is_shared (const VfInventory *inventory, const char *path);

/* By any name of the file. */
/* How the XML of the guest or of one of its snapshots says that the layer at `path` is encrypted; NULL: it does not. Borrowed.
 */
const VfEncryption *vf_inventory_encryption (const VfInventory *inventory, const char *path);

const VfFileFacts *vf_inventory_file (const VfInventory *inventory, const char *path);
