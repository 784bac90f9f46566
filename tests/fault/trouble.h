/* Errors on request: rules that name the operation, which one of its kind, and by whom on what.
 *
 *   OPERATION NTH ERROR once|always [by=PROGRAM] [name=PART]     one rule a line; OPERATION: read, write, fsync or make
 *
 * `always` fails the NTH and every later one; a read that fails once the kernel may try again by itself. PROGRAM is the
 * caller's executable, PART a part of the file's path. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Takes the place of all earlier rules; an empty text ends them. False: it cannot be understood, and nothing changed. */
bool trouble_order (const char *text, size_t length);
/* 0, or the negative errno that this operation is to fail with. */
int trouble_due (const char *operation, const char *path, pid_t caller);
/* How many operations have been failed since the last order. */
unsigned trouble_count (void);
