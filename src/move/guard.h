/* Keeps two moves of one guest apart: one that runs now (a lock that ends with its holder), and one that an earlier process
 * left unfinished (its journal). */
#pragma once

#include "base/fd.h"

/* Locks the guest for this process. VF_FD_NONE and VF_ERROR_BUSY if another process moves it; the descriptor holds the lock. */
VfFd vf_guard_lock (const char *uuid, GError **error);

/* The ID of a move of this guest that is neither done nor undone, or NULL (with *error where the journals cannot be read). A
 * journal that cannot be understood counts, if it may be of this guest. The caller frees. */
char *vf_guard_find_unfinished (const char *uuid, GError **error);
