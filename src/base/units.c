#include "base/units.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static bool
suffix_exponent (const char *suffix, int *exponent)
{
  static const char letters[] = "KMGTPE";
  if (*suffix == '\0' || strcmp (suffix, "B") == 0) {
    *exponent = 0;
    return true;
  }
  const char *letter = strchr (letters, g_ascii_toupper (*suffix));
  if (letter == NULL)
    return false;
  *exponent = (int)(letter - letters) + 1;
  const char *rest = suffix + 1;
  return *rest == '\0' || strcmp (rest, "B") == 0 || strcmp (rest, "iB") == 0;
}

bool
vf_parse_bytes (const char *text, const char *what, guint64 *bytes, GError **error)
{
  char *end = (char *)text;
  int exponent = 0;
  double number = g_ascii_isdigit (*text) ? g_ascii_strtod (text, &end) : -1;
  if (number < 0 || !suffix_exponent (end, &exponent))
    return vf_error_set (error, VF_ERROR_USAGE, "cannot read %s '%s': not a size such as 512M or 1.5G", what, text);
  double value = ldexp (number, exponent * 10);
  if (!(value < ldexp (1, 63)))
    return vf_error_set (error, VF_ERROR_USAGE, "cannot read %s '%s': larger than 8 EiB", what, text);
  *bytes = (guint64)value;
  return true;
}

bool
vf_parse_rate (const char *text, const char *what, guint64 *bytes_a_second, GError **error)
{
  gsize length = strlen (text);
  g_autofree char *bytes = g_strndup (text, g_str_has_suffix (text, "/s") ? length - 2 : length);
  *bytes_a_second = 0;
  if (strcmp (text, "none") == 0)
    return true;
  if (!vf_parse_bytes (bytes, what, bytes_a_second, error))
    return false;
  if (*bytes_a_second < 1024)
    return vf_error_set (error, VF_ERROR_USAGE, "cannot use %s '%s': not even 1K a second", what, text);
  return true;
}

bool
vf_parse_number (const char *text, const char *what, guint64 least, guint64 most, guint64 *number, GError **error)
{
  if (!g_ascii_string_to_unsigned (text, 10, least, most, number, NULL))
    return vf_error_set (error, VF_ERROR_USAGE,
                         "cannot read %s '%s': not a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, what, text,
                         least, most);
  return true;
}

char *
vf_print_bytes (guint64 bytes)
{
  static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
  if (bytes < 1024)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " B", bytes);
  double value = (double)bytes;
  guint i = 0;
  while (value >= 1023.95 && i + 1 < G_N_ELEMENTS (names)) {
    value /= 1024;
    i++;
  }
  return g_strdup_printf ("%.1f %s", value, names[i]);
}

char *
vf_print_seconds (guint64 seconds)
{
  guint64 hours = seconds / 3600;
  guint minutes = (guint)(seconds / 60 % 60);
  guint rest = (guint)(seconds % 60);
  if (hours > 0)
    return g_strdup_printf ("%" G_GUINT64_FORMAT ":%02u:%02u", hours, minutes, rest);
  return g_strdup_printf ("%u:%02u", minutes, rest);
}
