/* A command whose source is another host runs there, through one link, and shows itself here as if it ran here. */
#pragma once

#include "cli/command.h"

/* `words` are the command and all that followed it, as they were typed; they have been parsed here, so the options of
 * source_options.h and console.h are known. Returns the command's exit code; when it is not known how it ended, INTERRUPTED for
 * a command that may change something. SIGINT, SIGTERM and SIGHUP are passed on as a wish to stop. */
int vf_remote_run (const VfCommand *command, char **words);
