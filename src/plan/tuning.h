/* How the switch is made: the options of `virsh migrate` that are passed through to libvirt. One table names them all; the
 * command line, the journal and src/domain/migration.c go by it. */
#pragma once

#include "base/error.h"

#include <json-glib/json-glib.h>

/* A member that is false, 0 or NULL was not given. */
typedef struct {
  bool suspend;
  bool post_copy_ram;
  guint64 post_copy_bandwidth_mib_s;
  guint64 timeout_post_copy_s;
  guint64 timeout_suspend_s;
  bool auto_converge;
  guint64 auto_converge_initial_percent;
  guint64 auto_converge_increment_percent;
  bool parallel;
  guint64 parallel_connections;
  bool compressed;
  char *comp_methods; /* "xbzrle,mt" */
  guint64 comp_xbzrle_cache_bytes;
  guint64 comp_mt_level;
  guint64 comp_mt_threads;
  guint64 comp_mt_dthreads;
  char *dname;
  char *xml; /* absolute paths: what they hold may be secret, so only its digest is kept */
  char *persistent_xml;
  char *xml_sha256;
  char *persistent_xml_sha256;
  char *graphicsuri;
  bool unsafe;
} VfTuning;

typedef enum {
  VF_TUNING_SWITCH, /* a bool */
  VF_TUNING_NUMBER, /* a guint64 */
  VF_TUNING_BYTES,  /* a guint64, written 64M */
  VF_TUNING_TEXT,   /* a char * */
  VF_TUNING_FILE,   /* a char *, a path */
} VfTuningKind;

typedef struct {
  const char *option; /* without "--"; NULL: not the user's word, but follows from one */
  const char *member; /* in the journal */
  VfTuningKind kind;
  gsize offset; /* in VfTuning */
  guint64 least, most;
  const char *needs; /* the option without which it says nothing, or NULL */
  const char *words; /* of --help */
  const char *value; /* of --help: what follows it */
} VfTuningRow;

extern const VfTuningRow vf_tuning_rows[];
extern const gsize vf_tuning_row_count;

void vf_tuning_clear (VfTuning *tuning);

/* Takes one option as typed; of a switch `text` is not read. VF_ERROR_USAGE. */
bool vf_tuning_set (VfTuning *tuning, const VfTuningRow *row, const char *text, GError **error);

/* True if the option was given. */
bool vf_tuning_has (const VfTuning *tuning, const VfTuningRow *row);

/* Looks for options that say nothing without another one, and for those that libvirt or QEMU refuses together: VF_ERROR_USAGE.
 */
bool vf_tuning_check (const VfTuning *tuning, GError **error);

/* The guest may run at the destination before all of its memory is there. */
bool vf_tuning_may_post_copy (const VfTuning *tuning);

/* Only what was given. A member that is not known is VF_ERROR_CORRUPT: it was to be obeyed. */
JsonObject *vf_tuning_to_json (const VfTuning *tuning);
bool vf_tuning_from_json (JsonObject *object, VfTuning *tuning, GError **error);
