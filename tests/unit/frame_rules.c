/* The header of a frame: what goes in comes out, and every rule is kept. */
#include "link/frame.h"
#include "link/link.h"

#include <string.h>

static void
test_every_type_comes_back_as_it_went (void)
{
  static const VfFrame frames[] = {
    { 2, 0, VF_FRAME_HELLO },
    { VF_FRAME_PAYLOAD_BYTES_MAX, 1, VF_FRAME_OPEN },
    { 2, 0xfffffffe, VF_FRAME_ACCEPT },
    { 300, 0x01020304, VF_FRAME_REFUSE },
    { VF_LINK_DATA_BYTES_MAX, 7, VF_FRAME_DATA },
    { 4, 7, VF_FRAME_CREDIT },
    { 0, 0xffffffff, VF_FRAME_END },
    { 2, 1, VF_FRAME_RESET },
    { 8, 0, VF_FRAME_PING },
    { 8, 0, VF_FRAME_PONG },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (frames); i++) {
    guint8 header[VF_FRAME_HEADER_BYTES];
    VfFrame got;
    g_autoptr (GError) error = NULL;
    vf_frame_encode (&frames[i], header);
    g_assert_true (vf_frame_decode (header, &got, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (got.payload_bytes, ==, frames[i].payload_bytes);
    g_assert_cmpuint (got.channel, ==, frames[i].channel);
    g_assert_cmpint ((int)got.type, ==, (int)frames[i].type);
  }
}

static void
test_numbers_are_big_endian (void)
{
  static const guint8 wanted[VF_FRAME_HEADER_BYTES] = { 0, 1, 2, 3, 10, 11, 12, 13, 5, 0, 0, 0 };
  guint8 header[VF_FRAME_HEADER_BYTES];
  vf_frame_encode (&(VfFrame){ 0x00010203, 0x0a0b0c0d, VF_FRAME_DATA }, header);
  g_assert_cmpmem (header, sizeof header, wanted, sizeof wanted);
}

typedef struct {
  const char *name;
  VfFrame frame;
  gsize dirty_byte; /* set to 1 after encoding; 0: none */
  const char *says;
} Broken;

static const Broken broken[] = {
  { "type 0", { 0, 1, 0 }, 0, "type 0 is unknown" },
  { "type 11", { 0, 1, 11 }, 0, "type 11 is unknown" },
  { "type 255", { 0, 1, 255 }, 0, "type 255 is unknown" },
  { "reserved byte 1", { 0, 1, VF_FRAME_END }, 9, "reserved bytes" },
  { "reserved byte 2", { 0, 1, VF_FRAME_END }, 10, "reserved bytes" },
  { "reserved byte 3", { 0, 1, VF_FRAME_END }, 11, "reserved bytes" },
  { "payload too long", { VF_FRAME_PAYLOAD_BYTES_MAX + 1, 1, VF_FRAME_OPEN }, 0, "262209 bytes" },
  { "payload of 4 GiB", { 0xffffffff, 1, VF_FRAME_OPEN }, 0, "4294967295 bytes" },
  { "DATA too long", { VF_LINK_DATA_BYTES_MAX + 1, 1, VF_FRAME_DATA }, 0, "262145 bytes" },
  { "DATA empty", { 0, 1, VF_FRAME_DATA }, 0, "0 bytes" },
  { "CREDIT short", { 3, 1, VF_FRAME_CREDIT }, 0, "3 bytes" },
  { "CREDIT long", { 5, 1, VF_FRAME_CREDIT }, 0, "5 bytes" },
  { "END with payload", { 1, 1, VF_FRAME_END }, 0, "1 bytes" },
  { "PING short", { 7, 0, VF_FRAME_PING }, 0, "7 bytes" },
  { "PONG long", { 9, 0, VF_FRAME_PONG }, 0, "9 bytes" },
  { "JSON empty", { 0, 1, VF_FRAME_ACCEPT }, 0, "0 bytes" },
  { "HELLO on a channel", { 2, 1, VF_FRAME_HELLO }, 0, "channel 1" },
  { "PING on a channel", { 8, 9, VF_FRAME_PING }, 0, "channel 9" },
  { "PONG on a channel", { 8, 9, VF_FRAME_PONG }, 0, "channel 9" },
  { "OPEN on the link", { 2, 0, VF_FRAME_OPEN }, 0, "channel 0" },
  { "ACCEPT on the link", { 2, 0, VF_FRAME_ACCEPT }, 0, "channel 0" },
  { "REFUSE on the link", { 2, 0, VF_FRAME_REFUSE }, 0, "channel 0" },
  { "DATA on the link", { 1, 0, VF_FRAME_DATA }, 0, "channel 0" },
  { "CREDIT on the link", { 4, 0, VF_FRAME_CREDIT }, 0, "channel 0" },
  { "END on the link", { 0, 0, VF_FRAME_END }, 0, "channel 0" },
  { "RESET on the link", { 2, 0, VF_FRAME_RESET }, 0, "channel 0" },
};

static void
test_a_broken_rule_is_refused_by_name (gconstpointer data)
{
  const Broken *row = data;
  guint8 header[VF_FRAME_HEADER_BYTES];
  VfFrame got;
  g_autoptr (GError) error = NULL;
  vf_frame_encode (&row->frame, header);
  if (row->dirty_byte != 0)
    header[row->dirty_byte] = 1;
  g_assert_false (vf_frame_decode (header, &got, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (error->message, row->says));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/frame/every type comes back as it went", test_every_type_comes_back_as_it_went);
  g_test_add_func ("/frame/numbers are big-endian", test_numbers_are_big_endian);
  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++) {
    g_autofree char *name = g_strdup_printf ("/frame/a broken rule is refused by name/%s", broken[i].name);
    g_test_add_data_func (name, &broken[i], test_a_broken_rule_is_refused_by_name);
  }
  return g_test_run ();
}
