/* Preflight over facts made by hand. */
#pragma once

#include "preflight/preflight.h"
#include "scene.h"

typedef struct {
  Scene *scene;
  VfDestinationFacts *destination;
  VfPlan *plan;
  GPtrArray *findings;
} Trial;

void trial_free (Trial *trial);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Trial, trial_free)

/* "shop", with a destination that has the directory and none of the files: nothing is in its way. */
Trial *trial_clean (void);

/* The same with these <disk> elements instead. */
Trial *trial_with_disks (const char *disks_xml);

/* One disk vda on a device, which is there and free. */
Trial *trial_on_device (void);

/* Plans, unless there is a plan, and finds. */
void trial_run (Trial *trial);

/* Runs it, and there is exactly one finding of this level or above, with this code and object, whose text has `part`. Both take
 * the trial. */
void assert_only (Trial *taken, VfFindingLevel level, const char *code, const char *object, const char *part);
void assert_refused_for (Trial *taken, const char *code, const char *object, const char *part);
