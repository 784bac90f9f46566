/* Whether compressing pays: the link's pace against the compressor's, measured while a file is sent. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  GMutex lock;
  bool is_on;
  guint asked;
  double link_rate;   /* stored bytes a microsecond, while the sender was sending; 0: not known yet */
  double shrink_rate; /* plain bytes a microsecond of one thread; 0: not known yet */
  double ratio;       /* plain to stored */
  guint64 window_bytes;
  gint64 window_us;
} VfPace;

void vf_pace_init (VfPace *pace);
void vf_pace_clear (VfPace *pace);

/* A worker asks whether to compress the next chunk: yes while it pays, and for one of 32 to know whether it would. */
bool vf_pace_wants (VfPace *pace);

/* A worker has compressed (or tried to) in so many microseconds. */
void vf_pace_shrunk (VfPace *pace, gsize plain_bytes, gsize stored_bytes, gint64 us);

/* The sender has given so many bytes to the link, which took them in so many microseconds. */
void vf_pace_sent (VfPace *pace, gsize bytes, gint64 us);
