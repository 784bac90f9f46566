/* The symlinks that a path leads through, as the kernel follows them. */
#pragma once

#include "base/file.h"

enum { VF_TRAIL_LINKS_MAX = 40 }; /* as the kernel's own bound */

/* One symlink on the way. */
typedef struct {
  char *path;         /* where it lies; no symlink on the way to it */
  char *text;         /* as recorded in it */
  char *real;         /* what it leads to in the end, without symlinks */
  char *to;           /* what it names, perhaps another link; no symlink on the way to it */
  bool is_directory;  /* the path goes on below it */
  VfFileFacts *facts; /* of the link itself */
} VfTrailStep;

typedef struct {
  char *real;       /* the path without symlinks and ".."; as far as it could be followed where there is a problem */
  char *directory;  /* the directory that holds the last component as it was named, without symlinks */
  GPtrArray *steps; /* VfTrailStep, in the order in which they are met */
  char *problem;    /* why the links on the way lead to nothing ("it leads to '/x', which does not exist"), or NULL */
} VfTrail;

/* Follows `path` (absolute) by looking at every component. Below /dev nothing is followed: names there are the host's own. A
 * path without links that does not exist is no problem of the trail's. Blocks on the filesystem. NULL when a directory or link
 * on the way cannot be looked at. */
VfTrail *vf_trail_follow (const char *path, GError **error);
void vf_trail_free (VfTrail *trail);
void vf_trail_step_free (VfTrailStep *step);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfTrail, vf_trail_free)
