/* libvirt's events of one disk's block job, kept until someone looks. Private to this room.
 *
 * libvirt 9.0 takes one callback function once a connection and event ("event callback already tracked"), whatever its data. So
 * each connection has a board: one registration while anyone watches, which tells every watch of that guest and disk. */
#pragma once

#include "domain/libvirt_handles.h"

typedef struct VfJobWatch VfJobWatch;

typedef struct {
  bool ready;
  bool ended;
  int end_status; /* a virConnectDomainEventBlockJobStatus, when ended */
} VfJobSeen;

VfJobBoard *vf_job_board_new (void);
void vf_job_board_unref (gpointer board);

/* Registers before the job starts, so that no event is missed. */
VfJobWatch *vf_job_watch_new (VfGuest *guest, const char *target, GError **error);
void vf_job_watch_free (VfJobWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfJobWatch, vf_job_watch_free)

/* Waits until something happened since the last call (an event or a wake), at most `timeout_ms`; tells what was seen so far.
 * Any event may have been missed, so the caller asks libvirt too. */
VfJobSeen vf_job_watch_wait (VfJobWatch *watch, guint timeout_ms);

/* Wakes the waiting thread. Any thread; a GCancellable's callback. */
void vf_job_watch_wake (GCancellable *cancellable, gpointer watch);

/* virDomainBlockJobType in words. */
const char *vf_block_job_name (int type);

/* 1: *info tells of the disk's job; 0: it has none; -1: error. */
int vf_block_job_info (VfGuest *guest, const char *target, virDomainBlockJobInfo *info, GError **error);
