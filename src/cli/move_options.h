/* The options that plan and migrate share. */
#pragma once

#include "cli/command.h"
#include "plan/request.h"

void vf_move_options_add (GOptionContext *context);

/* The request from the options parsed last and from DOMAIN DESTURI. */
VfRequest *vf_move_options_request (char **arguments, GError **error);

/* The same where a command has other words; both may be NULL. */
VfRequest *vf_move_options_request_for (const char *domain, const char *destination_uri, GError **error);
