#include "move/fold.h"

#include "chain/tool.h"
#include "domain/secrets.h"

#include <glib/gstdio.h>
#include <unistd.h>

typedef struct {
  GPtrArray *paths; /* char * of the caps */
  GArray *layers;   /* VfKeyedLayer, top first; their key_fd are owned */
} Chain;

static void
chain_clear (Chain *chain)
{
  for (guint i = 0; i < chain->layers->len; i++)
    vf_fd_close_value (g_array_index (chain->layers, VfKeyedLayer, i).key_fd);
  g_array_unref (chain->layers);
  g_ptr_array_unref (chain->paths);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Chain, chain_clear)

static bool
add_layer (VfMove *move, Chain *chain, VfKeyedLayer layer, const VfEncryption *encryption, GError **error)
{
  layer.key_fd = VF_FD_NONE;
  if (encryption != NULL && (layer.key_fd = vf_secret_open_value (move->source, encryption->secret, error)) == VF_FD_NONE) {
    vf_error_hint (error, "start the guest (virsh start --paused will do) and abort again: its own QEMU folds the cap then");
    return false;
  }
  g_array_append_val (chain->layers, layer);
  return true;
}

static bool
collect (VfMove *move, const VfPlanDisk *disk, guint newest, Chain *chain, GError **error)
{
  const VfPlan *plan = vf_move_plan (move);
  const VfEncryption *of_caps = vf_plan_disk_encrypted (plan, disk)->encryption;
  for (guint g = newest; g >= 1; g--) {
    g_ptr_array_add (chain->paths, vf_plan_cap_at_source (plan, disk, g));
    VfKeyedLayer cap = { .path = chain->paths->pdata[chain->paths->len - 1], .format = "qcow2" };
    if (!add_layer (move, chain, cap, of_caps, error))
      return false;
  }
  for (guint i = 0; i < disk->layers->len; i++) {
    const VfPlanFile *file = vf_plan_file (plan, g_array_index (disk->layers, guint, i));
    VfKeyedLayer layer = { .path = file->source, .format = file->format, .is_block = file->source_is_block };
    if (!add_layer (move, chain, layer, file->encryption, error))
      return false;
  }
  return true;
}

static guint
newest_cap (VfMove *move, const VfPlanDisk *disk)
{
  for (guint g = move->ledger->generations->len; g >= 1; g--) {
    g_autofree char *cap = vf_plan_cap_at_source (vf_move_plan (move), disk, g);
    if (g_access (cap, F_OK) == 0 && !vf_ledger_cap_is_gone (move->ledger, "source", cap))
      return g;
  }
  return 0;
}

bool
vf_fold_encrypted (VfMove *move, const VfPlanDisk *disk, GError **error)
{
  guint newest = newest_cap (move, disk);
  if (newest == 0)
    return true;
  g_auto (Chain) chain = { g_ptr_array_new_with_free_func (g_free), g_array_new (FALSE, FALSE, sizeof (VfKeyedLayer)) };
  if (!collect (move, disk, newest, &chain, error))
    return false;
  const VfKeyedLayer *layers = (const VfKeyedLayer *)chain.layers->data;
  for (guint i = 0; i < newest; i++)
    if (!vf_image_commit_keyed (layers + i, chain.layers->len - i, error))
      return false;
  return true;
}
