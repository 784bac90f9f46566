#include "domain/snapshots.h"

#include "domain/libvirt_error.h"

void
vf_snapshot_record_free (VfSnapshotRecord *record)
{
  if (record == NULL)
    return;
  g_free (record->name);
  g_free (record->parent);
  g_free (record->xml);
  g_free (record);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSnapshotRecord, vf_snapshot_record_free)

/* libvirt's array of snapshots. */
typedef struct {
  virDomainSnapshotPtr *list;
  int count;
} Snapshots;

static void
snapshots_clear (Snapshots *snapshots)
{
  for (int i = 0; i < snapshots->count; i++)
    virDomainSnapshotFree (snapshots->list[i]);
  g_free (snapshots->list);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Snapshots, snapshots_clear)

static bool
read_parent (VfGuest *guest, virDomainSnapshotPtr snapshot, VfSnapshotRecord *record, GError **error)
{
  virResetLastError ();
  g_autoptr (virDomainSnapshot) parent = virDomainSnapshotGetParent (snapshot, 0);
  if (parent == NULL && virGetLastErrorCode () != VIR_ERR_NO_DOMAIN_SNAPSHOT)
    return vf_libvirt_fail (error, guest->hypervisor, "find the parent of snapshot '%s' of guest '%s'", record->name,
                            guest->name);
  record->parent = parent == NULL ? NULL : g_strdup (virDomainSnapshotGetName (parent));
  return true;
}

static VfSnapshotRecord *
read_record (VfGuest *guest, virDomainSnapshotPtr snapshot, GError **error)
{
  g_autoptr (VfSnapshotRecord) record = g_new0 (VfSnapshotRecord, 1);
  record->name = g_strdup (virDomainSnapshotGetName (snapshot));
  int current = virDomainSnapshotIsCurrent (snapshot, 0);
  record->current = current > 0;
  record->xml = current < 0 ? NULL : virDomainSnapshotGetXMLDesc (snapshot, 0);
  if (record->xml == NULL) {
    vf_libvirt_fail (error, guest->hypervisor, "read snapshot '%s' of guest '%s'", record->name, guest->name);
    return NULL;
  }
  if (!read_parent (guest, snapshot, record, error))
    return NULL;
  return g_steal_pointer (&record);
}

GPtrArray *
vf_guest_snapshots (VfGuest *guest, GError **error)
{
  g_auto (Snapshots) snapshots = { 0 };
  snapshots.count = virDomainListAllSnapshots (guest->domain, &snapshots.list, VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL);
  if (snapshots.count < 0) {
    vf_libvirt_fail (error, guest->hypervisor, "list the snapshots of guest '%s'", guest->name);
    return NULL;
  }
  g_autoptr (GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_snapshot_record_free);
  for (int i = 0; i < snapshots.count; i++) {
    VfSnapshotRecord *record = read_record (guest, snapshots.list[i], error);
    if (record == NULL)
      return NULL;
    g_ptr_array_add (records, record);
  }
  return g_steal_pointer (&records);
}

/* *snapshot is NULL when libvirt has none of that name. */
static bool
look_up (VfGuest *guest, const char *name, virDomainSnapshotPtr *snapshot, GError **error)
{
  virResetLastError ();
  *snapshot = virDomainSnapshotLookupByName (guest->domain, name, 0);
  if (*snapshot == NULL && virGetLastErrorCode () != VIR_ERR_NO_DOMAIN_SNAPSHOT)
    return vf_libvirt_fail (error, guest->hypervisor, "find snapshot '%s' of guest '%s'", name, guest->name);
  return true;
}

static bool
forget (VfGuest *guest, const VfSnapshotRecord *record, GError **error)
{
  g_autoptr (virDomainSnapshot) snapshot = NULL;
  if (!look_up (guest, record->name, &snapshot, error))
    return false;
  if (snapshot != NULL && virDomainSnapshotDelete (snapshot, VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY) < 0)
    return vf_libvirt_fail (error, guest->hypervisor, "forget snapshot '%s' of guest '%s'", record->name, guest->name);
  return true;
}

bool
vf_guest_forget_snapshots (VfGuest *guest, const GPtrArray *records, GError **error)
{
  for (guint i = records->len; i > 0; i--)
    if (!forget (guest, g_ptr_array_index (records, i - 1), error))
      return false;
  return true;
}

/* Nothing to do for one that libvirt has, unless it must be, and is not, the current one. */
static bool
is_in_place (const VfSnapshotRecord *record, virDomainSnapshotPtr snapshot)
{
  return snapshot != NULL && (!record->current || virDomainSnapshotIsCurrent (snapshot, 0) == 1);
}

static bool
redefine (VfGuest *guest, const VfSnapshotRecord *record, GError **error)
{
  g_autoptr (virDomainSnapshot) had = NULL;
  if (!look_up (guest, record->name, &had, error))
    return false;
  if (is_in_place (record, had))
    return true;
  guint flags = VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | (record->current ? VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT : 0);
  g_autoptr (virDomainSnapshot) made = virDomainSnapshotCreateXML (guest->domain, record->xml, flags);
  if (made == NULL)
    return vf_libvirt_fail (error, guest->hypervisor, "redefine snapshot '%s' of guest '%s'", record->name, guest->name);
  return true;
}

bool
vf_guest_redefine_snapshots (VfGuest *guest, const GPtrArray *records, GError **error)
{
  g_autoptr (GError) first = NULL;
  for (guint i = 0; i < records->len; i++) {
    g_autoptr (GError) later = NULL;
    if (!redefine (guest, g_ptr_array_index (records, i), &later))
      vf_error_attach (&first, &later, "also");
  }
  if (first == NULL)
    return true;
  g_propagate_error (error, g_steal_pointer (&first));
  return false;
}

bool
vf_guest_put_caps (VfGuest *guest, const char *snapshot_xml, bool made, GError **error)
{
  guint flags =
      VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC | VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA;
  if (made)
    flags |= VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT;
  g_autoptr (virDomainSnapshot) snapshot = virDomainSnapshotCreateXML (guest->domain, snapshot_xml, flags);
  if (snapshot == NULL)
    return vf_libvirt_fail (error, guest->hypervisor, "put caps on the disks of guest '%s'", guest->name);
  return true;
}
