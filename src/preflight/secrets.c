/* The secrets that open encrypted disks and TPM states, and that devices log in with. */
#include "preflight/preflight.h"

GPtrArray *
vf_secret_looks_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)vf_secret_look_free);
}

void
vf_secret_look_free (VfSecretLook *look)
{
  g_free (look->name);
  g_free (look->uuid);
  g_free (look->usage);
  g_free (look->usage_taken_by);
  g_free (look);
}

bool
vf_secret_look_is_carried (const VfSecretLook *look, const VfRequest *request)
{
  return request->with_secrets && !look->is_there && look->uuid != NULL && !look->is_private && look->has_value &&
         look->usage_taken_by == NULL;
}

#define BY_HAND "define it there with its value (virsh secret-define, secret-set-value)"

static void
tell_missing (const VfPreflight *preflight, const VfSecretLook *look)
{
  VfFindingLevel level = look->only_snapshots ? VF_FINDING_WARN : VF_FINDING_REFUSE;
  const char *host = preflight->destination->host;
  const char *hint = BY_HAND ", or let --with-secrets carry it";
  if (look->uuid == NULL || look->is_private || !look->has_value)
    hint = BY_HAND;
  vf_findings_add (preflight->findings, level, "no-secret", look->name, hint,
                   "%s needs this secret%s%s%s, and libvirt at %s does not have it",
                   look->only_snapshots ? "a snapshot of the guest" : "a disk or device of the guest",
                   look->usage != NULL ? " (" : "", look->usage != NULL ? look->usage : "", look->usage != NULL ? ")" : "",
                   host);
}

/* Why --with-secrets cannot carry what it was asked to. */
static void
tell_not_carried (const VfPreflight *preflight, const VfSecretLook *look)
{
  if (look->uuid == NULL)
    tell_missing (preflight, look);
  else if (look->is_private)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "private-secret", look->name, BY_HAND,
                     "the secret is private: libvirt tells nobody its value, so it cannot be carried");
  else if (!look->has_value)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "secret-without-value", look->name,
                     "set it here (virsh secret-set-value), or define the secret there",
                     "the secret has no value here to be carried");
}

static void
check_secret (const VfPreflight *preflight, const VfSecretLook *look)
{
  const char *host = preflight->destination->host;
  if (look->is_there && !look->there_has_value)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "secret-without-value", look->name,
                     "set it there (virsh secret-set-value)", "libvirt at %s has this secret, but no value of it", host);
  if (look->is_there)
    return;
  if (look->usage_taken_by != NULL)
    vf_findings_add (preflight->findings, VF_FINDING_REFUSE, "secret-usage-taken", look->name,
                     "undefine that one there if nothing needs it (virsh secret-undefine)",
                     "libvirt at %s has another secret for the same usage (%s): %s", host, look->usage, look->usage_taken_by);
  else if (vf_secret_look_is_carried (look, preflight->request))
    vf_findings_add (preflight->findings, VF_FINDING_NOTE, "carried-secret", look->name, NULL,
                     "the secret%s%s%s will be defined at %s, with its value", look->usage != NULL ? " (" : "",
                     look->usage != NULL ? look->usage : "", look->usage != NULL ? ")" : "", host);
  else if (preflight->request->with_secrets)
    tell_not_carried (preflight, look);
  else
    tell_missing (preflight, look);
}

void
vf_preflight_secrets (const VfPreflight *preflight)
{
  const GPtrArray *looks = preflight->destination->secrets;
  for (guint i = 0; i < looks->len; i++)
    check_secret (preflight, looks->pdata[i]);
}
