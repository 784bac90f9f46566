/* What a check found out: data, shown by `plan` all at once. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

typedef enum {
  VF_FINDING_NOTE,   /* good to know */
  VF_FINDING_WARN,   /* the move works; something may surprise */
  VF_FINDING_REFUSE, /* the move would fail or lose something */
} VfFindingLevel;

typedef struct {
  VfFindingLevel level;
  char *code;   /* "no-space": stable, for machines */
  char *object; /* "vda", "/var/lib/…": what it is about */
  char *text;   /* the reason */
  char *hint;   /* what the user can do; NULL if nothing */
} VfFinding;

void vf_finding_free (VfFinding *finding);

/* A list of VfFinding that owns them. */
GPtrArray *vf_findings_new (void);

/* Adds one. `hint` may be NULL; text is formatted. */
void vf_findings_add (GPtrArray *findings, VfFindingLevel level, const char *code, const char *object, const char *hint,
                      const char *text, ...) G_GNUC_PRINTF (6, 7);

bool vf_findings_refuse (const GPtrArray *findings);

const char *vf_finding_level_name (VfFindingLevel level);
JsonObject *vf_finding_to_json (const VfFinding *finding);
