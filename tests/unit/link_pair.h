/* Two links in one process over a socketpair, or one link and a raw peer that writes frames by hand. */
#pragma once

#include "link/frame.h"
#include "link/link.h"

typedef struct {
  VfLink *link; /* the source's end */
  GThread *server;
  int server_fd; /* owned by the server's link; for breaking it */
  bool served;
  GError *serve_error;
} LinkPair;

/* The services: "echo", "answer" (returns its arguments), "refuse", "drain" (reads until END), "stuck" (accepts, then reads
 * only once link_pair_release was called), "mute" (never answers before link_pair_release), "reset" (accepts, takes 1 byte,
 * resets), "hang" (accepts and returns), "digest" (reads all, sends the SHA-256 of it), "pour" (sends "bytes" bytes of a
 * pattern, then END) */
LinkPair *link_pair_new (guint timeout_s);
void link_pair_release (void);
void link_pair_free (LinkPair *pair); /* closes, waits for the server */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LinkPair, link_pair_free)

void link_pair_serve (VfChannel *channel, const char *service, JsonObject *args, gpointer data);

/* A byte of the pattern at this place of the stream. */
void link_pattern (guint8 *buffer, gsize length, guint64 offset);

/* The raw peer's words. */
void raw_send (int fd, VfFrameType type, guint32 channel, const void *payload, gsize length);
void raw_send_text (int fd, VfFrameType type, guint32 channel, const char *json);
void raw_greet (int fd); /* magic and a good HELLO */
/* Reads a frame; *payload (may be NULL) is the caller's. Returns false at the end of the stream. */
bool raw_read (int fd, VfFrame *frame, char **payload);
void raw_skip_greeting (int fd);

/* vf_link_connect over one end of a socketpair; *raw_fd gets the other, which has greeted. */
VfLink *raw_connect (guint timeout_s, int *raw_fd);

/* A server whose source is raw: *raw_fd. */
LinkPair *raw_serve (guint timeout_s, int *raw_fd);

#define assert_vf_error(error, wanted) g_assert_error (error, VF_ERROR, (int)(wanted))
