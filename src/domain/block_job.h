/* Block jobs, followed by libvirt's events. */
#pragma once

#include "domain/guest.h"

typedef struct {
  const char *target; /* "vda" */
  const char *base;   /* path of the layer to commit into */
  guint deadline_s;   /* without any progress for so long: the job is cancelled and VF_ERROR_TIMEOUT says what was waited for; 0: none */
  void (*progress) (const char *target, guint64 done_bytes, guint64 total_bytes, gpointer data); /* or NULL */
  gpointer progress_data;
  GCancellable *cancellable; /* cancels the job; may be NULL */
} VfCommitRequest;

/* Commits the active layer (and all between) into `base` and pivots the running guest onto it. Blocks until libvirt reports the pivot
 * COMPLETED. On failure the job is cancelled and the guest runs on its chain as before. A job of this kind that already runs on the
 * disk (of a former process) is joined. */
bool vf_guest_commit_active (VfGuest *guest, const VfCommitRequest *request, GError **error);

/* Cancels whatever block job the disk has, waits for its end; none is fine. */
bool vf_guest_cancel_block_job (VfGuest *guest, const char *target, guint deadline_s, GError **error);
