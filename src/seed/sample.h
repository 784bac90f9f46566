/* A few chunks by which a file is known again among others: what decides which of them is worth a whole comparison. */
#pragma once

#include "seed/seed.h"

enum { VF_SAMPLES_MAX = 16, VF_SAMPLES_LEAST = 4 };

typedef struct {
  guint64 offset;
  VfTag tag;
} VfSample;

typedef struct {
  guint64 file_bytes;
  guint count;
  VfSample samples[VF_SAMPLES_MAX];
} VfSampling;

/* Takes them evenly over the file, of chunks that are not all zeros. Fewer than VF_SAMPLES_LEAST say nothing. */
bool vf_sampling_take (const VfSeedSource *source, VfSampling *sampling, GError **error);

/* How many of them `fd` has at the same place. Gives up after the first few when none was. */
guint vf_sampling_count (const VfSampling *sampling, int fd, const VfDigestKey *key);

/* As `has` records of one tag each, and the end of this side of the channel. */
bool vf_sampling_send (VfChannel *channel, const VfSampling *sampling, GError **error);
bool vf_sampling_receive (VfChannel *channel, guint64 file_bytes, VfSampling *sampling, GError **error);
