#include "chain/backing_name.h"

#include "base/names.h"
#include "chain/image.h"

#include <string.h>

/* As QEMU's path_has_protocol: a colon before the first slash. */
static bool
has_protocol (const char *name)
{
  return name[strcspn (name, ":/")] == ':';
}

char *
vf_backing_path_as_written (const char *image_path, const char *name)
{
  if (name == NULL || *name == '\0' || strstr (name, "\xef\xbf\xbd") != NULL)
    return NULL;
  if (g_str_has_prefix (name, "file:/"))
    return g_strdup (name + strlen ("file:"));
  if (has_protocol (name)) /* also "file:name", which QEMU looks for in its own working directory */
    return NULL;
  if (*name == '/')
    return g_strdup (name);
  if (*image_path != '/')
    return NULL;
  g_autofree char *directory = vf_path_directory (image_path);
  return g_strconcat (directory, "/", name, NULL);
}

/* Components without "", "." and "..", each borrowed from `parts`. ".." above the root is the root. */
static GPtrArray *
collapse (GStrv parts)
{
  GPtrArray *kept = g_ptr_array_new ();
  for (char **part = parts; *part != NULL; part++) {
    if (**part == '\0' || strcmp (*part, ".") == 0)
      continue;
    if (strcmp (*part, "..") != 0)
      g_ptr_array_add (kept, *part);
    else if (kept->len > 0)
      g_ptr_array_remove_index (kept, kept->len - 1);
  }
  return kept;
}

char *
vf_backing_path (const char *image_path, const char *name)
{
  g_autofree char *written = vf_backing_path_as_written (image_path, name);
  if (written == NULL)
    return NULL;
  g_auto (GStrv) parts = g_strsplit (written, "/", -1);
  g_autoptr (GPtrArray) kept = collapse (parts);
  if (kept->len == 0)
    return g_strdup ("/");
  g_autoptr (GString) path = g_string_new (NULL);
  for (guint i = 0; i < kept->len; i++)
    g_string_append_printf (path, "/%s", (const char *)g_ptr_array_index (kept, i));
  return g_string_free (g_steal_pointer (&path), FALSE);
}

char *
vf_backing_name_relative (const char *from, const char *to)
{
  g_auto (GStrv) from_parts = g_strsplit (from, "/", -1);
  g_auto (GStrv) to_parts = g_strsplit (to, "/", -1);
  g_autoptr (GPtrArray) here = collapse (from_parts);
  g_autoptr (GPtrArray) there = collapse (to_parts);
  guint common = 0;
  while (common + 1 < here->len && common + 1 < there->len &&
         g_str_equal (g_ptr_array_index (here, common), g_ptr_array_index (there, common)))
    common++;
  g_autoptr (GString) name = g_string_new (NULL);
  for (guint i = common; i + 1 < here->len; i++)
    g_string_append (name, "../");
  for (guint i = common; i < there->len; i++)
    g_string_append_printf (name, "%s%s", i == common ? "" : "/", (const char *)g_ptr_array_index (there, i));
  if (has_protocol (name->str))
    g_string_prepend (name, "./");
  return g_string_free (g_steal_pointer (&name), FALSE);
}
