/* libvirt's domain XML: what a move needs to know of it, and the changes that a move makes to it. Pure: text in, text out
 * (libxml2, no network, no entities, bounded size). Format: https://libvirt.org/formatdomain.html. Fuzzed. */
#pragma once

#include "xml/source.h"

typedef struct {
  char *target; /* "vda" */
  char *device; /* "disk", "cdrom", "floppy", "lun" */
  char *bus;    /* or NULL */
  char *cache;  /* "none", "writeback", …; NULL: the hypervisor's default */
  VfSource *source;
  GPtrArray *backing; /* VfSource, from the one below the top down; empty where the XML has no <backingStore> with a source */
  bool readonly;
  bool shareable;
  bool transient;
  bool encrypted;   /* any <encryption> in the disk */
  char *mirror_job; /* the job of a <mirror> ("copy", "active-commit"), or NULL */
} VfXmlDisk;

typedef struct {
  char *name;
  char *uuid;
  char *type;    /* "kvm", "qemu" */
  char *arch;    /* or NULL */
  char *machine; /* or NULL */
  guint64 memory_bytes;
  char *nvram;        /* path of the UEFI variable store, or NULL; one on the network counts as none: both hosts reach it */
  char *nvram_format; /* "raw", "qcow2"; NULL without nvram */
  char *tpm;          /* backend of the TPM: "emulator" (its state lies on disk), "passthrough", "external", or NULL */
  guint host_devices; /* <hostdev>, and network cards of the host that have no <teaming> */
  guint filesystems;  /* <filesystem> */
  GPtrArray *disks;   /* VfXmlDisk, in the XML's order */
} VfDomainXml;

/* Refuses what is not a <domain> with a name and with one distinct target for each disk. VF_ERROR_CORRUPT says where. */
VfDomainXml *vf_domain_xml_parse (const char *xml, GError **error);
void vf_domain_xml_free (VfDomainXml *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfDomainXml, vf_domain_xml_free)

/* NULL if there is no such target. Borrowed. */
const VfXmlDisk *vf_domain_xml_disk (const VfDomainXml *domain, const char *target);

/* One place that a move changes: `from` and `to` are paths, or volumes as vf_volume_key names them. */
typedef struct {
  char *from;
  char *to;
  VfSourceKind to_kind; /* FILE or BLOCK: the type attribute and file/dev follow */
  char *to_format;      /* NULL: as it was */
} VfPathChange;

VfPathChange *vf_path_change_new (const char *from, const char *to, VfSourceKind to_kind, const char *to_format);
void vf_path_change_free (VfPathChange *change);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfPathChange, vf_path_change_free)

/* Replaces every disk source, backing source, mirror and variable store (<nvram>) whose path is some change's `from` (each path
 * is changed once: a→b and b→c do not chain; of two changes with the same `from` the first counts). A `to` that XML cannot hold
 * (not UTF-8, control characters) is VF_ERROR_REFUSED. With strip_backing all <backingStore> and <mirror> elements and source
 * indexes go, so that libvirt reads the chain from the images, whose recorded formats the move has verified; only a disk with
 * an <encryption> keeps its <backingStore>, for images do not name the secrets that open them. Everything else stays byte for
 * byte as libxml2 prints it. The caller frees. */
char *vf_domain_xml_rewrite (const char *xml, const GPtrArray *changes, bool strip_backing, GError **error);

/* Takes the uppermost layers off disks with an <encryption>, as long as their source is one of `paths` (char *) and a
 * <backingStore> says what lies below: that becomes the disk's source, with its own format and encryption. The caller frees. */
char *vf_domain_xml_without_layers (const char *xml, const GPtrArray *paths, GError **error);
