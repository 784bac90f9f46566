/* libvirt's migration, as the switch of a move uses it. */
#pragma once

#include "domain/guest.h"
#include "plan/tuning.h"

typedef struct {
  const char *const *disk_targets; /* NULL-terminated; these are mirrored (top layer only) */
  const char *destination_xml;     /* live definition there, with secrets */
  const char *persistent_xml;      /* or NULL for a transient guest */
  const char *memory_uri;          /* "unix:///…" */
  const char *disks_uri;           /* "unix:///…" */
  bool unsafe;             /* VIR_MIGRATE_UNSAFE: libvirt does not see that a disk is on shared storage, the caller did */
  guint downtime_ms;       /* 0: QEMU's own limit, 300 ms unless someone changed it */
  guint64 bandwidth_mib_s; /* of RAM, and of each disk; 0: no limit, not even one set by virsh migrate-setspeed */
  const VfTuning *tuning;  /* may be NULL */
  bool recover;            /* goes on with a migration of the same request that broke in post-copy; the URIs may be others */
  bool (*before_post_copy) (gpointer data); /* asked once, in another thread, before the guest is run there with its memory
                                               divided; false forbids it; may be NULL */
  gpointer post_copy_data;
  GCancellable *cancellable; /* aborts the job, except in post-copy; may be NULL */
} VfMigrationRequest;

typedef struct {
  guint64 memory_done_bytes, memory_total_bytes;
  guint64 disk_done_bytes, disk_total_bytes;
  guint64 downtime_ms; /* of a completed migration: what QEMU measured; else its expectation; 0 if unknown */
} VfMigrationStats;

/* virDomainMigrate3 without peer-to-peer: this process carries libvirt's messages between both. LIVE, ABORT_ON_ERROR (a guest
 * that the source pauses for an I/O error, a full disk say, ends the migration), with disks NON_SHARED_INC and
 * SYNCHRONOUS_WRITES (a mirror that lags behind a guest which writes hard would never end; over the small caps the guest hardly
 * feels it), and for persistent guests PERSIST_DEST and UNDEFINE_SOURCE. Limits of downtime and speed are set before and put
 * back when it fails.
 *
 * Blocks. The cancellable aborts within a second or so; too late, and the call succeeds. When libvirt at the destination is
 * lost, the job is aborted too. An error says only that the call failed; the outcome is to be observed. VF_ERROR_CANCELLED: the
 * cancellable was; NO_SPACE: a disk at the destination is full; UNREACHABLE: one connection is lost. */
bool vf_guest_migrate (VfGuest *guest, VfHypervisor *destination, const VfMigrationRequest *request, GError **error);

/* The limit of the guest's stop that is set; false: libvirt does not tell. */
bool vf_guest_downtime_limit (VfGuest *guest, guint64 *ms);

/* Any thread, while vf_guest_migrate runs, or after it with `completed` on the destination's guest (libvirt keeps it there
 * until the next job). VF_ERROR_NOT_FOUND when there is none. Memory is 0 until the disks are in step: libvirt mirrors first.
 */
bool vf_guest_migration_stats (VfGuest *guest, bool completed, VfMigrationStats *stats, GError **error);
