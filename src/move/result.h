/* How a move ended, in the words that every fatal end needs: what failed, where the guest is and whether its data is whole,
 * what to do next. */
#pragma once

#include "base/error.h"
#include "plan/plan.h"

/* The program's exit codes; design and man page promise them. */
typedef enum {
  VF_EXIT_DONE = 0,
  VF_EXIT_USAGE = 1,
  VF_EXIT_REFUSED = 2,     /* nothing was touched */
  VF_EXIT_UNDONE = 3,      /* failed; the guest is on its old storage */
  VF_EXIT_INTERRUPTED = 4, /* `resume` or `abort` it */
  VF_EXIT_UNSETTLED = 5,   /* the guest is at the destination; `resume` finishes */
  VF_EXIT_UNDECIDED = 6,   /* a person must decide */
} VfExit;

typedef struct {
  char *id; /* NULL when no move was begun */
  VfExit exit;
  GError *error; /* what failed; NULL on success */
  char *guest;   /* "running at bravo" */
  char *data;    /* "its data is whole: …" */
  char *next;    /* the next command, or NULL */
  double seconds;
  guint64 downtime_ms; /* 0: not known */
  guint64 bytes_allocated, bytes_sent, bytes_reused, bytes_zero;
  guint rounds;
  JsonArray *disks; /* per disk its chain at the destination; NULL unless done */
} VfResult;

VfResult *vf_result_new (void);
void vf_result_free (VfResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfResult, vf_result_free)

const char *vf_exit_name (VfExit exit); /* "done", "undone", … for JSON's `outcome` */
JsonObject *vf_result_to_json (const VfResult *result);
