/* The names that virt-ferry gives to things it makes. Each carries the move's ID, so that whatever lies about tells whose it
 * is. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum { VF_ID_LENGTH = 8 };

/* A new random move ID: eight lower-case hexadecimal digits. The caller frees. */
char *vf_id_new (void);
bool vf_id_is_valid (const char *id);

/* The cap of generation 1, 2, … over the layer `top_path`, in `directory` (NULL: beside the layer): NAME.ferry-ID.capN. A NAME
 * that would pass 255 bytes is cut. The caller frees. */
char *vf_name_cap (const char *top_path, const char *directory, const char *id, guint generation);

/* The partial of `final_path`, in the same directory: NAME.ferry-ID.part. The caller frees. */
char *vf_name_partial (const char *final_path, const char *id);

/* The second name of `path`, under which the source keeps a file that libvirt is about to remove: NAME.ferry-ID.kept, in the
 * same directory. The caller frees. */
char *vf_name_kept (const char *path, const char *id);

/* True if the last component of `path` is a cap's or a partial's name that carries this ID. */
bool vf_name_carries_id (const char *path, const char *id);

/* Lexically normal absolute path ("/a//b/./c" -> "/a/b/c"); NULL if it is not absolute or has a ".." component. The caller
 * frees. */
char *vf_path_normal (const char *path);

/* Directory part and last component, as dirname(3) and basename(3) would, without touching `path`. The caller frees. */
char *vf_path_directory (const char *path);
char *vf_path_name (const char *path);

/* True if `path` is `prefix` or lies below it, by whole components; both normal. */
bool vf_path_is_below (const char *path, const char *prefix);
