/* What a host offers to guests: facts for the checks before a move, and for `virt-ferry host`. What could not be found out is
 * marked so, and no check guesses it. */
#pragma once

#include "base/cpu_set.h"
#include "base/host_look.h"

#include <json-glib/json-glib.h>

typedef struct {
  char *name;
  char *bridge;  /* or NULL */
  char *forward; /* "nat", "bridge", "hostdev", …; NULL: isolated */
  bool active;
} VfHostNetwork;

typedef struct {
  char *name;
  char *path; /* or NULL */
  bool active;
  guint64 bytes, free_bytes;
} VfHostPool;

typedef struct {
  guint64 page_bytes;
  guint64 total, free; /* pages, over all nodes */
} VfHostPages;

/* What an emulator of the host can run. */
typedef struct {
  char *arch;
  char *emulator;
  GPtrArray *types;    /* char *: "qemu", "kvm" */
  GPtrArray *machines; /* char * */
} VfHostArch;

/* libvirt's answer to a question about a guest. */
typedef enum {
  VF_HOST_UNKNOWN, /* not asked, or the host cannot tell */
  VF_HOST_FITS,
  VF_HOST_DIFFERS, /* the reason is libvirt's */
} VfHostFit;

typedef struct {
  char *hostname;
  gulong libvirt_version, qemu_version;
  char *agent_version; /* virt-ferry's there; NULL: not asked */
  char *qemu_img;

  GPtrArray *arches; /* VfHostArch; empty: unknown */
  char *cpu;         /* the processor, one feature a line, sorted: equal texts are equal processors. NULL: unknown */
  char *cpu_model;   /* or NULL */

  bool cpus_known;
  VfCpuSet cpus_present, cpus_online;
  VfCpuSet nodes;                     /* NUMA nodes; empty: unknown */
  guint64 memory_bytes, usable_bytes; /* free, with what the kernel would give back; 0: unknown */
  GArray *pages;                      /* VfHostPages, sizes above the smallest */

  bool networks_known, pools_known;
  GPtrArray *networks; /* VfHostNetwork */
  GPtrArray *pools;    /* VfHostPool */
  char **bridges;      /* Linux bridges; NULL: unknown */
  GHashTable *looks;   /* "kind name" -> VfLookAnswer: what the agent said */

  /* about one guest */
  VfHostFit machine_fit; /* emulator, architecture, type and machine together */
  char *machine_reason;
  guint vcpus_max; /* 0: unknown */
  VfHostFit cpu_fit;
  char *cpu_reason;
} VfHost;

VfHost *vf_host_new (void);
void vf_host_free (VfHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfHost, vf_host_free)

VfHostArch *vf_host_add_arch (VfHost *host, const char *arch, const char *emulator);
VfHostNetwork *vf_host_add_network (VfHost *host, const char *name, bool active);

const VfHostArch *vf_host_arch (const VfHost *host, const char *arch);       /* or NULL */
const VfHostNetwork *vf_host_network (const VfHost *host, const char *name); /* or NULL */
const VfHostPages *vf_host_pages (const VfHost *host, guint64 page_bytes);   /* or NULL */

/* What the agent said; an answer that was not given has looked == false. */
VfLookAnswer vf_host_looked (const VfHost *host, VfLookKind kind, const char *name);
void vf_host_set_look (VfHost *host, VfLookKind kind, const char *name, VfLookAnswer answer);

/* For `host --json`; member names are a promise. */
JsonObject *vf_host_to_json (const VfHost *host);

/* libvirt's own documents, each into its part of what is known; VF_ERROR_CORRUPT for what is no such document.
 * https://libvirt.org/formatcaps.html, formatdomaincaps.html, formatnetwork.html, formatstorage.html. */
bool vf_host_read_capabilities (VfHost *host, const char *xml, GError **error);
bool vf_host_read_domain_capabilities (VfHost *host, const char *xml, GError **error);
bool vf_host_read_network (VfHostNetwork *network, const char *xml, GError **error);
bool vf_host_read_pool (VfHostPool *pool, const char *xml, GError **error);
