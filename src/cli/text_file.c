#include "cli/text_file.h"

#include "base/fd.h"
#include "cli/source_options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { BYTES_MAX = 16 * 1024 * 1024 };

static bool
is_standard_input (const char *path)
{
  return strcmp (path, "-") == 0;
}

char *
vf_text_file_name (const char *path)
{
  return is_standard_input (path) ? g_strdup ("standard input") : g_utf8_make_valid (path, -1);
}

char *
vf_text_file_read (const char *path, GError **error)
{
  g_autofree char *name = vf_text_file_name (path);
  if (is_standard_input (path) && vf_source_options_are_elsewhere ()) {
    vf_error_set (error, VF_ERROR_USAGE, "cannot read standard input: it does not reach the host of --connect");
    vf_error_hint (error, "copy the file there and give its name");
    return NULL;
  }
  g_auto (VfFd) fd = is_standard_input (path) ? dup (STDIN_FILENO) : open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  g_autofree char *text = fd == VF_FD_NONE ? NULL : g_malloc (BYTES_MAX + 1);
  gssize length = text == NULL ? -1 : vf_fd_read_full (fd, text, BYTES_MAX + 1);
  if (length < 0) {
    vf_error_set_errno (error, errno, "cannot read '%s'", name);
    return NULL;
  }
  if (length > BYTES_MAX) {
    vf_error_set (error, VF_ERROR_CORRUPT, "cannot read '%s': it has more than %d bytes", name, BYTES_MAX);
    return NULL;
  }
  text[length] = '\0';
  if (strlen (text) == (gsize)length)
    return g_steal_pointer (&text);
  vf_error_set (error, VF_ERROR_CORRUPT, "cannot read '%s': it holds zero bytes, so it is no XML in UTF-8", name);
  return NULL;
}
