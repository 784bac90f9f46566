/* libvirt's errors turned into ours. Private to this room. */
#pragma once

#include "domain/libvirt_handles.h"

/* Sets *error from libvirt's last error of this thread: "cannot VERB OBJECT on the SIDE: libvirt's text". The format gives
 * "VERB OBJECT". Returns false. */
bool vf_libvirt_fail (GError **error, VfHypervisor *hypervisor, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* As above from an error that was kept (virSaveLastError). `said` may be NULL: libvirt said nothing. */
bool vf_libvirt_fail_with (GError **error, VfHypervisor *hypervisor, const virError *said, const char *act);

/* libvirt's last message of this thread on one line; the caller frees. */
char *vf_libvirt_text (void);

/* The driver has no such call (the test driver lacks many). */
bool vf_libvirt_lacks_call (void);
