/* The arguments of a request. Whatever is wrong with one is VF_ERROR_PROTOCOL: a peer of ours sends none such. */
#pragma once

#include "base/file.h"

#include <json-glib/json-glib.h>

/* The member as an absolute path without "." and "..", shorter than PATH_MAX. The caller frees. */
char *vf_args_path (JsonObject *args, const char *member, GError **error);

/* A string of at least one character; borrowed. */
const char *vf_args_string (JsonObject *args, const char *member, GError **error);

/* The move's id; borrowed. */
const char *vf_args_id (JsonObject *args, GError **error);

/* A size: up to 2^63 - 1. */
bool vf_args_bytes (JsonObject *args, guint64 *bytes, GError **error);

/* The member "streams", how many threads may work; 0 when it is absent. */
bool vf_args_streams (JsonObject *args, guint *streams, GError **error);

/* A member that is true or false; false when it is absent. */
bool vf_args_flag (JsonObject *args, const char *member, bool *flag, GError **error);

/* Permission bits only. */
bool vf_args_mode (JsonObject *args, guint *mode, GError **error);

/* Members "device" and "inode". The question is whether they are there at all. */
bool vf_args_has_file_id (JsonObject *args);
bool vf_args_file_id (JsonObject *args, VfFileId *id, GError **error);

/* A string that may be the name of a directory or socket below the rendezvous: [A-Za-z0-9.-], no leading dot, at most 64. */
const char *vf_args_plain_name (JsonObject *args, const char *member, GError **error);
