/* The XML documents that a move hands to the destination's libvirt. */
#pragma once

#include "move/ledger.h"

/* The live (or, with `persistent`, the inactive) definition with the caps at the destination and every other path and network
 * at its new place. The caller frees. */
char *vf_document_domain (VfLedger *ledger, const char *xml, bool persistent, GError **error);

/* As that, from a definition of the user's own, in which each disk lies at its old or its new place. */
char *vf_document_own (VfLedger *ledger, const char *xml, GError **error);

/* The definition of a guest that moves offline, with every path and network at its new place, and its new name. */
char *vf_document_definition (VfLedger *ledger, const char *xml, GError **error);

/* A snapshot's XML (or the domain XML embedded in a memory file or managed save image) with every path and network at its new place, and the guest's new
 * name; the snapshot's for a libvirt of that version. */
char *vf_document_snapshot (VfLedger *ledger, const char *xml, gulong libvirt_version, GError **error);
char *vf_document_memory_file (VfLedger *ledger, const char *xml, GError **error);

/* A checkpoint's XML with every path at its new place, and the guest's new name. */
char *vf_document_checkpoint (VfLedger *ledger, const char *xml, GError **error);

/* For an undo of a guest that was shut off meanwhile: caps back to the original top layers. */
char *vf_document_without_caps (VfLedger *ledger, const char *xml, GError **error);

/* True if any document says something else at the destination. */
bool vf_documents_change (const VfLedger *ledger);
