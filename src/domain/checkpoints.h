/* libvirt's checkpoints: the names of the dirty bitmaps that incremental backups go by. The bitmaps themselves lie in the
 * images and follow a guest's chain by libvirt's own doing, onto a new overlay and, at a commit, into the layer below. */
#pragma once

#include "domain/guest.h"

typedef struct {
  char *name;
  char *parent; /* or NULL */
  char *xml;    /* without secrets */
} VfCheckpointRecord;

void vf_checkpoint_record_free (VfCheckpointRecord *record);

/* All of the guest's checkpoints, parents before children; none with a driver that has no checkpoints. */
GPtrArray *vf_guest_checkpoints (VfGuest *guest, GError **error);

/* Defines a checkpoint that libvirt does not have; of a running guest only if its bitmaps are there and whole, else
 * VF_ERROR_CORRUPT. Its parent must be defined. */
bool vf_guest_redefine_checkpoint (VfGuest *guest, const VfCheckpointRecord *record, GError **error);
