/* libvirt's secrets. Their values go from one connection to another and nowhere else: they are never returned to a caller, and
 * what held one is wiped. */
#pragma once

#include "domain/guest.h"

/* What can be known of a secret without its value. */
typedef struct {
  char *uuid;
  char *usage; /* "volume 'NAME'"; NULL: it has none */
  char *xml;   /* its definition */
  bool private;
} VfSecretFacts;

void vf_secret_facts_free (VfSecretFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSecretFacts, vf_secret_facts_free)

/* The secret that XML names by its UUID or, of any type, by its usage. *facts is NULL, and no error, when libvirt has none. */
bool vf_secret_find (VfHypervisor *hypervisor, const char *uuid_or_usage, VfSecretFacts **facts, GError **error);

/* The UUID of the secret at `hypervisor` that has the type and usage of `like`, which is another host's; NULL when there is
 * none, or it could not be asked for. */
char *vf_secret_with_usage_of (VfHypervisor *hypervisor, const VfSecretFacts *like);

/* False when the secret is known to have no value; a private one's cannot be asked for, and counts as having one. */
bool vf_secret_has_value (VfHypervisor *hypervisor, const char *uuid);

/* Defines the secret `uuid` of `from` at `to` as it is, and gives it its value. VF_ERROR_REFUSED, before anything was defined,
 * when the value cannot be read: a private secret's, or one that was never set. */
bool vf_secret_carry (VfHypervisor *from, VfHypervisor *to, const char *uuid, GError **error);

/* Undefines it. True, with *removed false, when there is none. */
bool vf_secret_remove (VfHypervisor *hypervisor, const char *uuid, bool *removed, GError **error);

/* The value as the descriptor of a file in memory, for a program that is told its name below /proc; VF_FD_NONE with
 * VF_ERROR_REFUSED when it cannot be read. The caller closes it. */
int vf_secret_open_value (VfHypervisor *hypervisor, const char *uuid_or_usage, GError **error);
