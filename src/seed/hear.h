/* The sender's ear: what the receiver tells of the chunks that it has, in rising order. */
#pragma once

#include "seed/seed.h"
#include "seed/stream.h"

typedef struct {
  VfChannel *channel;
  GCancellable *cancellable;
  guint64 file_bytes;
  guint64 at; /* of the first tag */
  guint count;
  bool ended;
  VfTag tags[VF_TOLD_MAX];
} VfHearing;

/* Waits until it is known whether the receiver has something other than zeros at `offset`, which must not fall: *told, and its
 * tag. False: the channel has failed, or a rule was broken. */
bool vf_hear_tag (VfHearing *hearing, guint64 offset, bool *told, VfTag *tag, GError **error);

/* Waits for the end of what is told. */
bool vf_hear_end (VfHearing *hearing, GError **error);
