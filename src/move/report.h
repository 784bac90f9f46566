/* How a move tells what it does. All calls come from the thread that runs the move. */
#pragma once

#include "plan/finding.h"

typedef struct {
  const char *phase;  /* "seed" */
  const char *detail; /* the file or disk at hand, or NULL */
  guint64 done_bytes;
  guint64 total_bytes; /* 0: not known */
} VfProgress;

typedef struct {
  void (*phase) (const char *phase, const char *title, gpointer data);
  void (*progress) (const VfProgress *progress, gpointer data);
  void (*finding) (const VfFinding *finding, gpointer data);
  void (*note) (const char *text, gpointer data);
  gpointer data;
} VfReporter;
