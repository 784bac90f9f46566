/* libvirt's domain capabilities XML (https://libvirt.org/formatdomaincaps.html): what a host can give a guest. Pure. */
#pragma once

#include "base/error.h"

/* *emulated: the host can emulate a TPM, that is, libvirt found swtpm there. */
bool vf_capabilities_xml_tpm (const char *xml, bool *emulated, GError **error);
