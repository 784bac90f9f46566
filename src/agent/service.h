/* What a service of the agent is. The table is in agent.c, a service's acts are in the file that its subject has. */
#pragma once

#include "agent/roots.h"
#include "base/fd.h"
#include "link/link.h"
#include "seed/digest.h"

typedef struct {
  VfRoots *roots;
  VfDigestKey key; /* of all digests that this agent compares */
  GMutex lock;
  GHashTable *meetings; /* rendezvous name -> descriptor of its directory, shared-locked while this agent lives; or NULL */
} VfAgent;

/* What a streaming service keeps between its answer and the end of its stream. */
typedef struct {
  VfFd fd;
  char *path;
  guint64 bytes;
  bool is_block;
  bool has_data; /* what a former transfer of this move wrote */
  bool read_back;
  VfDigestKey key;
  guint streams;
  VfAgent *agent;        /* borrowed */
  struct VfPlace *place; /* owned; or NULL */
} VfStreamState;

typedef struct {
  const char *name;

  /* Checks and acts; its object (owned by the caller) accepts the channel, its error refuses it. Runs in a thread of its own.
   */
  JsonObject *(*answer) (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);

  /* Goes on over the accepted channel; an error resets it. NULL: the answer was all. */
  bool (*stream) (VfChannel *channel, VfStreamState *state, GError **error);
} VfService;

/* look.c */
JsonObject *vf_service_stat (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
JsonObject *vf_service_digest (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
bool vf_service_digest_stream (VfChannel *channel, VfStreamState *state, GError **error);

/* host.c */
JsonObject *vf_service_host_facts (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);

/* names.c */
JsonObject *vf_service_mkdir (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
JsonObject *vf_service_rmdir (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
JsonObject *vf_service_berth (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
JsonObject *vf_service_remove (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);

/* links.c */
JsonObject *vf_service_symlink (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);

/* receive.c */
JsonObject *vf_service_receive (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
bool vf_service_receive_stream (VfChannel *channel, VfStreamState *state, GError **error);
/* similar.c */
JsonObject *vf_service_similar (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
bool vf_service_similar_stream (VfChannel *channel, VfStreamState *state, GError **error);

/* receive.c */
JsonObject *vf_service_wipe (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);

/* images.c */
JsonObject *vf_service_own (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
JsonObject *vf_service_rebase (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
JsonObject *vf_service_create_cap (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);

/* sink.c */
JsonObject *vf_service_sink (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
bool vf_service_sink_stream (VfChannel *channel, VfStreamState *state, GError **error);

/* sockets.c */
/* The rendezvous of this agent go with it, but where another agent serves there by now. */
void vf_rendezvous_leave_all (VfAgent *agent);
JsonObject *vf_service_rendezvous (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
JsonObject *vf_service_relay (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error);
bool vf_service_relay_stream (VfChannel *channel, VfStreamState *state, GError **error);
