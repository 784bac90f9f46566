/* What a libvirt URI says: https://libvirt.org/uri.html, "Remote URIs". */
#include "link/remote_shell.h"

#include "base/units.h"

#include <string.h>

static bool
refuse_uri (GError **error, const char *uri, const char *reason, const char *hint)
{
  vf_error_set (error, VF_ERROR_USAGE, "cannot use host '%s': %s", uri, reason);
  vf_error_hint (error, "%s", hint);
  return false;
}

static const char form_hint[] = "write qemu+ssh://[USER@]HOST[:PORT]/system";

static bool
check_scheme (const char *uri, GError **error)
{
  g_autofree char *scheme = g_uri_parse_scheme (uri);
  if (scheme == NULL)
    return refuse_uri (error, uri, "it is not a libvirt URI", form_hint);
  if (strcmp (scheme, "qemu+ssh") == 0)
    return true;
  if (strcmp (scheme, "qemu") == 0)
    return refuse_uri (error, uri, "it does not go through ssh", "write qemu+ssh://HOST/system");
  if (g_str_has_prefix (scheme, "qemu+"))
    return refuse_uri (error, uri, "virt-ferry goes through ssh only", "write qemu+ssh://HOST/system");
  return refuse_uri (error, uri, "only the qemu driver can be moved to", form_hint);
}

static bool
check_word (const char *uri, const char *what, const char *word, GError **error)
{
  g_autofree char *reason = NULL;
  if (*word == '-')
    reason = g_strdup_printf ("its %s begins with '-'", what);
  for (const char *at = word; *at != '\0' && reason == NULL; at++)
    if (g_ascii_iscntrl (*at) || strchr (" \"'`$\\;&|<>(){}*?!#", *at) != NULL)
      reason = g_strdup_printf ("its %s has a character that no %s has", what, what);
  return reason == NULL || refuse_uri (error, uri, reason, form_hint);
}

static bool
check_value (const char *uri, const char *name, const char *value, GError **error)
{
  g_autofree char *reason = NULL;
  if (*value == '\0')
    reason = g_strdup_printf ("parameter '%s' is empty", name);
  for (const char *at = value; *at != '\0' && reason == NULL; at++)
    if (g_ascii_iscntrl (*at) || *at == '"')
      reason = g_strdup_printf ("parameter '%s' has a character that cannot be passed to ssh", name);
  return reason == NULL || refuse_uri (error, uri, reason, "use a plain path");
}

/* Parameters of libvirt's own transport that do not matter to ours. */
static bool
is_passed_over (const char *name)
{
  static const char *const names[] = { "name", "netcat", "proxy", "no_tty", "sshauth", "no_sanity" };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i]) == 0)
      return true;
  return false;
}

/* Which daemon is meant: virtqemud, libvirtd, or whichever is there. A socket that is named counts more. */
static bool
set_mode (VfDestination *destination, const char *uri, const char *value, GError **error)
{
  static const struct {
    const char *mode, *socket;
  } modes[] = { { "auto", NULL }, { "direct", "/run/libvirt/virtqemud-sock" }, { "legacy", "/run/libvirt/libvirt-sock" } };
  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++)
    if (strcmp (value, modes[i].mode) == 0) {
      if (destination->socket == NULL && strcmp (destination->path, "/system") == 0)
        destination->socket = g_strdup (modes[i].socket);
      return true;
    }
  g_autofree char *reason = g_strdup_printf ("parameter 'mode' is '%s'", value);
  return refuse_uri (error, uri, reason, "known are auto, direct and legacy");
}

static bool
set_parameter (VfDestination *destination, const char *uri, const char *name, const char *value, GError **error)
{
  const struct {
    const char *name;
    char **field;
  } texts[] = {
    { "keyfile", &destination->keyfile },
    { "known_hosts", &destination->known_hosts },
    { "command", &destination->command },
    { "socket", &destination->socket },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    if (strcmp (name, texts[i].name) != 0)
      continue;
    g_free (*texts[i].field);
    *texts[i].field = g_strdup (value);
    return check_value (uri, name, value, error);
  }
  if (strcmp (name, "no_verify") == 0) {
    guint64 number = 0;
    bool is_number = vf_parse_number (value, "parameter no_verify", 0, G_MAXUINT32, &number, error);
    destination->no_verify = number != 0;
    return is_number;
  }
  if (strcmp (name, "mode") == 0)
    return set_mode (destination, uri, value, error);
  if (is_passed_over (name))
    return true;
  g_autofree char *reason = g_strdup_printf ("parameter '%s' is unknown", name);
  return refuse_uri (error, uri, reason, "known are keyfile, known_hosts, no_verify, command, socket and mode");
}

static bool
set_parameters (VfDestination *destination, const char *uri, const char *query, GError **error)
{
  GUriParamsIter iter;
  GError *foreign = NULL;
  g_uri_params_iter_init (&iter, query, -1, "&;", G_URI_PARAMS_NONE);
  for (;;) {
    g_autofree char *name = NULL, *value = NULL;
    bool more = g_uri_params_iter_next (&iter, &name, &value, &foreign);
    g_autoptr (GError) bad = foreign;
    if (bad != NULL)
      return refuse_uri (error, uri, bad->message, form_hint);
    if (!more)
      return true;
    if (!set_parameter (destination, uri, name, value, error))
      return false;
  }
}

static bool
set_place (VfDestination *destination, const char *uri, GUri *parsed, GError **error)
{
  const char *host = g_uri_get_host (parsed), *user = g_uri_get_user (parsed), *path = g_uri_get_path (parsed);
  if (host == NULL || *host == '\0')
    return refuse_uri (error, uri, "it names no host", form_hint);
  if (g_uri_get_password (parsed) != NULL)
    return refuse_uri (error, uri, "it carries a password", "let ssh ask for it, or use a key");
  if (g_uri_get_fragment (parsed) != NULL)
    return refuse_uri (error, uri, "it has a fragment ('#…')", form_hint);
  if (strcmp (path, "/system") != 0 && strcmp (path, "/session") != 0)
    return refuse_uri (error, uri, "its path is neither /system nor /session", form_hint);
  if (g_uri_get_port (parsed) == 0 || g_uri_get_port (parsed) > G_MAXUINT16)
    return refuse_uri (error, uri, "its port is not from 1 to 65535", form_hint);
  destination->host = g_strdup (host);
  destination->user = user != NULL && *user != '\0' ? g_strdup (user) : NULL;
  destination->path = g_strdup (path);
  destination->port = g_uri_get_port (parsed) > 0 ? (guint)g_uri_get_port (parsed) : 0;
  return check_word (uri, "host", host, error) &&
         (destination->user == NULL || check_word (uri, "user", destination->user, error));
}

VfDestination *
vf_destination_parse (const char *uri, GError **error)
{
  if (!check_scheme (uri, error))
    return NULL;
  g_autoptr (GError) bad = NULL;
  g_autoptr (GUri) parsed = g_uri_parse (uri, G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED_QUERY, &bad);
  if (parsed == NULL) {
    refuse_uri (error, uri, bad->message, form_hint);
    return NULL;
  }
  g_autoptr (VfDestination) destination = g_new0 (VfDestination, 1);
  if (!set_place (destination, uri, parsed, error))
    return NULL;
  const char *query = g_uri_get_query (parsed);
  if (query != NULL && !set_parameters (destination, uri, query, error))
    return NULL;
  return g_steal_pointer (&destination);
}

void
vf_destination_free (VfDestination *destination)
{
  g_free (destination->user);
  g_free (destination->host);
  g_free (destination->path);
  g_free (destination->keyfile);
  g_free (destination->known_hosts);
  g_free (destination->command);
  g_free (destination->socket);
  g_free (destination);
}
