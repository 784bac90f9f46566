#include "chain/qcow2_header.h"

#include "base/fd.h"

#include <errno.h>
#include <string.h>

enum {
  V2_BYTES = 72,
  CLUSTER_BITS_MIN = 9,
  CLUSTER_BITS_MAX = 21,
  BACKING_BYTES_MAX = 1023,
  EXTENSION_HEAD_BYTES = 8,
  EXTENSIONS_MAX = 64,
  VERSION_AT = 4,
  BACKING_AT = 8,
  BACKING_BYTES_AT = 16,
  CLUSTER_BITS_AT = 20,
  VIRTUAL_BYTES_AT = 24,
  CRYPT_AT = 32,
  REFCOUNT_TABLE_AT = 48,
  INCOMPATIBLE_AT = 72,
  REFCOUNT_ORDER_AT = 96,
  HEADER_BYTES_AT = 100,
  V3_BYTES = 104,
  INCOMPATIBLE_DATA_FILE = 1 << 2,
};

static const guint8 magic[] = { 'Q', 'F', 'I', 0xfb };

static guint32
u32_at (const guint8 *bytes, gsize at)
{
  guint32 value;
  memcpy (&value, bytes + at, sizeof value);
  return GUINT32_FROM_BE (value);
}

static guint64
u64_at (const guint8 *bytes, gsize at)
{
  guint64 value;
  memcpy (&value, bytes + at, sizeof value);
  return GUINT64_FROM_BE (value);
}

static void
extension_free (VfQcow2Extension *extension)
{
  g_bytes_unref (extension->data);
  g_free (extension);
}

void
vf_qcow2_header_free (VfQcow2Header *header)
{
  if (header == NULL)
    return;
  g_clear_pointer (&header->fixed, g_bytes_unref);
  g_clear_pointer (&header->extensions, g_ptr_array_unref);
  g_free (header->backing);
  g_free (header);
}

static bool
corrupt (const char *path, const char *reason, GError **error)
{
  return vf_error_set (error, VF_ERROR_CORRUPT, "cannot read the header of image '%s': %s", path, reason);
}

static bool
parse_fixed (VfQcow2Header *header, const guint8 *bytes, gsize size, const char *path, GError **error)
{
  gsize fixed_bytes = V2_BYTES;
  if (size < V2_BYTES || memcmp (bytes, magic, sizeof magic) != 0)
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot read the header of image '%s': it is no qcow2", path);
  header->version = u32_at (bytes, VERSION_AT);
  header->cluster_bits = u32_at (bytes, CLUSTER_BITS_AT);
  header->virtual_bytes = u64_at (bytes, VIRTUAL_BYTES_AT);
  header->crypt = u32_at (bytes, CRYPT_AT);
  header->refcount_table_at = u64_at (bytes, REFCOUNT_TABLE_AT);
  header->refcount_order = 4; /* of version 2 */
  if (header->version != 2 && header->version != 3)
    return corrupt (path, "its version is neither 2 nor 3", error);
  if (header->cluster_bits < CLUSTER_BITS_MIN || header->cluster_bits > CLUSTER_BITS_MAX)
    return corrupt (path, "its cluster size is not allowed", error);
  if (header->version == 3) {
    if (size < V3_BYTES)
      return corrupt (path, "it is cut off", error);
    header->has_data_file = (u64_at (bytes, INCOMPATIBLE_AT) & INCOMPATIBLE_DATA_FILE) != 0;
    header->refcount_order = u32_at (bytes, REFCOUNT_ORDER_AT);
    fixed_bytes = u32_at (bytes, HEADER_BYTES_AT);
  }
  if (fixed_bytes < (header->version == 3 ? V3_BYTES : V2_BYTES) || fixed_bytes > size || fixed_bytes % 8 != 0)
    return corrupt (path, "its length is not allowed", error);
  header->fixed = g_bytes_new (bytes, fixed_bytes);
  return true;
}

static bool
parse_extensions (VfQcow2Header *header, const guint8 *bytes, gsize end, const char *path, GError **error)
{
  gsize at = g_bytes_get_size (header->fixed);
  while (at + EXTENSION_HEAD_BYTES <= end) {
    guint32 type = u32_at (bytes, at);
    gsize length = u32_at (bytes, at + 4);
    at += EXTENSION_HEAD_BYTES;
    if (type == 0)
      return true;
    if (length > end - at || header->extensions->len == EXTENSIONS_MAX)
      return corrupt (path, "its extensions do not end", error);
    VfQcow2Extension *extension = g_new0 (VfQcow2Extension, 1);
    extension->type = type;
    extension->data = g_bytes_new (bytes + at, length);
    g_ptr_array_add (header->extensions, extension);
    at += (length + 7) / 8 * 8;
  }
  return true;
}

/* Extensions end where the backing name begins, at the latest. */
static bool
parse_names (VfQcow2Header *header, const guint8 *bytes, gsize size, const char *path, GError **error)
{
  guint64 backing_at = u64_at (bytes, BACKING_AT);
  gsize backing_bytes = backing_at == 0 ? 0 : u32_at (bytes, BACKING_BYTES_AT);
  if (backing_at != 0 && (backing_bytes > BACKING_BYTES_MAX || backing_at < g_bytes_get_size (header->fixed) ||
                          backing_at > size || backing_bytes > size - backing_at))
    return corrupt (path, "its backing name lies outside", error);
  if (backing_bytes > 0)
    header->backing = g_strndup ((const char *)bytes + backing_at, backing_bytes);
  return parse_extensions (header, bytes, backing_at != 0 ? backing_at : size, path, error);
}

VfQcow2Header *
vf_qcow2_header_parse (GBytes *start, const char *path, GError **error)
{
  gsize size = 0;
  const guint8 *bytes = g_bytes_get_data (start, &size);
  g_autoptr (VfQcow2Header) header = g_new0 (VfQcow2Header, 1);
  header->extensions = g_ptr_array_new_with_free_func ((GDestroyNotify)extension_free);
  if (!parse_fixed (header, bytes, size, path, error))
    return NULL;
  size = MIN (size, (gsize)1 << header->cluster_bits);
  if (g_bytes_get_size (header->fixed) > size) {
    corrupt (path, "it is longer than a cluster", error);
    return NULL;
  }
  return parse_names (header, bytes, size, path, error) ? g_steal_pointer (&header) : NULL;
}

VfQcow2Header *
vf_qcow2_header_read (int fd, const char *path, GError **error)
{
  gsize most = (gsize)1 << CLUSTER_BITS_MAX;
  g_autofree guint8 *bytes = g_malloc (most);
  gssize got = vf_fd_pread_full (fd, bytes, most, 0);
  if (got < 0) {
    vf_error_set_errno (error, errno, "cannot read image '%s'", path);
    return NULL;
  }
  g_autoptr (GBytes) start = g_bytes_new (bytes, (gsize)got);
  return vf_qcow2_header_parse (start, path, error);
}

static VfQcow2Extension *
find_extension (const VfQcow2Header *header, guint32 type)
{
  for (guint i = 0; i < header->extensions->len; i++) {
    VfQcow2Extension *extension = header->extensions->pdata[i];
    if (extension->type == type)
      return extension;
  }
  return NULL;
}

GBytes *
vf_qcow2_header_extension (const VfQcow2Header *header, guint32 type)
{
  const VfQcow2Extension *extension = find_extension (header, type);
  return extension == NULL ? NULL : extension->data;
}

void
vf_qcow2_header_set_extension (VfQcow2Header *header, guint32 type, GBytes *data)
{
  VfQcow2Extension *extension = find_extension (header, type);
  if (extension == NULL) {
    extension = g_new0 (VfQcow2Extension, 1);
    extension->type = type;
    g_ptr_array_add (header->extensions, extension);
  } else {
    g_bytes_unref (extension->data);
  }
  extension->data = g_bytes_ref (data);
}

static void
append_u32 (GByteArray *out, guint32 value)
{
  value = GUINT32_TO_BE (value);
  g_byte_array_append (out, (const guint8 *)&value, sizeof value);
}

static void
append_extension (GByteArray *out, guint32 type, GBytes *data)
{
  static const guint8 padding[7];
  gsize size = 0;
  const guint8 *bytes = data == NULL ? NULL : g_bytes_get_data (data, &size);
  append_u32 (out, type);
  append_u32 (out, (guint32)size);
  if (size > 0)
    g_byte_array_append (out, bytes, (guint)size);
  g_byte_array_append (out, padding, (guint)((8 - size % 8) % 8));
}

static void
put_fixed (GByteArray *out, const VfQcow2Header *header, guint64 backing_at, gsize backing_bytes)
{
  guint32 crypt = GUINT32_TO_BE (header->crypt);
  guint64 at = GUINT64_TO_BE (backing_at);
  guint32 length = GUINT32_TO_BE ((guint32)backing_bytes);
  memcpy (out->data + CRYPT_AT, &crypt, sizeof crypt);
  memcpy (out->data + BACKING_AT, &at, sizeof at);
  memcpy (out->data + BACKING_BYTES_AT, &length, sizeof length);
}

GBytes *
vf_qcow2_header_print (const VfQcow2Header *header, const char *path, GError **error)
{
  gsize cluster_bytes = (gsize)1 << header->cluster_bits;
  gsize backing_bytes = header->backing == NULL ? 0 : strlen (header->backing);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_byte_array_append (out, g_bytes_get_data (header->fixed, NULL), (guint)g_bytes_get_size (header->fixed));
  for (guint i = 0; i < header->extensions->len; i++) {
    const VfQcow2Extension *extension = header->extensions->pdata[i];
    append_extension (out, extension->type, extension->data);
  }
  append_extension (out, 0, NULL);
  put_fixed (out, header, backing_bytes == 0 ? 0 : out->len, backing_bytes);
  if (backing_bytes > 0)
    g_byte_array_append (out, (const guint8 *)header->backing, (guint)backing_bytes);
  if (backing_bytes > BACKING_BYTES_MAX || out->len > cluster_bytes) {
    vf_error_set (error, VF_ERROR_REFUSED, "cannot write the header of image '%s': its names take %u bytes, a cluster has %zu",
                  path, out->len, cluster_bytes);
    return NULL;
  }
  guint written = out->len;
  g_byte_array_set_size (out, (guint)cluster_bytes);
  memset (out->data + written, 0, cluster_bytes - written);
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

bool
vf_qcow2_header_write (const VfQcow2Header *header, int fd, const char *path, GError **error)
{
  g_autoptr (GBytes) cluster = vf_qcow2_header_print (header, path, error);
  if (cluster == NULL)
    return false;
  gsize size = 0;
  const guint8 *bytes = g_bytes_get_data (cluster, &size);
  if (!vf_fd_pwrite_full (fd, bytes, size, 0))
    return vf_error_set_errno (error, errno, "cannot write the header of image '%s'", path);
  return true;
}
