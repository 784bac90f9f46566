/* libvirt's snapshot metadata, and the caps, which are made by a snapshot call that leaves none. */
#pragma once

#include "domain/guest.h"

typedef struct {
  char *name;
  char *parent; /* or NULL */
  char *xml;    /* without secrets */
  bool current;
} VfSnapshotRecord;

void vf_snapshot_record_free (VfSnapshotRecord *record);

/* All of the guest's snapshots, parents before children. */
GPtrArray *vf_guest_snapshots (VfGuest *guest, GError **error);

/* Makes libvirt forget the snapshots (children first), not the data. Those already forgotten are passed over. */
bool vf_guest_forget_snapshots (VfGuest *guest, const GPtrArray *records, GError **error);

/* Defines those that libvirt does not have (parents first) and marks the current one. Goes on after a failure of one; the first
 * error is returned. */
bool vf_guest_redefine_snapshots (VfGuest *guest, const GPtrArray *records, GError **error);

/* One atomic disk-only external snapshot without metadata from `snapshot_xml` (vf_snapshot_xml_for_caps). `made`: the caps'
 * files are there already, with the right size and backing names; otherwise libvirt makes them. */
bool vf_guest_put_caps (VfGuest *guest, const char *snapshot_xml, bool made, GError **error);
