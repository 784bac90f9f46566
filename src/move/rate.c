/* The limit of a move's bandwidth: what its request says, or since then `virt-ferry set`, which leaves a file beside the
 * journal. */
#include "base/units.h"
#include "move/migrate.h"
#include "move/move.h"

static char *
file_of (const char *id)
{
  g_autofree char *directory = vf_journal_state_directory ();
  return g_build_filename (directory, "moves", id, "bandwidth", NULL);
}

guint64
vf_move_rate (gpointer data)
{
  const VfMove *move = data;
  guint64 rate = move->request->bandwidth_bytes_s;
  g_autofree char *path = move->ledger != NULL ? file_of (move->ledger->id) : NULL;
  g_autofree char *text = NULL;
  if (path == NULL || !g_file_get_contents (path, &text, NULL, NULL))
    return rate;
  if (!g_ascii_string_to_unsigned (g_strstrip (text), 10, 0, G_MAXINT64, &rate, NULL))
    return move->request->bandwidth_bytes_s;
  return rate;
}

bool
vf_move_set_rate (const char *id, guint64 bytes_a_second, GError **error)
{
  gint64 holder = 0;
  GError *foreign = NULL;
  g_autoptr (VfLedger) ledger = vf_move_load (id, &holder, error);
  if (ledger == NULL)
    return false;
  if (ledger->phase == VF_PHASE_DONE || ledger->phase == VF_PHASE_UNDONE)
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot change move '%s': it is finished", id);
  g_autofree char *path = file_of (id);
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT "\n", bytes_a_second);
  if (g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &foreign))
    return true;
  return vf_error_adopt (error, foreign, "cannot change move '%s'", id);
}
