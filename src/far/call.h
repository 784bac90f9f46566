/* How every typed call reaches the agent: used within this room only. */
#pragma once

#include "link/link.h"

/* The far end's name: what it said in its HELLO. Borrowed from the link. */
const char *vf_far_host (VfLink *link);

/* "on HOST: …" before what the far end refused; the link's own end and cancellation stay as they are. Takes `failure`; false.
 */
bool vf_far_failed (VfLink *link, GError *failure, GError **error);

/* vf_link_call with that; takes `args`. */
JsonObject *vf_far_call (VfLink *link, const char *service, JsonObject *args, GCancellable *cancellable, GError **error);

/* {"path": path}, and "id" unless NULL. */
JsonObject *vf_far_args (const char *path, const char *id);
