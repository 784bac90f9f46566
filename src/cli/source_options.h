/* Where the guest's host is: the options that every command but `agent` has. */
#pragma once

#include "cli/command.h"

/* Adds --connect, --source-rsh and --source-agent-path. */
void vf_source_options_add (GOptionContext *context);

/* For `virt-ferry -c URI COMMAND …`: how many of these words, which come before the command, are such an option with its value.
 */
guint vf_source_options_leading (char **words);

/* This process was started on the source for somebody elsewhere: its libvirt is `uri`, whatever --connect says. */
void vf_source_options_set_here (const char *uri);

/* True in such a process. */
bool vf_source_options_are_elsewhere (void);

/* The source's libvirt, a URI of this host; NULL where --connect says nothing. */
const char *vf_source_options_uri (void);

/* True if --connect names another host, so that the command has to run there. */
bool vf_source_options_are_remote (void);

/* What --source-rsh (NULL: ssh), --source-agent-path and, when it is remote, --connect say. */
typedef struct {
  const char *uri, *rsh, *agent_path;
} VfRemoteSource;

VfRemoteSource vf_source_options_remote (void);
