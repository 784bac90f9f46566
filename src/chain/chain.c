#include "chain/image.h"

#include <errno.h>
#include <sys/stat.h>

enum { LAYERS_MAX = 256 };

void
vf_chain_free (VfChain *chain)
{
  if (chain == NULL)
    return;
  g_clear_pointer (&chain->images, g_ptr_array_unref);
  g_free (chain->at);
  g_free (chain->reason);
  g_free (chain);
}

/* Where the walk stands. */
typedef struct {
  VfChain *chain;
  GHashTable *seen; /* identities of the files so far */
  char *path;
  char *format;
  GCancellable *cancellable;
} Walk;

static void
walk_clear (Walk *walk)
{
  g_clear_pointer (&walk->seen, g_hash_table_unref);
  g_free (walk->path);
  g_free (walk->format);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Walk, walk_clear)

/* Ends the walk. Takes `reason`. Returns false. */
static bool
stop_at (Walk *walk, VfChainState state, const char *at, char *reason)
{
  walk->chain->state = state;
  walk->chain->at = g_strdup (at);
  walk->chain->reason = reason;
  return false;
}

/* One file under two names, and one device under two nodes, is the same layer. */
static char *
identity (const struct stat *facts)
{
  if (S_ISBLK (facts->st_mode))
    return g_strdup_printf ("block %" G_GUINT64_FORMAT, (guint64)facts->st_rdev);
  return g_strdup_printf ("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, (guint64)facts->st_dev, (guint64)facts->st_ino);
}

static bool
look_at (Walk *walk, const char *path, bool *is_block)
{
  struct stat facts;
  if (stat (path, &facts) != 0) {
    bool missing = errno == ENOENT || errno == ENOTDIR;
    return stop_at (walk, missing ? VF_CHAIN_MISSING : VF_CHAIN_UNREADABLE, path, g_strdup (g_strerror (errno)));
  }
  if (!S_ISREG (facts.st_mode) && !S_ISBLK (facts.st_mode))
    return stop_at (walk, VF_CHAIN_UNSUPPORTED, path, g_strdup ("it is neither a file nor a block device"));
  if (!g_hash_table_add (walk->seen, identity (&facts)))
    return stop_at (walk, VF_CHAIN_LOOP, path, g_strdup ("it comes twice in the chain"));
  *is_block = S_ISBLK (facts.st_mode);
  return true;
}

/* Looks at the file before qemu-img is let near it: a fifo would hang it. */
static bool
look (Walk *walk, bool *is_block)
{
  if (!vf_image_format_is_known (walk->format))
    return stop_at (walk, VF_CHAIN_UNSUPPORTED, walk->path,
                    g_strdup_printf ("its format '%s' is neither raw nor qcow2", walk->format != NULL ? walk->format : ""));
  if (!look_at (walk, walk->path, is_block))
    return false;
  return walk->chain->images->len < LAYERS_MAX ||
         stop_at (walk, VF_CHAIN_UNSUPPORTED, walk->path, g_strdup_printf ("the chain has more than %d layers", LAYERS_MAX));
}

/* qemu-img reads the header without it. */
static bool
look_at_data (Walk *walk, const VfImage *image)
{
  bool is_block;
  if (image->data_file == NULL)
    return true;
  if (image->data_path == NULL)
    return stop_at (walk, VF_CHAIN_UNSUPPORTED, image->path,
                    g_strdup_printf ("it keeps its data in another file, '%s', which is no absolute path", image->data_file));
  return look_at (walk, image->data_path, &is_block);
}

/* Goes to the backing file of `image`, if the walk goes on there. */
static bool
descend (Walk *walk, const VfImage *image)
{
  if (image->backing_name == NULL)
    return false;
  if (image->backing_path == NULL)
    return stop_at (walk, VF_CHAIN_UNSUPPORTED, image->path,
                    g_strdup_printf ("its backing '%s' is not a local file or device", image->backing_name));
  if (image->backing_format == NULL)
    return stop_at (walk, VF_CHAIN_NO_FORMAT, image->path,
                    g_strdup_printf ("it does not record the format of its backing '%s'", image->backing_name));
  g_free (walk->path);
  g_free (walk->format);
  walk->path = g_strdup (image->backing_path);
  walk->format = g_strdup (image->backing_format);
  return true;
}

/* Reads one layer. False at the end of the walk, and with *error set when it cannot be made. */
static bool
walk_on (Walk *walk, GError **error)
{
  bool is_block;
  g_autoptr (GError) reason = NULL;
  if (!look (walk, &is_block))
    return false;
  VfImage *image = vf_image_read (walk->path, walk->format, is_block, walk->cancellable, &reason);
  if (vf_error_is (reason, VF_ERROR_CANCELLED)) {
    g_propagate_error (error, g_steal_pointer (&reason));
    return false;
  }
  if (image == NULL)
    return stop_at (walk, VF_CHAIN_UNREADABLE, walk->path, g_strdup (reason->message));
  g_ptr_array_add (walk->chain->images, image);
  return look_at_data (walk, image) && descend (walk, image);
}

VfChain *
vf_chain_read (const char *head, const char *format, GCancellable *cancellable, GError **error)
{
  if (!vf_image_reader_is_there (error))
    return NULL;
  g_autoptr (VfChain) chain = g_new0 (VfChain, 1);
  chain->images = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_image_free);
  g_autoptr (GError) failure = NULL;
  g_auto (Walk) walk = {
    .chain = chain,
    .seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
    .path = g_strdup (head),
    .format = g_strdup (format),
    .cancellable = cancellable,
  };
  while (walk_on (&walk, &failure))
    continue;
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  return g_steal_pointer (&chain);
}
