/* Reads XML files by the thousand, whatever they are: every reader of src/xml is let at each of them, and whatever is a domain
 * is planned as `plan --domain-xml` does. Names of files come on standard input, one a line; for each a line of JSON goes out.
 * What must not happen is a crash, a plan that names other disks than the XML, or a rewritten document that cannot be read. */
#include "base/json.h"
#include "move/migrate.h"
#include "xml/capabilities_xml.h"
#include "xml/checkpoint_xml.h"
#include "xml/host.h"
#include "xml/networks.h"
#include "xml/snapshot_xml.h"

#include <stdio.h>
#include <string.h>

/* ---- whatever it is ---- */

static void
let_all_readers_at_it (const char *xml)
{
  bool yes;
  g_autoptr (GPtrArray) nothing = g_ptr_array_new ();
  g_autoptr (VfHost) host = vf_host_new ();
  g_autoptr (VfDevices) devices = vf_devices_parse (xml, NULL);
  g_autoptr (VfSnapshotXml) snapshot = vf_snapshot_xml_parse (xml, NULL);
  g_autofree char *checkpoint = vf_checkpoint_xml_rewrite (xml, nothing, NULL);
  vf_capabilities_xml_tpm (xml, &yes, NULL);
  vf_host_read_capabilities (host, xml, NULL);
  vf_host_read_domain_capabilities (host, xml, NULL);
  vf_host_read_network (vf_host_add_network (host, "n", true), xml, NULL);
}

/* ---- a domain ---- */

static const char *const kinds[] = { "none", "file", "block", "other" };

static JsonObject *
describe_source (const VfSource *source)
{
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "kind", kinds[source->kind]);
  vf_json_set_string (object, "source", source->path != NULL ? source->path : source->name);
  vf_json_set_string (object, "other", source->other);
  vf_json_set_string (object, "format", source->format);
  return object;
}

static JsonObject *
describe_disk (const VfXmlDisk *disk)
{
  JsonObject *object = describe_source (disk->source);
  JsonArray *backing = json_array_new ();
  for (guint i = 0; i < disk->backing->len; i++)
    json_array_add_object_element (backing, describe_source (disk->backing->pdata[i]));
  json_object_set_string_member (object, "target", disk->target);
  json_object_set_string_member (object, "device", disk->device);
  json_object_set_boolean_member (object, "readonly", disk->readonly);
  json_object_set_boolean_member (object, "shareable", disk->shareable);
  json_object_set_boolean_member (object, "transient", disk->transient);
  json_object_set_boolean_member (object, "encrypted", disk->encrypted);
  vf_json_set_string (object, "mirror", disk->mirror_job);
  json_object_set_array_member (object, "backing", backing);
  return object;
}

static void
describe (JsonObject *line, const VfDomainXml *domain)
{
  JsonArray *disks = json_array_new ();
  for (guint i = 0; i < domain->disks->len; i++)
    json_array_add_object_element (disks, describe_disk (domain->disks->pdata[i]));
  json_object_set_string_member (line, "name", domain->name);
  vf_json_set_string (line, "nvram", domain->nvram);
  json_object_set_array_member (line, "disks", disks);
}

static void
require_rewritten (const char *xml, const VfDomainXml *domain)
{
  g_autoptr (GPtrArray) changes = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_path_change_free);
  for (guint i = 0; i < domain->disks->len; i++) {
    const VfSource *source = ((const VfXmlDisk *)domain->disks->pdata[i])->source;
    if (source->path != NULL)
      g_ptr_array_add (changes, vf_path_change_new (source->path, "/new", VF_SOURCE_FILE, "qcow2"));
  }
  g_autofree char *rewritten = vf_domain_xml_rewrite (xml, changes, true, NULL);
  g_autoptr (VfDomainXml) after = rewritten == NULL ? NULL : vf_domain_xml_parse (rewritten, NULL);
  g_assert_nonnull (after);
  g_assert_cmpuint (after->disks->len, ==, domain->disks->len);
}

static void
tell_nothing (const char *phase, const char *title, gpointer data)
{
}

static void
tell_no_progress (const VfProgress *progress, gpointer data)
{
}

static void
tell_no_finding (const VfFinding *finding, gpointer data)
{
}

static void
tell_no_note (const char *text, gpointer data)
{
}

static void
plan_it (JsonObject *line, const char *xml, const VfDomainXml *domain)
{
  const VfReporter silent = { tell_nothing, tell_no_progress, tell_no_finding, tell_no_note, NULL };
  g_autoptr (VfRequest) request = vf_request_new ();
  g_autoptr (VfPlan) plan = NULL;
  g_autoptr (GPtrArray) findings = NULL;
  g_autoptr (VfResult) result = vf_plan_xml (request, xml, "a file", &silent, NULL, &plan, &findings);
  if (plan == NULL) {
    json_object_set_string_member (line, "plan_error", result->error->message);
    return;
  }
  g_assert_cmpuint (plan->disks->len, ==, domain->disks->len);
  for (guint i = 0; i < plan->disks->len; i++)
    g_assert_cmpstr (vf_plan_disk (plan, i)->target, ==, ((const VfXmlDisk *)domain->disks->pdata[i])->target);
  g_autoptr (JsonObject) description = vf_plan_describe (plan, findings);
  json_object_set_array_member (line, "findings", json_array_ref (json_object_get_array_member (description, "findings")));
}

static void
read_one (const char *path)
{
  g_autofree char *xml = NULL;
  GError *error = NULL;
  g_autoptr (JsonObject) line = json_object_new ();
  json_object_set_string_member (line, "file", path);
  if (!g_file_get_contents (path, &xml, NULL, NULL))
    g_error ("cannot read '%s'", path);
  let_all_readers_at_it (xml);
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (xml, &error);
  if (domain == NULL) {
    json_object_set_string_member (line, "error", error->message);
    g_error_free (error);
  } else {
    describe (line, domain);
    require_rewritten (xml, domain);
    plan_it (line, xml, domain);
  }
  g_autofree char *text = vf_json_print (line);
  puts (text);
  fflush (stdout);
}

int
main (void)
{
  char path[4096];
  while (fgets (path, sizeof path, stdin) != NULL)
    read_one (g_strchomp (path));
  return 0;
}
