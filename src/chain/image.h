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
  char *backing_path;      /* backing_name made absolute against the image's directory; NULL if none, or if it is not a local path */
  char *backing_format;    /* as recorded; NULL when it is not */
  char *data_file;         /* external data file, or NULL */
  bool encrypted;
  bool dirty, corrupt;     /* the header's own flags */
  GPtrArray *internal_snapshots; /* VfInternalSnapshot */
} VfImage;

/* Runs `qemu-img info` (shared lock: a running guest may have it open) under resource limits. `is_block` picks the protocol driver. */
VfImage *vf_image_read (const char *path, const char *format, bool is_block, GCancellable *cancellable, GError **error);

/* The same from qemu-img's JSON (what vf_image_read parses). Pure; fuzzed. */
VfImage *vf_image_parse (const char *path, const char *json, GError **error);

void vf_image_free (VfImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfImage, vf_image_free)

/* The absolute, normal path that `name`, recorded in the image at `image_path`, means; NULL for protocols, json: and the like. */
char *vf_backing_path (const char *image_path, const char *name);

/* `to` as seen from the directory of `from`: "base.qcow2", "../golden/base.qcow2". Both absolute. The caller frees. */
char *vf_backing_name_relative (const char *from, const char *to);

/* Follows the recorded names from the head down. */
typedef enum {
  VF_CHAIN_WHOLE,
  VF_CHAIN_MISSING,       /* `at` does not exist */
  VF_CHAIN_NO_FORMAT,     /* `at` names a backing file without recording its format */
  VF_CHAIN_UNSUPPORTED,   /* `at` has a backing that is not a local file or device, or is of a format that moves do not know */
  VF_CHAIN_LOOP,          /* `at` comes twice */
  VF_CHAIN_UNREADABLE,    /* qemu-img could not read `at`: `reason` */
} VfChainState;

typedef struct {
  GPtrArray *images; /* VfImage, top first, as far as it could be followed */
  VfChainState state;
  char *at;
  char *reason;
} VfChain;

/* Never fails for what it finds (see state); the error is for cancellation and for qemu-img not being there. At most 256 layers. */
VfChain *vf_chain_read (const char *head, const char *format, GCancellable *cancellable, GError **error);
void vf_chain_free (VfChain *chain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfChain, vf_chain_free)
