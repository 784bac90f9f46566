/* set: changes what a move that is under way may be changed in. */
#include "base/names.h"
#include "base/units.h"
#include "cli/command.h"
#include "move/migrate.h"

#include <string.h>

#define BANDWIDTH "bandwidth="

static void
add_options (GOptionContext *context)
{
}

static int
run_set (char **arguments)
{
  GError *error = NULL;
  guint64 bytes_a_second = 0;
  if (g_strv_length (arguments) != 2 || !vf_id_is_valid (arguments[0]))
    return vf_cli_usage (&vf_command_set, "give the ID of one move (virt-ferry list shows them) and bandwidth=RATE");
  if (!g_str_has_prefix (arguments[1], BANDWIDTH))
    return vf_cli_usage (&vf_command_set, "only bandwidth=RATE can be set");
  if (!vf_parse_rate (arguments[1] + strlen (BANDWIDTH), BANDWIDTH, &bytes_a_second, &error) ||
      !vf_move_set_rate (arguments[0], bytes_a_second, &error))
    return vf_cli_fail (error);
  return VF_EXIT_DONE;
}

const VfCommand vf_command_set = {
  "set", "ID bandwidth=RATE", "change the bandwidth of a move that is under way", add_options, run_set, VF_COMMAND_LOOKS
};
