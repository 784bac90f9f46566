#include "chain/tool.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/process.h"
#include "chain/qcow2_header.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A header written by someone else may be made to cost: 60 s, 2 GiB and 30 s of CPU are far above what a whole one needs. */
static const VfProcessLimits limits = {
  .deadline_s = 60,
  .memory_bytes_max = G_GUINT64_CONSTANT (2) << 30,
  .cpu_s_max = 30,
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

static void
set_text (VfQcow2Header *header, guint32 extension, const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
  vf_qcow2_header_set_extension (header, extension, bytes);
}

/* qemu-img opens what it writes: that takes an encrypted image's key, and a data file that may not be there yet. */
static bool
write_names (int fd, const char *path, VfQcow2Header *header, const VfImageNames *names, GError **error)
{
  if (names->backing != NULL) {
    g_free (header->backing);
    header->backing = g_strdup (names->backing);
    set_text (header, VF_QCOW2_BACKING_FORMAT, names->backing_format);
  }
  if (names->data_file != NULL)
    set_text (header, VF_QCOW2_DATA_FILE, names->data_file);
  return vf_qcow2_header_write (header, fd, path, error);
}

static bool
run_rebase (const char *path, const char *backing, const char *backing_format, GError **error)
{
  const char *argv[] = { "qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", backing_format, path, NULL };
  GError *failure = NULL;
  if (!vf_process_run (argv, &limits, NULL, &failure))
    return vf_error_adopt (error, failure, "cannot rebase image '%s'", path);
  return true;
}

bool
vf_image_rename (const char *path, const VfImageNames *names, GError **error)
{
  if (names->backing != NULL && !names_are_plain (path, names->backing, names->backing_format, error))
    return false;
  if (names->data_file != NULL && *names->data_file != '/')
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot write image '%s': its data file's name '%s' is no absolute path",
                         path, names->data_file);
  g_auto (VfFd) fd = open (path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd == VF_FD_NONE)
    return vf_error_set_errno (error, errno, "cannot open image '%s'", path);
  g_autoptr (VfQcow2Header) header = vf_qcow2_header_read (fd, path, error);
  if (header == NULL)
    return false;
  if (names->data_file != NULL && !header->has_data_file)
    return vf_error_set (error, VF_ERROR_REFUSED, "cannot write image '%s': it has no data file", path);
  if (header->has_data_file || header->crypt != VF_QCOW2_CRYPT_NONE)
    return write_names (fd, path, header, names, error);
  return names->backing == NULL || run_rebase (path, names->backing, names->backing_format, error);
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

/* Takes `backing`, which may be NULL. An encrypted raw image is of QEMU's format "luks". */
static JsonObject *
describe_layer (const VfKeyedLayer *layer, gsize number, JsonObject *backing)
{
  JsonObject *object = json_object_new ();
  JsonObject *file = json_object_new ();
  g_autofree char *key = g_strdup_printf ("key%zu", number);
  bool is_raw = strcmp (layer->format, "raw") == 0;
  json_object_set_string_member (file, "driver", layer->is_block ? "host_device" : "file");
  json_object_set_string_member (file, "filename", layer->path);
  json_object_set_string_member (object, "driver", is_raw && layer->key_fd >= 0 ? "luks" : layer->format);
  json_object_set_object_member (object, "file", file);
  if (layer->key_fd >= 0) {
    json_object_set_string_member (object, is_raw ? "key-secret" : "encrypt.key-secret", key);
    if (!is_raw)
      json_object_set_string_member (object, "encrypt.format", "luks");
  }
  if (backing != NULL)
    json_object_set_object_member (object, "backing", backing);
  return object;
}

bool
vf_image_commit_keyed (const VfKeyedLayer *layers, gsize count, GError **error)
{
  static const VfProcessLimits unlimited = { 0 };
  JsonObject *description = NULL;
  g_autoptr (GPtrArray) argv = g_ptr_array_new_with_free_func (g_free);
  static const char *const words[] = { "qemu-img", "commit", "-q", "-d" };
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    g_ptr_array_add (argv, g_strdup (words[i]));
  for (gsize i = count; i > 0; i--) {
    description = describe_layer (&layers[i - 1], i, description);
    if (layers[i - 1].key_fd < 0)
      continue;
    g_ptr_array_add (argv, g_strdup ("--object"));
    g_ptr_array_add (
        argv, g_strdup_printf ("secret,id=key%zu,format=raw,file=/proc/%d/fd/%d", i, (int)getpid (), layers[i - 1].key_fd));
  }
  g_autoptr (JsonObject) whole = description;
  g_autofree char *printed = vf_json_print (whole);
  g_ptr_array_add (argv, g_strconcat ("json:", printed, NULL));
  g_ptr_array_add (argv, NULL);
  GError *failure = NULL;
  if (!vf_process_run ((const char *const *)argv->pdata, &unlimited, NULL, &failure))
    return vf_error_adopt (error, failure, "cannot commit image '%s' into '%s'", layers[0].path, layers[1].path);
  return true;
}
