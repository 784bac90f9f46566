/* Owners and modes, as the source names them. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Gives an open file or directory its owner and mode, durably. A name that this host does not know changes nothing; a number
 * stands for itself. False with errno. */
bool vf_owner_give (int fd, const char *user_name, const char *group_name, guint mode);
