#include "base/fd.h"
#include "base/json.h"
#include "base/names.h"
#include "journal/replay.h"

#include <errno.h>
#include <fcntl.h>

typedef struct {
  char *id;
  gint64 time; /* of the first record; 0 where there is none yet */
} Move;

static void
move_free (gpointer data)
{
  Move *move = data;
  g_free (move->id);
  g_free (move);
}

static int
compare_moves (gconstpointer a, gconstpointer b)
{
  const Move *left = *(Move *const *)a;
  const Move *right = *(Move *const *)b;
  if (left->time != right->time)
    return left->time < right->time ? -1 : 1;
  return g_strcmp0 (left->id, right->id);
}

/* Takes the first record's time and ends the replay. */
static bool
take_time (JsonObject *record, gpointer data, GError **error)
{
  Move *move = data;
  move->time = vf_json_int_or (record, "time", 0);
  return vf_error_set (error, VF_ERROR_CANCELLED, "cannot read on: one record is enough");
}

/* NULL where there is no journal. One that cannot be read is listed all the same: somebody must look at it. */
static Move *
read_move (const char *state_directory, const char *id)
{
  g_autofree char *path = vf_journal_path (state_directory, id, NULL);
  g_auto (VfFd) fd = path == NULL ? VF_FD_NONE : open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (path == NULL || (fd == VF_FD_NONE && (errno == ENOENT || errno == ENOTDIR)))
    return NULL;
  Move *move = g_new0 (Move, 1);
  move->id = g_strdup (id);
  VfReplay replay = { .fd = fd, .path = path, .apply = take_time, .data = move };
  if (fd != VF_FD_NONE)
    vf_journal_replay (&replay, NULL);
  return move;
}

static GPtrArray *
read_moves (GDir *directory, const char *state_directory)
{
  GPtrArray *moves = g_ptr_array_new_with_free_func (move_free);
  const char *name;
  while ((name = g_dir_read_name (directory)) != NULL) {
    Move *move = read_move (state_directory, name);
    if (move != NULL)
      g_ptr_array_add (moves, move);
  }
  return moves;
}

GPtrArray *
vf_journal_list (const char *state_directory, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *path = g_build_filename (state_directory, "moves", NULL);
  GError *foreign = NULL;
  g_autoptr (GDir) directory = g_dir_open (path, 0, &foreign);
  if (directory == NULL && g_error_matches (foreign, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    g_error_free (foreign);
    return g_steal_pointer (&ids);
  }
  if (directory == NULL) {
    vf_error_adopt (error, foreign, "cannot list moves in '%s'", path);
    return NULL;
  }
  g_autoptr (GPtrArray) moves = read_moves (directory, state_directory);
  g_ptr_array_sort (moves, compare_moves);
  for (guint i = 0; i < moves->len; i++) {
    const Move *move = g_ptr_array_index (moves, i);
    g_ptr_array_add (ids, g_strdup (move->id));
  }
  return g_steal_pointer (&ids);
}
