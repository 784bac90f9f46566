/* The options that plan and migrate share. */
#pragma once

#include "cli/command.h"
#include "plan/request.h"

void vf_move_options_add (GOptionContext *context);

/* The request from the options parsed last and from DOMAIN DESTURI. */
VfRequest *vf_move_options_request (char **arguments, GError **error);
