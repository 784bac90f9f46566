/* The link: one byte stream pair to the far end, carrying many channels. docs/internals/wire.md has the protocol.
 *
 * A link owns a reader thread, which never writes, and a keeper thread, which writes what nobody waits for (PING, PONG, RESET).
 * Any thread may open channels and send; each channel is used by one sending and one receiving thread at a time. Nothing here
 * waits for ever: when nothing has been heard for the link's timeout, when the peer takes nothing for so long, when the stream
 * ends or the peer breaks a rule, the link is dead: every channel's waiting call returns the same VF_ERROR_UNREACHABLE (or
 * PROTOCOL) error. What had arrived before the death can still be received.
 *
 * A cancellable wakes a wait for an answer, for credit or for bytes (VF_ERROR_CANCELLED; the channel stays usable); a frame
 * that is being written is finished first.
 *
 * Both descriptors are made non-blocking. Unless the process has set SIGPIPE to something else than its default, making a link
 * sets it to be ignored, for pipes have no MSG_NOSIGNAL.
 */
#pragma once

#include "base/error.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>

enum {
  VF_LINK_PROTOCOL = 1,
  VF_LINK_DATA_BYTES_MAX = 256 * 1024,
  VF_LINK_CREDIT_BYTES = 4 * 1024 * 1024,
  VF_LINK_CHANNELS_MAX = 64,
};

typedef struct VfLink VfLink;
typedef struct VfChannel VfChannel;

/* ---- the opener's side (source) ---- */

/* Sends the greeting and waits (at most `timeout_s`) for the peer's. Takes both descriptors (they may be equal) at once, also
 * on failure. `timeout_s` is also the silence after which the link is given up. Chatter before the greeting is quoted in the
 * error. */
VfLink *vf_link_connect (int in_fd, int out_fd, guint timeout_s, GError **error);

/* The peer's HELLO: host, program, protocol, roots, qemu_img. Borrowed. It is the peer's word: unchecked but for the protocol.
 */
JsonObject *vf_link_peer (VfLink *link);

/* Opens a channel to `service`. Waits for ACCEPT or REFUSE (a refusal becomes an error with the peer's code, text and hint,
 * prefixed by nothing). *answer (may be NULL) gets the ACCEPT's object, owned by the caller. `args` may be NULL. */
VfChannel *vf_link_open (VfLink *link, const char *service, JsonObject *args, JsonObject **answer, GCancellable *cancellable,
                         GError **error);

/* As vf_link_open for a service that only answers: opens, ends and frees the channel. Returns the answer (owned), NULL on
 * error. */
JsonObject *vf_link_call (VfLink *link, const char *service, JsonObject *args, GCancellable *cancellable, GError **error);

/* True once the link is dead; *error gets a copy of the reason. */
bool vf_link_is_dead (VfLink *link, GError **error);

/* Bytes of frames sent and received so far. */
void vf_link_counters (VfLink *link, guint64 *bytes_sent, guint64 *bytes_received);

/* How many bytes a second the channels that are marked as bulk may send together; 0: as many as they can. Called in sending
 * threads, one at a time, four times a second while something is sent; it must not wait. */
typedef guint64 (*VfLinkRate) (gpointer data);
void vf_link_set_rate (VfLink *link, VfLinkRate rate, gpointer data);

/* ---- the serving side (agent) ---- */

/* Called in a thread of its own for every OPEN. Must call vf_channel_accept or vf_channel_refuse once, may then stream, and
 * returns when it is done; the channel is ended and freed by the caller. */
typedef void (*VfLinkService) (VfChannel *channel, const char *service, JsonObject *args, gpointer data);

/* Greets, then serves until the peer hangs up between two frames (true), or the link dies (error). Returns only after all
 * service threads have. `hello` (may be NULL) adds members to the greeting; program, protocol and host are put in. A service
 * that returns with its channel open has it ended; what the peer still sends it is answered by a RESET. */
bool vf_link_serve (int in_fd, int out_fd, guint timeout_s, JsonObject *hello, VfLinkService service, gpointer data,
                    GError **error);

/* Kills the link: every waiting call fails. Idempotent; any thread. */
void vf_link_close (VfLink *link);
void vf_link_free (VfLink *link); /* closes first; all channels must have been freed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfLink, vf_link_free)

/* ---- channels ---- */

bool vf_channel_accept (VfChannel *channel, JsonObject *answer, GError **error); /* answer may be NULL */
bool vf_channel_refuse (VfChannel *channel, const GError *reason);               /* false: the link is dead */

/* What it sends keeps the link's rate. */
void vf_channel_mark_bulk (VfChannel *channel);

/* Sends all bytes; waits for credit. */
bool vf_channel_send (VfChannel *channel, const void *data, gsize length, GCancellable *cancellable, GError **error);

/* From now on sends at most so many bytes (128 KiB at least) ahead of what the peer's consumer has taken: what waits behind
 * them waits less, and a link of long delay carries less. */
void vf_channel_limit_ahead (VfChannel *channel, guint32 bytes);

/* Waits for at least one byte; returns how many (at most `length`), 0 at the peer's END, -1 on error. */
gssize vf_channel_receive (VfChannel *channel, void *buffer, gsize length, GCancellable *cancellable, GError **error);

/* Exactly `length` bytes; an END before is VF_ERROR_PROTOCOL. */
bool vf_channel_receive_full (VfChannel *channel, void *buffer, gsize length, GCancellable *cancellable, GError **error);

/* No more bytes from this side. */
bool vf_channel_end (VfChannel *channel, GError **error);

/* Ends the channel at once for both sides; the calls of both fail with `reason`'s code, text and hint. Any thread; never waits.
 */
void vf_channel_reset (VfChannel *channel, const GError *reason);

/* Resets unless both sides have ended; never waits. */
void vf_channel_free (VfChannel *channel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfChannel, vf_channel_free)
