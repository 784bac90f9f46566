/* Snapshot XML from anywhere. */
#include "xml/snapshot_xml.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static GPtrArray *
changes_for (const VfSnapshotXml *snapshot)
{
  GPtrArray *changes = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_path_change_free);
  if (snapshot->memory_file != NULL)
    g_ptr_array_add (changes, vf_path_change_new (snapshot->memory_file, "/new/memory", VF_SOURCE_FILE, NULL));
  for (guint i = 0; i < snapshot->disks->len; i++) {
    const VfSnapshotDisk *disk = g_ptr_array_index (snapshot->disks, i);
    if (disk->source != NULL && disk->source->path != NULL)
      g_ptr_array_add (changes, vf_path_change_new (disk->source->path, "/new/disk", VF_SOURCE_BLOCK, "raw"));
  }
  return changes;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *xml = g_strndup ((const char *)data, size);
  g_autoptr (VfSnapshotXml) snapshot = vf_snapshot_xml_parse (xml, NULL);
  if (snapshot == NULL)
    return 0;
  g_autoptr (GPtrArray) changes = changes_for (snapshot);
  g_autofree char *rewritten = vf_snapshot_xml_rewrite (xml, changes, NULL);
  g_assert_nonnull (rewritten);
  g_autoptr (VfSnapshotXml) after = vf_snapshot_xml_parse (rewritten, NULL);
  g_assert_nonnull (after);
  g_assert_cmpstr (after->name, ==, snapshot->name);
  g_assert_cmpint (after->memory, ==, snapshot->memory);
  g_assert_cmpuint (after->disks->len, ==, snapshot->disks->len);
  return 0;
}
