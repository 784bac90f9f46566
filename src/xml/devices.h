/* What a guest asks of the host that it runs on: processor, memory, devices, names. Read from domain XML; pure, fuzzed.
 * libvirt's migratable XML is the right one: a running guest's own shows a network as the bridge or device behind it on its
 * present host. Strings are NULL where the XML is silent. */
#pragma once

#include "base/cpu_set.h"
#include "base/host_look.h"

/* An <interface>. */
typedef struct {
  char *type;    /* "bridge", "network", "direct", "hostdev", "vhostuser", "user", … */
  char *name;    /* how people find it: its MAC address, else "interface N" */
  char *bridge;  /* a Linux or Open vSwitch bridge */
  char *network; /* libvirt's network */
  char *device;  /* macvtap's lower device, or vDPA's */
  char *mode;    /* of direct ("vepa", "bridge", …) and vhostuser ("client", "server") */
  char *socket;  /* of vhostuser */
  char *model;
  char *driver;      /* "vhost", "qemu", "vfio" */
  char *teaming;     /* "persistent", "transient" */
  char *virtualport; /* "openvswitch", "802.1Qbg", … */
} VfXmlNic;

/* A set that something is bound to: CPUs, or NUMA nodes. */
typedef struct {
  char *what; /* "vcpu 3", "emulator", "iothread 1", "every vcpu", "memory" */
  VfCpuSet set;
} VfXmlBinding;

/* A file, directory, socket, device node or address that must be there. */
typedef struct {
  char *what; /* "kernel", "serial log" */
  char *name; /* what is looked for, in the words of base/host_look.h */
  char *path; /* as the XML writes it */
  VfLookKind kind;
} VfXmlNeed;

typedef struct {
  char *what; /* "PCI device", "mediated device", "USB device", "TPM", … */
  char *name;
} VfXmlHostDevice;

typedef struct {
  char *name;
  char *type, *arch, *machine, *emulator;
  char *cpu_mode; /* "custom", "host-passthrough", "host-model", "maximum" */
  char *cpu;      /* the <cpu> element as XML */
  guint threads;  /* of a core */
  guint vcpus;
  guint64 memory_bytes;
  bool has_hugepages;
  GArray *hugepage_bytes;  /* guint64: the sizes named; 0 is the host's default */
  GPtrArray *pins;         /* VfXmlBinding of CPUs */
  GPtrArray *nodes;        /* VfXmlBinding of NUMA nodes, where the binding is strict */
  GPtrArray *nics;         /* VfXmlNic */
  GPtrArray *host_devices; /* VfXmlHostDevice; interfaces stand in nics */
  GPtrArray *filesystems;  /* char *: target of each */
  GPtrArray *needs;        /* VfXmlNeed */
} VfDevices;

/* VF_ERROR_CORRUPT for what is no domain, and for sets and sizes that cannot be read. */
VfDevices *vf_devices_parse (const char *xml, GError **error);
void vf_devices_free (VfDevices *devices);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfDevices, vf_devices_free)
