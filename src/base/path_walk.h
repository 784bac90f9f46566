/* A path that is walked component by component because its symlinks matter: where the walk stands, and what is left of it.
 * What a component is, and whether its link is followed, is the walker's affair. */
#pragma once

#include <glib.h>

typedef struct {
  GString *done; /* walked, without symlinks; "" is the root directory */
  GQueue rest;   /* char *: components yet to be looked at; ".." is one, "." none */
  guint links;   /* followed so far, as the walker counts */
} VfPathWalk;

#define VF_PATH_WALK_INIT                                                                                                      \
  {                                                                                                                            \
    .done = g_string_new (NULL), .rest = G_QUEUE_INIT                                                                          \
  }
void vf_path_walk_clear (VfPathWalk *walk);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VfPathWalk, vf_path_walk_clear)

/* Puts a path, or a symlink's text, before what is left; an absolute one begins anew at the root. */
void vf_path_walk_push (VfPathWalk *walk, const char *path);

/* The next component, or NULL at the end. The caller frees. */
char *vf_path_walk_pop (VfPathWalk *walk);

/* To the parent, by name. */
void vf_path_walk_up (VfPathWalk *walk);
