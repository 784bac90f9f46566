/* The one error domain of virt-ferry.
 *
 * A code says what the caller can do next, not which call failed; that is in the message. Messages are
 * "cannot VERB KIND 'OBJECT': reason", lower case, no full stop. A hint (what the user can do) is kept apart from the message.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
  VF_ERROR_FAILED,      /* the act failed; what was begun can be undone */
  VF_ERROR_USAGE,       /* the words of the request are wrong */
  VF_ERROR_REFUSED,     /* a check said no; nothing was touched */
  VF_ERROR_NOT_FOUND,   /* the named thing does not exist */
  VF_ERROR_EXISTS,      /* the name is taken, and what has it must not be replaced */
  VF_ERROR_NO_SPACE,    /* a filesystem or device is full */
  VF_ERROR_BUSY,        /* someone else holds it; the same call may work later */
  VF_ERROR_UNREACHABLE, /* the other side did not answer: its state is unknown */
  VF_ERROR_TIMEOUT,     /* a deadline passed; the message says what was waited for */
  VF_ERROR_CANCELLED,   /* the user asked to stop */
  VF_ERROR_PROTOCOL,    /* the peer broke a rule of the wire protocol */
  VF_ERROR_CORRUPT,     /* data is not what it must be; doing it again will not help */
  VF_ERROR_UNDECIDED,   /* only a person can decide */
} VfErrorCode;

#define VF_ERROR (vf_error_quark ())
GQuark vf_error_quark (void);

/* The code's name as it stands on the wire ("no-space"), and back; an unknown name is VF_ERROR_FAILED. */
const char *vf_error_code_name (VfErrorCode code);
VfErrorCode vf_error_code_from_name (const char *name);

/* Sets *error (may be NULL). Returns false, so that `return vf_error_set (…)` reads well. */
bool vf_error_set (GError **error, VfErrorCode code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* As vf_error_set, and appends ": " and the text of errno value `saved_errno`. Chooses NOT_FOUND, EXISTS, NO_SPACE, BUSY or
 * FAILED from it. */
bool vf_error_set_errno (GError **error, int saved_errno, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* Gives *error a hint unless it has one. No-op when error or *error is NULL or of another domain. */
void vf_error_hint (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The hint, or NULL. Owned by the error. */
const char *vf_error_get_hint (const GError *error);

/* True for an error of this domain with this code. */
bool vf_error_is (const GError *error, VfErrorCode code);

/* Adds "; ALSO: …" of a later failure (while undoing, say) to *first; takes *later and clears it. When *first is NULL, *later
 * becomes *first: the first error wins. */
void vf_error_attach (GError **first, GError **later, const char *also);

/* Turns a foreign error (GIO, GLib) into ours, keeping its text behind "prefix: ". G_IO_ERROR_CANCELLED becomes CANCELLED, and
 * so on. Takes `foreign`. Returns false. */
bool vf_error_adopt (GError **error, GError *foreign, const char *format, ...) G_GNUC_PRINTF (3, 4);
