/* What a host offers to guests, asked from outside a move. */
#pragma once

#include "plan/request.h"
#include "xml/host.h"

/* The host of request->destination_uri: through the link where that is a qemu+ssh URI, else libvirt's answer and this host's
 * own bridges. Blocks; touches nothing. The errors of connecting. */
VfHost *vf_host_ask (const VfRequest *request, GError **error);
