#include "chain/image.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/names.h"
#include "base/process.h"
#include "chain/backing_name.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const VfProcessLimits read_limits = {
  .deadline_s = 30,
  .memory_bytes_max = (guint64)1024 * 1024 * 1024,
  .cpu_s_max = 10,
};

static void
internal_snapshot_free (VfInternalSnapshot *snapshot)
{
  g_free (snapshot->id);
  g_free (snapshot->name);
  g_free (snapshot);
}

void
vf_image_free (VfImage *image)
{
  if (image == NULL)
    return;
  g_free (image->path);
  g_free (image->format);
  g_free (image->backing_name);
  g_free (image->backing_path);
  g_free (image->backing_format);
  g_free (image->data_file);
  g_free (image->data_path);
  g_clear_pointer (&image->internal_snapshots, g_ptr_array_unref);
  g_free (image);
}

bool
vf_image_format_is_known (const char *format)
{
  return g_strcmp0 (format, "raw") == 0 || g_strcmp0 (format, "qcow2") == 0;
}

static VfInternalSnapshot *
parse_snapshot (JsonObject *object, GError **error)
{
  guint64 vm_state_bytes;
  const char *id = vf_json_string (object, "id", error);
  const char *name = id == NULL ? NULL : vf_json_string (object, "name", error);
  if (name == NULL || !vf_json_u64 (object, "vm-state-size", &vm_state_bytes, error))
    return NULL;
  VfInternalSnapshot *snapshot = g_new0 (VfInternalSnapshot, 1);
  snapshot->id = g_strdup (id);
  snapshot->name = g_strdup (name);
  snapshot->vm_state_bytes = vm_state_bytes;
  return snapshot;
}

static bool
parse_snapshots (VfImage *image, JsonObject *info, GError **error)
{
  image->internal_snapshots = g_ptr_array_new_with_free_func ((GDestroyNotify)internal_snapshot_free);
  if (!json_object_has_member (info, "snapshots"))
    return true;
  JsonArray *snapshots = vf_json_array (info, "snapshots", error);
  for (guint i = 0; snapshots != NULL && i < json_array_get_length (snapshots); i++) {
    JsonObject *object = vf_json_element (snapshots, i, "snapshots", error);
    VfInternalSnapshot *snapshot = object == NULL ? NULL : parse_snapshot (object, error);
    if (snapshot == NULL)
      return false;
    g_ptr_array_add (image->internal_snapshots, snapshot);
  }
  return snapshots != NULL;
}

/* What only some formats have. */
static bool
parse_format_specific (VfImage *image, JsonObject *info, GError **error)
{
  if (!json_object_has_member (info, "format-specific"))
    return true;
  JsonObject *specific = vf_json_object (info, "format-specific", error);
  JsonObject *data = specific == NULL ? NULL : vf_json_object (specific, "data", error);
  if (data == NULL)
    return false;
  image->corrupt = vf_json_bool_or (data, "corrupt", false);
  if (g_str_equal (image->format, "raw")) /* has no header to name one in */
    return true;
  image->data_file = g_strdup (vf_json_string_or (data, "data-file", NULL));
  bool is_text = image->data_file != NULL && strstr (image->data_file, "\xef\xbf\xbd") == NULL;
  image->data_path = is_text ? vf_path_normal (image->data_file) : NULL;
  return true;
}

static void
parse_backing (VfImage *image, JsonObject *info)
{
  if (g_str_equal (image->format, "raw")) /* has no header to name one in */
    return;
  image->backing_name = g_strdup (vf_json_string_or (info, "backing-filename", NULL));
  image->backing_format = g_strdup (vf_json_string_or (info, "backing-filename-format", NULL));
  image->backing_path = vf_backing_path (image->path, image->backing_name);
}

static bool
parse_sizes (VfImage *image, JsonObject *info, GError **error)
{
  if (!vf_json_u64 (info, "virtual-size", &image->virtual_bytes, error))
    return false;
  if (!json_object_has_member (info, "actual-size")) /* QEMU leaves out what it cannot find out */
    return true;
  return vf_json_u64 (info, "actual-size", &image->allocated_bytes, error);
}

static VfImage *
parse_info (const char *path, JsonObject *info, GError **error)
{
  g_autoptr (VfImage) image = g_new0 (VfImage, 1);
  const char *format = vf_json_string (info, "format", error);
  if (format == NULL)
    return NULL;
  image->path = g_strdup (path);
  image->format = g_strdup (format);
  image->encrypted = vf_json_bool_or (info, "encrypted", false);
  image->dirty = vf_json_bool_or (info, "dirty-flag", false);
  parse_backing (image, info);
  if (!parse_sizes (image, info, error) || !parse_snapshots (image, info, error) || !parse_format_specific (image, info, error))
    return NULL;
  return g_steal_pointer (&image);
}

VfImage *
vf_image_parse (const char *path, const char *json, GError **error)
{
  g_autofree char *what = g_strdup_printf ("what qemu-img says of image '%s'", path);
  g_autoptr (JsonObject) info = vf_json_parse (json, strlen (json), what, error);
  if (info == NULL)
    return NULL;
  g_autoptr (GError) reason = NULL;
  VfImage *image = parse_info (path, info, &reason);
  if (image == NULL)
    vf_error_adopt (error, g_steal_pointer (&reason), "cannot read %s", what);
  return image;
}

/* Members and not a file name, so that nothing in the path is taken for a protocol, an option or a pattern. */
static char *
image_description (const char *path, const char *format, bool is_block)
{
  g_autoptr (JsonObject) description = json_object_new ();
  JsonObject *file = json_object_new ();
  json_object_set_string_member (file, "driver", is_block ? "host_device" : "file");
  json_object_set_string_member (file, "filename", path);
  json_object_set_string_member (description, "driver", format);
  json_object_set_object_member (description, "file", file);
  g_autofree char *printed = vf_json_print (description);
  return g_strconcat ("json:", printed, NULL);
}

/* Lexical "a/../b" is not the file the kernel finds when `a` is a symlink: then its own answer counts. */
static void
settle_backing_path (VfImage *image)
{
  if (image->backing_path == NULL || strstr (image->backing_name, "..") == NULL)
    return;
  struct stat lexical, real;
  g_autofree char *written = vf_backing_path_as_written (image->path, image->backing_name);
  if (stat (written, &real) != 0)
    return;
  if (stat (image->backing_path, &lexical) == 0 && lexical.st_dev == real.st_dev && lexical.st_ino == real.st_ino)
    return;
  g_autofree char *directory = g_path_get_dirname (written);
  g_autofree char *name = g_path_get_basename (written);
  char *resolved = realpath (directory, NULL);
  if (resolved == NULL)
    return;
  g_free (image->backing_path);
  image->backing_path = g_build_filename (resolved, name, NULL);
  free (resolved);
}

static bool
read_device_size (const char *path, guint64 *bytes, GError **error)
{
  g_auto (VfFd) fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  off_t end = fd == VF_FD_NONE ? -1 : lseek (fd, 0, SEEK_END);
  if (end < 0)
    return vf_error_set_errno (error, errno, "cannot read size of device '%s'", path);
  *bytes = (guint64)end;
  return true;
}

bool
vf_image_reader_is_there (GError **error)
{
  g_autofree char *program = g_find_program_in_path ("qemu-img");
  if (program != NULL)
    return true;
  vf_error_set (error, VF_ERROR_NOT_FOUND, "cannot read images: there is no program 'qemu-img'");
  vf_error_hint (error, "install qemu-utils (Debian) or qemu-img (Fedora)");
  return false;
}

static bool
check_request (const char *path, const char *format, GError **error)
{
  if (!vf_image_format_is_known (format))
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot read image '%s': format '%s' is neither raw nor qcow2", path, format);
  if (!g_utf8_validate (path, -1, NULL)) {
    g_autofree char *shown = g_strescape (path, NULL);
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot read image '%s': its name is not UTF-8", shown);
  }
  return vf_image_reader_is_there (error);
}

VfImage *
vf_image_read (const char *path, const char *format, bool is_block, GCancellable *cancellable, GError **error)
{
  if (!check_request (path, format, error))
    return NULL;
  g_autofree char *description = image_description (path, format, is_block);
  const char *const argv[] = { "qemu-img", "info", "-U", "--output=json", description, NULL };
  VfProcessLimits limits = read_limits;
  limits.cancellable = cancellable;
  g_autofree char *output = NULL;
  g_autoptr (GError) reason = NULL;
  if (!vf_process_run (argv, &limits, &output, &reason)) {
    vf_error_adopt (error, g_steal_pointer (&reason), "cannot read image '%s'", path);
    return NULL;
  }
  g_autoptr (VfImage) image = vf_image_parse (path, output, error);
  if (image == NULL)
    return NULL;
  if (is_block && !read_device_size (path, &image->allocated_bytes, error))
    return NULL;
  settle_backing_path (image);
  return g_steal_pointer (&image);
}
