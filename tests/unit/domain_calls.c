/* The domain room against libvirt's test driver: what it can do without QEMU. Block jobs and migration are tried in the lab. */
#include "domain/block_job.h"
#include "domain/libvirt_error.h"
#include "domain/live_disk.h"
#include "domain/migration.h"
#include "domain/snapshots.h"

#include <errno.h>
#include <string.h>

#define TEST_URI "test:///default"
#define TEST_UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define ABSENT_UUID "6695eb01-f6a4-8304-79aa-97f2502e1930"

static VfHypervisor *
open_test_driver (void)
{
  g_autoptr (GError) error = NULL;
  VfHypervisor *hypervisor = vf_hypervisor_open (TEST_URI, "source", &error);
  g_assert_no_error (error);
  return hypervisor;
}

static void
a_guest_is_found_by_name_by_id_and_by_uuid (void)
{
  g_autoptr (VfHypervisor) hypervisor = open_test_driver ();
  const char *const words[] = { "test", "1", TEST_UUID };
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VfGuest) guest = vf_guest_find (hypervisor, words[i], &error);
    g_assert_no_error (error);
    g_assert_cmpstr (vf_guest_name (guest), ==, "test");
    g_assert_cmpstr (vf_guest_uuid (guest), ==, TEST_UUID);
  }
}

static void
a_guest_that_is_not_there_is_not_found_and_the_side_is_named (void)
{
  g_autoptr (VfHypervisor) hypervisor = open_test_driver ();
  const char *const words[] = { "nobody", "4711", ABSENT_UUID, "" };
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (vf_guest_find (hypervisor, words[i], &error));
    g_assert_nonnull (error);
    g_assert_true (g_str_has_prefix (error->message, "cannot find guest '"));
    g_assert_nonnull (strstr (error->message, "on the source: "));
    g_assert_true (vf_error_is (error, VF_ERROR_NOT_FOUND) || *words[i] == '\0');
  }
}

static void
a_guest_may_be_used_after_its_connection_was_closed_by_its_opener (void)
{
  VfHypervisor *hypervisor = open_test_driver ();
  g_autoptr (VfGuest) guest = vf_guest_find (hypervisor, "test", NULL);
  vf_hypervisor_close (hypervisor);
  g_autofree char *xml = vf_guest_xml (guest, VF_XML_LIVE, NULL);
  g_assert_nonnull (xml);
}

static void
a_place_without_libvirt_is_unreachable (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_hypervisor_open ("qemu+unix:///system?socket=/nonexistent/socket", "destination", &error));
  g_assert_true (vf_error_is (error, VF_ERROR_UNREACHABLE));
  g_assert_nonnull (strstr (error->message, "on the destination: "));
}

static void
two_connections_know_nothing_of_each_other (void)
{
  g_autoptr (VfHypervisor) first = open_test_driver ();
  g_autoptr (VfHypervisor) second = open_test_driver ();
  gulong libvirt = 0, qemu = 0;
  g_assert_true (vf_hypervisor_versions (first, &libvirt, &qemu, NULL));
  g_assert_cmpuint (libvirt, >=, 9000000);
  g_autofree char *hostname = vf_hypervisor_hostname (first, NULL);
  g_assert_nonnull (hostname);
  vf_hypervisor_close (g_steal_pointer (&first));
  g_assert_true (vf_hypervisor_is_alive (second));
}

static VfGuestState
observe_expecting_a_reason (VfHypervisor *hypervisor, const char *uuid)
{
  g_autofree char *reason = NULL;
  VfGuestState state = vf_guest_observe (hypervisor, uuid, &reason);
  g_assert_nonnull (reason);
  g_assert_null (strchr (reason, '\n'));
  return state;
}

static void
an_observation_tells_running_paused_shut_off_absent_and_unknown_apart (void)
{
  g_autoptr (VfHypervisor) hypervisor = open_test_driver ();
  g_autoptr (VfGuest) guest = vf_guest_find (hypervisor, "test", NULL);
  g_assert_cmpint (observe_expecting_a_reason (hypervisor, TEST_UUID), ==, VF_GUEST_RUNNING);
  g_assert_cmpint (virDomainSuspend (guest->domain), ==, 0);
  g_assert_cmpint (observe_expecting_a_reason (hypervisor, TEST_UUID), ==, VF_GUEST_PAUSED);
  g_assert_true (vf_guest_resume (guest, NULL));
  g_assert_cmpint (vf_guest_observe (hypervisor, TEST_UUID, NULL), ==, VF_GUEST_RUNNING);
  g_assert_cmpint (virDomainDestroy (guest->domain), ==, 0);
  g_assert_cmpint (observe_expecting_a_reason (hypervisor, TEST_UUID), ==, VF_GUEST_SHUT_OFF);
  g_assert_cmpint (observe_expecting_a_reason (hypervisor, ABSENT_UUID), ==, VF_GUEST_ABSENT);
  g_assert_cmpint (observe_expecting_a_reason (hypervisor, "no uuid"), ==, VF_GUEST_UNKNOWN);
}

static void
facts_tell_persistence_and_autostart_and_no_jobs_where_none_run (void)
{
  g_autoptr (VfHypervisor) hypervisor = open_test_driver ();
  g_autoptr (VfGuest) guest = vf_guest_find (hypervisor, "test", NULL);
  g_assert_true (vf_guest_set_autostart (guest, true, NULL));
  const char *const targets[] = { "vda", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (VfGuestFacts) facts = vf_guest_facts (guest, targets, &error);
  g_assert_no_error (error);
  g_assert_true (facts->persistent);
  g_assert_true (facts->autostart);
  g_assert_false (facts->has_managed_save);
  g_assert_cmpuint (facts->checkpoints, ==, 0);
  g_assert_null (facts->job);
  g_assert_cmpuint (facts->block_jobs->len, ==, 0);
}

static void
a_defined_guest_is_shut_off_and_its_xml_comes_back (void)
{
  g_autoptr (VfHypervisor) hypervisor = open_test_driver ();
  const char *xml = "<domain type='test'><name>second</name><uuid>" ABSENT_UUID
                    "</uuid><memory>1024</memory><os><type>hvm</type></os></domain>";
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_hypervisor_define (hypervisor, xml, &error));
  g_assert_no_error (error);
  g_assert_cmpint (vf_guest_observe (hypervisor, ABSENT_UUID, NULL), ==, VF_GUEST_SHUT_OFF);
  g_autoptr (VfGuest) guest = vf_guest_find (hypervisor, "second", NULL);
  g_autofree char *inactive = vf_guest_xml (guest, VF_XML_INACTIVE, NULL);
  g_assert_nonnull (strstr (inactive, "<name>second</name>"));
  g_assert_false (vf_hypervisor_define (hypervisor, "<domain", &error));
  g_assert_true (g_str_has_prefix (error->message, "cannot define the guest on the source: "));
  g_assert_null (strchr (error->message, '\n'));
}

static void
make_snapshot (VfGuest *guest, const char *name)
{
  g_autofree char *xml = g_strdup_printf ("<domainsnapshot><name>%s</name></domainsnapshot>", name);
  g_autoptr (virDomainSnapshot) made = virDomainSnapshotCreateXML (guest->domain, xml, 0);
  g_assert_cmpstr (made == NULL ? virGetLastErrorMessage () : NULL, ==, NULL);
}

/* root - middle - leaf, and root - branch, which is current. */
static void
make_tree (VfGuest *guest)
{
  make_snapshot (guest, "root");
  make_snapshot (guest, "middle");
  make_snapshot (guest, "leaf");
  g_autoptr (virDomainSnapshot) root = virDomainSnapshotLookupByName (guest->domain, "root", 0);
  g_assert_cmpint (virDomainRevertToSnapshot (root, 0), ==, 0);
  make_snapshot (guest, "branch");
}

static guint
place_of (const GPtrArray *records, const char *name)
{
  for (guint i = 0; i < records->len; i++)
    if (strcmp (((VfSnapshotRecord *)g_ptr_array_index (records, i))->name, name) == 0)
      return i;
  return G_MAXUINT;
}

static void
check_tree (const GPtrArray *records)
{
  const struct {
    const char *name, *parent;
  } nodes[] = { { "root", NULL }, { "middle", "root" }, { "leaf", "middle" }, { "branch", "root" } };
  g_assert_cmpuint (records->len, ==, G_N_ELEMENTS (nodes));
  for (gsize i = 0; i < G_N_ELEMENTS (nodes); i++) {
    guint place = place_of (records, nodes[i].name);
    g_assert_cmpuint (place, <, records->len);
    const VfSnapshotRecord *record = g_ptr_array_index (records, place);
    g_assert_cmpstr (record->parent, ==, nodes[i].parent);
    g_assert_true (record->current == (strcmp (record->name, "branch") == 0));
    g_assert_true (nodes[i].parent == NULL || place_of (records, nodes[i].parent) < place);
  }
}

/* The test driver does not know METADATA_ONLY; it has nothing but metadata. */
static void
drop_all (VfGuest *guest, const GPtrArray *records)
{
  for (guint i = records->len; i > 0; i--) {
    const VfSnapshotRecord *record = g_ptr_array_index (records, i - 1);
    g_autoptr (virDomainSnapshot) snapshot = virDomainSnapshotLookupByName (guest->domain, record->name, 0);
    g_assert_cmpint (virDomainSnapshotDelete (snapshot, 0), ==, 0);
  }
}

static void
a_tree_of_snapshots_comes_back_with_its_current_one (void)
{
  g_autoptr (VfHypervisor) hypervisor = open_test_driver ();
  g_autoptr (VfGuest) guest = vf_guest_find (hypervisor, "test", NULL);
  make_tree (guest);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) before = vf_guest_snapshots (guest, &error);
  g_assert_no_error (error);
  check_tree (before);
  drop_all (guest, before);
  for (int i = 0; i < 2; i++) { /* the second time all are in place */
    vf_guest_redefine_snapshots (guest, before, &error);
    g_assert_no_error (error);
    g_autoptr (GPtrArray) after = vf_guest_snapshots (guest, &error);
    check_tree (after);
  }
}

static void
snapshots_that_are_forgotten_already_are_passed_over (void)
{
  g_autoptr (VfHypervisor) hypervisor = open_test_driver ();
  g_autoptr (VfGuest) guest = vf_guest_find (hypervisor, "test", NULL);
  make_tree (guest);
  g_autoptr (GPtrArray) before = vf_guest_snapshots (guest, NULL);
  drop_all (guest, before);
  g_autoptr (GError) error = NULL;
  vf_guest_forget_snapshots (guest, before, &error);
  g_assert_no_error (error);
}

static void
the_current_mark_moves_to_a_snapshot_that_libvirt_still_has (void)
{
  g_autoptr (VfHypervisor) hypervisor = open_test_driver ();
  g_autoptr (VfGuest) guest = vf_guest_find (hypervisor, "test", NULL);
  make_tree (guest);
  g_autoptr (GPtrArray) before = vf_guest_snapshots (guest, NULL);
  make_snapshot (guest, "later");
  g_assert_true (vf_guest_redefine_snapshots (guest, before, NULL));
  g_autoptr (virDomainSnapshot) current = virDomainSnapshotCurrent (guest->domain, 0);
  g_assert_cmpstr (virDomainSnapshotGetName (current), ==, "branch");
}

static void
redefining_goes_on_after_a_failure_and_returns_the_first_error (void)
{
  g_autoptr (VfHypervisor) hypervisor = open_test_driver ();
  g_autoptr (VfGuest) guest = vf_guest_find (hypervisor, "test", NULL);
  make_tree (guest);
  g_autoptr (GPtrArray) records = vf_guest_snapshots (guest, NULL);
  drop_all (guest, records);
  VfSnapshotRecord *leaf = g_ptr_array_index (records, place_of (records, "leaf"));
  g_free (leaf->xml);
  leaf->xml = g_strdup ("<domainsnapshot><na");
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_guest_redefine_snapshots (guest, records, &error));
  g_assert_true (g_str_has_prefix (error->message, "cannot redefine snapshot 'leaf' of guest 'test' on the source: "));
  g_autoptr (GPtrArray) after = vf_guest_snapshots (guest, NULL);
  g_assert_cmpuint (after->len, ==, 3);
}

static void
what_the_driver_cannot_do_is_an_error_and_no_crash (void)
{
  g_autoptr (VfHypervisor) hypervisor = open_test_driver ();
  g_autoptr (VfGuest) guest = vf_guest_find (hypervisor, "test", NULL);
  VfCommitRequest request = { .target = "vda", .base = "/base", .deadline_s = 1 };
  g_autoptr (GError) commit_error = NULL;
  g_assert_false (vf_guest_commit_active (guest, &request, &commit_error));
  g_assert_nonnull (commit_error);
  VfMigrationStats stats;
  g_autoptr (GError) stats_error = NULL;
  g_assert_false (vf_guest_migration_stats (guest, false, &stats, &stats_error));
  g_assert_nonnull (stats_error);
}

static void
a_request_that_was_cancelled_before_starts_nothing (void)
{
  g_autoptr (VfHypervisor) hypervisor = open_test_driver ();
  g_autoptr (VfGuest) guest = vf_guest_find (hypervisor, "test", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_cancellable_cancel (cancellable);
  VfCommitRequest commit = { .target = "vda", .base = "/base", .cancellable = cancellable };
  g_autoptr (GError) commit_error = NULL;
  g_assert_false (vf_guest_commit_active (guest, &commit, &commit_error));
  g_assert_true (vf_error_is (commit_error, VF_ERROR_CANCELLED));
  const char *const targets[] = { NULL };
  VfMigrationRequest migration = { .disk_targets = targets, .destination_xml = "", .cancellable = cancellable };
  g_autoptr (GError) migration_error = NULL;
  g_assert_false (vf_guest_migrate (guest, hypervisor, &migration, &migration_error));
  g_assert_true (vf_error_is (migration_error, VF_ERROR_CANCELLED));
}

static void
errors_of_libvirt_say_what_the_caller_can_do_next (void)
{
  const struct {
    virError said;
    VfErrorCode code;
  } cases[] = {
    { { .code = VIR_ERR_NO_DOMAIN }, VF_ERROR_NOT_FOUND },
    { { .code = VIR_ERR_NO_DOMAIN_SNAPSHOT }, VF_ERROR_NOT_FOUND },
    { { .code = VIR_ERR_OPERATION_ABORTED }, VF_ERROR_CANCELLED },
    { { .code = VIR_ERR_RPC }, VF_ERROR_UNREACHABLE },
    { { .code = VIR_ERR_SYSTEM_ERROR, .domain = VIR_FROM_RPC, .int1 = ECONNRESET }, VF_ERROR_UNREACHABLE },
    { { .code = VIR_ERR_INTERNAL_ERROR, .domain = VIR_FROM_RPC }, VF_ERROR_UNREACHABLE },
    { { .code = VIR_ERR_SYSTEM_ERROR, .domain = VIR_FROM_QEMU, .int1 = ENOSPC }, VF_ERROR_NO_SPACE },
    { { .code = VIR_ERR_OPERATION_FAILED, .message = (char *)"disk vda: No space left on device" }, VF_ERROR_NO_SPACE },
    { { .code = VIR_ERR_OPERATION_TIMEOUT }, VF_ERROR_BUSY },
    { { .code = VIR_ERR_AUTH_FAILED }, VF_ERROR_FAILED },
    { { .code = VIR_ERR_OPERATION_INVALID }, VF_ERROR_FAILED },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_false (vf_libvirt_fail_with (&error, NULL, &cases[i].said, "try it"));
    g_assert_cmpint (error->code, ==, (int)cases[i].code);
    g_assert_true ((vf_error_get_hint (error) != NULL) == (cases[i].said.code == VIR_ERR_AUTH_FAILED));
  }
}

static void
an_error_of_libvirt_is_quoted_on_one_line (void)
{
  const virError said = { .code = VIR_ERR_INTERNAL_ERROR, .message = (char *)"first\nsecond\n" };
  g_autoptr (GError) error = NULL;
  vf_libvirt_fail_with (&error, NULL, &said, "try it");
  g_assert_cmpstr (error->message, ==, "cannot try it on the host: first second");
}

static const char *const disk_xml =
    "<domain type='qemu'><metadata><x:disk xmlns:x='y'><target dev='vda'/></x:disk></metadata><devices>"
    "<disk type='file'><source file='/a.cap2' index='3'/><backingStore type='file'><format type='qcow2'/>"
    "<source file='/a.cap1'/><backingStore type='file'><source file='/a'/></backingStore></backingStore>"
    "<mirror type='file' job='active-commit' ready='yes'><format type='qcow2'/><source file='/a'/>"
    "<backingStore type='file'><source file='/base'/></backingStore></mirror><target dev='vda'/></disk>"
    "<disk type='block'><source dev='/dev/x'/><target dev='vdb'/></disk>"
    "<disk type='file' device='cdrom'><target dev='sda'/></disk></devices></domain>";

static void
the_live_xml_tells_the_active_layer_and_what_is_mirrored_to (void)
{
  g_auto (VfLiveDisk) disk = { 0 };
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_live_disk_parse (disk_xml, "g", "vda", &disk, &error));
  g_assert_cmpstr (disk.source, ==, "/a.cap2");
  g_assert_cmpstr (disk.mirror_job, ==, "active-commit");
  g_assert_cmpstr (disk.mirror_source, ==, "/a");
  g_assert_true (vf_live_disk_parse (disk_xml, "g", "vdb", &disk, &error));
  g_assert_cmpstr (disk.source, ==, "/dev/x");
  g_assert_null (disk.mirror_job);
  g_assert_true (vf_live_disk_parse (disk_xml, "g", "sda", &disk, &error));
  g_assert_null (disk.source);
  g_assert_false (vf_live_disk_parse (disk_xml, "g", "vdz", &disk, &error));
  g_assert_true (vf_error_is (error, VF_ERROR_NOT_FOUND));
}

static void
broken_xml_is_an_error (void)
{
  g_auto (VfLiveDisk) disk = { 0 };
  g_autoptr (GError) error = NULL;
  g_assert_false (vf_live_disk_parse ("<domain><devices><disk>", "g", "vda", &disk, &error));
  g_assert_true (vf_error_is (error, VF_ERROR_CORRUPT));
}

#define ADD(sentence) g_test_add_func ("/domain/" #sentence, sentence)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (a_guest_is_found_by_name_by_id_and_by_uuid);
  ADD (a_guest_that_is_not_there_is_not_found_and_the_side_is_named);
  ADD (a_guest_may_be_used_after_its_connection_was_closed_by_its_opener);
  ADD (a_place_without_libvirt_is_unreachable);
  ADD (two_connections_know_nothing_of_each_other);
  ADD (an_observation_tells_running_paused_shut_off_absent_and_unknown_apart);
  ADD (facts_tell_persistence_and_autostart_and_no_jobs_where_none_run);
  ADD (a_defined_guest_is_shut_off_and_its_xml_comes_back);
  ADD (a_tree_of_snapshots_comes_back_with_its_current_one);
  ADD (snapshots_that_are_forgotten_already_are_passed_over);
  ADD (the_current_mark_moves_to_a_snapshot_that_libvirt_still_has);
  ADD (redefining_goes_on_after_a_failure_and_returns_the_first_error);
  ADD (what_the_driver_cannot_do_is_an_error_and_no_crash);
  ADD (a_request_that_was_cancelled_before_starts_nothing);
  ADD (errors_of_libvirt_say_what_the_caller_can_do_next);
  ADD (an_error_of_libvirt_is_quoted_on_one_line);
  ADD (the_live_xml_tells_the_active_layer_and_what_is_mirrored_to);
  ADD (broken_xml_is_an_error);
  return g_test_run ();
}
