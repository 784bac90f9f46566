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

static bool
files_are_unchanged (const VfPlan *plan)
{
  for (guint i = 0; i < plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (plan, i);
    g_autoptr (VfFileFacts) now = vf_move_look_at_source (file, NULL);
    if (file->kind != VF_PLAN_SAVED && (now == NULL || !vf_file_is_unchanged (file->facts, now)))
      return false;
  }
  return true;
}

static const char *
saved_image (const VfPlan *plan)
{
  for (guint i = 0; i < plan->files->len; i++)
    if (vf_plan_file (plan, i)->kind == VF_PLAN_SAVED)
      return vf_plan_file (plan, i)->source;
  return NULL;
}

/* An image from which the guest has been restored meanwhile is libvirt's to remove, and must not come back: the guest would get
 * old memory over newer disks. */
static bool
give_saved_image_back (VfMove *move, VfGuestState state, GError **error)
{
  const VfPlan *plan = vf_move_plan (move);
  const char *kept = move->ledger->saved_aside;
  const char *image = saved_image (plan);
  if (kept == NULL || image == NULL || g_access (kept, F_OK) != 0)
    return true;
  bool restored =
      state == VF_GUEST_RUNNING || state == VF_GUEST_PAUSED || (state == VF_GUEST_SHUT_OFF && !files_are_unchanged (plan));
  if (!restored && link (kept, image) != 0 && errno != EEXIST)
    return vf_error_set_errno (error, errno, "cannot give the managed save image '%s' its name back", image);
  if (!vf_fd_sync_directory_of (image, error))
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
  return give_saved_image_back (move, state, error) && is_defined (move, state, &defined, error) &&
         (defined || define_here (move, error));
}
