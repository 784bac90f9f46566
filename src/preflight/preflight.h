/* What stands in the way of a move, found before anything is touched. One family of checks a file; each looks at facts only and
 * adds findings; all run, so that a user sees everything at once. Codes are listed in docs/man (virt-ferry-plan, FINDINGS). */
#pragma once

#include "plan/plan.h"
#include "xml/host.h"

/* A secret that the guest's definition or a snapshot names. */
typedef struct {
  char *name;          /* as XML names it: UUID or usage */
  bool only_snapshots; /* the guest itself does not need it */
  char *uuid, *usage;  /* here; NULL: libvirt here has no such secret, or it has no usage */
  bool is_private;     /* here */
  bool has_value;      /* here */
  bool is_there;       /* at the destination, by that name */
  bool there_has_value;
  char *usage_taken_by; /* the UUID of another secret there with this usage, or NULL */
} VfSecretLook;

GPtrArray *vf_secret_looks_new (void); /* owns VfSecretLook */
void vf_secret_look_free (VfSecretLook *look);

/* True if --with-secrets was given and will define it there. */
bool vf_secret_look_is_carried (const VfSecretLook *look, const VfRequest *request);

/* Facts of the destination as a whole. */
typedef struct {
  char *host;
  char *source_host;
  bool name_taken;                                    /* a guest of that name with another UUID */
  bool uuid_taken;                                    /* a guest with that UUID */
  char *taken_name;                                   /* the name of the guest that has the UUID */
  gulong libvirt_version, qemu_version;               /* there */
  gulong source_libvirt_version, source_qemu_version; /* here */
  char *qemu_img;                                     /* version, NULL: not installed there */
  bool lacks_tpm_emulator;                            /* libvirt there says that it cannot emulate a TPM */
  GHashTable *equal;              /* destination path -> GINT (1 equal, 0 other content), for plan files with maybe_there */
  GPtrArray *secrets;             /* VfSecretLook; empty: not asked, or none is needed */
  VfHost *offers, *source_offers; /* what the hosts offer to guests; NULL: not asked */
} VfDestinationFacts;

VfDestinationFacts *vf_destination_facts_new (void);
void vf_destination_facts_free (VfDestinationFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfDestinationFacts, vf_destination_facts_free)

typedef struct {
  const VfInventory *inventory;
  const VfRequest *request;
  const VfPlan *plan;
  VfFarTable *far_table;
  const VfDestinationFacts *destination;
  GPtrArray *findings;
} VfPreflight;

/* Runs every family. */
void vf_preflight_run (const VfPreflight *preflight);

/* What the agent at the destination must be asked for these checks: VfFarWant, without answers. */
GPtrArray *vf_preflight_wants (const VfDevices *devices, const VfRequest *request);

/* The families. */
void vf_preflight_guest (const VfPreflight *preflight);       /* guest.c: what the guest is and does */
void vf_preflight_chains (const VfPreflight *preflight);      /* chains.c: layers, dependents, formats */
void vf_preflight_destination (const VfPreflight *preflight); /* destination.c: names, versions */
void vf_preflight_storage (const VfPreflight *preflight);     /* storage.c: files in the way, roots, devices */
void vf_preflight_pools (const VfPreflight *preflight);       /* pools.c: storage pools that volumes are in */
void vf_preflight_space (const VfPreflight *preflight);       /* space.c: room on both sides */
void vf_preflight_machine (const VfPreflight *preflight);     /* machine.c: architecture, machine type, processor */
void vf_preflight_cpus (const VfPreflight *preflight);        /* cpus.c: what is bound to CPUs and NUMA nodes */
void vf_preflight_memory (const VfPreflight *preflight);      /* memory.c: memory and hugepages */
void vf_preflight_nics (const VfPreflight *preflight);        /* nics.c: what network cards are connected to */
void vf_preflight_devices (const VfPreflight *preflight);     /* devices.c: host devices, files, sockets */
void vf_preflight_secrets (const VfPreflight *preflight);     /* secrets.c: secrets that must be there, or are carried */
void vf_preflight_versions (const VfPreflight *preflight);    /* versions.c: known defects of libvirt and QEMU */
