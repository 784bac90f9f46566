#include "move/own_xml.h"

#include "base/names.h"

#include <string.h>

enum { XML_BYTES_MAX = 16 * 1024 * 1024 };

static char *
read_file (const char *option, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length = 0;
  g_autoptr (GError) failure = NULL;
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR) || !g_file_get_contents (path, &text, &length, &failure)) {
    vf_error_set (error, VF_ERROR_USAGE, "cannot read %s '%s': %s", option, path,
                  failure != NULL ? failure->message : "it is no file");
    return NULL;
  }
  if (length <= XML_BYTES_MAX && strlen (text) == length)
    return g_steal_pointer (&text);
  vf_error_set (error, VF_ERROR_USAGE, "cannot read %s '%s': it is no text, or larger than 16 MiB", option, path);
  return NULL;
}

static bool
note (const char *option, const char *path, char **sha256, GError **error)
{
  if (path == NULL)
    return true;
  g_autofree char *text = read_file (option, path, error);
  if (text == NULL)
    return false;
  g_free (*sha256);
  *sha256 = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  return true;
}

bool
vf_own_xml_note (VfRequest *request, GError **error)
{
  VfTuning *tuning = &request->tuning;
  return note ("--xml", tuning->xml, &tuning->xml_sha256, error) &&
         note ("--persistent-xml", tuning->persistent_xml, &tuning->persistent_xml_sha256, error);
}

static bool
load (const char *option, const char *path, const char *sha256, char **text, GError **error)
{
  if (path == NULL || *text != NULL)
    return true;
  g_autofree char *read = read_file (option, path, error);
  if (read == NULL)
    return false;
  g_autofree char *now = g_compute_checksum_for_string (G_CHECKSUM_SHA256, read, -1);
  if (g_strcmp0 (now, sha256) != 0)
    return vf_error_set (error, VF_ERROR_USAGE, "cannot use %s '%s': it is not what it was when the move began", option, path);
  *text = g_steal_pointer (&read);
  return true;
}

bool
vf_own_xml_load (VfMove *move, GError **error)
{
  const VfTuning *tuning = &move->request->tuning;
  return load ("--xml", tuning->xml, tuning->xml_sha256, &move->own_xml, error) &&
         load ("--persistent-xml", tuning->persistent_xml, tuning->persistent_xml_sha256, &move->own_persistent_xml, error);
}

typedef struct {
  const VfPlan *plan;
  const char *option;
  GPtrArray *findings;
} Check;

static void
add_refusal (const Check *check, char *text)
{
  vf_findings_add (
      check->findings, VF_FINDING_REFUSE, "own-xml", check->option,
      "begin with what virsh dumpxml --security-info --migratable prints, and leave the disks' places to --map and --disk",
      "%s", text);
  g_free (text);
}

static bool
is_place_of (const VfPlan *plan, const VfPlanDisk *disk, const char *path)
{
  const VfPlanFile *top = vf_plan_disk_top (plan, disk);
  return g_strcmp0 (path, top->source) == 0 || g_strcmp0 (path, top->destination) == 0 ||
         g_strcmp0 (path, vf_plan_disk_name_at_source (plan, disk)) == 0 ||
         g_strcmp0 (path, vf_plan_disk_name_at_destination (plan, disk)) == 0;
}

/* The place in the user's words may be the old one or the new one. */
static void
check_disk (const Check *check, const VfPlanDisk *disk, const VfXmlDisk *own)
{
  const VfPlanFile *top = vf_plan_disk_top (check->plan, disk);
  const char *path = own == NULL || own->source == NULL ? NULL : own->source->path;
  if (own == NULL)
    add_refusal (check, g_strdup_printf ("it lacks disk '%s'", disk->target));
  else if (!is_place_of (check->plan, disk, path))
    add_refusal (check, g_strdup_printf ("its disk '%s' lies at '%s', the move puts it at '%s'", disk->target,
                                         path != NULL ? path : "no file", top->destination));
}

static void
check_text (const Check *check, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfDomainXml) own = vf_domain_xml_parse (text, &error);
  if (own == NULL) {
    add_refusal (check, g_strdup (error->message));
    return;
  }
  if (g_strcmp0 (own->uuid, check->plan->uuid) != 0 || strcmp (own->name, check->plan->domain) != 0)
    add_refusal (check, g_strdup_printf ("it is of guest '%s' (%s); for another name there is --dname", own->name,
                                         own->uuid != NULL ? own->uuid : "without UUID"));
  for (guint i = 0; i < check->plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (check->plan, i);
    if (disk->treatment == VF_TREAT_MOVE)
      check_disk (check, disk, vf_domain_xml_disk (own, disk->target));
  }
}

void
vf_own_xml_check (const VfMove *move, const VfPlan *plan, GPtrArray *findings)
{
  if (move->own_xml != NULL)
    check_text (&(Check){ plan, "--xml", findings }, move->own_xml);
  if (move->own_persistent_xml == NULL)
    return;
  Check check = { plan, "--persistent-xml", findings };
  if (plan->persistent)
    check_text (&check, move->own_persistent_xml);
  else
    add_refusal (&check, g_strdup ("the guest is transient: it has no definition for a next start"));
}
