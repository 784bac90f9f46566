/* One image, as qemu-img reads its header; the format is always told to it, never probed. */
#pragma once

#include "base/error.h"

#include <gio/gio.h>

typedef struct {
  char *id;
  char *name;
  guint64 vm_state_bytes; /* 0: disk only */
} VfInternalSnapshot;

typedef struct {
  char *path;
  char *format;
  guint64 virtual_bytes;
  guint64 allocated_bytes; /* on the host's filesystem; a device's own size for block devices */
  char *backing_name;      /* as recorded in the header, or NULL */
  char *backing_path; /* backing_name made absolute against the image's directory; NULL if none, or if it is not a local path */
  char *backing_format; /* as recorded; NULL when it is not */
  char *data_file;      /* external data file, as recorded, or NULL */
  char *data_path; /* the normal path that data_file is; NULL if none, or if that is no absolute path: QEMU looks for a relative
                      one in its own working directory, libvirt since 10.10 beside the image */
  bool encrypted;
  bool dirty, corrupt;           /* the header's own flags */
  GPtrArray *internal_snapshots; /* VfInternalSnapshot */
} VfImage;

/* The formats that a move carries: raw and qcow2. NULL is none. */
bool vf_image_format_is_known (const char *format);

/* VF_ERROR_NOT_FOUND with a hint when there is no qemu-img in PATH. */
bool vf_image_reader_is_there (GError **error);

/* Runs `qemu-img info` (shared lock: a running guest may have it open) under resource limits: 1 GiB, 10 s of CPU, 30 s.
 * `is_block` picks the protocol driver. The path goes to qemu-img as a member of a JSON description, so no byte of it is taken
 * for a protocol or an option; one that is not UTF-8 cannot be passed so, and like an unknown format is VF_ERROR_REFUSED. Must
 * not be a fifo: qemu-img would wait for a writer. */
VfImage *vf_image_read (const char *path, const char *format, bool is_block, GCancellable *cancellable, GError **error);

/* The same from qemu-img's JSON (what vf_image_read parses), which says 0 for the allocated bytes of a device, and of whose
 * backing path ".." is taken lexically. A raw image has no backing whatever the JSON says. Pure; fuzzed. */
VfImage *vf_image_parse (const char *path, const char *json, GError **error);

void vf_image_free (VfImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfImage, vf_image_free)

/* The absolute, normal path that `name`, recorded in the image at `image_path`, means; NULL for protocols, json: and the like,
 * and for a name with U+FFFD, which is what qemu-img prints for bytes that are not UTF-8. "file:/x" is /x. The caller frees. */
char *vf_backing_path (const char *image_path, const char *name);

/* `to` as seen from the directory of `from`: "base.qcow2", "../golden/base.qcow2". Both absolute. "./" leads a name that QEMU
 * would take for a protocol ("a:b"). The caller frees. */
char *vf_backing_name_relative (const char *from, const char *to);

/* Follows the recorded names from the head down. */
typedef enum {
  VF_CHAIN_WHOLE,
  VF_CHAIN_MISSING,     /* `at`, a layer or a layer's data file, does not exist */
  VF_CHAIN_NO_FORMAT,   /* `at` names a backing file without recording its format */
  VF_CHAIN_UNSUPPORTED, /* `at` has a backing or a data file that is not a local file or device, or is of a format that moves do
                           not know */
  VF_CHAIN_LOOP,        /* `at` comes twice */
  VF_CHAIN_UNREADABLE,  /* `at` could not be looked at, or qemu-img could not read it */
} VfChainState;

typedef struct {
  GPtrArray *images; /* VfImage, top first, as far as it could be followed */
  VfChainState state;
  char *at;     /* NULL when WHOLE */
  char *reason; /* "its format 'vmdk' is neither raw nor qcow2"; NULL when WHOLE */
} VfChain;

/* Never fails for what it finds (see state); the error is for cancellation and for qemu-img not being there. At most 256 layers
 * (more is UNSUPPORTED). One file under two names, or one device under two nodes, is a loop; data files count. */
VfChain *vf_chain_read (const char *head, const char *format, GCancellable *cancellable, GError **error);
void vf_chain_free (VfChain *chain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfChain, vf_chain_free)
