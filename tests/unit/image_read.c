/* Reading one image through qemu-img, and reading what qemu-img says. */
#include "image_files.h"

static VfImage *
read_image (const Files *files, const char *name, const char *format)
{
  g_autofree char *path = at (files, name);
  g_autoptr (GError) error = NULL;
  VfImage *image = vf_image_read (path, format, false, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (image->path, ==, path);
  g_assert_cmpstr (image->format, ==, format);
  return image;
}

static void
a_raw_image_has_sizes_and_no_backing (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  g_autofree char *path = at (files, "raw");
  char block[8192] = { 1 };
  make_raw (files, "raw");
  patch (path, 0, block, sizeof block);
  g_autoptr (VfImage) image = read_image (files, "raw", "raw");
  g_assert_cmpuint (image->virtual_bytes, ==, 1 << 20);
  g_assert_cmpuint (image->allocated_bytes, >=, 8192);
  g_assert_cmpuint (image->allocated_bytes, <, 1 << 20);
  g_assert_null (image->backing_name);
  g_assert_cmpuint (image->internal_snapshots->len, ==, 0);
}

static void
a_guest_that_writes_a_header_into_raw_gains_nothing (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_overlay (files, "looks-like-qcow2", "/etc/passwd", "raw");
  g_autoptr (VfImage) image = read_image (files, "looks-like-qcow2", "raw");
  g_assert_null (image->backing_name);
  g_assert_null (image->backing_path);
}

static void
a_header_is_read_with_its_backing (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  g_autofree char *base = at (files, "base");
  make_overlay (files, "relative", "base", "raw");
  make_overlay (files, "absolute", base, "qcow2");
  g_autoptr (VfImage) relative = read_image (files, "relative", "qcow2");
  g_assert_cmpuint (relative->virtual_bytes, ==, 1 << 20);
  g_assert_cmpuint (relative->allocated_bytes, >, 0);
  g_assert_cmpstr (relative->backing_name, ==, "base");
  g_assert_cmpstr (relative->backing_path, ==, base);
  g_assert_cmpstr (relative->backing_format, ==, "raw");
  g_assert_false (relative->encrypted || relative->dirty || relative->corrupt);
  g_autoptr (VfImage) absolute = read_image (files, "absolute", "qcow2");
  g_assert_cmpstr (absolute->backing_name, ==, base);
  g_assert_cmpstr (absolute->backing_format, ==, "qcow2");
}

static void
internal_snapshots_are_listed (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_overlay (files, "image", NULL, NULL);
  RUN (files, "qemu-img", "snapshot", "-c", "first", "image");
  RUN (files, "qemu-img", "snapshot", "-c", "zweiter \"ö\" <&>", "image");
  g_autoptr (VfImage) image = read_image (files, "image", "qcow2");
  g_assert_cmpuint (image->internal_snapshots->len, ==, 2);
  const VfInternalSnapshot *second = g_ptr_array_index (image->internal_snapshots, 1);
  g_assert_cmpstr (second->id, ==, "2");
  g_assert_cmpstr (second->name, ==, "zweiter \"ö\" <&>");
  g_assert_cmpuint (second->vm_state_bytes, ==, 0);
}

static void
no_byte_of_a_name_is_taken_for_something_else (Files *files, gconstpointer data)
{
  static const char *const names[] = {
    "a,b:c\"d'e\\f", " lead and trail ", "new\nline", "tab\t",    "nöñ-ASCII 漢字", "file:x",       "nbd:localhost:1", "-f",
    "%41%n",         "json:{}",          "a*?[x]",    "\x01\x7f", "$(id)`id`;",     "x,format=raw", "#fragment?query",
  };
  if (!have_qemu_img ())
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    make_overlay (files, names[i], "base", "raw");
    g_autoptr (VfImage) image = read_image (files, names[i], "qcow2");
    g_assert_cmpstr (image->backing_name, ==, "base");
  }
}

static void
no_byte_of_a_backing_name_is_lost (Files *files, gconstpointer data)
{
  static const char *const names[] = { "./a,b:c\"d'e\\f", " lead and trail ", "new\nline", "nöñ-ASCII 漢字", "./nbd:x", "-f",
                                       "\x01\x7f" };
  if (!have_qemu_img ())
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    make_overlay (files, "image", names[i], "raw");
    g_autoptr (VfImage) image = read_image (files, "image", "qcow2");
    g_assert_cmpstr (image->backing_name, ==, names[i]);
    g_assert_nonnull (image->backing_path);
  }
}

static void
a_backing_name_that_is_not_utf8_means_no_path (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_overlay (files, "image", "ba\xffse", "raw");
  g_autoptr (VfImage) image = read_image (files, "image", "qcow2");
  g_assert_nonnull (image->backing_name);
  g_assert_null (image->backing_path);
}

static void
a_name_that_is_not_utf8_is_refused (Files *files, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfImage) image = vf_image_read ("/tmp/\xff", "raw", false, NULL, &error);
  g_assert_null (image);
  g_assert_true (vf_error_is (error, VF_ERROR_REFUSED));
  g_assert_cmpstr (error->message, ==, "cannot read image '/tmp/\\377': its name is not UTF-8");
}

static void
a_format_that_moves_do_not_know_is_refused (Files *files, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfImage) image = vf_image_read ("/dev/null", "vmdk", false, NULL, &error);
  g_assert_null (image);
  g_assert_cmpstr (error->message, ==, "cannot read image '/dev/null': format 'vmdk' is neither raw nor qcow2");
}

static void
two_dots_through_a_symlink_lead_where_the_kernel_goes (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  g_autofree char *far = at (files, "far");
  g_autofree char *deep = at (files, "far/deep");
  g_autofree char *link = at (files, "link");
  g_autofree char *real = realpath (files->directory, NULL);
  g_autofree char *expected = g_build_filename (real, "far", "base", NULL);
  g_assert_cmpint (mkdir (far, 0700), ==, 0);
  g_assert_cmpint (mkdir (deep, 0700), ==, 0);
  g_assert_cmpint (symlink ("far/deep", link), ==, 0);
  make_raw (files, "far/base");
  make_overlay (files, "far/deep/top", "../base", "raw");
  g_autoptr (VfImage) image = read_image (files, "link/top", "qcow2");
  g_assert_cmpstr (image->backing_path, ==, expected);
}

static void
a_truncated_header_is_an_error_that_names_the_image (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  g_autofree char *path = at (files, "image");
  make_overlay (files, "image", NULL, NULL);
  g_assert_cmpint (truncate (path, 50), ==, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfImage) image = vf_image_read (path, "qcow2", false, NULL, &error);
  g_assert_null (image);
  g_assert_nonnull (strstr (error->message, path));
}

static void
a_backing_name_of_1023_bytes_is_read_and_a_longer_one_refused (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  g_autofree char *path = at (files, "image");
  char name[1023];
  memset (name, 'n', sizeof name);
  make_overlay (files, "image", "base", "raw");
  const guint32 far_offset = GUINT32_TO_BE (4096), longest = GUINT32_TO_BE (1023), longer = GUINT32_TO_BE (1024);
  patch (path, 4096, name, sizeof name);
  patch (path, 12, &far_offset, 4); /* qcow2: backing_file_offset is 8 bytes at 8, backing_file_size 4 bytes at 16 */
  patch (path, 16, &longest, 4);
  g_autoptr (VfImage) image = read_image (files, "image", "qcow2");
  g_assert_cmpuint (strlen (image->backing_name), ==, 1023);
  patch (path, 16, &longer, 4);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfImage) refused = vf_image_read (path, "qcow2", false, NULL, &error);
  g_assert_null (refused);
  g_assert_nonnull (error);
}

static void
an_external_data_file_is_told (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  RUN (files, "qemu-img", "create", "-q", "-f", "qcow2", "-o", "data_file=outside.raw", "image", "1M");
  g_autoptr (VfImage) image = read_image (files, "image", "qcow2");
  g_assert_cmpstr (image->data_file, ==, "outside.raw");
  g_assert_null (image->data_path); /* it depends on who opens it */
}

static void
only_an_absolute_data_file_is_a_path (void)
{
  static const struct {
    const char *name, *path;
  } rows[] = { { "/a/b", "/a/b" },       { "/a//./b:c", "/a/b:c" }, { "/a/../b", NULL }, { "b", NULL },
               { "nbd://host/b", NULL }, { "json:{}", NULL },       { "file:/b", NULL }, { "/a/\xef\xbf\xbd", NULL } };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *json = g_strdup_printf (
        "{\"format\":\"qcow2\",\"virtual-size\":1,\"format-specific\":{\"data\":{\"data-file\":\"%s\"}}}", rows[i].name);
    g_autoptr (VfImage) image = vf_image_parse ("/i", json, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (image->data_path, ==, rows[i].path);
  }
}

static void
an_encrypted_image_is_read_without_its_key (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  bool made = false;
  for (guint tries = 0; !made && tries < 20; tries++) /* qemu-img measures the CPU for its key, and fails on a busy one */
    made = run_in (files, "qemu-img", "create", "-q", "-f", "qcow2", "--object", "secret,id=key,data=x", "-o",
                   "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10", "image", "1M", NULL);
  g_assert_true (made);
  g_autoptr (VfImage) image = read_image (files, "image", "qcow2");
  g_assert_true (image->encrypted);
}

static void
an_image_that_is_in_use_is_read_all_the_same (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  g_autofree char *path = at (files, "image");
  make_overlay (files, "image", NULL, NULL);
  int fd = open (path, O_RDWR | O_CLOEXEC);
  struct flock write_lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  g_assert_cmpint (fcntl (fd, F_OFD_SETLK, &write_lock), ==, 0);
  g_autoptr (VfImage) image = read_image (files, "image", "qcow2");
  g_assert_nonnull (image);
  close (fd);
}

static void
a_request_to_stop_ends_the_reading (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_raw (files, "raw");
  g_autofree char *path = at (files, "raw");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_cancellable_cancel (cancellable);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfImage) image = vf_image_read (path, "raw", false, cancellable, &error);
  g_assert_null (image);
  g_assert_true (vf_error_is (error, VF_ERROR_CANCELLED));
}

static void
a_device_counts_with_its_own_size (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  g_autofree char *path = at (files, "qcow2");
  make_overlay (files, "qcow2", NULL, NULL);
  g_assert_cmpint (truncate (path, 4 << 20), ==, 0);
  const char *words[] = { "losetup", "--show", "-f", path, NULL };
  g_autofree char *device = NULL;
  int status = 0;
  if (!g_spawn_sync (NULL, (char **)words, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &device, NULL,
                     &status, NULL) ||
      status != 0) {
    g_test_skip ("losetup gives no loop device here");
    return;
  }
  g_strchomp (device);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfImage) image = vf_image_read (device, "qcow2", true, NULL, &error);
  g_autoptr (VfChain) chain = vf_chain_read (device, "qcow2", NULL, NULL);
  RUN (files, "losetup", "-d", device);
  g_assert_no_error (error);
  g_assert_cmpuint (image->virtual_bytes, ==, 1 << 20);
  g_assert_cmpuint (image->allocated_bytes, ==, 4 << 20);
  g_assert_cmpint (chain->state, ==, VF_CHAIN_WHOLE);
}

static void
what_qemu_img_does_not_say_is_empty (Files *files, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfImage) image = vf_image_parse ("/a/b", "{\"format\":\"qcow2\",\"virtual-size\":7}", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (image->virtual_bytes, ==, 7);
  g_assert_cmpuint (image->allocated_bytes, ==, 0);
  g_assert_null (image->backing_name);
  g_assert_null (image->backing_format);
  g_assert_null (image->data_file);
  g_assert_cmpuint (image->internal_snapshots->len, ==, 0);
}

static void
a_raw_image_is_not_believed_to_have_a_backing (Files *files, gconstpointer data)
{
  g_autoptr (VfImage) image = vf_image_parse (
      "/a/b", "{\"format\":\"raw\",\"virtual-size\":7,\"backing-filename\":\"c\",\"backing-filename-format\":\"raw\"}", NULL);
  g_assert_null (image->backing_name);
  g_assert_null (image->backing_path);
  g_assert_null (image->backing_format);
}

static void
the_headers_flags_are_read (Files *files, gconstpointer data)
{
  g_autoptr (VfImage) image =
      vf_image_parse ("/a/b",
                      "{\"format\":\"qcow2\",\"virtual-size\":7,\"encrypted\":true,\"dirty-flag\":true,"
                      "\"backing-filename\":\"c\",\"format-specific\":{\"type\":\"qcow2\",\"data\":{\"corrupt\":true}},"
                      "\"snapshots\":[{\"id\":\"1\",\"name\":\"s\",\"vm-state-size\":9}]}",
                      NULL);
  g_assert_true (image->encrypted && image->dirty && image->corrupt);
  g_assert_cmpstr (image->backing_path, ==, "/a/c");
  const VfInternalSnapshot *snapshot = g_ptr_array_index (image->internal_snapshots, 0);
  g_assert_cmpuint (snapshot->vm_state_bytes, ==, 9);
}

static void
what_qemu_img_never_says_is_refused (Files *files, gconstpointer data)
{
  static const char *const texts[] = {
    "",
    "[]",
    "{",
    "{}",
    "{\"format\":\"raw\"}",
    "{\"virtual-size\":7}",
    "{\"format\":3,\"virtual-size\":7}",
    "{\"format\":\"raw\",\"virtual-size\":-7}",
    "{\"format\":\"raw\",\"virtual-size\":7,\"actual-size\":\"x\"}",
    "{\"format\":\"raw\",\"virtual-size\":7,\"snapshots\":{}}",
    "{\"format\":\"raw\",\"virtual-size\":7,\"snapshots\":[3]}",
    "{\"format\":\"raw\",\"virtual-size\":7,\"snapshots\":[{\"id\":\"1\"}]}",
    "{\"format\":\"raw\",\"virtual-size\":7,\"format-specific\":[]}",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VfImage) image = vf_image_parse ("/a/b", texts[i], &error);
    g_assert_null (image);
    g_assert_true (vf_error_is (error, VF_ERROR_CORRUPT));
    g_assert_nonnull (strstr (error->message, "'/a/b'"));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/image/read/a raw image has sizes and no backing", a_raw_image_has_sizes_and_no_backing);
  ADD ("/image/read/a guest that writes a header into raw gains nothing", a_guest_that_writes_a_header_into_raw_gains_nothing);
  ADD ("/image/read/a header is read with its backing", a_header_is_read_with_its_backing);
  ADD ("/image/read/internal snapshots are listed", internal_snapshots_are_listed);
  ADD ("/image/read/no byte of a name is taken for something else", no_byte_of_a_name_is_taken_for_something_else);
  ADD ("/image/read/no byte of a backing name is lost", no_byte_of_a_backing_name_is_lost);
  ADD ("/image/read/a backing name that is not UTF-8 means no path", a_backing_name_that_is_not_utf8_means_no_path);
  ADD ("/image/read/a name that is not UTF-8 is refused", a_name_that_is_not_utf8_is_refused);
  ADD ("/image/read/a format that moves do not know is refused", a_format_that_moves_do_not_know_is_refused);
  ADD ("/image/read/two dots through a symlink lead where the kernel goes",
       two_dots_through_a_symlink_lead_where_the_kernel_goes);
  ADD ("/image/read/a truncated header is an error that names the image", a_truncated_header_is_an_error_that_names_the_image);
  ADD ("/image/read/a backing name of 1023 bytes is read and a longer one refused",
       a_backing_name_of_1023_bytes_is_read_and_a_longer_one_refused);
  ADD ("/image/read/an external data file is told", an_external_data_file_is_told);
  g_test_add_func ("/image/read/only an absolute data file is a path", only_an_absolute_data_file_is_a_path);
  ADD ("/image/read/an encrypted image is read without its key", an_encrypted_image_is_read_without_its_key);
  ADD ("/image/read/an image that is in use is read all the same", an_image_that_is_in_use_is_read_all_the_same);
  ADD ("/image/read/a request to stop ends the reading", a_request_to_stop_ends_the_reading);
  ADD ("/image/read/a device counts with its own size", a_device_counts_with_its_own_size);
  ADD ("/image/read/what qemu-img does not say is empty", what_qemu_img_does_not_say_is_empty);
  ADD ("/image/read/a raw image is not believed to have a backing", a_raw_image_is_not_believed_to_have_a_backing);
  ADD ("/image/read/the header's flags are read", the_headers_flags_are_read);
  ADD ("/image/read/what qemu-img never says is refused", what_qemu_img_never_says_is_refused);
  return g_test_run ();
}
