#include "domain/guest.h"

#include "domain/libvirt_error.h"

static const char *const state_names[] = {
  [VF_GUEST_UNKNOWN] = "unknown", [VF_GUEST_ABSENT] = "absent",   [VF_GUEST_SHUT_OFF] = "shut off",
  [VF_GUEST_PAUSED] = "paused",   [VF_GUEST_RUNNING] = "running", [VF_GUEST_DIVIDED] = "in post-copy",
};

G_STATIC_ASSERT (G_N_ELEMENTS (state_names) == VF_GUEST_DIVIDED + 1);

const char *
vf_guest_state_name (VfGuestState state)
{
  g_return_val_if_fail ((gsize)state < G_N_ELEMENTS (state_names), "unknown");
  return state_names[state];
}

static const char *const running_reasons[] = {
  [VIR_DOMAIN_RUNNING_UNKNOWN] = "unknown",
  [VIR_DOMAIN_RUNNING_BOOTED] = "booted",
  [VIR_DOMAIN_RUNNING_MIGRATED] = "migrated",
  [VIR_DOMAIN_RUNNING_RESTORED] = "restored",
  [VIR_DOMAIN_RUNNING_FROM_SNAPSHOT] = "from snapshot",
  [VIR_DOMAIN_RUNNING_UNPAUSED] = "unpaused",
  [VIR_DOMAIN_RUNNING_MIGRATION_CANCELED] = "migration canceled",
  [VIR_DOMAIN_RUNNING_SAVE_CANCELED] = "save canceled",
  [VIR_DOMAIN_RUNNING_WAKEUP] = "event wakeup",
  [VIR_DOMAIN_RUNNING_CRASHED] = "crashed",
  [VIR_DOMAIN_RUNNING_POSTCOPY] = "post-copy",
  [VIR_DOMAIN_RUNNING_POSTCOPY_FAILED] = "post-copy failed",
};

static const char *const paused_reasons[] = {
  [VIR_DOMAIN_PAUSED_UNKNOWN] = "unknown",
  [VIR_DOMAIN_PAUSED_USER] = "user",
  [VIR_DOMAIN_PAUSED_MIGRATION] = "migrating",
  [VIR_DOMAIN_PAUSED_SAVE] = "saving",
  [VIR_DOMAIN_PAUSED_DUMP] = "dumping",
  [VIR_DOMAIN_PAUSED_IOERROR] = "I/O error",
  [VIR_DOMAIN_PAUSED_WATCHDOG] = "watchdog",
  [VIR_DOMAIN_PAUSED_FROM_SNAPSHOT] = "from snapshot",
  [VIR_DOMAIN_PAUSED_SHUTTING_DOWN] = "shutting down",
  [VIR_DOMAIN_PAUSED_SNAPSHOT] = "creating snapshot",
  [VIR_DOMAIN_PAUSED_CRASHED] = "crashed",
  [VIR_DOMAIN_PAUSED_STARTING_UP] = "starting up",
  [VIR_DOMAIN_PAUSED_POSTCOPY] = "post-copy",
  [VIR_DOMAIN_PAUSED_POSTCOPY_FAILED] = "post-copy failed",
};

static const char *const shut_off_reasons[] = {
  [VIR_DOMAIN_SHUTOFF_UNKNOWN] = "unknown",     [VIR_DOMAIN_SHUTOFF_SHUTDOWN] = "shutdown",
  [VIR_DOMAIN_SHUTOFF_DESTROYED] = "destroyed", [VIR_DOMAIN_SHUTOFF_CRASHED] = "crashed",
  [VIR_DOMAIN_SHUTOFF_MIGRATED] = "migrated",   [VIR_DOMAIN_SHUTOFF_SAVED] = "saved",
  [VIR_DOMAIN_SHUTOFF_FAILED] = "failed",       [VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT] = "from snapshot",
  [VIR_DOMAIN_SHUTOFF_DAEMON] = "daemon",
};

static const char *
word (const char *const *words, gsize count, int i)
{
  return i >= 0 && (gsize)i < count && words[i] != NULL ? words[i] : "unknown";
}

/* libvirt offers no text for its reasons; these are virsh's. */
static const char *
reason_text (int state, int reason)
{
  switch (state) {
  case VIR_DOMAIN_RUNNING:
    return word (running_reasons, G_N_ELEMENTS (running_reasons), reason);
  case VIR_DOMAIN_PAUSED:
    return word (paused_reasons, G_N_ELEMENTS (paused_reasons), reason);
  case VIR_DOMAIN_SHUTOFF:
    return word (shut_off_reasons, G_N_ELEMENTS (shut_off_reasons), reason);
  case VIR_DOMAIN_PMSUSPENDED:
    return "suspended by the guest";
  case VIR_DOMAIN_CRASHED:
    return "crashed";
  case VIR_DOMAIN_SHUTDOWN:
    return "shutting down";
  default:
    return "unknown";
  }
}

/* A crashed guest whose QEMU is kept (on_crash=preserve) still holds its images open. */
static VfGuestState
state_of_crashed (virDomainPtr domain)
{
  switch (virDomainIsActive (domain)) {
  case 0:
    return VF_GUEST_SHUT_OFF;
  case 1:
    return VF_GUEST_PAUSED;
  default:
    return VF_GUEST_UNKNOWN;
  }
}

static bool
is_in_post_copy (int state, int reason)
{
  switch (state) {
  case VIR_DOMAIN_RUNNING:
    return reason == VIR_DOMAIN_RUNNING_POSTCOPY || reason == VIR_DOMAIN_RUNNING_POSTCOPY_FAILED;
  case VIR_DOMAIN_PAUSED:
    return reason == VIR_DOMAIN_PAUSED_POSTCOPY || reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED;
  default:
    return false;
  }
}

static VfGuestState
state_from_libvirt (virDomainPtr domain, int state)
{
  switch (state) {
  case VIR_DOMAIN_RUNNING:
  case VIR_DOMAIN_BLOCKED:
  case VIR_DOMAIN_SHUTDOWN: /* on its way; until QEMU has ended it may write */
    return VF_GUEST_RUNNING;
  case VIR_DOMAIN_PAUSED:
  case VIR_DOMAIN_PMSUSPENDED:
    return VF_GUEST_PAUSED;
  case VIR_DOMAIN_SHUTOFF:
    return VF_GUEST_SHUT_OFF;
  case VIR_DOMAIN_CRASHED:
    return state_of_crashed (domain);
  default:
    return VF_GUEST_UNKNOWN;
  }
}

static VfGuestState
absent_or_unknown (char **reason)
{
  if (reason != NULL)
    *reason = vf_libvirt_text ();
  return virGetLastErrorCode () == VIR_ERR_NO_DOMAIN ? VF_GUEST_ABSENT : VF_GUEST_UNKNOWN;
}

VfGuestState
vf_guest_observe (VfHypervisor *hypervisor, const char *uuid, char **reason)
{
  if (reason != NULL)
    *reason = NULL;
  virResetLastError ();
  g_autoptr (virDomain) domain = virDomainLookupByUUIDString (hypervisor->connection, uuid);
  if (domain == NULL)
    return absent_or_unknown (reason);
  int state = VIR_DOMAIN_NOSTATE, why = 0;
  if (virDomainGetState (domain, &state, &why, 0) < 0)
    return absent_or_unknown (reason);
  if (reason != NULL)
    *reason = g_strdup (reason_text (state, why));
  return is_in_post_copy (state, why) ? VF_GUEST_DIVIDED : state_from_libvirt (domain, state);
}
