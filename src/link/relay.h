/* Unix sockets carried through the link: what connects to a socket here comes out as a connection to a socket there. */
#pragma once

#include "link/link.h"

typedef struct VfRelay VfRelay;

/* Listens on `socket_path` (mode 0666 within a directory that only those who know its name can use) and, for every connection,
 * opens the service "relay" with a copy of `args` and pumps bytes both ways until both have ended. Half-closes are carried.
 * Threads of its own. A name that is taken is VF_ERROR_EXISTS. The link must outlive the relay. */
VfRelay *vf_relay_listen (VfLink *link, const char *socket_path, JsonObject *args, GError **error);

/* Connections made from now on send at most so many bytes ahead (vf_channel_limit_ahead). */
void vf_relay_limit_ahead (VfRelay *relay, guint32 bytes);

/* Connections made from now on keep the link's rate (vf_link_set_rate). */
void vf_relay_mark_bulk (VfRelay *relay);

/* How many connections were accepted so far; *error gets (a copy of) the first failure of any of them. */
guint vf_relay_accepted (VfRelay *relay, GError **error);

/* Stops listening, resets what is still pumped, joins its threads, removes the socket. */
void vf_relay_stop (VfRelay *relay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfRelay, vf_relay_stop)

/* The serving half: pumps between an accepted channel and a connected socket until both directions have ended. Blocks. Takes
 * fd. */
void vf_relay_pump (VfChannel *channel, int socket_fd);
