#include "journal/journal.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/names.h"
#include "journal/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct VfJournal {
  VfFd fd;
  char *path;
  GMutex mutex;  /* guards what follows */
  guint64 bytes; /* all whole records; the next one is written here */
  guint64 seq;   /* of the last one */
  bool cut;      /* the file ends there, no torn write behind it */
  bool failed;   /* what the file's end holds is not known */
};

char *
vf_journal_state_directory (void)
{
  const char *chosen = g_getenv ("VIRT_FERRY_STATE");
  return g_strdup (chosen != NULL && *chosen != '\0' ? chosen : "/var/lib/virt-ferry");
}

char *
vf_journal_path (const char *state_directory, const char *id, GError **error)
{
  if (!vf_id_is_valid (id)) {
    vf_error_set (error, VF_ERROR_USAGE, "cannot open journal '%s': an ID is eight hexadecimal digits", id);
    return NULL;
  }
  return g_build_filename (state_directory, "moves", id, "journal", NULL);
}

static VfJournal *
journal_new (const char *path, int fd)
{
  VfJournal *journal = g_new0 (VfJournal, 1);
  journal->fd = fd;
  journal->path = g_strdup (path);
  g_mutex_init (&journal->mutex);
  return journal;
}

void
vf_journal_free (VfJournal *journal)
{
  if (journal == NULL)
    return;
  vf_fd_close_value (journal->fd); /* and with it the lock */
  g_mutex_clear (&journal->mutex);
  g_free (journal->path);
  g_free (journal);
}

/* Makes one directory, durably. One that is there is left as it is. */
static bool
ensure_directory (const char *path, GError **error)
{
  if (mkdir (path, 0700) == 0)
    return vf_fd_sync_directory_of (path, error);
  if (errno != EEXIST)
    return vf_error_set_errno (error, errno, "cannot make directory '%s'", path);
  return true;
}

static bool
ensure_directories (const char *path, GError **error)
{
  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return true;
  g_autofree char *parent = vf_path_directory (path);
  return ensure_directories (parent, error) && ensure_directory (path, error);
}

/* The move's own directory: an ID is used once. */
static bool
make_move_directory (const char *path, const char *id, GError **error)
{
  g_autofree char *moves = vf_path_directory (path);
  if (!ensure_directories (moves, error))
    return false;
  if (mkdir (path, 0700) != 0)
    return vf_error_set_errno (error, errno, "cannot begin move '%s'", id);
  return vf_fd_sync_directory_of (path, error);
}

static bool
lock (int fd, const char *path, GError **error)
{
  if (flock (fd, LOCK_EX | LOCK_NB) == 0)
    return true;
  if (errno != EWOULDBLOCK)
    return vf_error_set_errno (error, errno, "cannot lock journal '%s'", path);
  gint64 holder = vf_journal_holder (fd);
  if (holder > 0)
    return vf_error_set (error, VF_ERROR_BUSY, "cannot lock journal '%s': process %" G_GINT64_FORMAT " has it", path, holder);
  return vf_error_set (error, VF_ERROR_BUSY, "cannot lock journal '%s': another process has it", path);
}

VfJournal *
vf_journal_create (const char *state_directory, const char *id, GError **error)
{
  g_autofree char *path = vf_journal_path (state_directory, id, error);
  g_autofree char *directory = path == NULL ? NULL : vf_path_directory (path);
  if (directory == NULL || !make_move_directory (directory, id, error))
    return NULL;
  g_auto (VfFd) fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd == VF_FD_NONE) {
    vf_error_set_errno (error, errno, "cannot make journal '%s'", path);
    return NULL;
  }
  if (!lock (fd, path, error) || !vf_fd_sync_directory_of (path, error))
    return NULL;
  VfJournal *journal = journal_new (path, vf_fd_steal (&fd));
  journal->cut = true;
  return journal;
}

static int
open_journal (const char *path, const char *id, int flags, GError **error)
{
  int fd = open (path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT)
    vf_error_set (error, VF_ERROR_NOT_FOUND, "cannot open journal '%s': there is no move '%s'", path, id);
  else if (fd < 0)
    vf_error_set_errno (error, errno, "cannot open journal '%s'", path);
  return fd;
}

VfJournal *
vf_journal_open (const char *state_directory, const char *id, VfJournalApply apply, gpointer data, GError **error)
{
  g_autofree char *path = vf_journal_path (state_directory, id, error);
  if (path == NULL)
    return NULL;
  g_auto (VfFd) fd = open_journal (path, id, O_RDWR, error);
  if (fd == VF_FD_NONE || !lock (fd, path, error))
    return NULL;
  VfReplay replay = { .fd = fd, .path = path, .apply = apply, .data = data };
  if (!vf_journal_replay (&replay, error))
    return NULL;
  VfJournal *journal = journal_new (path, vf_fd_steal (&fd));
  journal->bytes = replay.valid_bytes;
  journal->seq = replay.records;
  return journal;
}

bool
vf_journal_read (const char *state_directory, const char *id, VfJournalApply apply, gpointer data, gint64 *held, GError **error)
{
  g_autofree char *path = vf_journal_path (state_directory, id, error);
  if (path == NULL)
    return false;
  g_auto (VfFd) fd = open_journal (path, id, O_RDONLY, error);
  if (fd == VF_FD_NONE)
    return false;
  if (held != NULL)
    *held = vf_journal_holder (fd);
  VfReplay replay = { .fd = fd, .path = path, .apply = apply, .data = data };
  return vf_journal_replay (&replay, error);
}

/* The line to write; NULL when the record would be one that replay refuses: that must be found out before the act, not after.
 */
static char *
print_checked (VfJournal *journal, JsonObject *record, GError **error)
{
  g_autofree char *line = vf_journal_print_line (record);
  gsize length = strlen (line);
  g_autoptr (GError) reason = NULL;
  g_autoptr (JsonObject) again = vf_journal_parse_line (line, length - 1, &reason);
  if (again == NULL) {
    vf_error_set (error, VF_ERROR_FAILED, "cannot write journal '%s': replay would refuse the record: %s", journal->path,
                  reason->message);
    return NULL;
  }
  if (journal->bytes + length > VF_JOURNAL_BYTES_MAX) {
    vf_error_set (error, VF_ERROR_NO_SPACE, "cannot write journal '%s': it would be larger than %d bytes", journal->path,
                  VF_JOURNAL_BYTES_MAX);
    return NULL;
  }
  return g_steal_pointer (&line);
}

static bool
write_line (VfJournal *journal, const char *line, gsize length)
{
  if (!journal->cut && ftruncate (journal->fd, (off_t)journal->bytes) != 0)
    return false;
  journal->cut = true;
  return vf_fd_pwrite_full (journal->fd, line, length, (off_t)journal->bytes) && fdatasync (journal->fd) == 0;
}

static bool
append_locked (VfJournal *journal, JsonObject *record, GError **error)
{
  if (journal->failed)
    return vf_error_set (error, VF_ERROR_FAILED, "cannot write journal '%s': an earlier write failed", journal->path);
  json_object_set_int_member (record, "seq", (gint64)journal->seq + 1);
  json_object_set_int_member (record, "time", g_get_real_time ());
  g_autofree char *line = print_checked (journal, record, error);
  if (line == NULL)
    return false;
  gsize length = strlen (line);
  if (!write_line (journal, line, length)) {
    journal->failed = true;
    return vf_error_set_errno (error, errno, "cannot write journal '%s'", journal->path);
  }
  journal->bytes += length;
  journal->seq++;
  return true;
}

bool
vf_journal_append (VfJournal *journal, JsonObject *record, GError **error)
{
  g_mutex_lock (&journal->mutex);
  bool appended = append_locked (journal, record, error);
  g_mutex_unlock (&journal->mutex);
  return appended;
}
