/* Starting the agent on the destination through a remote shell, and what a libvirt URI says about how to get there. */
#pragma once

#include "base/error.h"
#include "link/link.h"

/* What DESTURI says, or the URI of a source that is reached through ssh.
 * qemu+ssh://USER@HOST:PORT/system?keyfile=F&known_hosts=F&no_verify=1&socket=S (libvirt's own parameters; `command` names
 * another ssh). */
typedef struct {
  char *user; /* or NULL */
  char *host;
  guint port;        /* 0: the shell's default */
  char *path;        /* "/system" or "/session" */
  char *keyfile;     /* or NULL */
  char *known_hosts; /* or NULL */
  char *command;     /* or NULL */
  char *socket;      /* or NULL: the far libvirt's socket, where it is not the usual one */
  bool no_verify;
} VfDestination;

/* VF_ERROR_USAGE with a hint for other drivers or transports than qemu+ssh. Bracketed IPv6 addresses are understood. */
VfDestination *vf_destination_parse (const char *uri, GError **error);
void vf_destination_free (VfDestination *destination);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfDestination, vf_destination_free)

/* The parameters known_hosts, no_verify and command are refused (VF_ERROR_USAGE) with an `rsh` of the user's, which could not
 * be told them; so are hosts that begin with '-'. The argument vector that reaches the agent: `rsh` (NULL: ssh) split as a
 * shell would split words but run without one, then -p, -l, -i …, host, `agent_path` agent --stdio (quoted for the far shell).
 * The caller frees with g_strfreev. Pure. */
char **vf_remote_shell_argv (const VfDestination *destination, const char *rsh, const char *agent_path, GError **error);

/* As above, and the agent there runs virt-ferry's own commands (agent/commands.h) instead of serving moves. */
char **vf_remote_shell_argv_for_commands (const VfDestination *destination, const char *rsh, const char *agent_path,
                                          GError **error);

/* For the words of ssh itself: puts aes128-gcm first when the processor has AES instructions and neither the user's nor the
 * host's configuration of ssh chooses ciphers (two runs of `ssh -G` tell). Takes and returns the vector. */
char **vf_remote_shell_prefer_fast (char **argv);

typedef struct VfRemoteShell VfRemoteShell;

/* Spawns it and connects the link over its standard input and output. Its standard error is collected (64 KiB) and quoted when
 * the link cannot be made or dies. The shell reads passwords from the terminal itself (as ssh does): with a
 * controlling terminal the greeting may take 120 s. It ignores SIGINT, SIGQUIT and SIGHUP, so that a move can be undone through
 * it after Ctrl-C; it ends with its standard input. */
VfRemoteShell *vf_remote_shell_start (char **argv, guint timeout_s, GError **error);
VfLink *vf_remote_shell_link (VfRemoteShell *shell); /* borrowed */

/* Closes the link, waits at most 5 s for the child to end by itself, then kills and reaps it (by pid). */
void vf_remote_shell_stop (VfRemoteShell *shell);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfRemoteShell, vf_remote_shell_stop)
