#include "cli/source_options.h"

#include <string.h>

/* What GOption fills. */
static struct {
  char *connect;
  char *rsh;
  char *agent_path;
} given;

static const char *here;

static const GOptionEntry entries[] = {
  { "connect", 'c', 0, G_OPTION_ARG_STRING, &given.connect,
    "the source's libvirt (default qemu:///system); with qemu+ssh://HOST/system the command runs on that host", "URI" },
  { "source-rsh", 0, 0, G_OPTION_ARG_STRING, &given.rsh, "the remote shell to the host of --connect (default ssh)", "COMMAND" },
  { "source-agent-path", 0, 0, G_OPTION_ARG_STRING, &given.agent_path,
    "virt-ferry on the host of --connect (default virt-ferry)", "PATH" },
  G_OPTION_ENTRY_NULL,
};

void
vf_source_options_add (GOptionContext *context)
{
  g_option_context_add_main_entries (context, entries, NULL);
}

guint
vf_source_options_leading (char **words)
{
  if (words[0] != NULL && strcmp (words[0], "-c") == 0)
    return words[1] != NULL ? 2 : 1;
  for (const GOptionEntry *entry = entries; words[0] != NULL && entry->long_name != NULL; entry++) {
    gsize length = strlen (entry->long_name);
    if (!g_str_has_prefix (words[0], "--") || strncmp (words[0] + 2, entry->long_name, length) != 0)
      continue;
    if (words[0][2 + length] == '=')
      return 1;
    if (words[0][2 + length] == '\0')
      return words[1] != NULL ? 2 : 1;
  }
  return 0;
}

void
vf_source_options_set_here (const char *uri)
{
  here = uri;
}

bool
vf_source_options_are_elsewhere (void)
{
  return here != NULL;
}

const char *
vf_source_options_uri (void)
{
  return here != NULL ? here : given.connect;
}

/* DRIVER+TRANSPORT:// other than unix, and DRIVER://HOST, which libvirt takes for TLS. */
static bool
names_a_host (const char *uri)
{
  const char *authority = strstr (uri, "://");
  if (authority == NULL)
    return false;
  g_autofree char *scheme = g_strndup (uri, (gsize)(authority - uri));
  const char *transport = strchr (scheme, '+');
  if (transport != NULL)
    return strcmp (transport, "+unix") != 0;
  return authority[3] != '/' && authority[3] != '?' && authority[3] != '\0';
}

bool
vf_source_options_are_remote (void)
{
  return here == NULL && given.connect != NULL && names_a_host (given.connect);
}

VfRemoteSource
vf_source_options_remote (void)
{
  return (VfRemoteSource){ given.connect, given.rsh, given.agent_path != NULL ? given.agent_path : "virt-ferry" };
}
