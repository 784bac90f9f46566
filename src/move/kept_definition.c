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

/* A guest that has been restored from the image must not get it back: that would be old memory over newer disks. libvirt has
 * removed the image then. */
typedef enum {
  IMAGE_UNUSED,
  IMAGE_USED,
  IMAGE_UNCLEAR, /* devices tell no time of their last change */
} ImageUse;

static ImageUse
use_of_image (VfMove *move, VfGuestState state)
{
  const VfPlan *plan = vf_move_plan (move);
  ImageUse use = IMAGE_UNUSED;
  if (state == VF_GUEST_ABSENT) /* nobody could start it */
    return IMAGE_UNUSED;
  if (state != VF_GUEST_SHUT_OFF)
    return IMAGE_USED;
  for (guint i = 0; i < plan->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (plan, i);
    g_autoptr (VfFileFacts) now = vf_move_look_at_source (file, NULL);
    if (file->source_is_block)
      use = IMAGE_UNCLEAR;
    else if (file->kind != VF_PLAN_SAVED && (now == NULL || !vf_file_is_unchanged (file->facts, now)))
      return IMAGE_USED;
  }
  return use;
}

static bool
give_saved_image_back (VfMove *move, VfGuestState state, GError **error)
{
  const char *kept = move->ledger->saved_aside;
  const VfPlanFile *image = vf_move_saved_image (move);
  if (kept == NULL || image == NULL || g_access (kept, F_OK) != 0)
    return true;
  ImageUse use = g_access (image->source, F_OK) == 0 ? IMAGE_USED : use_of_image (move, state);
  if (use == IMAGE_UNCLEAR) {
    vf_move_note (move, "the guest's saved memory is kept as '%s'; if the guest was not started since, it belongs to '%s'",
                  kept, image->source);
    return true;
  }
  if (use == IMAGE_UNUSED && link (kept, image->source) != 0 && errno != EEXIST)
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
