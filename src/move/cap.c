/* Caps at the source: putting them on, and the rounds that keep them small. */
#include "base/file.h"
#include "base/units.h"
#include "move/cap_files.h"
#include "xml/snapshot_xml.h"

#include <string.h>

static void
cap_request_free (VfCapRequest *request)
{
  g_free (request->target);
  g_free (request->path);
  g_free (request);
}

typedef struct {
  guint generation;
  GPtrArray *caps; /* VfLedgerCap */
} NewCaps;

static bool
add_cap (VfMove *move, const VfPlanDisk *disk, gpointer data, GError **error)
{
  NewCaps *made = data;
  const VfPlan *plan = vf_move_plan (move);
  g_autofree char *path = vf_plan_cap_at_source (plan, disk, made->generation);
  g_autofree char *below = made->generation == 1 ? g_strdup (vf_plan_disk_name_at_source (plan, disk))
                                                 : vf_plan_cap_at_source (plan, disk, made->generation - 1);
  g_autoptr (VfFileFacts) there = vf_file_look (path, error);
  if (there == NULL)
    return false;
  if (there->kind != VF_FILE_ABSENT)
    return vf_error_set (error, VF_ERROR_EXISTS, "cannot put cap '%s' over disk '%s': a file of that name exists", path,
                         disk->target);
  g_ptr_array_add (made->caps, vf_ledger_cap_new (disk->target, path, below));
  return true;
}

/* The targets that get no cap must be named too, or libvirt would give them one of its own. */
static GPtrArray *
other_targets (const VfPlan *plan)
{
  GPtrArray *targets = g_ptr_array_new ();
  for (guint i = 0; i < plan->disks->len; i++)
    if (vf_plan_disk (plan, i)->treatment != VF_TREAT_MOVE)
      g_ptr_array_add (targets, vf_plan_disk (plan, i)->target);
  return targets;
}

static const VfEncryption *
encryption_of (const VfPlan *plan, const char *target)
{
  for (guint i = 0; i < plan->disks->len; i++) {
    const VfPlanDisk *disk = vf_plan_disk (plan, i);
    const VfPlanFile *layer = strcmp (disk->target, target) == 0 ? vf_plan_disk_encrypted (plan, disk) : NULL;
    if (layer != NULL)
      return layer->encryption;
  }
  return NULL;
}

static char *
caps_xml (const VfPlan *plan, const GPtrArray *caps, GError **error)
{
  g_autoptr (GPtrArray) requests = g_ptr_array_new_with_free_func ((GDestroyNotify)cap_request_free);
  g_autoptr (GPtrArray) others = other_targets (plan);
  for (guint i = 0; i < caps->len; i++) {
    const VfLedgerCap *cap = caps->pdata[i];
    VfCapRequest *request = g_new0 (VfCapRequest, 1);
    request->target = g_strdup (cap->target);
    request->path = g_strdup (cap->path);
    request->encryption = encryption_of (plan, cap->target);
    g_ptr_array_add (requests, request);
  }
  return vf_snapshot_xml_for_caps (requests, others, error);
}

/* What the running guest writes now, per disk, must be what we believe. */
static bool
guest_writes_into (VfMove *move, const GPtrArray *caps, bool *all, GError **error)
{
  g_autofree char *xml = vf_guest_xml (move->guest, VF_XML_LIVE, error);
  g_autoptr (VfDomainXml) domain = xml == NULL ? NULL : vf_domain_xml_parse (xml, error);
  if (domain == NULL)
    return false;
  *all = true;
  for (guint i = 0; i < caps->len; i++) {
    const VfLedgerCap *cap = caps->pdata[i];
    const VfXmlDisk *disk = vf_domain_xml_disk (domain, cap->target);
    if (disk == NULL || g_strcmp0 (disk->source->path, cap->path) != 0)
      *all = false;
  }
  return true;
}

static bool
put_recorded_caps (VfMove *move, guint generation, GError **error)
{
  const GPtrArray *caps = vf_ledger_caps (move->ledger, generation);
  bool on = false;
  if (!guest_writes_into (move, caps, &on, error))
    return false;
  if (!on) {
    bool made = vf_plan_is_encrypted (vf_move_plan (move));
    g_autofree char *xml = caps_xml (vf_move_plan (move), caps, error);
    if (xml == NULL || (made && !vf_cap_files_make (move, generation, error)) ||
        !vf_guest_put_caps (move->guest, xml, made, error) || !guest_writes_into (move, caps, &on, error))
      return false;
  }
  if (!on)
    return vf_error_set (error, VF_ERROR_FAILED, "cannot put caps over the disks of guest '%s': it still writes other files",
                         vf_guest_name (move->guest));
  JsonObject *record = vf_record_new ("capped");
  json_object_set_int_member (record, "generation", generation);
  return vf_move_record (move, record, error);
}

bool
vf_move_put_caps (VfMove *move, GError **error)
{
  VfLedger *ledger = move->ledger;
  if (ledger->capped < ledger->generations->len) /* a crash came between the record and the act */
    return put_recorded_caps (move, ledger->generations->len, error);
  g_autoptr (GPtrArray) caps = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_ledger_cap_free);
  NewCaps made = { ledger->generations->len + 1, caps };
  if (!vf_move_each_disk (move, add_cap, &made, error))
    return false;
  if (caps->len == 0) /* every disk is shared */
    return true;
  return vf_move_record (move, vf_record_caps (made.generation, caps), error) &&
         put_recorded_caps (move, made.generation, error);
}

bool
vf_phase_cap (VfMove *move, GError **error)
{
  if (move->ledger->capped > 0)
    return true;
  return vf_move_put_caps (move, error);
}

/* ---- rounds ---- */

static guint64
largest_cap (VfMove *move)
{
  const GPtrArray *caps = vf_ledger_caps (move->ledger, move->ledger->capped);
  guint64 largest = 0;
  for (guint i = 0; caps != NULL && i < caps->len; i++) {
    g_autoptr (VfFileFacts) facts = vf_file_look (((const VfLedgerCap *)caps->pdata[i])->path, NULL);
    if (facts != NULL)
      largest = MAX (largest, facts->allocated);
  }
  return largest;
}

/* The former cap of a disk becomes a layer that travels like any other. */
static bool
plan_former_cap (VfMove *move, const VfPlanDisk *disk, gpointer data, GError **error)
{
  const VfPlan *plan = vf_move_plan (move);
  guint generation = move->ledger->capped - 1;
  const VfPlanFile *top = vf_plan_disk_top (plan, disk);
  g_autofree char *path = vf_plan_cap_at_source (plan, disk, generation);
  if (vf_plan_find_source (plan, path) >= 0)
    return true;
  g_autofree char *below_there = generation == 1 ? g_strdup (vf_plan_disk_name_at_destination (plan, disk))
                                                 : vf_plan_cap_at_destination (plan, disk, generation - 1);
  g_autofree char *below_here = generation == 1 ? g_strdup (vf_plan_disk_name_at_source (plan, disk))
                                                : vf_plan_cap_at_source (plan, disk, generation - 1);
  VfPlanFile file = {
    .kind = VF_PLAN_LAYER,
    .source = path,
    .is_round = true,
    .format = (char *)"qcow2",
    .virtual_bytes = top->virtual_bytes,
    .backing = below_here,
    .backing_format = generation == 1 ? top->format : (char *)"qcow2",
    .new_backing = strcmp (below_here, below_there) == 0 ? NULL : below_there,
  };
  g_autofree char *there = vf_plan_cap_at_destination (plan, disk, generation);
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  g_autoptr (VfFileFacts) facts = vf_file_look (path, error);
  if (facts == NULL)
    return false;
  file.destination = there;
  file.facts = facts;
  file.internal_snapshots = none;
  file.encryption = (VfEncryption *)encryption_of (plan, disk->target);
  JsonObject *record = vf_record_new ("round-file");
  json_object_set_object_member (record, "planned", vf_plan_file_to_json (&file));
  return vf_move_record (move, record, error);
}

static bool
one_round (VfMove *move, GError **error)
{
  /* a snapshot that somebody took into the cap could be deleted no more with another cap over it */
  return vf_move_snapshots_are_as_planned (move, error) && vf_move_put_caps (move, error) &&
         vf_move_each_disk (move, plan_former_cap, NULL, error) && vf_phase_seed (move, error);
}

/* What a crash may have cut off: caps that were announced but are not on, former caps that are not in the plan or not seeded.
 * Without it the chain at the destination would lack a layer. */
static bool
finish_former_round (VfMove *move, GError **error)
{
  const VfLedger *ledger = move->ledger;
  if (ledger->capped < ledger->generations->len && !vf_move_put_caps (move, error))
    return false;
  if (ledger->capped > 1 && !vf_move_each_disk (move, plan_former_cap, NULL, error))
    return false;
  return vf_phase_seed (move, error);
}

bool
vf_phase_rounds (VfMove *move, GError **error)
{
  const VfRequest *request = move->request;
  if (!finish_former_round (move, error))
    return false;
  guint64 before = G_MAXUINT64;
  while (move->rounds < request->rounds_max) {
    guint64 size = largest_cap (move);
    g_autofree char *text = vf_print_bytes (size);
    if (size <= request->max_cap_bytes)
      return true;
    if (before != G_MAXUINT64 && size > before / 10 * 9) {
      vf_move_note (move, "round %u: the guest writes as fast as the link carries (%s); the rest goes with the switch",
                    move->rounds, text);
      return true;
    }
    before = size;
    move->rounds++;
    vf_move_note (move, "round %u of at most %u: %s were written meanwhile; new overlays, copying the old ones", move->rounds,
                  request->rounds_max, text);
    if (vf_move_is_cancelled (move, error) || !one_round (move, error))
      return false;
  }
  return true;
}
