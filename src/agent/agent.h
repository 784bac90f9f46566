/* The far end's service: docs/internals/wire.md lists what it does. It trusts nothing that it is sent. */
#pragma once

#include "base/error.h"

/* Serves one link on two descriptors (taken) until the peer hangs up. Reads `config_path` (a GKeyFile; group [agent], key roots
 * = list of directories separated by ';'; absent file: the defaults in agent/roots.h). */
bool vf_agent_run (int in_fd, int out_fd, const char *config_path, GError **error);
