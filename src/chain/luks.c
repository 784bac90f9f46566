#include "chain/luks.h"

#include "base/fd.h"
#include "chain/qcow2_header.h"
#include "chain/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  SECTOR_BYTES = 512,
  VERSION_AT = 6,
  PAYLOAD_AT = 104, /* in sectors */
  FIXED_BYTES = 592,
  LUKS_BYTES_MAX = 32 * 1024 * 1024, /* eight slots of a 512-bit key take 2 MiB */
  REFCOUNT_ORDER = 4,                /* 16 bits, what qemu-img create gives */
  REFCOUNT_BYTES = 2,
};

static const guint8 magic[] = { 'L', 'U', 'K', 'S', 0xba, 0xbe };

static guint64
big_endian_at (const guint8 *bytes, gsize at, gsize length)
{
  guint64 value = 0;
  for (gsize i = 0; i < length; i++)
    value = value << 8 | bytes[at + i];
  return value;
}

guint64
vf_luks_payload_offset (GBytes *luks)
{
  return big_endian_at (g_bytes_get_data (luks, NULL), PAYLOAD_AT, 4) * SECTOR_BYTES;
}

static bool
is_luks1 (const guint8 *bytes, gsize size)
{
  return size >= FIXED_BYTES && memcmp (bytes, magic, sizeof magic) == 0 && big_endian_at (bytes, VERSION_AT, 2) == 1;
}

static GBytes *
read_span (int fd, const char *path, guint64 offset, guint64 bytes, GError **error)
{
  if (bytes < FIXED_BYTES || bytes > LUKS_BYTES_MAX || offset > G_MAXINT64 - LUKS_BYTES_MAX) {
    vf_error_set (error, VF_ERROR_CORRUPT,
                  "cannot read the LUKS header of image '%s': it is said to have %" G_GUINT64_FORMAT " bytes", path, bytes);
    return NULL;
  }
  g_autofree guint8 *data = g_malloc0 (bytes);
  if (vf_fd_pread_full (fd, data, bytes, (off_t)offset) < 0) {
    vf_error_set_errno (error, errno, "cannot read the LUKS header of image '%s'", path);
    return NULL;
  }
  if (!is_luks1 (data, bytes)) {
    vf_error_set (error, VF_ERROR_REFUSED, "cannot read the LUKS header of image '%s': there is none of version 1", path);
    return NULL;
  }
  return g_bytes_new_take (g_steal_pointer (&data), bytes);
}

static GBytes *
read_in_qcow2 (int fd, const char *path, GError **error)
{
  g_autoptr (VfQcow2Header) header = vf_qcow2_header_read (fd, path, error);
  if (header == NULL)
    return NULL;
  GBytes *place = vf_qcow2_header_extension (header, VF_QCOW2_ENCRYPTION);
  if (header->crypt != VF_QCOW2_CRYPT_LUKS || place == NULL || g_bytes_get_size (place) < 16) {
    vf_error_set (error, VF_ERROR_REFUSED, "cannot read the LUKS header of image '%s': it has none", path);
    return NULL;
  }
  const guint8 *bytes = g_bytes_get_data (place, NULL);
  return read_span (fd, path, big_endian_at (bytes, 0, 8), big_endian_at (bytes, 8, 8), error);
}

static GBytes *
read_in_raw (int fd, const char *path, GError **error)
{
  g_autoptr (GBytes) fixed = read_span (fd, path, 0, FIXED_BYTES, error);
  return fixed == NULL ? NULL : read_span (fd, path, 0, vf_luks_payload_offset (fixed), error);
}

GBytes *
vf_luks_read (const char *path, const char *format, GError **error)
{
  g_auto (VfFd) fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd == VF_FD_NONE) {
    vf_error_set_errno (error, errno, "cannot open image '%s'", path);
    return NULL;
  }
  return strcmp (format, "raw") == 0 ? read_in_raw (fd, path, error) : read_in_qcow2 (fd, path, error);
}

/* ---- an overlay that has a LUKS header ---- */

/* Where the clusters go: after everything that qemu-img has just made, which one block of refcounts covers many times over. */
typedef struct {
  guint64 first; /* number of the first cluster */
  guint64 count;
  guint64 refcounts_at;
} Room;

static bool
find_room (int fd, const VfQcow2Header *header, gsize bytes, Room *room)
{
  struct stat st;
  guint8 entry[8] = { 0 };
  guint64 cluster = G_GUINT64_CONSTANT (1) << header->cluster_bits;
  if (fstat (fd, &st) != 0 || vf_fd_pread_full (fd, entry, sizeof entry, (off_t)header->refcount_table_at) != sizeof entry)
    return false;
  room->first = ((guint64)st.st_size + cluster - 1) / cluster;
  room->count = (bytes + cluster - 1) / cluster;
  room->refcounts_at = big_endian_at (entry, 0, 8);
  return header->refcount_order == REFCOUNT_ORDER && header->crypt == VF_QCOW2_CRYPT_NONE && room->refcounts_at != 0 &&
         room->refcounts_at % cluster == 0 && room->first + room->count <= cluster / REFCOUNT_BYTES;
}

static bool
put_bytes (int fd, const VfQcow2Header *header, const Room *room, GBytes *luks)
{
  gsize size = 0;
  const guint8 *bytes = g_bytes_get_data (luks, &size);
  guint64 at = room->first << header->cluster_bits;
  g_autofree guint8 *ones = g_malloc0 (room->count * REFCOUNT_BYTES);
  for (guint64 i = 0; i < room->count; i++)
    ones[i * REFCOUNT_BYTES + 1] = 1;
  return ftruncate (fd, (off_t)((room->first + room->count) << header->cluster_bits)) == 0 &&
         vf_fd_pwrite_full (fd, bytes, size, (off_t)at) &&
         vf_fd_pwrite_full (fd, ones, room->count * REFCOUNT_BYTES, (off_t)(room->refcounts_at + room->first * REFCOUNT_BYTES));
}

static void
name_place (VfQcow2Header *header, const Room *room, gsize bytes)
{
  guint64 place[] = { GUINT64_TO_BE (room->first << header->cluster_bits), GUINT64_TO_BE ((guint64)bytes) };
  g_autoptr (GBytes) data = g_bytes_new (place, sizeof place);
  vf_qcow2_header_set_extension (header, VF_QCOW2_ENCRYPTION, data);
  header->crypt = VF_QCOW2_CRYPT_LUKS;
}

static bool
give_luks (int fd, const char *path, GBytes *luks, GError **error)
{
  Room room;
  g_autoptr (VfQcow2Header) header = vf_qcow2_header_read (fd, path, error);
  if (header == NULL)
    return false;
  if (!find_room (fd, header, g_bytes_get_size (luks), &room))
    return vf_error_set (error, VF_ERROR_FAILED, "cannot encrypt image '%s': this qemu-img makes another form of image", path);
  if (!put_bytes (fd, header, &room, luks))
    return vf_error_set_errno (error, errno, "cannot encrypt image '%s'", path);
  name_place (header, &room, g_bytes_get_size (luks));
  return vf_qcow2_header_write (header, fd, path, error);
}

bool
vf_cap_image_fill (int fd, const char *path, const VfCapImage *cap, GError **error)
{
  g_autofree char *link = g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), fd);
  bool filled = vf_image_create_overlay (link, cap->backing, cap->backing_format, cap->bytes, error) &&
                (cap->luks == NULL || give_luks (fd, path, cap->luks, error));
  if (!filled) {
    if (ftruncate (fd, 0) != 0)
      vf_error_hint (error, "remove '%s'", path);
    return false;
  }
  return fsync (fd) == 0 || vf_error_set_errno (error, errno, "cannot sync image '%s'", path);
}
