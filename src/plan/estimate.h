/* What a move would take over a link that was measured. Pure. */
#pragma once

#include "base/error.h"

#include <json-glib/json-glib.h>

typedef struct {
  guint64 link_bytes_per_s; /* 0: not measured, and nothing else is valid */
  guint64 copy_bytes;       /* at most: what is there already, or shrinks, need not travel */
  guint64 memory_bytes;     /* the guest's memory, once; what it changes meanwhile comes on top */
  guint64 stop_ms;          /* what the guest's stop is held below, if it can be; 0: it stands already */
  bool guest_runs;
} VfEstimate;

double vf_estimate_copy_seconds (const VfEstimate *estimate);
double vf_estimate_memory_seconds (const VfEstimate *estimate);

/* One line for people; the caller frees. */
char *vf_estimate_print (const VfEstimate *estimate);

/* For `plan --json`. */
JsonObject *vf_estimate_to_json (const VfEstimate *estimate);
