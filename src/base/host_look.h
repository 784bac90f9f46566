/* Whether a host has what a guest names there. Answers existence only, for a short list of kinds, and for files and directories
 * only below the places where such things belong: what else a host has is nobody's business (docs/internals/wire.md). Blocks
 * for as long as stat(2) does. */
#pragma once

#include "base/error.h"

typedef enum {
  VF_LOOK_NET_DEVICE, /* "br0": a network device of that name */
  VF_LOOK_DEVICE,     /* "vhost-net": one of few character devices below /dev */
  VF_LOOK_BOOT_FILE,  /* kernel, initrd, firmware, option ROM */
  VF_LOOK_DIRECTORY,  /* a directory for logs and sockets */
  VF_LOOK_SOCKET,     /* a Unix socket that another program serves */
  VF_LOOK_IP_ADDRESS, /* an address of one of its devices */
} VfLookKind;

/* The kind's name on the wire; an unknown name gives false. */
const char *vf_look_kind_name (VfLookKind kind);
bool vf_look_kind_from_name (const char *name, VfLookKind *kind);

typedef struct {
  bool looked; /* false: the kind's rules do not let it be looked at */
  bool there;
  bool is_bridge; /* of a network device */
  bool is_port;   /* of a network device: it is enslaved to a bridge or bond */
} VfLookAnswer;

VfLookAnswer vf_host_look (VfLookKind kind, const char *name);

/* Names of all Linux bridges, sorted. A NULL-terminated array; the caller frees. */
char **vf_host_bridges (void);
