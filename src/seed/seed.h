/* Carrying one immutable file through a channel: sparse, digest-checked at both ends, memory bounded by a few chunks.
 * The stream's form is in docs/internals/wire.md. */
#pragma once

#include "link/link.h"
#include "seed/digest.h"

typedef struct {
  guint64 done_bytes; /* of the file, data and zeros */
  guint64 data_bytes; /* sent as data */
  guint64 zero_bytes; /* holes and chunks of zeros */
  guint64 sent_bytes; /* what the data became on the wire: less, when compressed */
} VfSeedCounts;

/* Called at least every 8 MiB that were read and at the end, in the sender's thread. A hole is one step, however large. */
typedef void (*VfSeedProgress) (const VfSeedCounts *counts, gpointer data);

typedef struct {
  int fd;             /* borrowed; opened read-only */
  const char *path;   /* for errors */
  const char *peer;   /* the other end's name for errors; NULL: "the other end" */
  guint64 file_bytes; /* how much to send: the size of the file or device */
  int zstd_level;     /* 0: bytes travel as they are */
  VfSeedProgress progress;
  gpointer progress_data;
  GCancellable *cancellable;
} VfSeedSource;

/* Sends the file (from a thread of its own that reads ahead by at most eight chunks) and waits for the receiver's verdict.
 * fdatasyncs first, so that SEEK_DATA tells the truth. A file whose size or mtime changed meanwhile is VF_ERROR_CORRUPT
 * and named. The peer's reasons are prefixed "on PEER". Counts and digest are valid on success. Ends this side of the channel;
 * on failure the caller frees the channel, which resets it. */
bool vf_seed_send (VfChannel *channel, const VfSeedSource *source, VfSeedCounts *counts, VfDigest *digest, GError **error);

typedef struct {
  int fd;             /* borrowed; opened for writing; a new empty file, or a block device */
  const char *path;   /* for errors */
  guint64 file_bytes; /* what the sender announced, checked against the device by the caller */
  bool is_block;      /* zeros must be written (FALLOC_FL_ZERO_RANGE or BLKZEROOUT), not left out */
} VfSeedTarget;

/* Receives into target, checks every record and the whole, syncs, and sends the verdict. Every rule of the stream is enforced:
 * a peer that breaks one gets VF_ERROR_PROTOCOL, a chunk whose digest is wrong VF_ERROR_CORRUPT with its offset; a full
 * filesystem is VF_ERROR_NO_SPACE. On failure nothing is sent: the caller resets the channel with the error. A new file's name
 * must be durable before (sync its directory): the verdict says that everything is. */
bool vf_seed_receive (VfChannel *channel, const VfSeedTarget *target, VfDigest *digest, GError **error);
