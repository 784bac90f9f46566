/* The service `similar`: a file below the roots that has much of what is about to come, cloned into the partial. Which file it
 * is does not matter for what arrives: the seed stream compares every chunk of the partial. */
#include "agent/args.h"
#include "agent/files.h"
#include "seed/clone.h"
#include "seed/sample.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
  DEPTH_MAX = 8,
  ENTRIES_MAX = 20000,
  SEARCH_S = 5,  /* a directory of the network may answer slowly */
  PLAUSIBLE = 4, /* a candidate is at most so many times as long or as short */
};

typedef struct {
  const VfSampling *sampling;
  const VfDigestKey *key;
  gint64 deadline_us;
  guint entries;
  VfFd best;
  guint best_found;
} Search;

static bool
is_over (const Search *search)
{
  return search->best_found == search->sampling->count || search->entries > ENTRIES_MAX ||
         g_get_monotonic_time () > search->deadline_us;
}

static bool
is_plausible (const Search *search, const struct stat *st)
{
  guint64 wanted = search->sampling->file_bytes, has = (guint64)st->st_size;
  return S_ISREG (st->st_mode) && has / PLAUSIBLE <= wanted && wanted / PLAUSIBLE <= has;
}

static void
look_at_file (Search *search, int directory_fd, const char *name)
{
  g_auto (VfFd) fd = openat (directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat st;
  if (fd == VF_FD_NONE || fstat (fd, &st) != 0 || !is_plausible (search, &st))
    return;
  guint found = vf_sampling_count (search->sampling, fd, search->key);
  if (found <= search->best_found)
    return;
  vf_fd_close_value (search->best);
  search->best = vf_fd_steal (&fd);
  search->best_found = found;
}

/* Takes the descriptor. Symlinks are not followed; what is still a partial is not looked at. */
static void
look_below (Search *search, int directory_fd, guint depth)
{
  DIR *directory = fdopendir (directory_fd);
  if (directory == NULL) {
    close (directory_fd);
    return;
  }
  for (struct dirent *entry = readdir (directory); entry != NULL && !is_over (search); entry = readdir (directory)) {
    struct stat st;
    search->entries++;
    if (entry->d_name[0] == '.' || strstr (entry->d_name, ".ferry-") != NULL ||
        fstatat (directory_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    if (is_plausible (search, &st))
      look_at_file (search, directory_fd, entry->d_name);
    int below = S_ISDIR (st.st_mode) && depth < DEPTH_MAX
                    ? openat (directory_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                    : VF_FD_NONE;
    if (below != VF_FD_NONE)
      look_below (search, below, depth + 1);
  }
  closedir (directory);
}

static void
look_everywhere (Search *search, VfRoots *roots)
{
  for (const char *const *root = vf_roots_list (roots); *root != NULL && !is_over (search); root++) {
    int fd = strcmp (*root, "/dev") == 0 ? VF_FD_NONE : open (*root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd != VF_FD_NONE)
      look_below (search, fd, 0);
  }
}

JsonObject *
vf_service_similar (VfAgent *agent, JsonObject *args, VfStreamState *state, GError **error)
{
  struct stat st;
  bool present;
  g_autoptr (VfPlace) place = vf_place_new_with_id (agent, args, "path", error);
  if (place == NULL || !vf_args_bytes (args, &state->bytes, error) || !vf_place_look (place, &st, &present, error))
    return NULL;
  g_autofree char *key = vf_digest_key_print (&agent->key);
  state->agent = agent;
  state->key = agent->key;
  state->place = g_steal_pointer (&place);
  JsonObject *answer = json_object_new ();
  json_object_set_string_member (answer, "key", key);
  json_object_set_boolean_member (answer, "is_wanted", !present);
  return answer;
}

/* Not even half of the samples: copying the file would be more work than it spares. */
static bool
is_worth (const Search *search)
{
  return search->best != VF_FD_NONE && search->sampling->count >= VF_SAMPLES_LEAST &&
         search->best_found * 2 >= search->sampling->count;
}

static bool
clone_into (const VfStreamState *state, int from, GError **error)
{
  VfCloneKind kind;
  g_auto (VfFd) to = vf_place_create (state->place, error);
  if (to == VF_FD_NONE)
    return false;
  if (vf_clone (from, to, state->bytes, &kind, NULL))
    return true;
  unlinkat (state->place->directory_fd, state->place->name, 0); /* the file comes over the link as if nothing had been found */
  return true;
}

bool
vf_service_similar_stream (VfChannel *channel, VfStreamState *state, GError **error)
{
  VfSampling sampling;
  Search search = { .sampling = &sampling,
                    .key = &state->key,
                    .deadline_us = g_get_monotonic_time () + (gint64)SEARCH_S * G_USEC_PER_SEC,
                    .best = VF_FD_NONE };
  if (!vf_sampling_receive (channel, state->bytes, &sampling, error))
    return false;
  if (sampling.count >= VF_SAMPLES_LEAST)
    look_everywhere (&search, state->agent->roots);
  bool good = !is_worth (&search) || clone_into (state, search.best, error);
  vf_fd_close_value (search.best);
  return good && vf_channel_end (channel, error);
}
