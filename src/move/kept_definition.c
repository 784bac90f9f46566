/* The definition of a guest that moves offline: kept beside the journal while it may be nowhere else, and given back by an
 * undo. */
#include "move/move.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

static const char name[] = "definition.xml";

bool
vf_move_keep_definition (VfMove *move, const char *xml, GError **error)
{
  g_autofree char *state = vf_journal_state_directory ();
  return vf_journal_keep (state, move->ledger->id, name, xml, error) &&
         vf_move_record (move, vf_record_new ("definition"), error);
}

char *
vf_move_kept_definition (VfMove *move, GError **error)
{
  g_autofree char *state = vf_journal_state_directory ();
  return vf_journal_kept (state, move->ledger->id, name, error);
}

bool
vf_move_drop_definition (VfMove *move, GError **error)
{
  g_autofree char *state = vf_journal_state_directory ();
  return vf_journal_drop (state, move->ledger->id, name, error);
}

/* ---- giving back ---- */

const VfPlanFile *
vf_move_saved_image (const VfMove *move)
{
  const VfPlan *plan = vf_move_plan (move);
  for (guint i = 0; i < plan->files->len; i++)
    if (vf_plan_file (plan, i)->kind == VF_PLAN_SAVED)
      return vf_plan_file (plan, i);
  return NULL;
}

/* Has the guest been restored from the image meanwhile? Then libvirt has removed it, and it must not come back: the guest would
 * get old memory over newer disks. */
static bool
was_restored (VfMove *move, VfGuestState state, bool *restored, GError **error)
{
  GError *failure = NULL;
  *restored = state == VF_GUEST_RUNNING || state == VF_GUEST_PAUSED;
  if (state != VF_GUEST_SHUT_OFF || vf_move_files_are_as_planned (move, &failure))
    return true;
  *restored = vf_error_is (failure, VF_ERROR_CORRUPT); /* changed; anything else says nothing of that */
  if (*restored)
    g_error_free (failure);
  else
    g_propagate_error (error, failure);
  return *restored;
}

static bool
give_saved_image_back (VfMove *move, VfGuestState state, GError **error)
{
  bool restored = false;
  const char *kept = move->ledger->saved_aside;
  const VfPlanFile *image = vf_move_saved_image (move);
  if (kept == NULL || image == NULL || g_access (kept, F_OK) != 0)
    return true;
  if (!was_restored (move, state, &restored, error))
    return false;
  if (!restored && link (kept, image->source) != 0 && errno != EEXIST)
    return vf_error_set_errno (error, errno, "cannot give the managed save image '%s' its name back", image->source);
  if (!vf_fd_sync_directory_of (image->source, error))
    return false;
  if (g_unlink (kept) != 0)
    return vf_error_set_errno (error, errno, "cannot remove the second name '%s'", kept);
  return true;
}

/* libvirt makes a guest that was undefined while it ran transient. */
static bool
is_defined (VfMove *move, VfGuestState state, bool *defined, GError **error)
{
  *defined = false;
  if (state == VF_GUEST_ABSENT)
    return true;
  g_autoptr (VfGuest) guest = vf_guest_find (move->source, vf_move_plan (move)->uuid, error);
  g_autoptr (VfGuestFacts) facts = guest == NULL ? NULL : vf_guest_facts (guest, NULL, error);
  if (facts == NULL)
    return false;
  *defined = facts->persistent;
  return true;
}

static bool
define_here (VfMove *move, GError **error)
{
  g_autofree char *xml = vf_move_kept_definition (move, error);
  if (xml == NULL || !vf_hypervisor_define (move->source, xml, error))
    return false;
  g_autoptr (VfGuest) guest = vf_guest_find (move->source, vf_move_plan (move)->uuid, error);
  return guest != NULL && (!vf_move_plan (move)->autostart || vf_guest_set_autostart (guest, true, error));
}

bool
vf_move_bring_definition_back (VfMove *move, GError **error)
{
  bool defined = false;
  if (!move->ledger->definition_kept)
    return true;
  VfGuestState state = vf_guest_observe (move->source, vf_move_plan (move)->uuid, NULL);
  if (state == VF_GUEST_UNKNOWN)
    return vf_error_set (error, VF_ERROR_UNREACHABLE,
                         "cannot give guest '%s' its definition back: the source's libvirt does not answer",
                         vf_move_plan (move)->domain);
  /* before the switch was begun this program has undefined nothing */
  bool may_define = move->ledger->switched == VF_SWITCH_STAYED;
  return give_saved_image_back (move, state, error) && is_defined (move, state, &defined, error) &&
         (defined || !may_define || define_here (move, error));
}
