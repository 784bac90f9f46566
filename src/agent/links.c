/* The service that makes a symlink: always under a name that carries the move's id; `berth` gives it its own. */
#include "agent/args.h"
#include "agent/files.h"
#include "base/names.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* What the text means from `directory`, by name alone: where it really leads depends on what lies there when it is followed,
 * which this agent does below its roots only. */
static char *
meant (const char *directory, const char *text)
{
  g_autofree char *written = *text == '/' ? g_strdup (text) : g_strconcat (directory, "/", text, NULL);
  return g_canonicalize_filename (written, "/");
}

static const char *
link_text (VfAgent *agent, JsonObject *args, const VfPlace *place, GError **error)
{
  const char *text = vf_args_string (args, "text", error);
  if (text == NULL)
    return NULL;
  if (strlen (text) >= PATH_MAX) {
    vf_error_set (error, VF_ERROR_PROTOCOL, "cannot read member 'text': it is longer than a path");
    return NULL;
  }
  g_autofree char *directory = vf_path_directory (place->path);
  g_autofree char *target = meant (directory, text);
  if (vf_roots_contain (agent->roots, target))
    return text;
  vf_error_set (error, VF_ERROR_REFUSED, "cannot make symlink '%s': it would lead to '%s', outside of the agent's roots",
                place->path, target);
  vf_error_hint (error, "list that directory under roots in %s on that host, or use --map", VF_AGENT_CONFIG);
  return NULL;
}

JsonObject *
vf_service_symlink (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  struct stat st;
  bool present;
  g_autoptr (VfPlace) place = vf_place_new_with_id (agent, args, "path", error);
  const char *text = place == NULL ? NULL : link_text (agent, args, place, error);
  if (text == NULL || !vf_place_look (place, &st, &present, error))
    return NULL;
  if (present && (!S_ISLNK (st.st_mode) || unlinkat (place->directory_fd, place->name, 0) != 0)) {
    vf_error_set (error, VF_ERROR_EXISTS, "cannot make symlink '%s': something else has the name", place->path);
    return NULL;
  }
  if (symlinkat (text, place->directory_fd, place->name) != 0) {
    vf_error_set_errno (error, errno, "cannot make symlink '%s'", place->path);
    return NULL;
  }
  if (!vf_place_sync_directory (place, error) || !vf_place_look (place, &st, &present, error))
    return NULL;
  VfFileId id = vf_file_id_of_stat (&st);
  JsonObject *answer = json_object_new ();
  vf_file_id_to_json (&id, answer);
  return answer;
}
