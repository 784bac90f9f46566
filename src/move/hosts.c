/* The connections of a move: libvirt here, the link, and libvirt there through the link. */
#include "far/far.h"
#include "move/move.h"

#include <errno.h>
#include <glib/gstdio.h>

#define RENDEZVOUS_DIRECTORY "/run/virt-ferry"

bool
vf_move_connect_source (VfMove *move, GError **error)
{
  if (move->source != NULL && !vf_hypervisor_is_alive (move->source)) {
    g_clear_pointer (&move->guest, vf_guest_free);
    g_clear_pointer (&move->source, vf_hypervisor_close);
  }
  if (move->source == NULL)
    move->source = vf_hypervisor_open (move->request->source_uri, "source", error);
  if (move->source == NULL)
    return false;
  if (move->guest == NULL) {
    const char *who = move->ledger != NULL ? vf_move_plan (move)->uuid : move->request->domain;
    move->guest = vf_guest_find (move->source, who, error);
  }
  return move->guest != NULL;
}

static bool
make_local_rendezvous (VfMove *move, const char *rendezvous, GError **error)
{
  g_free (move->local_rendezvous);
  move->local_rendezvous = g_build_filename (RENDEZVOUS_DIRECTORY, rendezvous, NULL);
  if ((g_mkdir (RENDEZVOUS_DIRECTORY, 0711) != 0 && errno != EEXIST) ||
      (g_mkdir (move->local_rendezvous, 0711) != 0 && errno != EEXIST))
    return vf_error_set_errno (error, errno, "cannot make directory '%s'", move->local_rendezvous);
  g_chmod (move->local_rendezvous, 0711); /* QEMU, as another user, connects to what lies in it */
  return true;
}

/* What a killed process left of it goes too. */
void
vf_move_remove_rendezvous (const char *rendezvous)
{
  static const char *const sockets[] = { "libvirt", "memory", "disks" };
  g_autofree char *directory = g_build_filename (RENDEZVOUS_DIRECTORY, rendezvous, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (sockets); i++) {
    g_autofree char *path = g_build_filename (directory, sockets[i], NULL);
    g_unlink (path);
  }
  g_rmdir (directory);
}

static JsonObject *
libvirt_relay_args (const VfDestination *destination)
{
  JsonObject *args = json_object_new ();
  json_object_set_string_member (args, "socket", "libvirt");
  if (destination->socket != NULL)
    json_object_set_string_member (args, "path", destination->socket);
  return args;
}

static bool
connect_far_libvirt (VfMove *move, const VfDestination *destination, GError **error)
{
  g_autofree char *socket_path = g_build_filename (move->local_rendezvous, "libvirt", NULL);
  g_autoptr (JsonObject) args = libvirt_relay_args (destination);
  g_unlink (socket_path);
  move->libvirt_relay = vf_relay_listen (vf_move_link (move), socket_path, args, error);
  if (move->libvirt_relay == NULL)
    return false;
  g_autofree char *uri = g_strdup_printf ("qemu+unix://%s?socket=%s", destination->path, socket_path);
  move->destination = vf_hypervisor_open (uri, "destination", error);
  if (move->destination != NULL)
    return true;
  GError *relay_error = NULL; /* the reason why, when libvirt was only told "connection closed" */
  vf_relay_accepted (move->libvirt_relay, &relay_error);
  vf_error_attach (error, &relay_error, "because");
  return false;
}

static bool
start_agent (VfMove *move, const VfDestination *destination, GError **error)
{
  g_auto (GStrv) argv = vf_remote_shell_argv (destination, move->request->rsh, move->request->agent_path, error);
  if (argv == NULL)
    return false;
  if (move->request->rsh == NULL)
    argv = vf_remote_shell_prefer_fast (argv);
  move->shell = vf_remote_shell_start (argv, move->request->timeout_s, error);
  if (move->shell != NULL)
    vf_link_set_rate (vf_move_link (move), vf_move_rate, move);
  return move->shell != NULL;
}

bool
vf_move_connect_destination (VfMove *move, const char *rendezvous, GError **error)
{
  if (move->destination != NULL && !vf_link_is_dead (vf_move_link (move), NULL) && vf_hypervisor_is_alive (move->destination))
    return true;
  vf_move_disconnect_destination (move);
  g_autoptr (VfDestination) destination = vf_destination_parse (move->request->destination_uri, error);
  return destination != NULL && start_agent (move, destination, error) && make_local_rendezvous (move, rendezvous, error) &&
         connect_far_libvirt (move, destination, error) && vf_far_rendezvous (vf_move_link (move), rendezvous, true, error);
}

void
vf_move_disconnect_destination (VfMove *move)
{
  g_clear_pointer (&move->destination, vf_hypervisor_close);
  if (move->shell != NULL && move->local_rendezvous != NULL && !vf_link_is_dead (vf_move_link (move), NULL)) {
    g_autofree char *name = g_path_get_basename (move->local_rendezvous);
    vf_far_rendezvous (vf_move_link (move), name, false, NULL);
  }
  g_clear_pointer (&move->libvirt_relay, vf_relay_stop);
  g_clear_pointer (&move->shell, vf_remote_shell_stop);
  if (move->local_rendezvous != NULL) {
    g_autofree char *name = g_path_get_basename (move->local_rendezvous);
    vf_move_remove_rendezvous (name);
  }
  g_clear_pointer (&move->local_rendezvous, g_free);
}

VfRelay *
vf_move_relay (VfMove *move, const char *name, char **uri, GError **error)
{
  g_autofree char *socket_path = g_build_filename (move->local_rendezvous, name, NULL);
  g_autoptr (JsonObject) args = json_object_new ();
  json_object_set_string_member (args, "socket", "rendezvous");
  json_object_set_string_member (args, "name", vf_move_plan (move)->rendezvous);
  json_object_set_string_member (args, "file", name);
  g_unlink (socket_path);
  VfRelay *relay = vf_relay_listen (vf_move_link (move), socket_path, args, error);
  if (relay != NULL)
    vf_relay_mark_bulk (relay);
  if (relay != NULL)
    *uri = g_strconcat ("unix://", socket_path, NULL);
  return relay;
}
