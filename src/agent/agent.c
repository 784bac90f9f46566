#include "agent/agent.h"

#include "agent/files.h"
#include "agent/service.h"
#include "base/json.h"
#include "base/process.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
  SILENCE_S = 30, /* docs/internals/wire.md: a peer that says nothing for so long is gone */
  HOST_NAME_BYTES = 256,
};

static const VfService services[] = {
  { "stat", vf_service_stat, NULL },
  { "mkdir", vf_service_mkdir, NULL },
  { "similar", vf_service_similar, vf_service_similar_stream },
  { "receive", vf_service_receive, vf_service_receive_stream },
  { "digest", vf_service_digest, vf_service_digest_stream },
  { "own", vf_service_own, NULL },
  { "rebase", vf_service_rebase, NULL },
  { "create-cap", vf_service_create_cap, NULL },
  { "berth", vf_service_berth, NULL },
  { "symlink", vf_service_symlink, NULL },
  { "remove", vf_service_remove, NULL },
  { "rmdir", vf_service_rmdir, NULL },
  { "wipe", vf_service_wipe, NULL },
  { "rendezvous", vf_service_rendezvous, NULL },
  { "host-facts", vf_service_host_facts, NULL },
  { "sink", vf_service_sink, vf_service_sink_stream },
  { "relay", vf_service_relay, vf_service_relay_stream },
};

static void
serve (const VfService *service, VfAgent *agent, VfChannel *channel, JsonObject *args)
{
  g_autoptr (GError) error = NULL;
  VfStreamState state = { .fd = VF_FD_NONE };
  g_autoptr (JsonObject) answer = service->answer (agent, args, &state, &error);
  if (answer == NULL)
    vf_channel_refuse (channel, error);
  else if (vf_channel_accept (channel, answer, NULL) && service->stream != NULL && !service->stream (channel, &state, &error))
    vf_channel_reset (channel, error);
  vf_fd_close_value (state.fd);
  g_free (state.path);
  vf_place_free (state.place);
}

static void
serve_channel (VfChannel *channel, const char *name, JsonObject *args, gpointer agent)
{
  for (gsize i = 0; i < G_N_ELEMENTS (services); i++)
    if (strcmp (services[i].name, name) == 0) {
      serve (&services[i], agent, channel, args);
      return;
    }
  g_autoptr (GError) unknown = NULL;
  vf_error_set (&unknown, VF_ERROR_NOT_FOUND, "cannot serve '%.80s': this agent has no such service", name);
  vf_channel_refuse (channel, unknown);
}

/* "qemu-img version 7.2.22 (Debian …)": the third word; NULL where there is no qemu-img. */
static char *
qemu_img_version (void)
{
  const char *argv[] = { "qemu-img", "--version", NULL };
  VfProcessLimits limits = { .deadline_s = 10 };
  g_autofree char *output = NULL;
  if (!vf_process_run (argv, &limits, &output, NULL))
    return NULL;
  g_auto (GStrv) words = g_strsplit_set (output, " \n", 4);
  bool is_it = g_strv_length (words) >= 3 && strcmp (words[0], "qemu-img") == 0;
  return is_it ? g_utf8_make_valid (words[2], -1) : NULL;
}

static JsonObject *
make_hello (VfRoots *roots)
{
  char host[HOST_NAME_BYTES] = "";
  g_autofree char *version = qemu_img_version ();
  JsonObject *hello = json_object_new ();
  JsonArray *list = json_array_new ();
  gethostname (host, sizeof host - 1);
  g_autofree char *valid_host = g_utf8_make_valid (host, -1);
  for (const char *const *root = vf_roots_list (roots); *root != NULL; root++)
    json_array_add_string_element (list, *root);
  json_object_set_int_member (hello, "protocol", VF_LINK_PROTOCOL);
  json_object_set_string_member (hello, "program", VF_VERSION);
  json_object_set_string_member (hello, "host", valid_host);
  json_object_set_array_member (hello, "roots", list);
  if (version != NULL)
    json_object_set_string_member (hello, "qemu_img", version);
  else
    json_object_set_null_member (hello, "qemu_img");
  return hello;
}

bool
vf_agent_run (int in_fd, int out_fd, const char *config_path, GError **error)
{
  g_autoptr (VfRoots) roots = vf_roots_load (config_path, error);
  if (roots == NULL) {
    vf_fd_close_value (in_fd);
    if (out_fd != in_fd)
      vf_fd_close_value (out_fd);
    return false;
  }
  signal (SIGPIPE, SIG_IGN); /* a peer that hung up is an error of the write, not the end of what is being synced */
  g_autoptr (GHashTable) meetings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  VfAgent agent = { .roots = roots, .meetings = meetings };
  g_mutex_init (&agent.lock);
  vf_digest_key_make (&agent.key);
  g_autoptr (JsonObject) hello = make_hello (roots);
  bool served = vf_link_serve (in_fd, out_fd, SILENCE_S, hello, serve_channel, &agent, error);
  vf_rendezvous_leave_all (&agent);
  g_mutex_clear (&agent.lock);
  return served;
}
