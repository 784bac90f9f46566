/* Block jobs, followed by libvirt's events. */
#pragma once

#include "domain/guest.h"

typedef struct {
  const char *target;      /* "vda" */
  const char *base;        /* path of the layer to commit into */
  const char *base_volume; /* "volume:POOL/NAME" where the definition names the base so, or NULL */
  guint deadline_s; /* without any progress for so long: the job is cancelled and VF_ERROR_TIMEOUT says what was waited for; 0:
                       none */
  void (*progress) (const char *target, guint64 done_bytes, guint64 total_bytes, gpointer data); /* or NULL */
  gpointer progress_data;
  GCancellable *cancellable; /* cancels the job; may be NULL */
} VfCommitRequest;

/* Commits the active layer (and all between) into `base`, named as the live XML names it, and pivots the running guest onto it.
 * Blocks until the job is gone, and succeeds only if the live XML then names `base`. A guest that runs on `base` already is
 * done. A job of this kind into `base` that already runs on the disk (of a former process) is joined; another job is
 * VF_ERROR_BUSY.
 *
 * On failure the job is cancelled and the guest runs on its chain as before, with two exceptions, after which the call may be
 * repeated to join what is left: VF_ERROR_UNREACHABLE, and VF_ERROR_TIMEOUT that says the pivot was asked for (libvirt cannot
 * take it back; the cancellable is not looked at any more, and the deadline counts from the asking).
 *
 * Several disks of a guest may be committed at once, from a thread each. `progress` is called in the calling thread. */
bool vf_guest_commit_active (VfGuest *guest, const VfCommitRequest *request, GError **error);

/* Cancels whatever block job the disk has, waits for its end; none is fine. */
bool vf_guest_cancel_block_job (VfGuest *guest, const char *target, guint deadline_s, GError **error);
