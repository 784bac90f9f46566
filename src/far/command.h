/* Running a command of virt-ferry on another host (agent/commands.h is the other half). */
#pragma once

#include "link/link.h"

typedef struct {
  char **words;    /* the command and what follows it, as the user typed them: any bytes */
  const char *uri; /* the libvirt of that host as seen there, in place of the --connect among the words */
  guint columns;   /* of the terminal that shows its standard error; 0: none does */
} VfFarCommand;

/* Returns once it runs there. */
VfChannel *vf_far_command_start (VfLink *link, const VfFarCommand *command, GError **error);

/* Asks it to stop, as a SIGTERM does; any thread but that of vf_far_command_follow. False: the link is dead, which stops it
 * too. */
bool vf_far_command_stop (VfChannel *channel);

/* Gets what it writes to `fd` 1 or 2. */
typedef void (*VfFarOutput) (int fd, const void *bytes, gsize length, gpointer data);

typedef struct {
  bool by_signal;
  guint number; /* the exit code, or the signal */
} VfFarEnd;

/* Blocks until the command has ended and all that it wrote was handed to `output`. An error means that how it ended is not
 * known. */
bool vf_far_command_follow (VfChannel *channel, VfFarOutput output, gpointer data, VfFarEnd *end, GError **error);
