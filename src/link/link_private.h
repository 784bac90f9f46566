/* What the files of this room share. Nobody else includes it.
 *
 * Threads of a link: the reader takes frames in and never writes, so that it can never be stuck behind its own peer; the keeper
 * writes what must be sent while nobody waits for it (PING, PONG, RESET, …); senders write their own frames.
 *
 * Locks: `write_lock` is held for whole frames, `lock` guards everything else and is taken inside it, never around it.
 * A function whose name ends in _locked is called with `lock` held. */
#pragma once

#include "base/fd.h"
#include "link/frame.h"
#include "link/link.h"

#include <sys/uio.h>

enum {
  VF_LINK_INTAKE_BYTES = 64 * 1024,
  VF_LINK_CHATTER_BYTES_MAX = 16 * 1024,
  VF_LINK_POSTS_MAX = 1024,                        /* frames that wait for the keeper: a peer that causes more does not read */
  VF_LINK_SERVICES_MAX = 2 * VF_LINK_CHANNELS_MAX, /* threads: one whose channel was reset needs a while to notice */
};

/* Says more about why the stream ended ("Connection closed by …"), or NULL; the caller frees. May wait for a moment. */
typedef char *(*VfEpitaph) (gpointer data);

struct VfLink {
  int in_fd, out_fd;
  int wake_fd; /* eventfd, readable once the link is dead */
  guint timeout_s;
  gint64 greeting_deadline_us; /* 0 once greeted */
  bool is_serving;
  VfEpitaph epitaph;
  gpointer epitaph_data;
  const char *peer_name; /* "the agent", as errors call the other side */
  JsonObject *peer;
  GThread *reader, *keeper;
  VfLinkService service;
  gpointer service_data;

  /* the reader's own */
  guint8 intake[VF_LINK_INTAKE_BYTES];
  gsize intake_start, intake_end;

  GMutex write_lock;

  GMutex rate_lock; /* taken alone */
  VfLinkRate rate;
  gpointer rate_data;
  guint64 rate_now;     /* as it was asked for last */
  gint64 rate_asked_us; /* 0: never */
  gint64 rate_free_us;

  GMutex lock;
  GCond keeper_cond, services_cond;
  GError *death; /* set once */
  bool peer_hung_up;
  GHashTable *channels; /* id -> VfChannel, one reference each */
  guint32 last_id;      /* the highest id that was opened */
  GQueue posts;         /* of VfPost */
  bool pong_is_due;
  guint8 pong[8];
  gint64 heard_us, sent_us, pinged_us;
  guint64 bytes_sent, bytes_received;
  guint services;  /* threads that run a service */
  GQueue finished; /* of GThread, to be joined */
};

typedef enum {
  VF_CHANNEL_OPENING, /* OPEN was sent or received, but no answer */
  VF_CHANNEL_OPEN,
  VF_CHANNEL_GONE, /* no longer in the link's table */
} VfChannelPhase;

typedef struct {
  guint8 *data;
  gsize start, end, capacity;
} VfChunk;

struct VfChannel {
  VfLink *link;
  guint32 id;
  char *service;
  int references;
  VfChannelPhase phase;
  GCond changed;
  GError *failure;         /* it was refused or reset */
  JsonObject *answer;      /* ACCEPT's */
  guint32 send_bytes_left; /* credit */
  guint32 send_bytes_kept; /* credit that is not spent: vf_channel_limit_ahead */
  guint32 receive_bytes_left;
  guint32 owed_bytes; /* consumed, and not yet given back as credit */
  bool sent_end, got_end;
  bool is_bulk;
  bool is_abandoned; /* its service has returned: nobody will take what comes */
  GQueue chunks;     /* of VfChunk, received */
  VfChunk *current;  /* the receiving thread's own */
  int alarm_fd;      /* eventfd, readable once the channel has failed; made when asked for */
};

/* ---- stream.c: bytes ---- */

typedef enum {
  VF_STREAM_OK,
  VF_STREAM_END,    /* the peer has hung up */
  VF_STREAM_SILENT, /* nothing moved until the deadline */
  VF_STREAM_WOKEN,  /* the link is dead */
  VF_STREAM_FAILED, /* errno tells */
} VfStreamResult;

VfStreamResult vf_stream_read_some (VfLink *link, void *buffer, gsize length, gsize *done);
/* END only before the first byte; an end within is FAILED with EPIPE. */
VfStreamResult vf_stream_read_full (VfLink *link, void *buffer, gsize length);
VfStreamResult vf_stream_write (VfLink *link, struct iovec *parts, int count);
void vf_stream_ignore_sigpipe (void);
bool vf_stream_set_nonblocking (int fd, GError **error);

/* ---- greeting.c ---- */

/* Sends our HELLO and reads the peer's. `hello` (may be NULL) has members beyond program, protocol and host. */
bool vf_link_greet (VfLink *link, JsonObject *hello, GError **error);

/* ---- link.c ---- */

VfLink *vf_link_new (int in_fd, int out_fd, guint timeout_s, bool is_serving, GError **error);
/* What a remote shell adds to vf_link_connect. */
typedef struct {
  guint greeting_s; /* another deadline for the greeting: a person may be typing a password */
  VfEpitaph epitaph;
  gpointer epitaph_data;
} VfLinkWishes;

VfLink *vf_link_connect_with (int in_fd, int out_fd, guint timeout_s, const VfLinkWishes *wishes, GError **error);
char *vf_link_ask_epitaph (VfLink *link); /* NULL when there is none */
void vf_link_start_keeper (VfLink *link);
void vf_link_read_until_dead (VfLink *link);
void vf_link_kill (VfLink *link, GError *reason);        /* takes reason */
void vf_link_kill_locked (VfLink *link, GError *reason); /* takes reason */

/* Runs with both locks held just before a frame is written; may set the frame's channel, or say no. */
typedef bool (*VfBeforeWrite) (VfChannel *channel, GError **error);

/* Writes what the keeper has to, then the frame. Waits until the stream has taken it or the link is dead. */
bool vf_link_write (VfLink *link, VfFrameType type, VfChannel *channel, const void *payload, gsize length, VfBeforeWrite before,
                    GError **error);

/* Leaves a frame to the keeper; never waits. */
void vf_link_post_locked (VfLink *link, VfFrameType type, guint32 id, const void *payload, gsize length);
void vf_link_post_reason_locked (VfLink *link, VfFrameType type, guint32 id, const GError *reason);

/* ---- channel.c ---- */

VfChannel *vf_channel_new (VfLink *link, const char *service);
void vf_channel_unref_locked (VfChannel *channel);
void vf_channel_join_locked (VfChannel *channel); /* into the table, under channel->id */
void vf_channel_leave_locked (VfChannel *channel);
void vf_channel_fail_locked (VfChannel *channel, GError *failure); /* takes failure */
void vf_channel_wake_locked (VfChannel *channel);
void vf_channel_drop_chunks_locked (VfChannel *channel);
/* Owned by the channel; readable once the channel has failed or the link is dead. -1 with an error. */
int vf_channel_alarm_fd (VfChannel *channel, GError **error);
/* Why it has failed, or NULL. */
GError *vf_channel_copy_failure (VfChannel *channel);

/* ---- rate.c ---- */

/* How much may be sent at once, so that what else waits for the link does not wait long. */
gsize vf_link_rate_portion (VfLink *link);
/* 0: the bytes may be sent, and are paid for; else try again after so many microseconds. */
gint64 vf_link_pay_for (VfLink *link, gsize bytes);

/* ---- incoming.c ---- */

/* Acts on one frame; `payload` is taken. False with an error when a rule is broken. */
bool vf_link_take_frame (VfLink *link, const VfFrame *frame, guint8 *payload, GError **error);

/* ---- serve.c ---- */

void vf_link_start_service (VfLink *link, guint32 id, JsonObject *args);

/* ---- reason.c ---- */

/* REFUSE's and RESET's JSON, and back. Texts from outside are cut and cleared of control characters: they end on terminals. */
char *vf_reason_print (const GError *reason);
GError *vf_reason_from_json (JsonObject *object);
char *vf_reason_clean (const char *text, gsize length);
/* The last line that is not empty, cleaned, or NULL; the caller frees. */
char *vf_reason_last_line (const char *text, gsize length);
