/* What qemu-img says of an image that a guest wrote, and its header. */
#include "chain/image.h"
#include "chain/qcow2_header.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_path (const char *path)
{
  g_assert_true (g_path_is_absolute (path));
  g_assert_null (strstr (path, "//"));
  g_assert_null (strstr (path, "/../"));
  g_autofree char *relative = vf_backing_name_relative ("/var/images/top", path);
  g_autofree char *again = vf_backing_path ("/var/images/top", relative);
  if (strcmp (path, "/") != 0)
    g_assert_cmpstr (again, ==, path);
}

/* What is read can be written with another name, and reads as the same then. */
static void
check_header (const guint8 *data, gsize size)
{
  g_autoptr (GBytes) start = g_bytes_new (data, size);
  g_autoptr (VfQcow2Header) header = vf_qcow2_header_parse (start, "image", NULL);
  if (header == NULL)
    return;
  g_free (header->backing);
  header->backing = g_strdup ("../another");
  vf_qcow2_header_set_extension (header, VF_QCOW2_BACKING_FORMAT, start);
  g_autoptr (GBytes) printed = vf_qcow2_header_print (header, "image", NULL);
  g_autoptr (VfQcow2Header) again = printed == NULL ? NULL : vf_qcow2_header_parse (printed, "image", NULL);
  g_assert_true (printed == NULL || again != NULL);
  if (again == NULL)
    return;
  g_assert_cmpstr (again->backing, ==, "../another");
  g_assert_cmpuint (again->extensions->len, ==, header->extensions->len);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  check_header (data, size);
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autofree char *path = vf_backing_path ("/var/images/top", text);
  if (path != NULL)
    check_path (path);
  g_autoptr (VfImage) image = vf_image_parse ("/var/images/top", text, NULL);
  if (image != NULL && image->backing_path != NULL)
    check_path (image->backing_path);
  return 0;
}
