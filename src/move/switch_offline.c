/* The switch of a guest that is shut off: undefined here, then defined there, never on both sides. What comes next is read from
 * what both sides are seen to be, in every run anew: docs/internals/phases.md has the table. */
#include "base/names.h"
#include "base/trail.h"
#include "far/far.h"
#include "move/checkpoints.h"
#include "move/documents.h"
#include "move/move.h"
#include "move/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
  OBSERVE_EVERY_MS = 300,
  DEFINE_TRIES = 3, /* as long as the destination cannot be reached */
  SURELY_ABSENT_MS = 1000,
};

/* ---- is everything as it was planned? ---- */

bool
vf_move_is_at_rest (VfMove *move, GError **error)
{
  g_autofree char *reason = NULL;
  VfGuestState state = vf_move_observe_source (move, &reason);
  if (state == VF_GUEST_SHUT_OFF)
    return true;
  if (state == VF_GUEST_UNKNOWN)
    return vf_error_set (error, VF_ERROR_UNREACHABLE, "cannot tell whether guest '%s' is still shut off: %s",
                         vf_move_plan (move)->domain, reason);
  vf_error_set (error, VF_ERROR_FAILED, "cannot move guest '%s' offline: it is %s now (%s)", vf_move_plan (move)->domain,
                vf_guest_state_name (state), reason);
  vf_error_hint (error, "move it as it runs, without --offline, or shut it down first");
  return false;
}

/* A device tells no time of its last change. Its copy, which has arrived as it was then, does (preflight refuses devices whose
 * copies get another backing name). */
static bool
device_is_as_sent (VfMove *move, guint index, const VfFileFacts *now, GError **error)
{
  const VfPlanFile *file = vf_plan_file (vf_move_plan (move), index);
  bool equal = false;
  VfDigest digest;
  VfFileId far_id;
  g_auto (VfFd) fd = open (file->source, O_RDONLY | O_CLOEXEC);
  if (fd == VF_FD_NONE)
    return vf_error_set_errno (error, errno, "cannot open layer '%s' at the source", file->source);
  VfSeedSource source = { .fd = fd, .path = file->source, .file_bytes = now->bytes, .cancellable = move->cancellable };
  vf_move_note (move, "reading device '%s' again, to see that nobody has written it", file->source);
  if (!vf_far_compare (vf_move_link (move), file->destination, &source, &equal, &digest, &far_id, error))
    return false;
  return equal ||
         vf_error_set (error, VF_ERROR_CORRUPT, "cannot move device '%s': it was changed since it was copied", file->source);
}

static bool
file_is_as_planned (VfMove *move, guint index, GError **error)
{
  const VfPlanFile *file = vf_plan_file (vf_move_plan (move), index);
  g_autoptr (VfFileFacts) now = vf_move_look_at_source (file, error);
  if (now == NULL)
    return false;
  if (file->source_is_block && now->kind == VF_FILE_BLOCK)
    return device_is_as_sent (move, index, now, error);
  return vf_file_is_unchanged (file->facts, now) ||
         vf_error_set (error, VF_ERROR_CORRUPT, "cannot move file '%s': it was changed since the move was planned",
                       file->source);
}

static bool
files_are_as_planned (VfMove *move, GError **error)
{
  for (guint i = 0; i < vf_move_plan (move)->files->len; i++)
    if (vf_plan_file (vf_move_plan (move), i)->kind != VF_PLAN_SAVED && !file_is_as_planned (move, i, error))
      return false;
  return true;
}

/* What both hosts share is no file of the plan: it is there already. */
static bool
is_same_file_there (VfMove *move, const char *path)
{
  g_autoptr (VfFileFacts) here = vf_file_look (path, NULL);
  g_autoptr (VfFarFacts) there = vf_far_stat (vf_move_link (move), path, false, move->cancellable, NULL);
  return here != NULL && there != NULL && here->kind != VF_FILE_ABSENT && there->file->kind == here->kind &&
         there->file->id.inode == here->id.inode && there->file->bytes == here->bytes;
}

static bool
is_planned (VfMove *move, const char *path, GError **error)
{
  g_autoptr (VfTrail) trail = path == NULL || *path != '/' ? NULL : vf_trail_follow (path, error);
  if (path == NULL || (trail != NULL && vf_plan_find_source (vf_move_plan (move), trail->real) >= 0))
    return true;
  if (trail == NULL && *path == '/')
    return false;
  return is_same_file_there (move, path) ||
         vf_error_set (error, VF_ERROR_FAILED, "cannot switch guest '%s': its definition now names '%s', which was not copied",
                       vf_move_plan (move)->domain, path);
}

/* A variable store that nobody has made yet is made by libvirt when the guest is first started, there as here. */
static bool
names_only_what_was_copied (VfMove *move, const char *xml, GError **error)
{
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (xml, error);
  if (domain == NULL ||
      (domain->nvram != NULL && access (domain->nvram, F_OK) == 0 && !is_planned (move, domain->nvram, error)))
    return false;
  for (guint i = 0; i < domain->disks->len; i++)
    if (!is_planned (move, ((const VfXmlDisk *)domain->disks->pdata[i])->source->path, error))
      return false;
  return true;
}

/* Days may lie between the copying and this. */
static bool
copies_are_in_place (VfMove *move, GError **error)
{
  for (guint i = 0; i < vf_move_plan (move)->files->len; i++) {
    const VfPlanFile *file = vf_plan_file (vf_move_plan (move), i);
    g_autoptr (VfFarFacts) there =
        vf_far_stat (vf_move_link (move), file->destination, vf_plan_file_is_link (file), NULL, error);
    if (there == NULL)
      return false;
    if (!file->destination_is_block && !vf_file_id_equal (&there->file->id, &vf_ledger_file (move->ledger, i)->id))
      return vf_error_set (error, VF_ERROR_CORRUPT,
                           "cannot define guest '%s' at the destination: its file '%s' is not there any more",
                           vf_move_plan (move)->domain, file->destination);
  }
  return true;
}

/* ---- what is put aside first ---- */

static bool
link_durably (const char *from, const char *to, GError **error)
{
  if (link (from, to) != 0 && errno != EEXIST)
    return vf_error_set_errno (error, errno, "cannot give '%s' the second name '%s'", from, to);
  return vf_fd_sync_directory_of (to, error);
}

static bool
set_saved_image_aside (VfMove *move, GError **error)
{
  const VfPlanFile *image = vf_move_saved_image (move);
  if (image == NULL)
    return true;
  g_autofree char *kept = vf_name_kept (image->source, move->ledger->id);
  JsonObject *record = vf_record_new ("set-aside");
  json_object_set_string_member (record, "path", kept);
  return vf_move_record (move, record, error) && link_durably (image->source, kept, error);
}

/* Entered again after a crash, the snapshots come back first: they are compared with the plan's. */
static bool
prepare (VfMove *move, GError **error)
{
  if (!vf_move_is_at_rest (move, error) || !vf_move_connect_source (move, error) || !vf_move_bring_snapshots_back (move, error))
    return false;
  g_autofree char *xml = vf_guest_xml (move->guest, VF_XML_DEFINITION, error);
  return xml != NULL && names_only_what_was_copied (move, xml, error) && vf_move_keep_definition (move, xml, error) &&
         vf_checkpoints_keep (move, error) && set_saved_image_aside (move, error) &&
         vf_move_put_snapshots_aside (move, error) && vf_move_record (move, vf_record_new ("switch"), error);
}

/* ---- the two acts ---- */

static bool
definition_is_as_kept (VfMove *move, GError **error)
{
  g_autofree char *kept = vf_move_kept_definition (move, error);
  g_autofree char *now = kept == NULL ? NULL : vf_guest_xml (move->guest, VF_XML_DEFINITION, error);
  if (now == NULL)
    return false;
  return strcmp (kept, now) == 0 ||
         vf_error_set (error, VF_ERROR_FAILED, "cannot switch guest '%s': its definition was changed meanwhile",
                       vf_move_plan (move)->domain);
}

/* libvirt may have removed the image in an attempt that it did not survive itself. One that it removed because the guest was
 * started is not for this: then the disks have changed, as far as that matters. */
static bool
saved_image_is_in_place (VfMove *move, GError **error)
{
  const VfPlanFile *image = vf_move_saved_image (move);
  if (image == NULL)
    return true;
  if (access (image->source, F_OK) != 0 && !link_durably (move->ledger->saved_aside, image->source, error))
    return false;
  g_autoptr (VfFileFacts) now = vf_file_look (image->source, error);
  return now != NULL && (vf_file_is_unchanged (image->facts, now) ||
                         vf_error_set (error, VF_ERROR_CORRUPT,
                                       "cannot move file '%s': it was changed since the move was planned", image->source));
}

static bool
undefine_here (VfMove *move, GError **error)
{
  bool saved = move->ledger->saved_aside != NULL;
  return vf_move_connect_source (move, error) && copies_are_in_place (move, error) && definition_is_as_kept (move, error) &&
         files_are_as_planned (move, error) && vf_move_is_at_rest (move, error) && saved_image_is_in_place (move, error) &&
         vf_guest_undefine (move->guest, saved, error);
}

static bool
define_there (VfMove *move, GError **error)
{
  g_autofree char *kept = vf_move_kept_definition (move, error);
  g_autofree char *xml = kept == NULL ? NULL : vf_document_definition (move->ledger, kept, error);
  return xml != NULL && copies_are_in_place (move, error) && vf_hypervisor_define (move->destination, xml, error);
}

/* As long as nobody can say whether the definition has arrived, it is sent again: it is the same one. */
static bool
define_there_surely (VfMove *move, GError **error)
{
  GError *failure = NULL;
  for (guint try = 1; !define_there (move, &failure); try++) {
    if (!vf_error_is (failure, VF_ERROR_UNREACHABLE) || try == DEFINE_TRIES ||
        !vf_move_connect_destination (move, vf_move_plan (move)->rendezvous, NULL)) {
      g_propagate_error (error, failure);
      return false;
    }
    g_clear_error (&failure);
  }
  return true;
}

/* ---- look, act, look again ---- */

/* What to do next, once both sides have answered or the deadline is over. *states is for people; the caller frees. */
static VfOfflineStep
next_step (VfMove *move, char **states)
{
  gint64 deadline = g_get_monotonic_time () + (gint64)move->request->timeout_s * 2 * G_USEC_PER_SEC;
  while (true) {
    g_autofree char *source_reason = NULL;
    g_autofree char *destination_reason = NULL;
    VfGuestState source = vf_move_observe_source (move, &source_reason);
    VfGuestState destination = vf_move_observe_destination (move, &destination_reason);
    VfOfflineStep step = vf_outcome_next_offline (source, destination);
    if (step != VF_OFFLINE_WAIT || g_get_monotonic_time () > deadline) {
      *states = g_strdup_printf ("at the source it is %s (%s), at the destination %s (%s)", vf_guest_state_name (source),
                                 source_reason != NULL ? source_reason : "", vf_guest_state_name (destination),
                                 destination_reason != NULL ? destination_reason : "");
      return step;
    }
    g_usleep (OBSERVE_EVERY_MS * 1000);
  }
}

/* Takes `failure`, which may be NULL. */
static bool
stay (VfMove *move, const char *states, GError *failure, GError **error)
{
  if (failure == NULL)
    vf_error_set (&failure, VF_ERROR_FAILED, "cannot switch: %s", states);
  if (vf_move_record_outcome (move, "stayed", states, error))
    g_propagate_error (error, failure);
  else
    g_error_free (failure);
  return false;
}

static bool
undecided (VfOfflineStep step, const char *states, GError *failure, GError **error)
{
  GError *first = NULL;
  vf_error_set (&first, step == VF_OFFLINE_PERSON ? VF_ERROR_UNDECIDED : VF_ERROR_UNREACHABLE,
                step == VF_OFFLINE_PERSON ? "cannot tell which side's guest counts: %s" : "cannot tell where the guest is: %s",
                states);
  vf_error_attach (&first, &failure, "before that");
  g_propagate_error (error, first);
  return false;
}

bool
vf_move_decide_offline (VfMove *move, GError **error)
{
  g_autofree char *before = NULL;
  g_autofree char *states = NULL;
  if (next_step (move, &before) == VF_OFFLINE_DEFINE)
    g_usleep (SURELY_ABSENT_MS * 1000); /* a definition that a killed process had sent may still be on its way */
  VfOfflineStep step = next_step (move, &states);
  switch (step) {
  case VF_OFFLINE_MOVED:
    return vf_move_record_outcome (move, "switched", states, error);
  case VF_OFFLINE_UNDEFINE:
  case VF_OFFLINE_DEFINE:
  case VF_OFFLINE_STAYED:
    return stay (move, states, NULL, error);
  case VF_OFFLINE_PERSON:
  case VF_OFFLINE_WAIT:
  default:
    return undecided (step, states, NULL, error);
  }
}

static bool
go_over (VfMove *move, GError **error)
{
  bool (*const acts[]) (VfMove *, GError **) = {
    [VF_OFFLINE_UNDEFINE] = undefine_here,
    [VF_OFFLINE_DEFINE] = define_there_surely,
  };
  bool acted[G_N_ELEMENTS (acts)] = { false };
  GError *failure = NULL;
  while (true) {
    g_autofree char *states = NULL;
    VfOfflineStep step = next_step (move, &states);
    bool can_act = step == VF_OFFLINE_UNDEFINE || step == VF_OFFLINE_DEFINE;
    if (step == VF_OFFLINE_MOVED) {
      g_clear_error (&failure); /* it is there, whatever the last message was */
      return vf_move_record_outcome (move, "switched", states, error);
    }
    if (step == VF_OFFLINE_STAYED || (can_act && failure != NULL && !vf_error_is (failure, VF_ERROR_UNREACHABLE)))
      return stay (move, states, failure, error);
    if (!can_act || acted[step])
      return undecided (can_act ? VF_OFFLINE_WAIT : step, states, failure, error);
    acted[step] = true;
    g_clear_error (&failure);
    acts[step](move, &failure);
  }
}

bool
vf_phase_switch_offline (VfMove *move, GError **error)
{
  switch (move->ledger->switched) {
  case VF_SWITCH_SWITCHED:
    return true;
  case VF_SWITCH_STAYED:
    return vf_error_set (error, VF_ERROR_FAILED, "cannot switch: an earlier attempt left the guest at the source");
  case VF_SWITCH_NOT_BEGUN:
    return prepare (move, error) && go_over (move, error);
  case VF_SWITCH_BEGUN:
  default:
    return go_over (move, error);
  }
}

/* ---- settling ---- */

bool
vf_phase_settle_offline (VfMove *move, GError **error)
{
  const VfPlan *plan = vf_move_plan (move);
  if (!vf_move_connect_destination (move, plan->rendezvous, error))
    return false;
  bool is_gone = vf_guest_observe (move->destination, plan->uuid, NULL) == VF_GUEST_ABSENT;
  if (is_gone && !move->ledger->snapshots_settled && !define_there (move, error))
    return false;
  g_autoptr (VfGuest) guest = vf_guest_find (move->destination, plan->uuid, error);
  return guest != NULL && vf_move_settle_metadata (move, guest, error);
}
