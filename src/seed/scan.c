#include "seed/scan.h"

#include "seed/extents.h"
#include "seed/stream.h"

#include <string.h>

enum { AHEAD_CHUNKS = 64 * 1024 }; /* 16 GiB, 1.5 MiB of tags */

typedef struct {
  guint64 offset;
  VfTag tag;
} Told;

struct VfScan {
  VfChannel *channel;
  const VfSeedTarget *target;
  GThread *thread;
  GMutex lock;
  GCond room_cond;
  Told *told; /* a ring */
  guint64 added, dropped;
  guint64 passed; /* what lies before it is decided */
  bool stopping;
};

typedef struct {
  VfScan *scan;
  VfTagger *tagger;
  guint8 *chunk;
  VfRecord head; /* of the run that is being gathered */
  guint8 bytes[VF_RECORD_HEAD_BYTES_MAX + VF_TOLD_MAX * VF_TAG_BYTES];
} Telling;

/* False when the scan is being stopped. */
static bool
note_told (VfScan *scan, guint64 offset, const VfTag *tag)
{
  g_mutex_lock (&scan->lock);
  while (!scan->stopping && offset >= scan->passed && scan->added - scan->dropped == AHEAD_CHUNKS)
    g_cond_wait (&scan->room_cond, &scan->lock);
  if (offset >= scan->passed && scan->added - scan->dropped < AHEAD_CHUNKS) {
    scan->told[scan->added % AHEAD_CHUNKS] = (Told){ offset, *tag };
    scan->added++;
  }
  bool going_on = !scan->stopping;
  g_mutex_unlock (&scan->lock);
  return going_on;
}

static bool
tell (Telling *telling)
{
  gsize head_bytes = vf_record_head_bytes (VF_RECORD_HAS);
  VfRecord *head = &telling->head;
  vf_record_encode (head, telling->bytes);
  gsize bytes = head_bytes + head->count * (gsize)VF_TAG_BYTES;
  head->count = 0;
  return vf_channel_send (telling->scan->channel, telling->bytes, bytes, NULL, NULL);
}

static bool
tell_chunk (Telling *telling, guint64 offset, gsize length)
{
  VfRecord *head = &telling->head;
  VfTag tag;
  bool goes_on = offset == head->offset + (guint64)head->count * VF_CHUNK_BYTES && head->count < VF_TOLD_MAX;
  if (head->count > 0 && !goes_on && !tell (telling))
    return false;
  vf_tagger_tag (telling->tagger, telling->chunk, length, &tag);
  if (!note_told (telling->scan, offset, &tag))
    return false;
  if (head->count == 0)
    head->offset = offset;
  memcpy (telling->bytes + vf_record_head_bytes (VF_RECORD_HAS) + head->count * (gsize)VF_TAG_BYTES, tag.bytes, VF_TAG_BYTES);
  head->count++;
  return true;
}

/* A chunk that cannot be read is not told, and so is sent anew. */
static bool
tell_run (Telling *telling, const VfExtents *extents, const VfExtent *run)
{
  for (guint64 at = run->offset; at < run->offset + run->bytes; at += VF_CHUNK_BYTES) {
    gsize length = 0;
    if (!vf_chunk_read (extents, telling->scan->target->path, at, telling->chunk, &length, NULL))
      continue;
    if (!vf_bytes_are_zero (telling->chunk, length) && !tell_chunk (telling, at, length))
      return false;
  }
  return true;
}

static bool
tell_all (Telling *telling)
{
  const VfSeedTarget *target = telling->scan->target;
  VfExtents extents;
  vf_extents_init (&extents, target->fd, target->file_bytes);
  for (VfExtent run = vf_extents_at (&extents, 0); run.bytes > 0; run = vf_extents_at (&extents, run.offset + run.bytes))
    if (!run.is_hole && !tell_run (telling, &extents, &run))
      return false;
  if (telling->head.count > 0 && !tell (telling))
    return false;
  telling->head.offset = target->file_bytes;
  return tell (telling); /* the end: none */
}

static gpointer
scan_in_thread (gpointer data)
{
  VfScan *scan = data;
  g_autofree Telling *telling = g_new0 (Telling, 1);
  g_autoptr (VfTagger) tagger = vf_tagger_new (&scan->target->key);
  g_autofree guint8 *chunk = g_malloc (VF_CHUNK_BYTES);
  telling->scan = scan;
  telling->tagger = tagger;
  telling->chunk = chunk;
  telling->head.type = VF_RECORD_HAS;
  tell_all (telling); /* if it fails the channel has, and its other thread knows why */
  return NULL;
}

VfScan *
vf_scan_start (VfChannel *channel, const VfSeedTarget *target)
{
  VfScan *scan = g_new0 (VfScan, 1);
  scan->channel = channel;
  scan->target = target;
  scan->told = g_new (Told, AHEAD_CHUNKS);
  g_mutex_init (&scan->lock);
  g_cond_init (&scan->room_cond);
  scan->thread = g_thread_new ("seed scan", scan_in_thread, scan);
  return scan;
}

static void
drop_before_locked (VfScan *scan, guint64 offset)
{
  scan->passed = MAX (scan->passed, offset);
  while (scan->dropped < scan->added && scan->told[scan->dropped % AHEAD_CHUNKS].offset < offset)
    scan->dropped++;
  g_cond_signal (&scan->room_cond);
}

void
vf_scan_pass (VfScan *scan, guint64 offset)
{
  g_mutex_lock (&scan->lock);
  drop_before_locked (scan, offset);
  g_mutex_unlock (&scan->lock);
}

bool
vf_scan_take (VfScan *scan, guint64 offset, VfTag *tag)
{
  g_mutex_lock (&scan->lock);
  drop_before_locked (scan, offset);
  const Told *told = &scan->told[scan->dropped % AHEAD_CHUNKS];
  bool was_told = scan->dropped < scan->added && told->offset == offset;
  if (was_told)
    *tag = told->tag;
  g_mutex_unlock (&scan->lock);
  return was_told;
}

void
vf_scan_finish (VfScan *scan)
{
  g_mutex_lock (&scan->lock);
  drop_before_locked (scan, G_MAXUINT64);
  g_mutex_unlock (&scan->lock);
  g_clear_pointer (&scan->thread, g_thread_join);
}

void
vf_scan_free (VfScan *scan)
{
  g_mutex_lock (&scan->lock);
  scan->stopping = true;
  g_cond_signal (&scan->room_cond);
  g_mutex_unlock (&scan->lock);
  g_clear_pointer (&scan->thread, g_thread_join);
  g_mutex_clear (&scan->lock);
  g_cond_clear (&scan->room_cond);
  g_free (scan->told);
  g_free (scan);
}
