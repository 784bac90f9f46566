/* libvirt's event loop, in a thread of its own. Private to this room. */
#pragma once

#include "base/error.h"

/* Starts it once a process; it runs until the process ends. Must come before the first connection. Any thread. */
bool vf_libvirt_loop_start (GError **error);
