/* The subcommands: one file each, listed in main.c. */
#pragma once

#include "base/error.h"
#include "move/result.h"

/* How a command stands to the source, where that is another host. */
typedef enum {
  VF_COMMAND_ACTS, /* it may change something; it has the options of console.h */
  VF_COMMAND_LOOKS,
  VF_COMMAND_LOCAL, /* it has no source */
} VfCommandKind;

typedef struct {
  const char *name;
  const char *arguments; /* "DOMAIN DESTURI" */
  const char *summary;   /* one line of `virt-ferry --help` */
  /* Adds the command's options to `context`; they are also what the completion and the manual are checked against. */
  void (*add_options) (GOptionContext *context);
  /* `arguments` are what is left after the options. Returns the exit code. */
  int (*run) (char **arguments);
  VfCommandKind kind;
} VfCommand;

extern const VfCommand vf_command_plan;
extern const VfCommand vf_command_migrate;
extern const VfCommand vf_command_host;
extern const VfCommand vf_command_list;
extern const VfCommand vf_command_status;
extern const VfCommand vf_command_resume;
extern const VfCommand vf_command_abort;
extern const VfCommand vf_command_cleanup;
extern const VfCommand vf_command_recover;
extern const VfCommand vf_command_set;
extern const VfCommand vf_command_agent;

/* Prints "virt-ferry: MESSAGE" and the hint to standard error, frees the error. Returns the exit code for it. */
int vf_cli_fail (GError *error);
int vf_cli_usage (const VfCommand *command, const char *problem);
