/* Calls the domain room from a script, one verb a call: the lab's tests drive it against real guests. Prints what the call
 * gave; an error goes to stderr as "CODE: message" with exit code 1. SIGINT cancels. */
#include "domain/block_job.h"
#include "domain/migration.h"
#include "domain/snapshots.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *uri;
  VfHypervisor *hypervisor;
  VfGuest *guest; /* NULL for verbs that need none */
  GCancellable *cancellable;
  int argc;
  char **argv; /* behind the verb */
} Trial;

typedef struct {
  const char *name;
  const char *arguments;
  int argc_min;
  bool needs_guest;
  bool (*act) (Trial *trial, GError **error);
} Verb;

static bool
print_and_free (char *text)
{
  if (text == NULL)
    return false;
  g_print ("%s\n", text);
  g_free (text);
  return true;
}

static char *
read_file (const char *path, GError **error)
{
  g_autoptr (GError) refused = NULL;
  char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, &refused))
    vf_error_adopt (error, g_steal_pointer (&refused), "cannot read '%s'", path);
  return text;
}

static bool
show_host (Trial *trial, GError **error)
{
  gulong libvirt = 0, qemu = 0;
  if (!vf_hypervisor_versions (trial->hypervisor, &libvirt, &qemu, error))
    return false;
  g_print ("libvirt %lu qemu %lu alive %d\n", libvirt, qemu, vf_hypervisor_is_alive (trial->hypervisor));
  return print_and_free (vf_hypervisor_hostname (trial->hypervisor, error));
}

static bool
show_facts (Trial *trial, GError **error)
{
  g_autoptr (VfGuestFacts) facts = vf_guest_facts (trial->guest, (const char *const *)trial->argv, error);
  if (facts == NULL)
    return false;
  g_print ("name %s uuid %s persistent %d autostart %d saved %d checkpoints %u job %s\n", vf_guest_name (trial->guest),
           vf_guest_uuid (trial->guest), facts->persistent, facts->autostart, facts->has_managed_save, facts->checkpoints,
           facts->job != NULL ? facts->job : "-");
  for (guint i = 0; i < facts->block_jobs->len; i++)
    g_print ("block job %s\n", (const char *)g_ptr_array_index (facts->block_jobs, i));
  return true;
}

static bool
show_xml (Trial *trial, GError **error)
{
  return print_and_free (vf_guest_xml (trial->guest, (VfXmlKind)atoi (trial->argv[0]), error));
}

/* UUID [TIMES [PAUSE_MS]] */
static bool
observe (Trial *trial, GError **error)
{
  int times = trial->argc > 1 ? atoi (trial->argv[1]) : 1;
  g_autofree char *last = NULL;
  for (int i = 0; i < times; i++) {
    g_autofree char *reason = NULL;
    VfGuestState state = vf_guest_observe (trial->hypervisor, trial->argv[0], &reason);
    g_autofree char *line = g_strdup_printf ("%s (%s)", vf_guest_state_name (state), reason);
    if (g_strcmp0 (line, last) != 0)
      g_print ("%" G_GINT64_FORMAT " %s\n", g_get_monotonic_time () / 1000, line);
    g_free (last);
    last = g_steal_pointer (&line);
    if (trial->argc > 2)
      g_usleep ((gulong)atoi (trial->argv[2]) * 1000);
  }
  return true;
}

/* Each snapshot into DIR: N.xml, and the list on stdout. */
static bool
keep_snapshots (Trial *trial, GError **error)
{
  g_autoptr (GPtrArray) records = vf_guest_snapshots (trial->guest, error);
  if (records == NULL)
    return false;
  for (guint i = 0; i < records->len; i++) {
    const VfSnapshotRecord *record = g_ptr_array_index (records, i);
    g_print ("%s %s %d\n", record->name, record->parent != NULL ? record->parent : "-", record->current);
    g_autofree char *path = g_strdup_printf ("%s/%s.xml", trial->argv[0], record->name);
    if (!g_file_set_contents (path, record->xml, -1, NULL))
      return vf_error_set (error, VF_ERROR_FAILED, "cannot write '%s'", path);
  }
  return true;
}

static bool
forget_snapshots (Trial *trial, GError **error)
{
  g_autoptr (GPtrArray) records = vf_guest_snapshots (trial->guest, error);
  return records != NULL && vf_guest_forget_snapshots (trial->guest, records, error);
}

/* DIR CURRENT NAME…, parents first. Twice: the second call must find everything in place. */
static bool
redefine_snapshots (Trial *trial, GError **error)
{
  g_autoptr (GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_snapshot_record_free);
  for (int i = 2; i < trial->argc; i++) {
    VfSnapshotRecord *record = g_new0 (VfSnapshotRecord, 1);
    g_ptr_array_add (records, record);
    g_autofree char *path = g_strdup_printf ("%s/%s.xml", trial->argv[0], trial->argv[i]);
    record->name = g_strdup (trial->argv[i]);
    record->current = strcmp (trial->argv[i], trial->argv[1]) == 0;
    record->xml = read_file (path, error);
    if (record->xml == NULL)
      return false;
  }
  return vf_guest_redefine_snapshots (trial->guest, records, error) &&
         vf_guest_redefine_snapshots (trial->guest, records, error);
}

static bool
put_caps (Trial *trial, GError **error)
{
  g_autofree char *xml = read_file (trial->argv[0], error);
  return xml != NULL && vf_guest_put_caps (trial->guest, xml, false, error);
}

static void
print_progress (const char *target, guint64 done_bytes, guint64 total_bytes, gpointer data)
{
  g_print ("%s %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT "\n", target, done_bytes, total_bytes);
}

static bool
commit (Trial *trial, GError **error)
{
  VfCommitRequest request = {
    .target = trial->argv[0],
    .base = trial->argv[1],
    .deadline_s = trial->argc > 2 ? (guint)atoi (trial->argv[2]) : 60,
    .progress = print_progress,
    .cancellable = trial->cancellable,
  };
  gint64 began_us = g_get_monotonic_time ();
  bool committed = vf_guest_commit_active (trial->guest, &request, error);
  g_print ("%" G_GINT64_FORMAT " ms\n", (g_get_monotonic_time () - began_us) / 1000);
  return committed;
}

static bool
cancel_job (Trial *trial, GError **error)
{
  return vf_guest_cancel_block_job (trial->guest, trial->argv[0], 30, error);
}

static void
print_stats (const VfMigrationStats *stats)
{
  g_print ("memory %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " disk %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT
           " downtime %" G_GUINT64_FORMAT " ms\n",
           stats->memory_done_bytes, stats->memory_total_bytes, stats->disk_done_bytes, stats->disk_total_bytes,
           stats->downtime_ms);
}

static bool
show_stats (Trial *trial, GError **error)
{
  VfMigrationStats stats;
  if (!vf_guest_migration_stats (trial->guest, strcmp (trial->argv[0], "completed") == 0, &stats, error))
    return false;
  print_stats (&stats);
  return true;
}

typedef struct {
  VfGuest *guest;
  gint ended;
} Watcher;

static gpointer
watch_stats (gpointer data)
{
  Watcher *watcher = data;
  while (!g_atomic_int_get (&watcher->ended)) {
    VfMigrationStats stats;
    if (vf_guest_migration_stats (watcher->guest, false, &stats, NULL))
      print_stats (&stats);
    g_usleep (250000);
  }
  return NULL;
}

/* DESTURI MEMORY_URI DISKS_URI DESTXML PERSISTXML|- DOWNTIME_MS BANDWIDTH TARGET… */
static bool
migrate (Trial *trial, GError **error)
{
  g_autoptr (VfHypervisor) destination = vf_hypervisor_open (trial->argv[0], "destination", error);
  g_autofree char *destination_xml = destination == NULL ? NULL : read_file (trial->argv[3], error);
  if (destination_xml == NULL)
    return false;
  bool persists = strcmp (trial->argv[4], "-") != 0;
  g_autofree char *persistent_xml = persists ? read_file (trial->argv[4], error) : NULL;
  VfMigrationRequest request = {
    .disk_targets = (const char *const *)trial->argv + 7,
    .destination_xml = destination_xml,
    .persistent_xml = persistent_xml,
    .memory_uri = trial->argv[1],
    .disks_uri = trial->argv[2],
    .downtime_ms = (guint)atoi (trial->argv[5]),
    .bandwidth_mib_s = (guint64)atoi (trial->argv[6]),
    .cancellable = trial->cancellable,
  };
  Watcher watcher = { .guest = trial->guest };
  GThread *thread = g_thread_new ("stats", watch_stats, &watcher);
  gint64 began_us = g_get_monotonic_time ();
  bool migrated = vf_guest_migrate (trial->guest, destination, &request, error);
  g_print ("%s after %" G_GINT64_FORMAT " ms\n", migrated ? "migrated" : "failed", (g_get_monotonic_time () - began_us) / 1000);
  g_atomic_int_set (&watcher.ended, 1);
  g_thread_join (thread);
  g_autofree char *here = NULL, *there = NULL;
  VfGuestState source = vf_guest_observe (trial->hypervisor, vf_guest_uuid (trial->guest), &here);
  VfGuestState arrived = vf_guest_observe (destination, vf_guest_uuid (trial->guest), &there);
  g_print ("source %s (%s), destination %s (%s)\n", vf_guest_state_name (source), here, vf_guest_state_name (arrived), there);
  return migrated;
}

static bool
set_autostart (Trial *trial, GError **error)
{
  return vf_guest_set_autostart (trial->guest, strcmp (trial->argv[0], "on") == 0, error);
}

static bool
resume (Trial *trial, GError **error)
{
  return vf_guest_resume (trial->guest, error);
}

static bool
define (Trial *trial, GError **error)
{
  g_autofree char *xml = read_file (trial->argv[0], error);
  return xml != NULL && vf_hypervisor_define (trial->hypervisor, xml, error);
}

static bool
show_memory_xml (Trial *trial, GError **error)
{
  return print_and_free (vf_memory_file_xml (trial->hypervisor, trial->argv[0], error));
}

static bool
set_memory_xml (Trial *trial, GError **error)
{
  g_autofree char *xml = read_file (trial->argv[1], error);
  return xml != NULL && vf_memory_file_set_xml (trial->hypervisor, trial->argv[0], xml, error);
}

static const Verb verbs[] = {
  { "host", "", 0, false, show_host },
  { "observe", "UUID [TIMES [PAUSE_MS]]", 1, false, observe },
  { "define", "XMLFILE", 1, false, define },
  { "memory-xml", "FILE", 1, false, show_memory_xml },
  { "set-memory-xml", "FILE XMLFILE", 2, false, set_memory_xml },
  { "facts", "GUEST [TARGET…]", 0, true, show_facts },
  { "xml", "GUEST KIND", 1, true, show_xml },
  { "snapshots", "GUEST DIR", 1, true, keep_snapshots },
  { "forget", "GUEST", 0, true, forget_snapshots },
  { "redefine", "GUEST DIR CURRENT NAME…", 3, true, redefine_snapshots },
  { "caps", "GUEST XMLFILE", 1, true, put_caps },
  { "commit", "GUEST TARGET BASE [DEADLINE_S]", 2, true, commit },
  { "cancel", "GUEST TARGET", 1, true, cancel_job },
  { "migrate", "GUEST DESTURI MEMORY_URI DISKS_URI DESTXML PERSISTXML|- DOWNTIME_MS BANDWIDTH TARGET…", 8, true, migrate },
  { "stats", "GUEST now|completed", 1, true, show_stats },
  { "autostart", "GUEST on|off", 1, true, set_autostart },
  { "resume", "GUEST", 0, true, resume },
};

static gpointer
cancel_on_interrupt (gpointer data)
{
  sigset_t interrupt;
  int number = 0;
  sigemptyset (&interrupt);
  sigaddset (&interrupt, SIGINT);
  while (sigwait (&interrupt, &number) == 0)
    g_cancellable_cancel (data);
  return NULL;
}

static void
let_interrupts_cancel (GCancellable *cancellable)
{
  sigset_t interrupt;
  sigemptyset (&interrupt);
  sigaddset (&interrupt, SIGINT);
  pthread_sigmask (SIG_BLOCK, &interrupt, NULL);
  g_thread_unref (g_thread_new ("interrupt", cancel_on_interrupt, cancellable));
}

static bool
run (const Verb *verb, Trial *trial, GError **error)
{
  g_autoptr (VfHypervisor) hypervisor = vf_hypervisor_open (trial->uri, "source", error);
  if (hypervisor == NULL)
    return false;
  trial->hypervisor = hypervisor;
  g_autoptr (VfGuest) guest = verb->needs_guest ? vf_guest_find (hypervisor, trial->argv[0], error) : NULL;
  if (verb->needs_guest && guest == NULL)
    return false;
  trial->guest = guest;
  trial->argc -= verb->needs_guest;
  trial->argv += verb->needs_guest;
  return verb->act (trial, error);
}

static int
show_usage (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    g_printerr ("domain-trial URI %s %s\n", verbs[i].name, verbs[i].arguments);
  return 2;
}

int
main (int argc, char **argv)
{
  const Verb *verb = NULL;
  for (gsize i = 0; argc > 2 && i < G_N_ELEMENTS (verbs); i++)
    if (strcmp (verbs[i].name, argv[2]) == 0)
      verb = &verbs[i];
  if (verb == NULL || argc - 3 < verb->argc_min + verb->needs_guest)
    return show_usage ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  let_interrupts_cancel (cancellable);
  Trial trial = { .uri = argv[1], .cancellable = cancellable, .argc = argc - 3, .argv = argv + 3 };
  g_autoptr (GError) error = NULL;
  if (run (verb, &trial, &error))
    return 0;
  g_printerr ("%s: %s\n", vf_error_code_name ((VfErrorCode)error->code), error->message);
  if (vf_error_get_hint (error) != NULL)
    g_printerr ("hint: %s\n", vf_error_get_hint (error));
  return 1;
}
