/* Every rule of the seed stream, broken one by one. */
#include "seed_pair.h"

#include "seed/blocks.h"
#include "seed/codec.h"
#include "seed/stream.h"

#include <zstd.h>

enum { FILE_BYTES = 2 * VF_CHUNK_BYTES + 100 };

/* Receives the stream in a memory file and returns the receiver's error (NULL: it was content). */
static GError *
receive_stream (GByteArray *stream)
{
  g_auto (VfFd) to = memfd_create ("target", MFD_CLOEXEC);
  SeedPair pair = { .target = { .fd = to, .path = "/far/file", .file_bytes = FILE_BYTES } };
  seed_pair_start (&pair);
  vf_channel_send (pair.channel, stream->data, stream->len, NULL, NULL);
  vf_channel_end (pair.channel, NULL);
  guint8 verdict[VF_RECORD_HEAD_BYTES_MAX];
  vf_channel_receive_full (pair.channel, verdict, vf_record_head_bytes (VF_RECORD_VERDICT), NULL, NULL);
  seed_pair_finish (&pair);
  return g_steal_pointer (&pair.receive_error);
}

static void
add_head (GByteArray *stream, const VfRecord *record)
{
  guint8 head[VF_RECORD_HEAD_BYTES_MAX];
  g_byte_array_append (stream, head, (guint)vf_record_encode (record, head));
}

static VfRecord
data_record (guint64 offset, const guint8 *bytes, gsize length)
{
  g_autoptr (VfTagger) tagger = vf_tagger_new (&(VfDigestKey)SEED_KEY);
  VfRecord record = { .type = VF_RECORD_DATA, .offset = offset, .stored_bytes = (guint32)length };
  record.map = vf_blocks_all (length);
  vf_tagger_tag (tagger, bytes, length, &record.tag);
  return record;
}

static void
add_data (GByteArray *stream, guint64 offset, guint32 length)
{
  g_autofree guint8 *bytes = g_malloc0 (length + 1);
  memset (bytes, 0x77, length);
  VfRecord record = data_record (offset, bytes, length);
  add_head (stream, &record);
  g_byte_array_append (stream, bytes, length);
}

static void
add_zeros (GByteArray *stream, guint64 offset, guint64 length)
{
  VfRecord record = { .type = VF_RECORD_ZERO, .offset = offset, .bytes = length };
  add_head (stream, &record);
}

static void
add_end (GByteArray *stream, guint8 spoil)
{
  VfRecord record = { .type = VF_RECORD_END };
  g_auto (VfFd) fd = memfd_create ("copy", MFD_CLOEXEC);
  fill (fd, 0, VF_CHUNK_BYTES, 0x77);
  g_assert_cmpint (ftruncate (fd, FILE_BYTES), ==, 0);
  vf_digest_fd (fd, "copy", FILE_BYTES, &(VfDigestKey)SEED_KEY, NULL, &record.digest, NULL);
  record.digest.bytes[0] ^= spoil;
  add_head (stream, &record);
}

static void
assert_refused (GByteArray *stream, VfErrorCode code, const char *words)
{
  g_autoptr (GByteArray) owned = stream;
  g_autoptr (GError) error = receive_stream (stream);
  g_assert_error (error, VF_ERROR, (int)code);
  if (strstr (error->message, words) == NULL)
    g_error ("'%s' is not in '%s'", words, error->message);
}

static GByteArray *
after_first_chunk (void)
{
  GByteArray *stream = g_byte_array_new ();
  add_data (stream, 0, VF_CHUNK_BYTES);
  return stream;
}

static void
test_good (void)
{
  g_autoptr (GByteArray) stream = after_first_chunk ();
  add_zeros (stream, VF_CHUNK_BYTES, VF_CHUNK_BYTES + 100);
  add_end (stream, 0);
  g_autoptr (GError) error = receive_stream (stream);
  g_assert_no_error (error);
}

static void
test_gap (void)
{
  GByteArray *stream = after_first_chunk ();
  add_data (stream, 2 * VF_CHUNK_BYTES, 100);
  assert_refused (stream, VF_ERROR_PROTOCOL, "at offset 262144: the record leaves a gap");
}

static void
test_overlap (void)
{
  GByteArray *stream = after_first_chunk ();
  add_data (stream, 0, VF_CHUNK_BYTES);
  assert_refused (stream, VF_ERROR_PROTOCOL, "overlaps");
}

static void
test_duplicate (void)
{
  GByteArray *stream = g_byte_array_new ();
  add_zeros (stream, 0, 2 * VF_CHUNK_BYTES);
  add_zeros (stream, 0, 2 * VF_CHUNK_BYTES);
  assert_refused (stream, VF_ERROR_PROTOCOL, "at offset 524288: the record overlaps");
}

static void
test_reordered (void)
{
  GByteArray *stream = g_byte_array_new ();
  add_data (stream, VF_CHUNK_BYTES, VF_CHUNK_BYTES);
  add_data (stream, 0, VF_CHUNK_BYTES);
  assert_refused (stream, VF_ERROR_PROTOCOL, "at offset 0: the record leaves a gap");
}

static void
test_no_blocks (void)
{
  GByteArray *stream = g_byte_array_new ();
  VfRecord record = { .type = VF_RECORD_DATA };
  add_head (stream, &record);
  assert_refused (stream, VF_ERROR_PROTOCOL, "the record's blocks are not the chunk's");
}

static void
test_foreign_blocks (void)
{
  GByteArray *stream = g_byte_array_new ();
  add_zeros (stream, 0, 2 * VF_CHUNK_BYTES);
  VfRecord record = { .type = VF_RECORD_DATA, .offset = 2 * VF_CHUNK_BYTES, .map = 2, .stored_bytes = 4096 };
  add_head (stream, &record);
  assert_refused (stream, VF_ERROR_PROTOCOL, "the record's blocks are not the chunk's");
}

/* One block that the map names, and zeros that it does not. */
static void
test_single_block (void)
{
  g_autoptr (GByteArray) stream = g_byte_array_new ();
  g_autofree guint8 *chunk = g_malloc0 (VF_CHUNK_BYTES);
  g_auto (VfFd) copy = memfd_create ("copy", MFD_CLOEXEC);
  memset (chunk + 5 * 4096, 0x77, 4096);
  VfRecord record = data_record (0, chunk, VF_CHUNK_BYTES);
  record.map = 1 << 5;
  record.stored_bytes = 4096;
  add_head (stream, &record);
  g_byte_array_append (stream, chunk + 5 * 4096, 4096);
  add_zeros (stream, VF_CHUNK_BYTES, VF_CHUNK_BYTES + 100);
  fill (copy, 5 * 4096, 4096, 0x77);
  g_assert_cmpint (ftruncate (copy, FILE_BYTES), ==, 0);
  VfRecord end = { .type = VF_RECORD_END };
  vf_digest_fd (copy, "copy", FILE_BYTES, &(VfDigestKey)SEED_KEY, NULL, &end.digest, NULL);
  add_head (stream, &end);
  g_autoptr (GError) error = receive_stream (stream);
  g_assert_no_error (error);
}

/* A frame of few bytes that would expand to many. */
static void
test_bomb (void)
{
  GByteArray *stream = g_byte_array_new ();
  gsize length = 64 * 1024 * 1024;
  g_autofree guint8 *zeros = g_malloc0 (length);
  g_autofree guint8 *bomb = g_malloc (length);
  gsize bytes = ZSTD_compress (bomb, length, zeros, length, 19);
  g_assert_cmpuint (bytes, <, VF_CHUNK_BYTES);
  VfRecord record = { .type = VF_RECORD_DATA, .map = G_MAXUINT64, .codec = VF_CODEC_ZSTD, .stored_bytes = (guint32)bytes };
  add_head (stream, &record);
  g_byte_array_append (stream, bomb, (guint)bytes);
  assert_refused (stream, VF_ERROR_PROTOCOL, "at offset 0: the compressed bytes do not expand to what was announced");
}

static void
test_beyond_end (void)
{
  GByteArray *stream = after_first_chunk ();
  add_zeros (stream, VF_CHUNK_BYTES, 2 * VF_CHUNK_BYTES);
  assert_refused (stream, VF_ERROR_PROTOCOL, "beyond the end");
}

static void
test_overflow (void)
{
  GByteArray *stream = after_first_chunk ();
  add_zeros (stream, VF_CHUNK_BYTES, G_MAXUINT64 - VF_CHUNK_BYTES + 1);
  assert_refused (stream, VF_ERROR_PROTOCOL, "beyond the end");
}

static void
test_empty (void)
{
  GByteArray *stream = after_first_chunk ();
  add_zeros (stream, VF_CHUNK_BYTES, 0);
  assert_refused (stream, VF_ERROR_PROTOCOL, "empty");
}

static void
test_partial_chunk (void)
{
  GByteArray *stream = after_first_chunk ();
  add_zeros (stream, VF_CHUNK_BYTES, 100);
  assert_refused (stream, VF_ERROR_PROTOCOL, "does not end with a chunk");
}

static void
test_wrong_final_digest (void)
{
  GByteArray *stream = after_first_chunk ();
  add_zeros (stream, VF_CHUNK_BYTES, VF_CHUNK_BYTES + 100);
  add_end (stream, 1);
  assert_refused (stream, VF_ERROR_CORRUPT, "cannot verify file '/far/file': digest here is");
}

static void
test_early_end (void)
{
  GByteArray *stream = after_first_chunk ();
  add_end (stream, 0);
  assert_refused (stream, VF_ERROR_PROTOCOL, "ends before the file does");
}

static void
test_no_end (void)
{
  GByteArray *stream = after_first_chunk ();
  add_zeros (stream, VF_CHUNK_BYTES, VF_CHUNK_BYTES + 100);
  assert_refused (stream, VF_ERROR_PROTOCOL, "");
}

static void
test_unknown_type (void)
{
  GByteArray *stream = after_first_chunk ();
  g_byte_array_append (stream, (const guint8 *)"Q", 1);
  assert_refused (stream, VF_ERROR_PROTOCOL, "type is unknown");
}

static void
test_verdict_from_sender (void)
{
  GByteArray *stream = g_byte_array_new ();
  VfRecord record = { .type = VF_RECORD_VERDICT, .verdict = VF_VERDICT_GOOD };
  add_head (stream, &record);
  assert_refused (stream, VF_ERROR_PROTOCOL, "type is unknown");
}

static void
test_unknown_codec (void)
{
  GByteArray *stream = g_byte_array_new ();
  VfRecord record = { .type = VF_RECORD_DATA, .map = 1, .codec = 9, .stored_bytes = 10 };
  add_head (stream, &record);
  assert_refused (stream, VF_ERROR_PROTOCOL, "codec is unknown");
}

static void
test_stored_length (void)
{
  GByteArray *stream = g_byte_array_new ();
  VfRecord record = { .type = VF_RECORD_DATA, .map = G_MAXUINT64, .stored_bytes = G_MAXUINT32 };
  add_head (stream, &record);
  assert_refused (stream, VF_ERROR_PROTOCOL, "another length");
}

static void
test_keep_of_nothing (void)
{
  GByteArray *stream = after_first_chunk ();
  VfRecord record = { .type = VF_RECORD_KEEP, .offset = VF_CHUNK_BYTES, .bytes = VF_CHUNK_BYTES };
  add_head (stream, &record);
  assert_refused (stream, VF_ERROR_PROTOCOL, "at offset 262144: the record keeps a chunk that was not told");
}

/* The same chunk with the same wrong tag each time that it is asked for. */
static void
test_never_right (void)
{
  g_autoptr (GByteArray) stream = g_byte_array_new ();
  add_data (stream, 0, VF_CHUNK_BYTES);
  stream->data[VF_RECORD_HEAD_BYTES_MAX + 5] ^= 1;
  guint first = stream->len;
  add_zeros (stream, VF_CHUNK_BYTES, VF_CHUNK_BYTES + 100);
  add_end (stream, 0);
  g_autofree guint8 *same = g_memdup2 (stream->data, first);
  for (guint i = 0; i < 3; i++)
    g_byte_array_append (stream, same, first);
  g_autoptr (GError) error = receive_stream (stream);
  g_assert_error (error, VF_ERROR, VF_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, "the chunk at offset 0 is not what was sent"));
}

static void
test_another_instead (void)
{
  g_autoptr (GByteArray) stream = g_byte_array_new ();
  add_data (stream, 0, VF_CHUNK_BYTES);
  stream->data[VF_RECORD_HEAD_BYTES_MAX + 5] ^= 1;
  add_zeros (stream, VF_CHUNK_BYTES, VF_CHUNK_BYTES + 100);
  add_end (stream, 0);
  add_data (stream, VF_CHUNK_BYTES, VF_CHUNK_BYTES);
  g_autoptr (GError) error = receive_stream (stream);
  g_assert_error (error, VF_ERROR, VF_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (error->message, "the chunk that was asked for again is another"));
}

/* ---- a receiver that lies ---- */

typedef struct {
  int fd;
  const VfRecord *says;
  guint count;
} Liar;

static void
lie (VfChannel *channel, const char *service, JsonObject *args, gpointer data)
{
  const Liar *liar = data;
  guint8 head[VF_RECORD_HEAD_BYTES_MAX], sink[4096];
  const guint8 tags[4 * VF_TAG_BYTES] = { 0 };
  vf_channel_accept (channel, NULL, NULL);
  for (guint i = 0; i < liar->count; i++) {
    const VfRecord *record = &liar->says[i];
    vf_channel_send (channel, head, vf_record_encode (record, head), NULL, NULL);
    vf_channel_send (channel, tags, MIN (record->count, 4u) * (gsize)VF_TAG_BYTES, NULL, NULL);
  }
  while (vf_channel_receive (channel, sink, sizeof sink, NULL, NULL) > 0)
    continue;
}

static gpointer
liar_thread (gpointer data)
{
  Liar *liar = data;
  g_autoptr (JsonObject) hello = json_object_new ();
  json_object_set_int_member (hello, "protocol", VF_LINK_PROTOCOL);
  json_object_set_string_member (hello, "program", VF_VERSION);
  vf_link_serve (liar->fd, liar->fd, LINK_TIMEOUT_S, hello, lie, liar, NULL);
  return NULL;
}

enum { LIED_BYTES = VF_CHUNK_BYTES + 1000 };

static GError *
send_to_liars (const VfRecord *says, guint count, bool is_there)
{
  int fds[2];
  GError *error = NULL;
  VfSeedCounts counts;
  VfDigest digest;
  g_auto (VfFd) from = scratch_file ();
  fill (from, 0, LIED_BYTES, 1);
  socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
  Liar liar = { .fd = fds[1], .says = says, .count = count };
  GThread *thread = g_thread_new ("liar", liar_thread, &liar);
  VfLink *link = vf_link_connect (fds[0], fds[0], LINK_TIMEOUT_S, NULL);
  VfChannel *channel = vf_link_open (link, "receive", NULL, NULL, NULL, NULL);
  VfSeedSource source = { .key = SEED_KEY, .fd = from, .path = "/near/file", .peer = "far", .file_bytes = LIED_BYTES };
  source.is_there = is_there;
  g_assert_false (vf_seed_send (channel, &source, &counts, &digest, &error));
  vf_channel_free (channel);
  vf_link_free (link);
  g_thread_join (thread);
  return error;
}

static GError *
send_to_liar (const VfRecord *verdict)
{
  return send_to_liars (verdict, 1, false);
}

static void
assert_lie_found (const VfRecord *says, guint count, VfErrorCode code, const char *words)
{
  g_autoptr (GError) error = send_to_liars (says, count, says[0].type == VF_RECORD_HAS);
  g_assert_error (error, VF_ERROR, (int)code);
  if (strstr (error->message, words) == NULL)
    g_error ("'%s' is not in '%s'", words, error->message);
}

static void
test_lies_of_what_is_there (void)
{
  const VfRecord beyond[] = { { .type = VF_RECORD_HAS, .offset = VF_CHUNK_BYTES, .count = 2 } };
  const VfRecord askew[] = { { .type = VF_RECORD_HAS, .offset = 5, .count = 1 } };
  const VfRecord many[] = { { .type = VF_RECORD_HAS, .offset = 0, .count = VF_TOLD_MAX + 1 } };
  const VfRecord early_end[] = { { .type = VF_RECORD_HAS, .offset = VF_CHUNK_BYTES } };
  const VfRecord far_end[] = { { .type = VF_RECORD_HAS, .offset = G_MAXUINT64 } };
  const VfRecord twice[] = { { .type = VF_RECORD_HAS, .offset = 0, .count = 1 },
                             { .type = VF_RECORD_HAS, .offset = 0, .count = 1 } };
  const VfRecord other[] = { { .type = VF_RECORD_HAS, .offset = 0, .count = 1 }, { .type = VF_RECORD_ZERO } };
  assert_lie_found (beyond, 1, VF_ERROR_PROTOCOL, "chunks lie beyond the end of the file");
  assert_lie_found (askew, 1, VF_ERROR_PROTOCOL, "chunks lie beyond the end of the file");
  assert_lie_found (many, 1, VF_ERROR_PROTOCOL, "too many chunks at once");
  assert_lie_found (early_end, 1, VF_ERROR_PROTOCOL, "the end is not where the file ends");
  assert_lie_found (far_end, 1, VF_ERROR_PROTOCOL, "the end is not where the file ends");
  assert_lie_found (twice, 2, VF_ERROR_PROTOCOL, "chunks are told twice");
  assert_lie_found (other, 2, VF_ERROR_PROTOCOL, "the record's type is another");
}

static void
test_asks_for_another (void)
{
  const VfRecord beyond[] = { { .type = VF_RECORD_AGAIN, .offset = 2 * VF_CHUNK_BYTES } };
  const VfRecord askew[] = { { .type = VF_RECORD_AGAIN, .offset = 1 } };
  g_autofree VfRecord *endless = g_new0 (VfRecord, 2000);
  for (guint i = 0; i < 2000; i++)
    endless[i].type = VF_RECORD_AGAIN;
  assert_lie_found (beyond, 1, VF_ERROR_PROTOCOL, "it asks for offset 524288 again");
  assert_lie_found (askew, 1, VF_ERROR_PROTOCOL, "it asks for offset 1 again");
  assert_lie_found (endless, 2000, VF_ERROR_PROTOCOL, "it asks for offset 0 again");
}

static void
test_other_digest_in_verdict (void)
{
  VfRecord verdict = { .type = VF_RECORD_VERDICT, .verdict = VF_VERDICT_GOOD };
  g_autoptr (GError) error = send_to_liar (&verdict);
  g_assert_error (error, VF_ERROR, VF_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, "cannot verify the copy of file '/near/file': digest here is "));
  g_assert_nonnull (strstr (error->message, ", on far it is 0000000000"));
}

static void
test_no_verdict (void)
{
  VfRecord verdict = { .type = VF_RECORD_ZERO };
  g_autoptr (GError) error = send_to_liar (&verdict);
  g_assert_error (error, VF_ERROR, VF_ERROR_PROTOCOL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/seed/rules/a stream that keeps them all is accepted", test_good);
  g_test_add_func ("/seed/rules/a gap is refused with its offset", test_gap);
  g_test_add_func ("/seed/rules/an overlap is refused", test_overlap);
  g_test_add_func ("/seed/rules/a record that comes twice is refused", test_duplicate);
  g_test_add_func ("/seed/rules/records in another order are refused", test_reordered);
  g_test_add_func ("/seed/rules/data without a block is refused", test_no_blocks);
  g_test_add_func ("/seed/rules/blocks beyond a short chunk are refused", test_foreign_blocks);
  g_test_add_func ("/seed/rules/one block of a chunk is accepted", test_single_block);
  g_test_add_func ("/seed/rules/what would expand beyond its chunk is refused", test_bomb);
  g_test_add_func ("/seed/rules/a record beyond the end is refused", test_beyond_end);
  g_test_add_func ("/seed/rules/a length that would overflow is refused", test_overflow);
  g_test_add_func ("/seed/rules/an empty record is refused", test_empty);
  g_test_add_func ("/seed/rules/a part of a chunk is refused", test_partial_chunk);
  g_test_add_func ("/seed/rules/a chunk that never has its tag is corrupt", test_never_right);
  g_test_add_func ("/seed/rules/another chunk than was asked for again is refused", test_another_instead);
  g_test_add_func ("/seed/rules/what was not told cannot be kept", test_keep_of_nothing);
  g_test_add_func ("/seed/rules/a file with another digest is corrupt", test_wrong_final_digest);
  g_test_add_func ("/seed/rules/an end before the last byte is refused", test_early_end);
  g_test_add_func ("/seed/rules/a stream without its end record is refused", test_no_end);
  g_test_add_func ("/seed/rules/an unknown type is refused", test_unknown_type);
  g_test_add_func ("/seed/rules/a verdict from the sender is refused", test_verdict_from_sender);
  g_test_add_func ("/seed/rules/an unknown codec is refused", test_unknown_codec);
  g_test_add_func ("/seed/rules/another stored length is refused unread", test_stored_length);
  g_test_add_func ("/seed/rules/a verdict with another digest names both ends", test_other_digest_in_verdict);
  g_test_add_func ("/seed/rules/lies of what is there are refused", test_lies_of_what_is_there);
  g_test_add_func ("/seed/rules/a receiver that asks for too much is refused", test_asks_for_another);
  g_test_add_func ("/seed/rules/something else than a verdict is refused", test_no_verdict);
  return g_test_run ();
}
