#include "move/documents.h"

#include "xml/checkpoint_xml.h"
#include "xml/guest_name.h"
#include "xml/networks.h"

#include <string.h>

static GPtrArray *
changes_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)vf_path_change_free);
}

/* Takes `xml`, which may be NULL after an error. */
static char *
with_networks (const VfLedger *ledger, char *xml, GError **error)
{
  g_autofree char *owned = xml;
  g_autoptr (GHashTable) renames = vf_request_renames (ledger->request);
  return xml == NULL ? NULL : vf_xml_rename_networks (xml, renames, error);
}

/* The same, and the guest's name at the destination. */
static char *
with_names (const VfLedger *ledger, char *xml, GError **error)
{
  g_autofree char *named = with_networks (ledger, xml, error);
  return named == NULL ? NULL : vf_xml_rename_guest (named, ledger->request->tuning.dname, error);
}

static void
add_plan_changes (GPtrArray *changes, const VfPlan *plan)
{
  for (guint i = 0; i < plan->changes->len; i++) {
    const VfPathChange *change = plan->changes->pdata[i];
    bool taken = false;
    for (guint j = 0; j < changes->len && !taken; j++)
      taken = strcmp (((VfPathChange *)changes->pdata[j])->from, change->from) == 0;
    if (!taken)
      g_ptr_array_add (changes, vf_path_change_new (change->from, change->to, change->to_kind, change->to_format));
  }
}

/* Which words for a disk's top layer become its cap there. */
typedef enum {
  NAMES_CAP,        /* the cap here */
  NAMES_CAP_OR_TOP, /* that, or the layer below: an inactive definition must not start without the cap's writes */
  NAMES_TOP_ITSELF, /* or what that name links to */
  NAMES_ANY,        /* or its new place */
} Names;

static void
add_names (GPtrArray *changes, const VfLedger *ledger, const VfPlanDisk *disk, Names names)
{
  const VfPlan *plan = ledger->plan;
  const VfPlanFile *top = vf_plan_disk_top (plan, disk);
  g_autofree char *here = vf_plan_cap_at_source (plan, disk, ledger->capped);
  g_autofree char *there = vf_plan_cap_at_destination (plan, disk, ledger->capped);
  const char *from[] = { here, vf_plan_disk_name_at_source (plan, disk), top->source, top->destination,
                         vf_plan_disk_name_at_destination (plan, disk) };
  for (guint i = 0; i <= (guint)names; i++)
    g_ptr_array_add (changes, vf_path_change_new (from[i], there, VF_SOURCE_FILE, "qcow2"));
  if (names >= NAMES_CAP_OR_TOP && disk->source_volume != NULL)
    g_ptr_array_add (changes, vf_path_change_new (disk->source_volume, there, VF_SOURCE_FILE, "qcow2"));
  if (names == NAMES_ANY && disk->destination_volume != NULL)
    g_ptr_array_add (changes, vf_path_change_new (disk->destination_volume, there, VF_SOURCE_FILE, "qcow2"));
}

/* The chain of an encrypted disk is spelled out in its definition, with the caps of former rounds. One whose source is not the
 * cap has no place for it in the chain: taken for the cap, the top layer would be missing below. */
static bool
add_encrypted (GPtrArray *changes, const VfLedger *ledger, const VfPlanDisk *disk, const VfDomainXml *domain, GError **error)
{
  const VfXmlDisk *defined = vf_domain_xml_disk (domain, disk->target);
  g_autofree char *cap = vf_plan_cap_at_source (ledger->plan, disk, ledger->capped);
  for (guint g = ledger->capped; g >= 1; g--) {
    g_autofree char *here = vf_plan_cap_at_source (ledger->plan, disk, g);
    g_autofree char *there = vf_plan_cap_at_destination (ledger->plan, disk, g);
    g_ptr_array_add (changes, vf_path_change_new (here, there, VF_SOURCE_FILE, "qcow2"));
  }
  if (defined == NULL || g_strcmp0 (defined->source->path, cap) == 0)
    return true;
  return vf_error_set (error, VF_ERROR_FAILED,
                       "cannot move guest '%s': a definition names '%s' for its encrypted disk '%s', without the cap",
                       ledger->plan->domain, defined->source->path != NULL ? defined->source->path : "nothing", disk->target);
}

static char *
domain_document (VfLedger *ledger, const char *xml, Names names, GError **error)
{
  g_autoptr (GPtrArray) changes = changes_new ();
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (xml, error);
  const VfPlan *plan = ledger->plan;
  if (domain == NULL)
    return NULL;
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    if (disk->treatment != VF_TREAT_MOVE)
      continue;
    if (vf_plan_disk_encrypted (plan, disk) == NULL)
      add_names (changes, ledger, disk, names);
    else if (!add_encrypted (changes, ledger, disk, domain, error))
      return NULL;
  }
  add_plan_changes (changes, plan);
  return with_networks (ledger, vf_domain_xml_rewrite (xml, changes, true, error), error);
}

char *
vf_document_domain (VfLedger *ledger, const char *xml, bool persistent, GError **error)
{
  return domain_document (ledger, xml, persistent ? NAMES_CAP_OR_TOP : NAMES_CAP, error);
}

/* Of two disks that exchange their places, one would get the other's cap. */
static bool
check_own (VfLedger *ledger, const char *xml, GError **error)
{
  const VfPlan *plan = ledger->plan;
  g_autoptr (VfDomainXml) domain = vf_domain_xml_parse (xml, error);
  for (guint i = 0; domain != NULL && i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    if (disk->treatment != VF_TREAT_MOVE)
      continue;
    const VfXmlDisk *own = vf_domain_xml_disk (domain, disk->target);
    g_autofree char *there = vf_plan_cap_at_destination (plan, disk, ledger->capped);
    if (own == NULL || own->source == NULL || g_strcmp0 (own->source->path, there) != 0)
      return vf_error_set (error, VF_ERROR_REFUSED, "cannot use the given definition: its disk '%s' is not the one that moves",
                           disk->target);
  }
  return domain != NULL;
}

char *
vf_document_own (VfLedger *ledger, const char *xml, GError **error)
{
  g_autofree char *document = domain_document (ledger, xml, NAMES_ANY, error);
  return document == NULL || !check_own (ledger, document, error) ? NULL : g_steal_pointer (&document);
}

char *
vf_document_snapshot (VfLedger *ledger, const char *xml, gulong libvirt_version, GError **error)
{
  g_autofree char *known = vf_snapshot_xml_for_libvirt (xml, libvirt_version, error);
  return known == NULL ? NULL : with_names (ledger, vf_snapshot_xml_rewrite (known, ledger->plan->changes, error), error);
}

char *
vf_document_checkpoint (VfLedger *ledger, const char *xml, GError **error)
{
  return with_names (ledger, vf_checkpoint_xml_rewrite (xml, ledger->plan->changes, error), error);
}

char *
vf_document_definition (VfLedger *ledger, const char *xml, GError **error)
{
  return with_names (ledger, vf_domain_xml_rewrite (xml, ledger->plan->changes, true, error), error);
}

char *
vf_document_memory_file (VfLedger *ledger, const char *xml, GError **error)
{
  return with_names (ledger, vf_domain_xml_rewrite (xml, ledger->plan->changes, true, error), error);
}

char *
vf_document_without_caps (VfLedger *ledger, const char *xml, GError **error)
{
  g_autoptr (GPtrArray) changes = changes_new ();
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  for (guint g = 1; g <= ledger->generations->len; g++) {
    const GPtrArray *caps = vf_ledger_caps (ledger, g);
    for (guint i = 0; i < caps->len; i++) {
      const VfLedgerCap *cap = caps->pdata[i];
      const VfPlanDisk *disk = vf_plan_find_disk (ledger->plan, cap->target);
      const VfPlanFile *file = vf_plan_disk_top (ledger->plan, disk);
      g_ptr_array_add (paths, cap->path);
      g_ptr_array_add (changes,
                       vf_path_change_new (cap->path,
                                           disk->source_volume != NULL ? disk->source_volume
                                                                       : vf_plan_disk_name_at_source (ledger->plan, disk),
                                           file->source_is_block ? VF_SOURCE_BLOCK : VF_SOURCE_FILE, file->format));
    }
  }
  g_autofree char *without = vf_domain_xml_without_layers (xml, paths, error);
  return without == NULL ? NULL : vf_domain_xml_rewrite (without, changes, true, error);
}

bool
vf_documents_change (const VfLedger *ledger)
{
  if (ledger->request->nets->len > 0 || ledger->request->tuning.dname != NULL)
    return true;
  for (guint i = 0; i < ledger->plan->changes->len; i++) {
    const VfPathChange *change = ledger->plan->changes->pdata[i];
    if (strcmp (change->from, change->to) != 0)
      return true;
  }
  return false;
}
