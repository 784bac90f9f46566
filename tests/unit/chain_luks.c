/* Encrypted images whose headers are written without their key, judged by qemu-img, which has it. */
#include "base/fd.h"
#include "chain/luks.h"
#include "chain/qcow2_header.h"
#include "chain/tool.h"
#include "image_files.h"

#define KEY "--object", "secret,id=key,data=open-sesame"

/* QEMU before 9.1 cannot always measure the machine's speed for the key. */
static void
create (Files *files, const char *format, const char *options)
{
  for (int i = 0; i < 30; i++)
    if (run_in (files, "qemu-img", "create", "-q", KEY, "-f", format, "-o", options, "making", "1M", NULL))
      return;
  g_error ("qemu-img makes no image");
}

/* Measuring takes seconds: each kind is made once, and copied. */
static void
create_once (Files *files, GBytes **made, const char *format, const char *options, const char *name)
{
  g_autofree char *making = at (files, "making");
  g_autofree char *path = at (files, name);
  char *bytes = NULL;
  gsize size = 0;
  if (*made == NULL) {
    create (files, format, options);
    g_assert_true (g_file_get_contents (making, &bytes, &size, NULL));
    *made = g_bytes_new_take (bytes, size);
    g_assert_cmpint (unlink (making), ==, 0);
  }
  g_assert_true (g_file_set_contents (path, g_bytes_get_data (*made, NULL), (gssize)g_bytes_get_size (*made), NULL));
}

static GBytes *sealed_qcow2, *sealed_raw; /* freed at the end */

static void
create_sealed (Files *files, const char *name)
{
  create_once (files, &sealed_qcow2, "qcow2", "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10", name);
}

static void
create_sealed_raw (Files *files, const char *name)
{
  create_once (files, &sealed_raw, "luks", "key-secret=key,iter-time=10", name);
}

static VfQcow2Header *
header_of (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_auto (VfFd) fd = open (path, O_RDONLY | O_CLOEXEC);
  VfQcow2Header *header = vf_qcow2_header_read (fd, path, &error);
  g_assert_no_error (error);
  return header;
}

/* What qemu-img says of one image with the key; its layers are opened with it too. */
static void
assert_opens (Files *files, const char *json)
{
  g_autofree char *image = g_strconcat ("json:", json, NULL);
  RUN (files, "qemu-img", "check", "-q", KEY, image);
}

static void
a_backing_name_is_written_without_the_key (Files *files, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = at (files, "top");
  if (!have_qemu_img ())
    return;
  create_sealed (files, "top");
  g_assert_false (run_in (files, "qemu-img", "rebase", "-u", "-f", "qcow2", "-b", "x", "-F", "raw", "top", NULL));
  static const char *const names[] = { "../elsewhere/a base with a much longer name.qcow2", "b" };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_assert_true (vf_image_rename (path, &(VfImageNames){ names[i], "qcow2", NULL }, &error));
    g_assert_no_error (error);
    g_autoptr (VfImage) image = vf_image_read (path, "qcow2", false, NULL, NULL);
    g_assert_cmpstr (image->backing_name, ==, names[i]);
    g_assert_cmpstr (image->backing_format, ==, "qcow2");
    g_assert_true (image->encrypted);
  }
  assert_opens (files, "{\"driver\":\"qcow2\",\"encrypt.format\":\"luks\",\"encrypt.key-secret\":\"key\",\"backing\":null,"
                       "\"file\":{\"driver\":\"file\",\"filename\":\"top\"}}");
  g_autofree char *too_long = g_strnfill (1024, 'x');
  g_assert_false (vf_image_rename (path, &(VfImageNames){ too_long, "qcow2", NULL }, &error));
  g_assert_true (vf_error_is (error, VF_ERROR_REFUSED));
}

/* The file that it names is not there, and need not be. */
static void
names_are_written_where_there_is_a_data_file (Files *files, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = at (files, "top");
  g_autofree char *outside = at (files, "outside");
  g_autofree char *option = g_strconcat ("data_file=", outside, NULL);
  if (!have_qemu_img ())
    return;
  RUN (files, "qemu-img", "create", "-q", "-f", "raw", "base", "1M");
  RUN (files, "qemu-img", "create", "-q", "-f", "qcow2", "-o", option, "-b", "base", "-F", "raw", "top");
  RUN (files, "qemu-io", "-c", "write -P 7 0 4096", "top");
  RUN (files, "mv", "outside", "a data file with a name that is much longer");
  RUN (files, "mv", "base", "b");
  g_autofree char *moved = at (files, "a data file with a name that is much longer");
  g_assert_true (vf_image_rename (path, &(VfImageNames){ "b", "raw", moved }, &error));
  g_assert_no_error (error);
  g_autoptr (VfImage) image = vf_image_read (path, "qcow2", false, NULL, &error);
  g_assert_cmpstr (image->backing_name, ==, "b");
  g_assert_cmpstr (image->data_path, ==, moved);
  RUN (files, "qemu-img", "check", "-q", "top");
  RUN (files, "qemu-io", "-c", "read -P 7 0 4096", "-c", "read -P 0 4096 4096", "top");
  g_assert_false (vf_image_rename (path, &(VfImageNames){ .data_file = "json:{}" }, &error));
  g_assert_true (vf_error_is (error, VF_ERROR_REFUSED));
}

static void
fill_cap (const char *path, const char *luks_of, const char *format)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) luks = vf_luks_read (luks_of, format, &error);
  g_assert_no_error (error);
  VfCapImage cap = { .backing = luks_of, .backing_format = format, .bytes = 1 << 20, .luks = luks };
  g_auto (VfFd) fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  g_assert_true (vf_cap_image_fill (fd, path, &cap, &error));
  g_assert_no_error (error);
}

static void
a_cap_opens_with_the_key_of_the_layer_below (Files *files, gconstpointer data)
{
  g_autofree char *sealed = at (files, "sealed");
  g_autofree char *raw = at (files, "raw");
  g_autofree char *cap_a = at (files, "cap-a");
  g_autofree char *cap_b = at (files, "cap-b");
  g_autofree char *cap_c = at (files, "cap-c");
  if (!have_qemu_img ())
    return;
  create_sealed (files, "sealed");
  create_sealed_raw (files, "raw");
  fill_cap (cap_a, sealed, "qcow2");
  fill_cap (cap_b, raw, "raw");
  fill_cap (cap_c, cap_a, "qcow2");
  static const char *const caps[] = { "cap-a", "cap-b", "cap-c" };
  for (gsize i = 0; i < G_N_ELEMENTS (caps); i++) {
    g_autofree char *json =
        g_strdup_printf ("{\"driver\":\"qcow2\",\"encrypt.format\":\"luks\",\"encrypt.key-secret\":\"key\",\"backing\":null,"
                         "\"file\":{\"driver\":\"file\",\"filename\":\"%s\"}}",
                         caps[i]);
    assert_opens (files, json);
    g_autofree char *image = g_strconcat ("json:", json, NULL);
    RUN (files, "qemu-io", KEY, "-c", "write -P 7 65536 4096", image);
    RUN (files, "qemu-io", KEY, "-c", "read -P 7 65536 4096", "-c", "read -P 0 0 65536", image);
    assert_opens (files, json);
  }
  g_autoptr (GBytes) before = vf_luks_read (raw, "raw", NULL);
  g_assert_cmpuint (vf_luks_payload_offset (before), ==, g_bytes_get_size (before));
}

static void
what_is_not_encrypted_has_no_luks (Files *files, gconstpointer data)
{
  g_autofree char *plain = at (files, "plain");
  g_autofree char *raw = at (files, "raw");
  if (!have_qemu_img ())
    return;
  make_overlay (files, "plain", NULL, NULL);
  make_raw (files, "raw");
  static const char *const formats[] = { "qcow2", "raw" };
  const char *const paths[] = { plain, raw };
  for (gsize i = 0; i < 2; i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (vf_luks_read (paths[i], formats[i], &error));
    g_assert_true (vf_error_is (error, VF_ERROR_REFUSED));
  }
}

static void
a_commit_with_keys_folds_cap_after_cap (Files *files, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *raw = at (files, "raw");
  g_autofree char *key = at (files, "key");
  g_autofree char *cap_1 = at (files, "cap-1");
  g_autofree char *cap_2 = at (files, "cap-2");
  if (!have_qemu_img ())
    return;
  create_sealed_raw (files, "raw");
  fill_cap (cap_1, raw, "raw");
  fill_cap (cap_2, cap_1, "qcow2");
  RUN (
      files, "qemu-io", KEY, "-c", "write -P 9 0 8192",
      "json:{\"driver\":\"qcow2\",\"encrypt.key-secret\":\"key\",\"backing\":null,\"file\":{\"driver\":\"file\",\"filename\":\"cap-2\"}}");
  g_assert_true (g_file_set_contents (key, "open-sesame", -1, NULL));
  g_auto (VfFd) fd = open (key, O_RDONLY | O_CLOEXEC);
  VfKeyedLayer layers[] = { { cap_2, "qcow2", false, fd }, { cap_1, "qcow2", false, fd }, { raw, "raw", false, fd } };
  g_assert_true (vf_image_commit_keyed (layers, 3, &error) && vf_image_commit_keyed (layers + 1, 2, &error));
  g_assert_no_error (error);
  RUN (files, "qemu-io", KEY, "-c", "read -P 9 0 8192",
       "json:{\"driver\":\"luks\",\"key-secret\":\"key\",\"file\":{\"driver\":\"file\",\"filename\":\"raw\"}}");
  g_assert_true (g_file_set_contents (key, "wrong", -1, NULL));
  g_auto (VfFd) wrong = open (key, O_RDONLY | O_CLOEXEC);
  layers[0].key_fd = layers[1].key_fd = layers[2].key_fd = wrong;
  g_assert_false (vf_image_commit_keyed (layers, 3, &error));
  g_assert_null (strstr (error->message, "wrong"));
}

static void
a_header_is_printed_as_it_was_read (Files *files, gconstpointer data)
{
  g_autofree char *path = at (files, "top");
  g_autofree char *before = NULL;
  gsize size = 0;
  if (!have_qemu_img ())
    return;
  make_overlay (files, "top", "base", "qcow2");
  g_assert_true (g_file_get_contents (path, &before, &size, NULL));
  g_autoptr (VfQcow2Header) header = header_of (path);
  g_assert_cmpstr (header->backing, ==, "base");
  g_assert_cmpuint (header->virtual_bytes, ==, 1 << 20);
  g_assert_cmpuint (header->crypt, ==, VF_QCOW2_CRYPT_NONE);
  g_autoptr (GBytes) printed = vf_qcow2_header_print (header, path, NULL);
  g_assert_cmpuint (g_bytes_get_size (printed), ==, 65536);
  g_assert_cmpmem (before, 65536, g_bytes_get_data (printed, NULL), 65536);
}

static void
a_hostile_header_is_refused (void)
{
  static const struct {
    gsize at;
    guint8 byte;
  } wrong[] = { { 0, 'X' },   { 7, 4 },     { 23, 30 }, { 23, 3 }, { 103, 255 },
                { 102, 255 }, { 103, 100 }, { 8, 1 },   { 18, 9 }, { 108, 1 } };
  guint8 bytes[512] = "QFI\xfb";
  bytes[7] = 3;
  bytes[23] = 9;
  bytes[103] = 104;
  bytes[14] = 1; /* backing name at 256 */
  bytes[19] = 4;
  bytes[107] = 1; /* an extension of type 1, empty */
  for (gsize i = 0; i <= G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;
    guint8 copy[sizeof bytes];
    memcpy (copy, bytes, sizeof bytes);
    if (i < G_N_ELEMENTS (wrong))
      copy[wrong[i].at] = wrong[i].byte;
    g_autoptr (GBytes) start = g_bytes_new (copy, sizeof copy);
    g_autoptr (VfQcow2Header) header = vf_qcow2_header_parse (start, "image", &error);
    g_assert_cmpint (header != NULL, ==, i == G_N_ELEMENTS (wrong));
    g_assert_cmpint (error == NULL, ==, i == G_N_ELEMENTS (wrong));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/luks/a backing name is written without the key", a_backing_name_is_written_without_the_key);
  ADD ("/qcow2/names are written where there is a data file", names_are_written_where_there_is_a_data_file);
  ADD ("/luks/a cap opens with the key of the layer below", a_cap_opens_with_the_key_of_the_layer_below);
  ADD ("/luks/what is not encrypted has no LUKS", what_is_not_encrypted_has_no_luks);
  ADD ("/luks/a commit with keys folds cap after cap", a_commit_with_keys_folds_cap_after_cap);
  ADD ("/qcow2/a header is printed as it was read", a_header_is_printed_as_it_was_read);
  g_test_add_func ("/qcow2/a hostile header is refused", a_hostile_header_is_refused);
  int failed = g_test_run ();
  g_clear_pointer (&sealed_qcow2, g_bytes_unref);
  g_clear_pointer (&sealed_raw, g_bytes_unref);
  return failed;
}
