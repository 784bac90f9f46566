/* Journals: the bytes as a file, and as one record with a checksum that fits. */
#include "base/fd.h"
#include "journal/replay.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* What replay calls whole is whole when it is replayed alone. */
static void
check_file (const guint8 *data, gsize size)
{
  g_auto (VfFd) fd = memfd_create ("journal", MFD_CLOEXEC);
  g_assert_true (fd >= 0 && vf_fd_write_full (fd, data, size));
  VfReplay replay = { .fd = fd, .path = "memory" };
  if (!vf_journal_replay (&replay, NULL))
    return;
  VfReplay again = { .fd = fd, .path = "memory" };
  g_assert_cmpuint (replay.valid_bytes, <=, size);
  g_assert_cmpint (ftruncate (fd, (off_t)replay.valid_bytes), ==, 0);
  g_assert_true (vf_journal_replay (&again, NULL));
  g_assert_cmpuint (again.records, ==, replay.records);
  g_assert_cmpuint (again.valid_bytes, ==, replay.valid_bytes);
}

/* What is read is printed so that it is read as the same. */
static void
check_record (const guint8 *data, gsize size)
{
  g_autoptr (GString) line = g_string_new (NULL);
  g_string_printf (line, "%08lx ", crc32_z (0, data, size));
  g_string_append_len (line, (const char *)data, (gssize)size);
  g_autoptr (JsonObject) record = vf_journal_parse_line (line->str, line->len, NULL);
  if (record == NULL)
    return;
  g_autofree char *printed = vf_journal_print_line (record);
  g_autoptr (JsonObject) again = vf_journal_parse_line (printed, strlen (printed) - 1, NULL);
  g_assert_nonnull (again);
  g_autofree char *reprinted = vf_journal_print_line (again);
  g_assert_cmpstr (reprinted, ==, printed);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  check_file (data, size);
  check_record (data, size);
  return 0;
}
