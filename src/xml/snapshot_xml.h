/* libvirt's domain snapshot XML (https://libvirt.org/formatsnapshot.html). Pure; fuzzed. */
#pragma once

#include "xml/domain_xml.h"

typedef enum {
  VF_SNAPSHOT_NO, /* also libvirt's "manual": someone else's business */
  VF_SNAPSHOT_INTERNAL,
  VF_SNAPSHOT_EXTERNAL,
} VfSnapshotKind;

typedef struct {
  char *target; /* as written: a target name or a path */
  VfSnapshotKind kind;
  VfSource *source; /* external: the overlay that the snapshot made; NULL when not given */
} VfSnapshotDisk;

typedef struct {
  char *name;
  char *parent; /* or NULL */
  char *state;  /* "running", "shutoff", "disk-snapshot", … */
  VfSnapshotKind memory;
  char *memory_file;   /* of memory external */
  GPtrArray *disks;    /* VfSnapshotDisk */
  VfDomainXml *domain; /* the guest as it was; NULL in very old metadata */
} VfSnapshotXml;

VfSnapshotXml *vf_snapshot_xml_parse (const char *xml, GError **error);
void vf_snapshot_xml_free (VfSnapshotXml *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSnapshotXml, vf_snapshot_xml_free)

/* As vf_domain_xml_rewrite, over <disks>, <revertDisks>, <memory file=…>, <domain> and <inactiveDomain>. Backing stores are
 * kept and rewritten. */
char *vf_snapshot_xml_rewrite (const char *xml, const GPtrArray *changes, GError **error);

/* For a libvirt of that version (as virConnectGetLibVersion says it): without what newer ones say by themselves of every such
 * machine, which an older one does not know and refuses. What the guest had is all still there. */
char *vf_snapshot_xml_for_libvirt (const char *xml, gulong libvirt_version, GError **error);

/* One cap: the overlay `path` over the disk `target`. */
typedef struct {
  char *target;
  char *path;
  const VfEncryption *encryption; /* borrowed; NULL: none */
} VfCapRequest;

/* The <domainsnapshot> that puts external qcow2 overlays on the given targets and leaves all `other_targets` alone. */
char *vf_snapshot_xml_for_caps (const GPtrArray *caps, const GPtrArray *other_targets, GError **error);
