#include "domain/guest.h"

#include "base/fd.h"
#include "domain/job_watch.h"
#include "domain/libvirt_error.h"

#include <stdlib.h>

#define DEFINITIONS "/etc/libvirt/qemu"

static const char *const operation_names[] = {
  [VIR_DOMAIN_JOB_OPERATION_UNKNOWN] = "unknown",
  [VIR_DOMAIN_JOB_OPERATION_START] = "start",
  [VIR_DOMAIN_JOB_OPERATION_SAVE] = "save",
  [VIR_DOMAIN_JOB_OPERATION_RESTORE] = "restore",
  [VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN] = "incoming migration",
  [VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT] = "migration",
  [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT] = "snapshot",
  [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT] = "snapshot revert",
  [VIR_DOMAIN_JOB_OPERATION_DUMP] = "dump",
  [VIR_DOMAIN_JOB_OPERATION_BACKUP] = "backup",
  [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE] = "snapshot delete",
};

/* Puts the answer (0 or 1) of an asking call into *fact; a driver without the call means no. */
static bool
take_fact (VfGuest *guest, int answer, bool *fact, GError **error)
{
  if (answer < 0 && !vf_libvirt_lacks_call ())
    return vf_libvirt_fail (error, guest->hypervisor, "look at guest '%s'", guest->name);
  *fact = answer > 0;
  return true;
}

static bool
read_autostart (VfGuest *guest, VfGuestFacts *facts, GError **error)
{
  if (!facts->persistent)
    return true;
  int autostart = 0;
  int answer = virDomainGetAutostart (guest->domain, &autostart);
  return take_fact (guest, answer < 0 ? answer : autostart, &facts->autostart, error);
}

static bool
read_checkpoints (VfGuest *guest, VfGuestFacts *facts, GError **error)
{
  int count = virDomainListAllCheckpoints (guest->domain, NULL, 0);
  if (count < 0 && !vf_libvirt_lacks_call ())
    return vf_libvirt_fail (error, guest->hypervisor, "count the checkpoints of guest '%s'", guest->name);
  facts->checkpoints = (guint)MAX (count, 0);
  return true;
}

static const char *
operation_name (const VfParams *stats)
{
  int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
  virTypedParamsGetInt (stats->list, stats->count, VIR_DOMAIN_JOB_OPERATION, &operation);
  return operation >= 0 && (gsize)operation < G_N_ELEMENTS (operation_names) ? operation_names[operation] : "unknown";
}

/* libvirt 9.0 keeps an incoming migration's statistics at the source only, and says so by this error. */
static bool
read_job (VfGuest *guest, VfGuestFacts *facts, GError **error)
{
  int type = VIR_DOMAIN_JOB_NONE;
  g_auto (VfParams) stats = { 0 };
  if (virDomainGetJobStats (guest->domain, &type, &stats.list, &stats.count, 0) == 0) {
    facts->job = type == VIR_DOMAIN_JOB_NONE ? NULL : g_strdup (operation_name (&stats));
    return true;
  }
  if (virGetLastErrorCode () == VIR_ERR_OPERATION_UNSUPPORTED)
    facts->job = g_strdup (operation_names[VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN]);
  else if (!vf_libvirt_lacks_call ())
    return vf_libvirt_fail (error, guest->hypervisor, "ask for the job of guest '%s'", guest->name);
  return true;
}

static bool
read_block_job (VfGuest *guest, const char *target, VfGuestFacts *facts, GError **error)
{
  virDomainBlockJobInfo info = { 0 };
  int found = virDomainGetBlockJobInfo (guest->domain, target, &info, 0);
  if (found < 0 && !vf_libvirt_lacks_call ())
    return vf_libvirt_fail (error, guest->hypervisor, "ask for the block job of disk '%s' of guest '%s'", target, guest->name);
  if (found > 0)
    g_ptr_array_add (facts->block_jobs, g_strdup_printf ("%s: %s", target, vf_block_job_name (info.type)));
  return true;
}

static bool
read_jobs (VfGuest *guest, const char *const *targets, VfGuestFacts *facts, GError **error)
{
  bool active = false;
  if (!take_fact (guest, virDomainIsActive (guest->domain), &active, error))
    return false;
  if (!active)
    return true;
  if (!read_job (guest, facts, error))
    return false;
  for (gsize i = 0; targets != NULL && targets[i] != NULL; i++)
    if (!read_block_job (guest, targets[i], facts, error))
      return false;
  return true;
}

VfGuestFacts *
vf_guest_facts (VfGuest *guest, const char *const *targets, GError **error)
{
  g_autoptr (VfGuestFacts) facts = g_new0 (VfGuestFacts, 1);
  facts->block_jobs = g_ptr_array_new_with_free_func (g_free);
  virResetLastError ();
  if (!take_fact (guest, virDomainIsPersistent (guest->domain), &facts->persistent, error) ||
      !take_fact (guest, virDomainHasManagedSaveImage (guest->domain, 0), &facts->has_managed_save, error) ||
      !read_autostart (guest, facts, error) || !read_checkpoints (guest, facts, error) ||
      !read_jobs (guest, targets, facts, error))
    return NULL;
  return g_steal_pointer (&facts);
}

void
vf_guest_facts_free (VfGuestFacts *facts)
{
  if (facts == NULL)
    return;
  g_free (facts->job);
  g_clear_pointer (&facts->block_jobs, g_ptr_array_unref);
  g_free (facts);
}

static guint
xml_flags (VfXmlKind kind)
{
  switch (kind) {
  case VF_XML_INACTIVE:
    return VIR_DOMAIN_XML_INACTIVE;
  case VF_XML_MIGRATABLE:
    return VIR_DOMAIN_XML_MIGRATABLE | VIR_DOMAIN_XML_SECURE;
  case VF_XML_MIGRATABLE_INACTIVE:
    return VIR_DOMAIN_XML_MIGRATABLE | VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE;
  case VF_XML_DEFINITION:
    return VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE;
  case VF_XML_LIVE:
  default:
    return 0;
  }
}

char *
vf_guest_xml (VfGuest *guest, VfXmlKind kind, GError **error)
{
  char *xml = virDomainGetXMLDesc (guest->domain, xml_flags (kind));
  if (xml == NULL)
    vf_libvirt_fail (error, guest->hypervisor, "read the XML of guest '%s'", guest->name);
  return xml;
}

bool
vf_guest_resume (VfGuest *guest, GError **error)
{
  if (virDomainResume (guest->domain) < 0)
    return vf_libvirt_fail (error, guest->hypervisor, "resume guest '%s'", guest->name);
  return true;
}

bool
vf_guest_set_autostart (VfGuest *guest, bool autostart, GError **error)
{
  if (virDomainSetAutostart (guest->domain, autostart) < 0)
    return vf_libvirt_fail (error, guest->hypervisor, "set the autostart flag of guest '%s'", guest->name);
  return true;
}

/* A definition that came back after a power cut, while another host has it too, would be a second guest. */
bool
vf_guest_undefine (VfGuest *guest, bool saved, GError **error)
{
  guint flags = VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | VIR_DOMAIN_UNDEFINE_KEEP_TPM | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
  if (virDomainUndefineFlags (guest->domain, flags | (saved ? VIR_DOMAIN_UNDEFINE_MANAGED_SAVE : 0)) < 0)
    return vf_libvirt_fail (error, guest->hypervisor, "undefine guest '%s'", guest->name);
  vf_fd_sync_directory_of (DEFINITIONS "/any", NULL); /* where another driver keeps its own is not known */
  return true;
}

bool
vf_hypervisor_define (VfHypervisor *hypervisor, const char *xml, GError **error)
{
  g_autoptr (virDomain) domain = virDomainDefineXML (hypervisor->connection, xml);
  if (domain == NULL)
    return vf_libvirt_fail (error, hypervisor, "define the guest");
  return true;
}

char *
vf_memory_file_xml (VfHypervisor *hypervisor, const char *path, GError **error)
{
  char *xml = virDomainSaveImageGetXMLDesc (hypervisor->connection, path, VIR_DOMAIN_SAVE_IMAGE_XML_SECURE);
  if (xml == NULL)
    vf_libvirt_fail (error, hypervisor, "read the XML in memory file '%s'", path);
  return xml;
}

bool
vf_memory_file_set_xml (VfHypervisor *hypervisor, const char *path, const char *xml, GError **error)
{
  if (virDomainSaveImageDefineXML (hypervisor->connection, path, xml, 0) < 0)
    return vf_libvirt_fail (error, hypervisor, "replace the XML in memory file '%s'", path);
  return true;
}

static bool
append_xml (virDomainPtr domain, unsigned flags, GPtrArray *documents, VfHypervisor *hypervisor, GError **error)
{
  char *xml = virDomainGetXMLDesc (domain, flags);
  if (xml == NULL)
    return vf_libvirt_fail (error, hypervisor, "read the definition of guest '%s'", virDomainGetName (domain));
  g_ptr_array_add (documents, g_strdup (xml));
  free (xml);
  return true;
}

GPtrArray *
vf_hypervisor_all_xml (VfHypervisor *hypervisor, GError **error)
{
  g_autoptr (GPtrArray) documents = g_ptr_array_new_with_free_func (g_free);
  virDomainPtr *domains = NULL;
  int count = virConnectListAllDomains (hypervisor->connection, &domains, 0);
  bool whole = count >= 0;
  if (!whole)
    vf_libvirt_fail (error, hypervisor, "list the guests");
  for (int i = 0; i < count; i++) {
    whole = whole && append_xml (domains[i], 0, documents, hypervisor, error);
    if (whole && virDomainIsPersistent (domains[i]) == 1)
      whole = append_xml (domains[i], VIR_DOMAIN_XML_INACTIVE, documents, hypervisor, error);
    virDomainFree (domains[i]);
  }
  free (domains);
  return whole ? g_steal_pointer (&documents) : NULL;
}
