/* Known defects: which versions have them, and which guests they concern. */
#include "preflight/preflight.h"
#include "scene.h"

enum { SNAPSHOTS_INTERNAL = 1, SNAPSHOTS_EXTERNAL = 2, DEEP = 4, VARIABLES = 8 };

typedef struct {
  const char *xml; /* of the guest's devices; NULL: an emulated one without processor */
  int has;
  gulong there, here, qemu_there, qemu_here;
} Hosts;

static const Hosts sound = { .there = 12000000, .here = 12000000, .qemu_there = 10001000, .qemu_here = 10001000 };

static void
add_snapshot (VfPlan *plan, const char *kind)
{
  VfPlanSnapshot *snapshot = g_new0 (VfPlanSnapshot, 1);
  snapshot->name = g_strdup (kind);
  snapshot->kind = g_strdup (kind);
  g_ptr_array_add (plan->snapshots, snapshot);
}

/* `layers` with the same image are enough to count. */
static void
add_deep_disk (VfPlan *plan, guint layers)
{
  VfPlanDisk *disk = g_new0 (VfPlanDisk, 1);
  disk->target = g_strdup ("vdz");
  disk->layers = g_array_new (FALSE, TRUE, sizeof (guint));
  g_array_set_size (disk->layers, layers);
  g_ptr_array_add (plan->disks, disk);
}

static GPtrArray *
findings_of (const Hosts *hosts, guint layers)
{
  g_autoptr (Scene) scene = scene_new ("");
  g_autoptr (VfPlan) plan = scene_plan (scene);
  g_autoptr (VfDestinationFacts) facts = vf_destination_facts_new ();
  scene->inventory->devices =
      vf_devices_parse (hosts->xml != NULL ? hosts->xml : "<domain type='xen'><name>a</name></domain>", NULL);
  facts->host = g_strdup ("bravo");
  facts->source_host = g_strdup ("alpha");
  facts->libvirt_version = hosts->there;
  facts->source_libvirt_version = hosts->here;
  facts->qemu_version = hosts->qemu_there;
  facts->source_qemu_version = hosts->qemu_here;
  if ((hosts->has & SNAPSHOTS_INTERNAL) != 0)
    add_snapshot (plan, "internal with memory");
  if ((hosts->has & SNAPSHOTS_EXTERNAL) != 0)
    add_snapshot (plan, "external");
  if ((hosts->has & DEEP) != 0)
    add_deep_disk (plan, layers);
  if ((hosts->has & VARIABLES) != 0)
    scene->inventory->domain->nvram = g_strdup ("/x");
  GPtrArray *findings = vf_findings_new ();
  VfPreflight preflight = { scene->inventory, scene->request, plan, scene->far_table, facts, findings };
  vf_preflight_versions (&preflight);
  return findings;
}

static void
assert_defect (const Hosts *hosts, VfFindingLevel level, const char *object, const char *part)
{
  g_autoptr (GPtrArray) findings = findings_of (hosts, 25);
  g_assert_cmpuint (findings->len, ==, 1);
  const VfFinding *finding = findings->pdata[0];
  g_assert_cmpstr (finding->code, ==, "known-defect");
  g_assert_cmpstr (finding->object, ==, object);
  g_assert_cmpint (finding->level, ==, level);
  g_assert_nonnull (finding->hint);
  assert_says (finding->text, part);
}

static void
assert_sound (const Hosts *hosts, guint layers)
{
  g_autoptr (GPtrArray) findings = findings_of (hosts, layers);
  for (guint i = 0; i < findings->len; i++)
    g_error ("'%s'", ((VfFinding *)findings->pdata[i])->text);
}

static Hosts
with (int has, gulong there)
{
  Hosts hosts = sound;
  hosts.has = has;
  hosts.there = there;
  return hosts;
}

static void
each_range_begins_and_ends_where_it_should (void)
{
  static const struct {
    int has;
    gulong first, behind; /* the first version that has it, and the first that has it no more */
    VfFindingLevel level;
    const char *part;
  } cases[] = {
    { SNAPSHOTS_INTERNAL, 11002000, 11004000, VF_FINDING_WARN, "it cannot revert to internal snapshots" },
    { DEEP, 10008000, 12000000, VF_FINDING_REFUSE, "more than about 25 layers" },
    { SNAPSHOTS_INTERNAL | VARIABLES, 10009000, 10010000, VF_FINDING_WARN, "forgets the UEFI variables" },
    { SNAPSHOTS_EXTERNAL, 8000000, 9009000, VF_FINDING_NOTE, "cannot revert to external snapshots" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *object = g_strdup_printf ("libvirt %lu.%lu.0", cases[i].first / 1000000, cases[i].first / 1000 % 1000);
    Hosts first = with (cases[i].has, cases[i].first);
    Hosts behind = with (cases[i].has, cases[i].behind);
    Hosts other = with (0, cases[i].first);
    assert_defect (&first, cases[i].level, object, cases[i].part);
    assert_sound (&behind, 25);
    assert_sound (&other, 25);
  }
}

static void
a_chain_of_twenty_four_layers_and_its_cap_start (void)
{
  Hosts hosts = with (DEEP, 11003000);
  assert_sound (&hosts, 24);
}

static void
both_kinds_of_snapshots_meet_the_deleted_image (void)
{
  Hosts hosts = with (SNAPSHOTS_INTERNAL | SNAPSHOTS_EXTERNAL, 10010000);
  assert_defect (&hosts, VF_FINDING_WARN, "libvirt 10.10.0", "delete the image that holds the internal one");
  hosts.there = 11000000;
  assert_sound (&hosts, 1);
}

static void
what_the_source_suffers_too_is_only_a_note (void)
{
  Hosts hosts = with (SNAPSHOTS_INTERNAL, 11003000);
  hosts.here = 11002000;
  assert_defect (&hosts, VF_FINDING_NOTE, "libvirt 11.3.0", "at bravo");
  hosts.has = DEEP; /* but what ends the move still ends it */
  assert_defect (&hosts, VF_FINDING_REFUSE, "libvirt 11.3.0", "25 layers");
}

static void
an_emulated_guest_may_lose_memory_with_old_qemu_here (void)
{
  Hosts hosts = sound;
  hosts.xml = "<domain type='qemu'><name>a</name></domain>";
  hosts.qemu_here = 7002022;
  assert_defect (&hosts, VF_FINDING_WARN, "QEMU 7.2.22", "at alpha: without KVM");
  hosts.qemu_here = 9000000;
  assert_sound (&hosts, 1);
}

static void
threads_meet_new_qemu_and_older_libvirt (void)
{
  Hosts hosts = with (0, 11009000);
  hosts.xml = "<domain type='kvm'><name>a</name><cpu><topology threads='2'/></cpu></domain>";
  assert_defect (&hosts, VF_FINDING_WARN, "libvirt 11.9.0", "threads a core");
  hosts.qemu_there = 9002000;
  assert_sound (&hosts, 1);
  hosts.qemu_there = 10000000;
  hosts.xml = "<domain type='kvm'><name>a</name><cpu><topology threads='1'/></cpu></domain>";
  assert_sound (&hosts, 1);
}

static void
vmx_meets_libvirt_between_9_10_and_10_2 (void)
{
  Hosts hosts = with (0, 10001000);
  hosts.here = 9000000;
  hosts.xml = "<domain type='kvm'><name>a</name><cpu><model>x</model><feature name='vmx'/></cpu></domain>";
  assert_defect (&hosts, VF_FINDING_WARN, "libvirt 10.1.0", "extra vmx features");
  hosts.here = 9010000;
  assert_sound (&hosts, 1);
}

static void
changed_xml_meets_libvirt_10_2_here (void)
{
  Hosts hosts = sound;
  hosts.xml = "<domain type='kvm'><name>a</name></domain>";
  hosts.here = 10002000;
  assert_defect (&hosts, VF_FINDING_WARN, "libvirt 10.2.0", "at alpha: it may complain of an incompatible CPU");
  hosts.here = 10003000;
  assert_sound (&hosts, 1);
}

#define ADD(name, function) g_test_add_func ("/preflight/versions/" name, function)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("each range begins and ends where it should", each_range_begins_and_ends_where_it_should);
  ADD ("a chain of 24 layers and its cap start", a_chain_of_twenty_four_layers_and_its_cap_start);
  ADD ("both kinds of snapshots meet the deleted image", both_kinds_of_snapshots_meet_the_deleted_image);
  ADD ("what the source suffers too is only a note", what_the_source_suffers_too_is_only_a_note);
  ADD ("an emulated guest may lose memory with old QEMU here", an_emulated_guest_may_lose_memory_with_old_qemu_here);
  ADD ("threads meet new QEMU and older libvirt", threads_meet_new_qemu_and_older_libvirt);
  ADD ("vmx meets libvirt between 9.10 and 10.2", vmx_meets_libvirt_between_9_10_and_10_2);
  ADD ("changed XML meets libvirt 10.2 here", changed_xml_meets_libvirt_10_2_here);
  return g_test_run ();
}
