/* Carrying one immutable file through a channel: sparse, tag-checked at both ends, with several threads at either end and
 * memory bounded by their number (docs/internals/seeding.md). The stream's form is in docs/internals/wire.md. */
#pragma once

#include "link/link.h"
#include "seed/digest.h"

enum { VF_STREAMS_DEFAULT = 4, VF_STREAMS_MAX = 16 };

typedef struct {
  guint64 done_bytes;     /* of the file, data and zeros */
  guint64 data_bytes;     /* blocks of 4 KiB that were sent, as they lie in the file */
  guint64 zero_bytes;     /* holes and zeros */
  guint64 kept_bytes;     /* chunks that the receiver had already */
  guint64 sent_bytes;     /* what the data became on the wire: less, when compressed */
  guint64 again_bytes;    /* chunks that did not arrive as they were sent, and were sent again */
  bool read_back_differs; /* on failure: the receiver's disk did not keep what was written; sending again may mend it */
} VfSeedCounts;

/* Called at least every 8 MiB that were read and at the end, in the sender's thread. A hole is one step, however large. */
typedef void (*VfSeedProgress) (const VfSeedCounts *counts, gpointer data);

typedef struct {
  int fd;             /* borrowed; opened read-only */
  const char *path;   /* for errors */
  const char *peer;   /* the other end's name for errors; NULL: "the other end" */
  guint64 file_bytes; /* how much to send: the size of the file or device */
  VfDigestKey key;    /* the receiver's */
  bool is_there;      /* the receiver tells what it has, and only what differs is sent */
  guint streams;      /* threads that read, hash and compress; 0: VF_STREAMS_DEFAULT */
  int zstd_level;     /* 0: bytes travel as they are */
  bool compress_auto; /* the level only where it pays, as measured meanwhile */
  bool resumes;       /* a block device: this move has begun to write it before */
  bool read_back;     /* the receiver is to read everything back from its disk */
  VfSeedProgress progress;
  gpointer progress_data;
  GCancellable *cancellable;
} VfSeedSource;

/* Sends the file and waits for the receiver's verdict. fdatasyncs first, so that SEEK_DATA tells the truth. A file whose size
 * or mtime changed meanwhile is VF_ERROR_CORRUPT and named. The peer's reasons are prefixed "on PEER". Counts and digest are
 * valid on success. On failure the caller frees the channel, which resets it. */
bool vf_seed_send (VfChannel *channel, const VfSeedSource *source, VfSeedCounts *counts, VfDigest *digest, GError **error);

typedef struct {
  int fd;             /* borrowed; opened for reading and writing; a file of the move's own, or a block device */
  const char *path;   /* for errors */
  guint64 file_bytes; /* what the sender announced, checked against the device by the caller */
  bool is_block;      /* zeros must be written (FALLOC_FL_ZERO_RANGE or BLKZEROOUT), not left out */
  bool has_data;      /* it may hold parts of the file already: they are told to the sender, and what it keeps stays */
  bool read_back;     /* once synced, read it back from the disk */
  VfDigestKey key;
  guint streams; /* threads that expand, check and write; 0: VF_STREAMS_DEFAULT */
} VfSeedTarget;

/* Receives into target, checks every record and the whole, syncs, and sends the verdict. Every rule of the stream is enforced:
 * a peer that breaks one gets VF_ERROR_PROTOCOL, a chunk whose tag is wrong VF_ERROR_CORRUPT with its offset; a full
 * filesystem is VF_ERROR_NO_SPACE. On failure nothing is sent: the caller resets the channel with the error. A new file's name
 * must be durable before (sync its directory): the verdict says that everything is. */
bool vf_seed_receive (VfChannel *channel, const VfSeedTarget *target, VfDigest *digest, GError **error);
