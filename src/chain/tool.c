#include "chain/tool.h"

#include "base/fd.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A header written by someone else may be made to cost: 60 s, 2 GiB and 30 s of CPU are far above what a whole one needs. */
static const VfProcessLimits limits = {
  .deadline_s = 60,
  .memory_bytes_max = G_GUINT64_CONSTANT (2) << 30,
  .cpu_s_max = 30,
};

enum {
  HEADER_BYTES = 80,
  VERSION_AT = 4,
  INCOMPATIBLE_AT = 72, /* docs/interop/qcow2.txt of QEMU: incompatible_features, version 3 only */
  INCOMPATIBLE_DATA_FILE = 1 << 2,
};

/* QEMU takes what stands before a colon for a protocol, unless a slash comes first (path_has_protocol in its block.c). */
static bool
names_are_plain (const char *path, const char *backing, const char *backing_format, GError **error)
{
  if (*path != '/')
    return vf_error_set (error, VF_ERROR_USAGE, "cannot write image '%s': not an absolute path", path);
  gsize before = strcspn (backing, ":/");
  if (*backing == '\0' || backing[before] == ':')
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot write image '%s': its backing name '%s' is no path", path, backing);
  if (*backing_format == '\0' || strspn (backing_format, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen (backing_format))
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot write image '%s': '%s' is no backing format", path, backing_format);
  return true;
}

bool
vf_image_create_overlay (const char *path, const char *backing, const char *backing_format, guint64 bytes, GError **error)
{
  if (!names_are_plain (path, backing, backing_format, error))
    return false;
  g_autofree char *size = g_strdup_printf ("%" G_GUINT64_FORMAT, bytes);
  const char *argv[] = {
    "qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", backing_format, path, size, NULL
  };
  GError *failure = NULL;
  if (!vf_process_run (argv, &limits, NULL, &failure))
    return vf_error_adopt (error, failure, "cannot create image '%s'", path);
  return true;
}

static bool
header_is_qcow2 (const char *path, GError **error)
{
  guint8 header[HEADER_BYTES] = { 0 };
  guint32 version;
  guint64 incompatible;
  g_auto (VfFd) fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd == VF_FD_NONE || vf_fd_pread_full (fd, header, sizeof header, 0) < 0)
    return vf_error_set_errno (error, errno, "cannot read image '%s'", path);
  if (memcmp (header, "QFI\xfb", 4) != 0)
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot rebase image '%s': it is no qcow2", path);
  memcpy (&version, header + VERSION_AT, sizeof version);
  memcpy (&incompatible, header + INCOMPATIBLE_AT, sizeof incompatible);
  if (GUINT32_FROM_BE (version) >= 3 && (GUINT64_FROM_BE (incompatible) & INCOMPATIBLE_DATA_FILE) != 0)
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot rebase image '%s': it has an external data file", path);
  return true;
}

bool
vf_image_rebase_names (const char *path, const char *backing, const char *backing_format, GError **error)
{
  if (!names_are_plain (path, backing, backing_format, error) || !header_is_qcow2 (path, error))
    return false;
  const char *argv[] = { "qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", backing_format, path, NULL };
  GError *failure = NULL;
  if (!vf_process_run (argv, &limits, NULL, &failure))
    return vf_error_adopt (error, failure, "cannot rebase image '%s'", path);
  return true;
}

bool
vf_image_commit (const char *path, const char *base, GError **error)
{
  static const VfProcessLimits unlimited = { 0 }; /* it copies data: as much as there is */
  if (*path != '/' || *base != '/')
    return vf_error_set (error, VF_ERROR_USAGE, "cannot commit image '%s': not an absolute path", *path != '/' ? path : base);
  const char *argv[] = { "qemu-img", "commit", "-q", "-d", "-f", "qcow2", "-b", base, path, NULL };
  GError *failure = NULL;
  if (!vf_process_run (argv, &unlimited, NULL, &failure))
    return vf_error_adopt (error, failure, "cannot commit image '%s' into '%s'", path, base);
  return true;
}
