/* Running virt-ferry's own commands on this host for somebody elsewhere: the far half of `--connect qemu+ssh://…`.
 * docs/internals/wire.md has the service. */
#pragma once

#include "base/error.h"

/* Serves one link on two descriptors (taken) until the peer hangs up. Its one service, `command`, runs this very program, and
 * no other, with the words that it is sent. When the peer asks for it, hangs up or falls silent, the command gets SIGTERM, as
 * from Ctrl-C; this returns when it has ended. */
bool vf_commands_run (int in_fd, int out_fd, GError **error);
