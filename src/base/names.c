#include "base/names.h"

#include <string.h>

enum { NAME_BYTES_MAX = 255 };

char *
vf_id_new (void)
{
  g_autofree char *uuid = g_uuid_string_random ();
  return g_strndup (uuid, VF_ID_LENGTH);
}

bool
vf_id_is_valid (const char *id)
{
  return id != NULL && strlen (id) == VF_ID_LENGTH && strspn (id, "0123456789abcdef") == VF_ID_LENGTH;
}

static char *
path_with_suffix (const char *directory, const char *name, const char *suffix)
{
  gsize room = NAME_BYTES_MAX - strlen (suffix);
  const char *end = name + MIN (strlen (name), room);
  while (end > name && (*end & 0xc0) == 0x80) /* not within a UTF-8 character */
    end--;
  g_autofree char *cut = g_strndup (name, (gsize)(end - name));
  g_autofree char *full = g_strconcat (cut, suffix, NULL);
  return g_build_filename (directory, full, NULL);
}

char *
vf_name_cap (const char *top_path, const char *directory, const char *id, guint generation)
{
  g_autofree char *own_directory = vf_path_directory (top_path);
  g_autofree char *name = vf_path_name (top_path);
  g_autofree char *suffix = g_strdup_printf (".ferry-%s.cap%u", id, generation);
  return path_with_suffix (directory != NULL ? directory : own_directory, name, suffix);
}

char *
vf_name_partial (const char *final_path, const char *id)
{
  g_autofree char *directory = vf_path_directory (final_path);
  g_autofree char *name = vf_path_name (final_path);
  g_autofree char *suffix = g_strdup_printf (".ferry-%s.part", id);
  return path_with_suffix (directory, name, suffix);
}

char *
vf_name_kept (const char *path, const char *id)
{
  g_autofree char *directory = vf_path_directory (path);
  g_autofree char *name = vf_path_name (path);
  g_autofree char *suffix = g_strdup_printf (".ferry-%s.kept", id);
  return path_with_suffix (directory, name, suffix);
}

bool
vf_name_carries_id (const char *path, const char *id)
{
  if (!vf_id_is_valid (id))
    return false;
  g_autofree char *name = vf_path_name (path);
  g_autofree char *mark = g_strdup_printf (".ferry-%s.", id);
  const char *found = g_strrstr (name, mark);
  if (found == NULL)
    return false;
  const char *kind = found + strlen (mark);
  if (strcmp (kind, "part") == 0)
    return true;
  const char *generation = kind + strlen ("cap");
  return g_str_has_prefix (kind, "cap") && *generation != '\0' && generation[strspn (generation, "0123456789")] == '\0';
}

char *
vf_path_normal (const char *path)
{
  if (path == NULL || *path != '/')
    return NULL;
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  g_autoptr (GString) normal = g_string_new (NULL);
  for (char **part = parts; *part != NULL; part++) {
    if (strcmp (*part, "..") == 0)
      return NULL;
    if (**part != '\0' && strcmp (*part, ".") != 0)
      g_string_append_printf (normal, "/%s", *part);
  }
  if (normal->len == 0)
    g_string_append_c (normal, '/');
  return g_string_free (g_steal_pointer (&normal), FALSE);
}

char *
vf_path_directory (const char *path)
{
  return g_path_get_dirname (path);
}

char *
vf_path_name (const char *path)
{
  return g_path_get_basename (path);
}

bool
vf_path_is_below (const char *path, const char *prefix)
{
  gsize length = strlen (prefix);
  if (strcmp (prefix, "/") == 0)
    return *path == '/';
  return strncmp (path, prefix, length) == 0 && (path[length] == '\0' || path[length] == '/');
}
