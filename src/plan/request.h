/* What the user asked for. Kept in the journal, so that a move can go on after a crash. */
#pragma once

#include "base/error.h"
#include "plan/tuning.h"

#include <json-glib/json-glib.h>

/* FROM -> TO of --map (path prefixes), --disk (target -> path) and --net (bridge, network or lower device). */
typedef struct {
  char *from;
  char *to;
} VfPair;

typedef struct {
  char *domain; /* name, ID or UUID, as typed */
  char *source_uri;
  char *destination_uri;
  char *rsh;           /* NULL: ssh */
  char *agent_path;    /* "virt-ferry" */
  GPtrArray *maps;     /* VfPair, normal paths */
  GPtrArray *disks;    /* VfPair: target, normal path */
  GPtrArray *nets;     /* VfPair: names */
  GPtrArray *pools;    /* VfPair: names of storage pools */
  GPtrArray *with;     /* char *: further files that travel, normal paths at the source */
  char *cap_directory; /* for disks whose top layer is a block device */
  guint64 max_cap_bytes;
  guint rounds_max;
  guint downtime_ms;         /* 0: libvirt's default */
  bool read_back;            /* copies are read back from the destination's disk */
  guint streams;             /* threads at either end of a copy; 0: as many as are good */
  guint64 bandwidth_bytes_s; /* of all that travels in bulk together; 0: no limit */
  bool compress_auto;        /* compress where it pays */
  guint zstd_level;          /* 1 to 19; 0: nothing is compressed */
  guint timeout_s;           /* silence or standstill that ends a wait */
  bool delete_source;
  bool offline;      /* the guest is shut off, and moves as it is */
  VfTuning tuning;   /* of the switch */
  bool with_secrets; /* define secrets that are missing there, with their values */
} VfRequest;

/* With the defaults: 64 MiB, 6 rounds, 30 s. */
VfRequest *vf_request_new (void);
void vf_request_free (VfRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfRequest, vf_request_free)

/* Reads "SRC=DST" of --map, "TARGET=PATH" of --disk; VF_ERROR_USAGE for relative or empty parts and for a target or prefix
 * given twice. */
bool vf_request_add_map (VfRequest *request, const char *text, GError **error);
bool vf_request_add_disk (VfRequest *request, const char *text, GError **error);

/* Reads "OLD=NEW" of --net; VF_ERROR_USAGE for an empty name and for one given twice. */
bool vf_request_add_net (VfRequest *request, const char *text, GError **error);

/* Reads "OLD=NEW" of --pool, as --net. */
bool vf_request_add_pool (VfRequest *request, const char *text, GError **error);

/* What this pool is called at the destination. Borrowed: from the request, or `name` itself. */
const char *vf_request_pool (const VfRequest *request, const char *name);

/* What the volume "volume:POOL/NAME" is called there. The caller frees. */
char *vf_request_volume (const VfRequest *request, const char *volume);

/* Reads FILE of --with, a path at the source, relative to the working directory; VF_ERROR_USAGE for one with "..". Given twice
 * is as given once. */
bool vf_request_add_with (VfRequest *request, const char *text, GError **error);

/* What this bridge, network or lower device is called at the destination. Borrowed: from the request, or `name` itself. */
const char *vf_request_net (const VfRequest *request, const char *name);

/* The names of --net, old -> new (borrowed). g_hash_table_unref frees. */
GHashTable *vf_request_renames (const VfRequest *request);

/* The path of --disk for this target, or NULL. */
const char *vf_request_disk_path (const VfRequest *request, const char *target);

JsonObject *vf_request_to_json (const VfRequest *request);
VfRequest *vf_request_from_json (JsonObject *object, GError **error);
