#include "domain/checkpoints.h"

#include "domain/libvirt_error.h"

void
vf_checkpoint_record_free (VfCheckpointRecord *record)
{
  if (record == NULL)
    return;
  g_free (record->name);
  g_free (record->parent);
  g_free (record->xml);
  g_free (record);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfCheckpointRecord, vf_checkpoint_record_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (virDomainCheckpoint, virDomainCheckpointFree)

/* libvirt's array of checkpoints. */
typedef struct {
  virDomainCheckpointPtr *list;
  int count;
} Checkpoints;

static void
checkpoints_clear (Checkpoints *checkpoints)
{
  for (int i = 0; i < checkpoints->count; i++)
    virDomainCheckpointFree (checkpoints->list[i]);
  g_free (checkpoints->list);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Checkpoints, checkpoints_clear)

static VfCheckpointRecord *
read_record (VfGuest *guest, virDomainCheckpointPtr checkpoint, GError **error)
{
  g_autoptr (VfCheckpointRecord) record = g_new0 (VfCheckpointRecord, 1);
  record->name = g_strdup (virDomainCheckpointGetName (checkpoint));
  record->xml = virDomainCheckpointGetXMLDesc (checkpoint, 0);
  if (record->xml == NULL) {
    vf_libvirt_fail (error, guest->hypervisor, "read checkpoint '%s' of guest '%s'", record->name, guest->name);
    return NULL;
  }
  virResetLastError ();
  g_autoptr (virDomainCheckpoint) parent = virDomainCheckpointGetParent (checkpoint, 0);
  if (parent == NULL && virGetLastErrorCode () != VIR_ERR_NO_DOMAIN_CHECKPOINT) {
    vf_libvirt_fail (error, guest->hypervisor, "find the parent of checkpoint '%s' of guest '%s'", record->name, guest->name);
    return NULL;
  }
  record->parent = parent == NULL ? NULL : g_strdup (virDomainCheckpointGetName (parent));
  return g_steal_pointer (&record);
}

GPtrArray *
vf_guest_checkpoints (VfGuest *guest, GError **error)
{
  g_auto (Checkpoints) checkpoints = { 0 };
  g_autoptr (GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_checkpoint_record_free);
  checkpoints.count = virDomainListAllCheckpoints (guest->domain, &checkpoints.list, VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL);
  if (checkpoints.count < 0 && vf_libvirt_lacks_call ())
    return g_steal_pointer (&records);
  if (checkpoints.count < 0) {
    vf_libvirt_fail (error, guest->hypervisor, "list the checkpoints of guest '%s'", guest->name);
    return NULL;
  }
  for (int i = 0; i < checkpoints.count; i++) {
    VfCheckpointRecord *record = read_record (guest, checkpoints.list[i], error);
    if (record == NULL)
      return NULL;
    g_ptr_array_add (records, record);
  }
  return g_steal_pointer (&records);
}

/* Bitmaps can be looked at through a running QEMU only. */
static guint
redefine_flags (VfGuest *guest)
{
  guint validate = virDomainIsActive (guest->domain) == 1 ? VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE : 0;
  return VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE | validate;
}

bool
vf_guest_redefine_checkpoint (VfGuest *guest, const VfCheckpointRecord *record, GError **error)
{
  virResetLastError ();
  g_autoptr (virDomainCheckpoint) had = virDomainCheckpointLookupByName (guest->domain, record->name, 0);
  if (had != NULL)
    return true;
  if (virGetLastErrorCode () != VIR_ERR_NO_DOMAIN_CHECKPOINT)
    return vf_libvirt_fail (error, guest->hypervisor, "find checkpoint '%s' of guest '%s'", record->name, guest->name);
  g_autoptr (virDomainCheckpoint) made = virDomainCheckpointCreateXML (guest->domain, record->xml, redefine_flags (guest));
  if (made != NULL)
    return true;
  bool broken = virGetLastErrorCode () == VIR_ERR_CHECKPOINT_INCONSISTENT;
  g_autofree char *said = vf_libvirt_text ();
  if (broken)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot redefine checkpoint '%s' of guest '%s' on the %s: %s", record->name,
                         guest->name, guest->hypervisor->side, said);
  return vf_libvirt_fail (error, guest->hypervisor, "redefine checkpoint '%s' of guest '%s'", record->name, guest->name);
}
