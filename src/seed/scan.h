/* What a partial or device has already, told to the sender while it sends (docs/internals/wire.md, records H and K). A thread
 * of its own reads the file, tags its chunks and tells them; it runs ahead of the records that arrive by a bounded distance. */
#pragma once

#include "seed/seed.h"

typedef struct VfScan VfScan;

/* The file has its final size. The scan is the channel's one sender until it has ended. */
VfScan *vf_scan_start (VfChannel *channel, const VfSeedTarget *target);

/* The tag that was told of the chunk at `offset`; what was told of earlier ones is forgotten. False: it was not told. */
bool vf_scan_take (VfScan *scan, guint64 offset, VfTag *tag);

/* Forgets what lies before `offset`: it was decided. */
void vf_scan_pass (VfScan *scan, guint64 offset);

/* Waits until everything was told. */
void vf_scan_finish (VfScan *scan);

void vf_scan_free (VfScan *scan); /* stops it first */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfScan, vf_scan_free)
