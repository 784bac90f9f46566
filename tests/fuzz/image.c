/* What qemu-img says of an image that a guest wrote. */
#include "chain/image.h"

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

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autofree char *path = vf_backing_path ("/var/images/top", text);
  if (path != NULL)
    check_path (path);
  g_autoptr (VfImage) image = vf_image_parse ("/var/images/top", text, NULL);
  if (image != NULL && image->backing_path != NULL)
    check_path (image->backing_path);
  return 0;
}
