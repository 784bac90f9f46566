#include "move/secrets.h"

#include "domain/secrets.h"

/* ---- before the move ---- */

static bool
look_here (VfMove *move, VfSecretLook *look, VfSecretFacts **facts, GError **error)
{
  if (move->source == NULL) /* a plan from XML alone */
    return true;
  if (!vf_secret_find (move->source, look->name, facts, error))
    return false;
  if (*facts == NULL)
    return true;
  look->uuid = g_strdup ((*facts)->uuid);
  look->usage = g_strdup ((*facts)->usage);
  look->is_private = (*facts)->private;
  look->has_value = vf_secret_has_value (move->source, look->uuid);
  return true;
}

static bool
look_there (VfMove *move, VfSecretLook *look, const VfSecretFacts *here, GError **error)
{
  g_autoptr (VfSecretFacts) there = NULL;
  if (!vf_secret_find (move->destination, look->name, &there, error))
    return false;
  look->is_there = there != NULL;
  if (there != NULL)
    look->there_has_value = vf_secret_has_value (move->destination, there->uuid);
  else if (here != NULL)
    look->usage_taken_by = vf_secret_with_usage_of (move->destination, here);
  return true;
}

static bool
survey_names (VfMove *move, const GPtrArray *names, bool only_snapshots, GPtrArray *looks, GError **error)
{
  for (guint i = 0; i < names->len; i++) {
    g_autoptr (VfSecretFacts) here = NULL;
    VfSecretLook *look = g_new0 (VfSecretLook, 1);
    g_ptr_array_add (looks, look);
    look->name = g_strdup (names->pdata[i]);
    look->only_snapshots = only_snapshots;
    if (!look_here (move, look, &here, error) || !look_there (move, look, here, error))
      return false;
  }
  return true;
}

bool
vf_secrets_survey (VfMove *move, const VfInventory *inventory, VfDestinationFacts *facts, GError **error)
{
  return survey_names (move, inventory->secrets, false, facts->secrets, error) &&
         survey_names (move, inventory->snapshot_secrets, true, facts->secrets, error);
}

void
vf_secrets_plan (VfPlan *plan, const VfDestinationFacts *facts, const VfRequest *request)
{
  for (guint i = 0; i < facts->secrets->len; i++) {
    const VfSecretLook *look = facts->secrets->pdata[i];
    if (vf_secret_look_is_carried (look, request) &&
        !g_ptr_array_find_with_equal_func (plan->secrets, look->uuid, g_str_equal, NULL))
      g_ptr_array_add (plan->secrets, g_strdup (look->uuid));
  }
}

/* ---- in the move ---- */

static bool
is_ours (VfMove *move, const char *uuid)
{
  return g_ptr_array_find_with_equal_func (move->ledger->secrets, uuid, g_str_equal, NULL);
}

static bool
carry_one (VfMove *move, const char *uuid, GError **error)
{
  g_autoptr (VfSecretFacts) there = NULL;
  if (!is_ours (move, uuid)) {
    if (!vf_secret_find (move->destination, uuid, &there, error))
      return false;
    if (there != NULL) {
      vf_move_note (move, "secret %s has been defined at the destination meanwhile, and stays as it is", uuid);
      return true;
    }
    JsonObject *record = vf_record_new ("secret");
    json_object_set_string_member (record, "uuid", uuid);
    if (!vf_move_record (move, record, error))
      return false;
  }
  return vf_secret_carry (move->source, move->destination, uuid, error);
}

bool
vf_secrets_carry (VfMove *move, GError **error)
{
  const GPtrArray *secrets = vf_move_plan (move)->secrets;
  for (guint i = 0; i < secrets->len; i++)
    if (!carry_one (move, secrets->pdata[i], error))
      return false;
  return true;
}

void
vf_secrets_take_back (VfMove *move, GPtrArray *left)
{
  for (guint i = 0; i < move->ledger->secrets->len; i++) {
    const char *uuid = move->ledger->secrets->pdata[i];
    g_autoptr (GError) error = NULL;
    bool removed = false;
    if (!vf_secret_remove (move->destination, uuid, &removed, &error))
      g_ptr_array_add (left, g_strdup_printf ("secret %s", uuid));
  }
}
