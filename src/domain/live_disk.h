/* What the live XML says of one disk: which layer is active, and whether a mirror job runs. Private to this room.
 *
 * It is the truth about a block job whose events were missed: libvirt changes it before it reports a job's end. */
#pragma once

#include "domain/libvirt_handles.h"

typedef struct {
  char *source;        /* path of the active layer; NULL for an empty drive or one that is no file or block device */
  char *mirror_job;    /* "copy", "active-commit", or NULL when there is no <mirror> */
  char *mirror_source; /* path of what is mirrored to, or NULL */
} VfLiveDisk;

void vf_live_disk_clear (VfLiveDisk *disk);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VfLiveDisk, vf_live_disk_clear)

/* VF_ERROR_NOT_FOUND if the guest has no such disk. Clears and fills *disk. */
bool vf_live_disk_read (VfGuest *guest, const char *target, VfLiveDisk *disk, GError **error);

/* As above, from `xml`. `name` is the guest's, for the error. */
bool vf_live_disk_parse (const char *xml, const char *name, const char *target, VfLiveDisk *disk, GError **error);
