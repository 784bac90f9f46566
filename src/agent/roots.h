/* The directories below which the agent opens anything. */
#pragma once

#include "base/error.h"

#define VF_AGENT_CONFIG "/etc/virt-ferry/agent.conf"

typedef struct VfRoots VfRoots;

/* From the configuration file; without one: /var/lib/libvirt, /srv, /mnt, /var/lib/one, and /dev for block devices only. A file
 * that lists roots replaces them all, /dev too. VF_ERROR_USAGE when one is not absolute and normal. */
VfRoots *vf_roots_load (const char *config_path, GError **error);
VfRoots *vf_roots_new (const char *const *directories);
void vf_roots_free (VfRoots *roots);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfRoots, vf_roots_free)

const char *const *vf_roots_list (VfRoots *roots);

/* True if the normal path lies below a root; says nothing of symlinks. */
bool vf_roots_contain (VfRoots *roots, const char *path);

/* Opens `path` by openat2 with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS relative to its root. Symlinks, relative and absolute, are
 * followed here and not by the kernel: every component is opened below a root again, so each step lands below one, whatever is
 * renamed meanwhile; at most 40. What exists is looked at before it is opened, so that a fifo cannot keep the agent waiting:
 * only files, directories and block devices are opened, and below /dev block devices alone; O_PATH opens the other kinds too,
 * but not below /dev. VF_ERROR_REFUSED with a hint naming the configuration file for paths outside and links that lead out. */
int vf_roots_open (VfRoots *roots, const char *path, int flags, guint mode, GError **error);

/* Opens the directory that holds `path` (O_PATH) and returns it; *name gets the last component (caller frees). For the *at()
 * calls. Refused below /dev, and for a root itself. */
int vf_roots_open_directory_of (VfRoots *roots, const char *path, char **name, GError **error);
