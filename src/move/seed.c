/* Seeding: every immutable file to a partial at the destination, or found equal there. */
#include "base/fd.h"
#include "base/names.h"
#include "far/far.h"
#include "move/move.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { LOSSES_MAX = 10, CHANGING_FILE_ATTEMPTS = 20, BUSY_PAUSE_MS = 300, CHANGING_FILE_PAUSE_MS = 250 };

guint64
vf_move_file_weight (const VfPlanFile *file)
{
  return MIN (file->facts->allocated, file->facts->bytes);
}

VfFileFacts *
vf_move_look_at_source (const VfPlanFile *file, GError **error)
{
  return vf_plan_file_is_link (file) ? vf_file_look_link (file->source, error) : vf_file_look (file->source, error);
}

typedef struct {
  VfMove *move;
  const VfPlanFile *file;
  guint64 before; /* weight of the files already done */
  guint64 total;
} SeedProgress;

static void
tell_progress (const VfSeedCounts *counts, gpointer data)
{
  const SeedProgress *progress = data;
  guint64 here = MIN (counts->data_bytes + counts->kept_bytes, vf_move_file_weight (progress->file));
  vf_move_progress (progress->move, progress->move->ledger->phase, progress->file->source, progress->before + here,
                    progress->total);
}

static SeedProgress
seed_progress (VfMove *move, guint index)
{
  SeedProgress progress = { .move = move, .file = vf_plan_file (vf_move_plan (move), index) };
  for (guint i = 0; i < vf_move_plan (move)->files->len; i++) {
    guint64 weight = vf_move_file_weight (vf_plan_file (vf_move_plan (move), i));
    progress.total += weight;
    if (vf_ledger_file (move->ledger, i)->seeded)
      progress.before += weight;
  }
  return progress;
}

static int
open_source (const VfPlanFile *file, GError **error)
{
  int fd = open (file->source, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd == -1)
    vf_error_set_errno (error, errno, "cannot open layer '%s' at the source", file->source);
  return fd;
}

/* Only an equal file may be used as it is; anything else of that name ends the move. */
static bool
find_equal (VfMove *move, guint index, GError **error)
{
  const VfPlanFile *file = vf_plan_file (vf_move_plan (move), index);
  VfDigest here;
  VfFileId id;
  bool is_equal;
  g_auto (VfFd) fd = open_source (file, error);
  VfSeedSource source = { .fd = fd, .path = file->source, .file_bytes = file->facts->bytes, .cancellable = move->cancellable };
  if (fd == VF_FD_NONE || !vf_far_compare (vf_move_link (move), file->destination, &source, &is_equal, &here, &id, error))
    return false;
  if (!is_equal)
    return vf_error_set (error, VF_ERROR_EXISTS, "cannot use file '%s' at the destination: its content differs from '%s'",
                         file->destination, file->source);
  move->bytes.reused_bytes += vf_move_file_weight (file);
  return vf_move_record (move, vf_record_seeded (index, &here, &id, true), error);
}

static bool
is_changing (const VfMove *move, const VfPlanFile *file)
{
  return file->kind == VF_PLAN_NVRAM && !move->request->offline;
}

/* A layer that somebody wrote since the plan was made is not what its snapshots and overlays were made over. The guest itself
 * writes its top layers until they have caps, and its firmware the variable store.
 */
static bool
is_as_planned (VfMove *move, const VfPlanFile *file, const VfFileFacts *now, GError **error)
{
  if (file->is_top || is_changing (move, file) || vf_file_is_unchanged (file->facts, now))
    return true;
  return vf_error_set (error, VF_ERROR_CORRUPT, "cannot send file '%s': it was changed since the move was planned",
                       file->source);
}

static bool
send_file (VfMove *move, guint index, GError **error)
{
  const VfPlanFile *file = vf_plan_file (vf_move_plan (move), index);
  const char *id = vf_move_plan (move)->id;
  g_autofree char *partial =
      file->destination_is_block ? g_strdup (file->destination) : vf_name_partial (file->destination, id);
  SeedProgress progress = seed_progress (move, index);
  bool resumes = vf_ledger_file (move->ledger, index)->partial_begun;
  g_auto (VfFd) fd = open_source (file, error);
  if (fd == VF_FD_NONE || !vf_move_record (move, vf_record_file ("partial", index, partial), error))
    return false;
  g_autoptr (VfFileFacts) now = vf_file_look_fd (fd, file->source, error);
  if (now == NULL || !is_as_planned (move, file, now, error))
    return false;
  VfSeedSource source = { .fd = fd,
                          .path = file->source,
                          .file_bytes = now->bytes,
                          .progress = tell_progress,
                          .progress_data = &progress,
                          .resumes = resumes,
                          .read_back = move->request->read_back,
                          .streams = move->request->streams,
                          .compress_auto = move->request->compress_auto,
                          .zstd_level = (int)move->request->zstd_level,
                          .cancellable = move->cancellable };
  VfSeedCounts counts = { 0 };
  VfDigest digest;
  VfFileId far_id;
  bool sent =
      vf_far_seed (vf_move_link (move), partial, id, file->destination_is_block, &source, &counts, &digest, &far_id, error);
  move->bytes.data_bytes += counts.sent_bytes;
  if (counts.again_bytes > 0)
    vf_move_note (move, "%" G_GUINT64_FORMAT " bytes of '%s' did not arrive as they were sent, and were sent again",
                  counts.again_bytes, file->source);
  if (!sent)
    return false;
  const VfFileFacts *owned = file->is_top ? file->facts : now; /* libvirt's memory of a top's owner is at its cap now */
  if (!file->destination_is_block && !vf_far_own (vf_move_link (move), partial, id, owned, error))
    return false;
  move->bytes.zero_bytes += counts.zero_bytes;
  move->bytes.reused_bytes += counts.kept_bytes;
  return vf_move_record (move, vf_record_seeded (index, &digest, &far_id, false), error);
}

/* A variable store is written by the firmware now and then, so a copy may be torn; the next one will not be. Whether the copy
 * is the newest does not matter: the destination's QEMU writes the store from the guest's memory when the guest runs there. */
static bool
send_changing_file (VfMove *move, guint index, GError **error)
{
  for (guint attempt = 1;; attempt++) {
    GError *failure = NULL;
    if (send_file (move, index, &failure))
      return true;
    if (!vf_error_is (failure, VF_ERROR_CORRUPT) || attempt == CHANGING_FILE_ATTEMPTS) {
      g_propagate_error (error, failure);
      return false;
    }
    vf_move_note (move, "copying again: %s", failure->message);
    g_error_free (failure);
    g_usleep (CHANGING_FILE_PAUSE_MS * 1000); /* setting one variable takes the firmware many writes */
    if (vf_move_is_cancelled (move, error))
      return false;
  }
}

/* On `resume` the partial may still be held by the agent of the process that was killed, until that has read all that was under
 * way. */
static bool
send_when_free (VfMove *move, guint index, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (gint64)move->request->timeout_s * G_USEC_PER_SEC;
  GError *failure = NULL;
  while (!send_file (move, index, &failure)) {
    if (!vf_error_is (failure, VF_ERROR_BUSY) || g_get_monotonic_time () > deadline) {
      g_propagate_error (error, failure);
      return false;
    }
    g_clear_error (&failure);
    if (vf_move_is_cancelled (move, error))
      return false;
    g_usleep (BUSY_PAUSE_MS * 1000);
  }
  return true;
}

/* ---- symlinks ---- */

/* A symlink's digest is the SHA-256 of its text. */
static void
digest_link (const VfPlanFile *file, VfDigest *digest)
{
  G_STATIC_ASSERT (VF_DIGEST_BYTES == 32);
  g_autofree char *text = g_compute_checksum_for_string (G_CHECKSUM_SHA256, file->link_text, -1);
  vf_digest_parse (text, digest, NULL);
}

static bool
find_equal_link (VfMove *move, guint index, GError **error)
{
  const VfPlanFile *file = vf_plan_file (vf_move_plan (move), index);
  g_autoptr (VfFarFacts) there = vf_far_stat (vf_move_link (move), file->destination, true, move->cancellable, error);
  if (there == NULL)
    return false;
  if (g_strcmp0 (there->link, file->link_text) != 0)
    return vf_error_set (error, VF_ERROR_EXISTS, "cannot use symlink '%s' at the destination: it does not say '%s'",
                         file->destination, file->link_text);
  VfDigest digest;
  digest_link (file, &digest);
  return vf_move_record (move, vf_record_seeded (index, &digest, &there->file->id, true), error);
}

/* As a file: first under a name that carries the move's id. */
static bool
send_link (VfMove *move, guint index, GError **error)
{
  const VfPlanFile *file = vf_plan_file (vf_move_plan (move), index);
  const char *id = vf_move_plan (move)->id;
  g_autofree char *partial = vf_name_partial (file->destination, id);
  g_autoptr (VfFileFacts) now = vf_file_look_link (file->source, error);
  if (now == NULL || !is_as_planned (move, file, now, error))
    return false;
  VfDigest digest;
  VfFileId far_id;
  digest_link (file, &digest);
  return vf_move_record (move, vf_record_file ("partial", index, partial), error) &&
         vf_far_symlink (vf_move_link (move), partial, id, file->link_text, &far_id, error) &&
         vf_move_record (move, vf_record_seeded (index, &digest, &far_id, false), error);
}

static bool
seed_file_once (VfMove *move, guint index, GError **error)
{
  const VfPlanFile *file = vf_plan_file (vf_move_plan (move), index);
  if (file->maybe_there)
    return find_equal (move, index, error);
  return is_changing (move, file) ? send_changing_file (move, index, error) : send_when_free (move, index, error);
}

/* A link that breaks costs time: what has arrived stays, and over a new link only the rest travels. */
static bool
seed_over_links (VfMove *move, guint index, GError **error)
{
  for (guint losses = 0;; losses++) {
    GError *failure = NULL;
    if (seed_file_once (move, index, &failure))
      return true;
    bool may_go_on = vf_error_is (failure, VF_ERROR_UNREACHABLE) && losses < LOSSES_MAX && !vf_move_is_cancelled (move, NULL);
    if (may_go_on)
      vf_move_note (move, "connecting again: %s", failure->message);
    if (!may_go_on || !vf_move_connect_destination (move, vf_move_plan (move)->rendezvous, NULL)) {
      g_propagate_error (error, failure);
      return false;
    }
    g_error_free (failure);
  }
}

bool
vf_move_seed_file (VfMove *move, guint index, GError **error)
{
  const VfPlanFile *file = vf_plan_file (vf_move_plan (move), index);
  if (vf_ledger_file (move->ledger, index)->seeded)
    return true;
  if (vf_move_is_cancelled (move, error))
    return false;
  if (vf_plan_file_is_link (file))
    return file->maybe_there ? find_equal_link (move, index, error) : send_link (move, index, error);
  move->bytes.allocated_bytes += vf_move_file_weight (file);
  return seed_over_links (move, index, error);
}

static bool
record_directory (VfMove *move, const char *path, GError **error)
{
  JsonObject *record = vf_record_new ("directory");
  json_object_set_string_member (record, "path", path);
  return vf_move_record (move, record, error);
}

static bool
make_directories (VfMove *move, GError **error)
{
  const GPtrArray *directories = vf_move_plan (move)->directories;
  for (guint i = 0; i < directories->len; i++) {
    const char *path = directories->pdata[i];
    bool made = false;
    bool recorded = g_ptr_array_find_with_equal_func (move->ledger->directories, path, g_str_equal, NULL);
    if ((!recorded && !record_directory (move, path, error)) || /* a crash may have come before the act */
        !vf_far_mkdir (vf_move_link (move), path, vf_plan_directory_facts (vf_move_plan (move), path), &made, error))
      return false;
  }
  return true;
}

bool
vf_phase_seed (VfMove *move, GError **error)
{
  if (!make_directories (move, error))
    return false;
  for (guint i = 0; i < vf_move_plan (move)->files->len; i++)
    if (!vf_move_seed_file (move, i, error))
      return false;
  return true;
}

bool
vf_phase_seed_offline (VfMove *move, GError **error)
{
  if (!make_directories (move, error))
    return false;
  for (guint i = 0; i < vf_move_plan (move)->files->len; i++)
    if (!vf_move_is_at_rest (move, error) || !vf_move_seed_file (move, i, error))
      return false;
  return true;
}
