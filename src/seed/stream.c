#include "seed/stream.h"

#include <stddef.h>
#include <string.h>

/* The fields of each type in their order; each is a number of so many bytes, or bytes as they are. */
typedef enum { NUMBER, BYTES } FieldKind;

typedef struct {
  FieldKind kind;
  gsize place; /* in VfRecord */
  gsize size;
} Field;

#define NUMBER_FIELD(member)                                                                                                   \
  {                                                                                                                            \
    NUMBER, offsetof (VfRecord, member), sizeof (((VfRecord *)0)->member)                                                      \
  }
#define BYTES_FIELD(member)                                                                                                    \
  {                                                                                                                            \
    BYTES, offsetof (VfRecord, member), sizeof (((VfRecord *)0)->member)                                                       \
  }

enum { FIELDS_MAX = 5 };

static const struct {
  guint8 type;
  Field fields[FIELDS_MAX];
} layouts[] = {
  { VF_RECORD_DATA,
    { NUMBER_FIELD (offset), NUMBER_FIELD (map), NUMBER_FIELD (codec), NUMBER_FIELD (stored_bytes), BYTES_FIELD (tag) } },
  { VF_RECORD_ZERO, { NUMBER_FIELD (offset), NUMBER_FIELD (bytes) } },
  { VF_RECORD_KEEP, { NUMBER_FIELD (offset), NUMBER_FIELD (bytes) } },
  { VF_RECORD_HAS, { NUMBER_FIELD (offset), NUMBER_FIELD (count) } },
  { VF_RECORD_AGAIN, { NUMBER_FIELD (offset) } },
  { VF_RECORD_END, { BYTES_FIELD (digest) } },
  { VF_RECORD_VERDICT, { NUMBER_FIELD (verdict), BYTES_FIELD (digest) } },
};

static const Field *
fields_of (guint8 type)
{
  for (gsize i = 0; i < G_N_ELEMENTS (layouts); i++)
    if (layouts[i].type == type)
      return layouts[i].fields;
  return NULL;
}

gsize
vf_record_head_bytes (guint8 type)
{
  const Field *fields = fields_of (type);
  gsize bytes = fields != NULL ? 1 : 0;
  for (gsize i = 0; fields != NULL && i < FIELDS_MAX; i++)
    bytes += fields[i].size;
  return bytes;
}

static guint64
load (const void *place, gsize size)
{
  guint64 wide;
  guint32 middle;
  guint8 narrow;
  switch (size) {
  case sizeof wide:
    memcpy (&wide, place, sizeof wide);
    return wide;
  case sizeof middle:
    memcpy (&middle, place, sizeof middle);
    return middle;
  default:
    memcpy (&narrow, place, sizeof narrow);
    return narrow;
  }
}

static void
store (void *place, gsize size, guint64 value)
{
  guint32 middle = (guint32)value;
  guint8 narrow = (guint8)value;
  if (size == sizeof value)
    memcpy (place, &value, size);
  else if (size == sizeof middle)
    memcpy (place, &middle, size);
  else
    memcpy (place, &narrow, sizeof narrow);
}

gsize
vf_record_encode (const VfRecord *record, guint8 head[VF_RECORD_HEAD_BYTES_MAX])
{
  const Field *fields = fields_of ((guint8)record->type);
  guint8 *at = head;
  *at++ = (guint8)record->type;
  for (gsize i = 0; i < FIELDS_MAX; i++) {
    const void *place = (const guint8 *)record + fields[i].place;
    if (fields[i].kind == BYTES)
      memcpy (at, place, fields[i].size);
    guint64 value = fields[i].kind == NUMBER && fields[i].size > 0 ? load (place, fields[i].size) : 0;
    for (gsize byte = fields[i].size; fields[i].kind == NUMBER && byte-- > 0; value >>= 8)
      at[byte] = (guint8)value;
    at += fields[i].size;
  }
  return (gsize)(at - head);
}

void
vf_record_decode (const guint8 *head, VfRecord *record)
{
  const Field *fields = fields_of (head[0]);
  const guint8 *at = head + 1;
  *record = (VfRecord){ .type = (VfRecordType)head[0] };
  for (gsize i = 0; i < FIELDS_MAX; i++) {
    void *place = (guint8 *)record + fields[i].place;
    guint64 value = 0;
    if (fields[i].kind == BYTES)
      memcpy (place, at, fields[i].size);
    for (gsize byte = 0; fields[i].kind == NUMBER && byte < fields[i].size; byte++)
      value = value << 8 | at[byte];
    if (fields[i].kind == NUMBER && fields[i].size > 0)
      store (place, fields[i].size, value);
    at += fields[i].size;
  }
}
