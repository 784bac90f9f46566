#include "cli/move_options.h"

#include "base/names.h"
#include "base/units.h"
#include "cli/source_options.h"
#include "move/own_xml.h"

#include <string.h>

/* What GOption fills; the only mutable statics of the program, since that is how GOption works. */
static struct {
  char **maps;
  char **disks;
  char **nets;
  char **pools;
  char **with;
  char *rsh;
  char *agent_path;
  char *cap_directory;
  char *max_cap;
  char *rounds;
  char *downtime;
  char *verify;
  char *bandwidth;
  char *streams;
  char *compress;
  char *timeout;
  gboolean *tuning_switches; /* by the rows of vf_tuning_rows */
  char **tuning_texts;
  gboolean offline;
  gboolean with_secrets;
} given;

static const GOptionEntry entries[] = {
  { "map", 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.maps, "other places there: replace a path prefix; repeatable",
    "SRCPREFIX=DSTPREFIX" },
  { "disk", 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.disks, "another place for a disk's top layer; repeatable",
    "TARGET=DSTPATH" },
  { "net", 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.nets, "another name there for a bridge or network; repeatable", "OLD=NEW" },
  { "pool", 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.pools, "another name there for a storage pool; repeatable", "OLD=NEW" },
  { "with", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &given.with, "a further file that travels with the guest; repeatable", "FILE" },
  { "rsh", 'e', 0, G_OPTION_ARG_STRING, &given.rsh, "the remote shell (default ssh)", "COMMAND" },
  { "agent-path", 0, 0, G_OPTION_ARG_STRING, &given.agent_path, "virt-ferry at the destination (default virt-ferry)", "PATH" },
  { "cap-dir", 0, 0, G_OPTION_ARG_STRING, &given.cap_directory,
    "where overlays of block devices lie (default /var/lib/libvirt/images)", "DIR" },
  { "max-cap", 0, 0, G_OPTION_ARG_STRING, &given.max_cap, "begin the switch when no overlay is larger (default 64M)", "SIZE" },
  { "rounds", 0, 0, G_OPTION_ARG_STRING, &given.rounds, "at most so many rounds of new overlays (default 6)", "N" },
  { "downtime", 0, 0, G_OPTION_ARG_STRING, &given.downtime, "stop the guest for at most so long at the switch, if it can be",
    "MS" },
  { "verify", 0, 0, G_OPTION_ARG_STRING, &given.verify,
    "how copies are verified: as they are written (default), or read back from the disk too", "digest|reread" },
  { "bandwidth", 0, 0, G_OPTION_ARG_STRING, &given.bandwidth, "send at most so many bytes a second, memory included", "RATE" },
  { "streams", 0, 0, G_OPTION_ARG_STRING, &given.streams, "threads that copy, at either end (1 to 16, default 4)", "N" },
  { "compress", 0, 0, G_OPTION_ARG_STRING, &given.compress, "compress what is copied (default none)",
    "auto|none|zstd[:LEVEL]" },
  { "timeout", 0, 0, G_OPTION_ARG_STRING, &given.timeout, "give a silent peer or a standing job up after so long (default 30)",
    "SECONDS" },
  { "offline", 0, 0, G_OPTION_ARG_NONE, &given.offline, "move a guest that is shut off", NULL },
  { "with-secrets", 0, 0, G_OPTION_ARG_NONE, &given.with_secrets,
    "define the secrets there that the guest needs, with their values", NULL },
  G_OPTION_ENTRY_NULL,
};

/* The options of the switch, from their table. */
static void
add_tuning (GOptionContext *context)
{
  given.tuning_switches = g_new0 (gboolean, vf_tuning_row_count);
  given.tuning_texts = g_new0 (char *, vf_tuning_row_count);
  for (gsize i = 0; i < vf_tuning_row_count; i++) {
    const VfTuningRow *row = &vf_tuning_rows[i];
    bool is_switch = row->kind == VF_TUNING_SWITCH, is_file = row->kind == VF_TUNING_FILE;
    GOptionEntry pair[] = {
      { .long_name = row->option,
        .arg = is_switch ? G_OPTION_ARG_NONE
               : is_file ? G_OPTION_ARG_FILENAME
                         : G_OPTION_ARG_STRING,
        .arg_data = is_switch ? (gpointer)&given.tuning_switches[i] : &given.tuning_texts[i],
        .description = row->words,
        .arg_description = row->value },
      G_OPTION_ENTRY_NULL,
    };
    if (row->option != NULL)
      g_option_context_add_main_entries (context, pair, NULL);
  }
}

void
vf_move_options_add (GOptionContext *context)
{
  g_option_context_add_main_entries (context, entries, NULL);
  add_tuning (context);
}

static bool
take_tuning (VfRequest *request, GError **error)
{
  for (gsize i = 0; i < vf_tuning_row_count; i++)
    if ((given.tuning_switches[i] || given.tuning_texts[i] != NULL) &&
        !vf_tuning_set (&request->tuning, &vf_tuning_rows[i], given.tuning_texts[i], error))
      return false;
  return vf_tuning_check (&request->tuning, error) && vf_own_xml_note (request, error);
}

static void
take_text (char **to, const char *text)
{
  if (text == NULL)
    return;
  g_free (*to);
  *to = g_strdup (text);
}

static bool
take_number (const char *text, const char *option, guint64 least, guint64 most, guint *number, GError **error)
{
  guint64 value;
  if (text == NULL)
    return true;
  if (!vf_parse_number (text, option, least, most, &value, error))
    return false;
  *number = (guint)value;
  return true;
}

static bool
take_pairs (VfRequest *request, char **texts, bool (*add) (VfRequest *, const char *, GError **), GError **error)
{
  for (char **text = texts; text != NULL && *text != NULL; text++)
    if (!add (request, *text, error))
      return false;
  return true;
}

static bool
take_compression (VfRequest *request, GError **error)
{
  if (given.compress == NULL || g_str_equal (given.compress, "none"))
    return true;
  request->zstd_level = 1;
  request->compress_auto = g_str_equal (given.compress, "auto");
  if (request->compress_auto)
    return true;
  if (g_str_equal (given.compress, "zstd"))
    return true;
  if (!g_str_has_prefix (given.compress, "zstd:"))
    return vf_error_set (error, VF_ERROR_USAGE, "cannot use --compress '%s': not auto, none, zstd or zstd:LEVEL",
                         given.compress);
  return take_number (given.compress + strlen ("zstd:"), "--compress zstd:LEVEL", 1, 19, &request->zstd_level, error);
}

static bool
take_verify (VfRequest *request, GError **error)
{
  request->read_back = given.verify != NULL && g_str_equal (given.verify, "reread");
  if (given.verify == NULL || request->read_back || g_str_equal (given.verify, "digest"))
    return true;
  return vf_error_set (error, VF_ERROR_USAGE, "cannot use --verify '%s': not digest or reread", given.verify);
}

static bool
take_cap_directory (VfRequest *request, GError **error)
{
  if (given.cap_directory == NULL)
    return true;
  g_autofree char *normal = vf_path_normal (given.cap_directory);
  if (normal == NULL)
    return vf_error_set (error, VF_ERROR_USAGE, "cannot use --cap-dir '%s': not an absolute path without '..'",
                         given.cap_directory);
  take_text (&request->cap_directory, normal);
  return true;
}

/* A guest that is shut off has no switch to be tuned; only its name can be another one. */
static bool
check_offline (const VfRequest *request, GError **error)
{
  for (gsize i = 0; request->offline && i < vf_tuning_row_count; i++) {
    const VfTuningRow *row = &vf_tuning_rows[i];
    if (row->option != NULL && vf_tuning_has (&request->tuning, row) && !g_str_equal (row->option, "dname"))
      return vf_error_set (error, VF_ERROR_USAGE, "cannot use --%s with --offline: there is no switchover of a running guest",
                           row->option);
  }
  return true;
}

VfRequest *
vf_move_options_request (char **arguments, GError **error)
{
  if (g_strv_length (arguments) == 2)
    return vf_move_options_request_for (arguments[0], arguments[1], error);
  vf_error_set (error, VF_ERROR_USAGE, "give DOMAIN and DESTURI (such as qemu+ssh://root@host/system); got %u words",
                g_strv_length (arguments));
  return NULL;
}

VfRequest *
vf_move_options_request_for (const char *domain, const char *destination_uri, GError **error)
{
  g_autoptr (VfRequest) request = vf_request_new ();
  take_text (&request->domain, domain);
  take_text (&request->destination_uri, destination_uri);
  request->offline = given.offline;
  take_text (&request->source_uri, vf_source_options_uri ());
  take_text (&request->rsh, given.rsh);
  take_text (&request->agent_path, given.agent_path);
  request->with_secrets = given.with_secrets;
  if (!take_cap_directory (request, error) || !take_compression (request, error) || !take_verify (request, error) ||
      !take_pairs (request, given.maps, vf_request_add_map, error) ||
      !take_pairs (request, given.disks, vf_request_add_disk, error) ||
      !take_pairs (request, given.nets, vf_request_add_net, error) ||
      !take_pairs (request, given.pools, vf_request_add_pool, error) ||
      !take_pairs (request, given.with, vf_request_add_with, error) ||
      (given.max_cap != NULL && !vf_parse_bytes (given.max_cap, "--max-cap", &request->max_cap_bytes, error)) ||
      !take_number (given.rounds, "--rounds", 0, 100, &request->rounds_max, error) ||
      !take_number (given.downtime, "--downtime", 1, 600000, &request->downtime_ms, error) ||
      (given.bandwidth != NULL && !vf_parse_rate (given.bandwidth, "--bandwidth", &request->bandwidth_bytes_s, error)) ||
      !take_number (given.streams, "--streams", 1, 16, &request->streams, error) ||
      !take_number (given.timeout, "--timeout", 3, 86400, &request->timeout_s, error) || !take_tuning (request, error) ||
      !check_offline (request, error))
    return NULL;
  return g_steal_pointer (&request);
}
