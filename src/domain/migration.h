/* libvirt's migration, as the switch of a move uses it. */
#pragma once

#include "domain/guest.h"

typedef struct {
  const char *const *disk_targets; /* NULL-terminated; these are mirrored (top layer only) */
  const char *destination_xml;     /* live definition there, with secrets */
  const char *persistent_xml;      /* or NULL for a transient guest */
  const char *memory_uri;          /* "unix:///…" */
  const char *disks_uri;           /* "unix:///…" */
  guint downtime_ms;               /* 0: libvirt's default */
  guint64 bandwidth_mib_s;         /* 0: no limit (libvirt's own default is lifted) */
  GCancellable *cancellable;       /* aborts the job; may be NULL */
} VfMigrationRequest;

typedef struct {
  guint64 memory_done_bytes, memory_total_bytes;
  guint64 disk_done_bytes, disk_total_bytes;
  guint64 downtime_ms; /* of a completed migration: what QEMU measured; else its expectation; 0 if unknown */
} VfMigrationStats;

/* virDomainMigrate3 without peer-to-peer: this process carries libvirt's messages between both. LIVE, NON_SHARED_INC, ABORT_ON_ERROR, and for persistent
 * guests PERSIST_DEST and UNDEFINE_SOURCE. Blocks. An error says only that the call failed; the outcome is to be observed. */
bool vf_guest_migrate (VfGuest *guest, VfHypervisor *destination, const VfMigrationRequest *request, GError **error);

/* Any thread, while vf_guest_migrate runs, or after it with `completed` on the destination's guest. */
bool vf_guest_migration_stats (VfGuest *guest, bool completed, VfMigrationStats *stats, GError **error);
