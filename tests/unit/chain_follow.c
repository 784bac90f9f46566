/* Following backing chains. */
#include "image_files.h"

static VfChain *
read_chain (const Files *files, const char *head, const char *format)
{
  g_autofree char *path = at (files, head);
  g_autoptr (GError) error = NULL;
  VfChain *chain = vf_chain_read (path, format, NULL, &error);
  g_assert_no_error (error);
  if (chain->reason != NULL)
    g_test_message ("%s: %s", chain->at, chain->reason);
  return chain;
}

static void
assert_stopped (const Files *files, const VfChain *chain, VfChainState state, const char *name, guint layers)
{
  g_autofree char *path = at (files, name);
  g_assert_cmpint (chain->state, ==, state);
  g_assert_cmpstr (chain->at, ==, path);
  g_assert_nonnull (chain->reason);
  g_assert_cmpuint (chain->images->len, ==, layers);
}

/* layer-0 is the base. */
static void
make_chain (const Files *files, guint layers, bool relative)
{
  make_overlay (files, "layer-0", NULL, NULL);
  for (guint i = 1; i < layers; i++) {
    g_autofree char *name = g_strdup_printf ("layer-%u", i);
    g_autofree char *below = g_strdup_printf ("layer-%u", i - 1);
    g_autofree char *below_path = at (files, below);
    make_overlay (files, name, relative ? below : below_path, "qcow2");
  }
}

static void
assert_whole (const Files *files, guint layers)
{
  g_autofree char *head = g_strdup_printf ("layer-%u", layers - 1);
  g_autoptr (VfChain) chain = read_chain (files, head, "qcow2");
  g_assert_cmpint (chain->state, ==, VF_CHAIN_WHOLE);
  g_assert_null (chain->at);
  g_assert_cmpuint (chain->images->len, ==, layers);
  for (guint i = 0; i < layers; i++) {
    const VfImage *image = g_ptr_array_index (chain->images, i);
    g_autofree char *name = g_strdup_printf ("layer-%u", layers - 1 - i);
    g_autofree char *path = at (files, name);
    g_assert_cmpstr (image->path, ==, path);
  }
}

static void
a_single_image_is_a_whole_chain (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_chain (files, 1, true);
  assert_whole (files, 1);
}

static void
three_layers_with_relative_names_are_followed (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_chain (files, 3, true);
  assert_whole (files, 3);
}

static void
three_layers_with_absolute_names_are_followed (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_chain (files, 3, false);
  assert_whole (files, 3);
}

static void
twenty_layers_are_followed (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_chain (files, 20, true);
  assert_whole (files, 20);
}

static void
a_raw_base_ends_a_chain (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_overlay (files, "base", "/etc/passwd", "raw"); /* looks like qcow2, is recorded as raw */
  make_overlay (files, "top", "base", "raw");
  g_autoptr (VfChain) chain = read_chain (files, "top", "qcow2");
  g_assert_cmpint (chain->state, ==, VF_CHAIN_WHOLE);
  g_assert_cmpuint (chain->images->len, ==, 2);
}

static void
nasty_names_are_followed (Files *files, gconstpointer data)
{
  static const char *const names[] = { "a,b:c\"d'e", " lead trail ", "new\nline", "nöñ", "json:{}" };
  if (!have_qemu_img ())
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *backing = g_strconcat ("./", names[i], NULL);
    make_overlay (files, names[i], NULL, NULL);
    make_overlay (files, "top", backing, "qcow2");
    g_autoptr (VfChain) chain = read_chain (files, "top", "qcow2");
    g_assert_cmpint (chain->state, ==, VF_CHAIN_WHOLE);
    g_assert_cmpuint (chain->images->len, ==, 2);
  }
}

static void
a_missing_base_is_named (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_overlay (files, "top", "gone", "qcow2");
  g_autoptr (VfChain) chain = read_chain (files, "top", "qcow2");
  assert_stopped (files, chain, VF_CHAIN_MISSING, "gone", 1);
}

static void
a_missing_head_is_named (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  g_autoptr (VfChain) chain = read_chain (files, "gone", "qcow2");
  assert_stopped (files, chain, VF_CHAIN_MISSING, "gone", 0);
}

/* Takes the backing format's header extension out: its type becomes one that QEMU does not know. */
static void
forget_backing_format (const Files *files, const char *name)
{
  const guint32 extension = GUINT32_TO_BE (0xe2792aca), unknown = GUINT32_TO_BE (0x12345678);
  g_autofree char *path = at (files, name);
  g_autofree char *header = NULL;
  gsize length = 0;
  g_assert_true (g_file_get_contents (path, &header, &length, NULL));
  for (gsize i = 0; i + 4 <= length; i += 4)
    if (memcmp (header + i, &extension, 4) == 0) {
      patch (path, (off_t)i, &unknown, 4);
      return;
    }
  g_assert_not_reached ();
}

static void
an_unrecorded_backing_format_stops_at_the_image_that_lacks_it (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_chain (files, 3, true);
  forget_backing_format (files, "layer-1");
  g_autoptr (VfChain) chain = read_chain (files, "layer-2", "qcow2");
  assert_stopped (files, chain, VF_CHAIN_NO_FORMAT, "layer-1", 2);
}

static void
a_loop_is_found (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_chain (files, 3, true);
  RUN (files, "qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-b", "layer-2", "-F", "qcow2", "layer-0");
  g_autoptr (VfChain) chain = read_chain (files, "layer-2", "qcow2");
  assert_stopped (files, chain, VF_CHAIN_LOOP, "layer-2", 3);
}

static void
a_loop_through_another_name_is_found (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  g_autofree char *alias = at (files, "alias");
  make_overlay (files, "image", "alias", "qcow2");
  g_assert_cmpint (symlink ("image", alias), ==, 0);
  g_autoptr (VfChain) chain = read_chain (files, "image", "qcow2");
  assert_stopped (files, chain, VF_CHAIN_LOOP, "alias", 1);
}

static void
a_data_file_must_be_a_file_of_its_own (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  g_autofree char *outside = at (files, "outside");
  g_autofree char *option = g_strconcat ("data_file=", outside, NULL);
  RUN (files, "qemu-img", "create", "-q", "-f", "qcow2", "-o", option, "image", "1M");
  g_autoptr (VfChain) whole = read_chain (files, "image", "qcow2");
  g_assert_cmpint (whole->state, ==, VF_CHAIN_WHOLE);
  g_assert_cmpstr (((const VfImage *)whole->images->pdata[0])->data_path, ==, outside);
  RUN (files, "ln", "-f", "image", "outside");
  g_autoptr (VfChain) itself = read_chain (files, "image", "qcow2");
  assert_stopped (files, itself, VF_CHAIN_LOOP, "outside", 1);
  RUN (files, "rm", "outside");
  g_autoptr (VfChain) missing = read_chain (files, "image", "qcow2");
  assert_stopped (files, missing, VF_CHAIN_MISSING, "outside", 1);
  RUN (files, "mkfifo", "outside");
  g_autoptr (VfChain) fifo = read_chain (files, "image", "qcow2");
  assert_stopped (files, fifo, VF_CHAIN_UNSUPPORTED, "outside", 1);
  RUN (files, "qemu-img", "create", "-q", "-f", "qcow2", "-o", "data_file=beside", "relative", "1M");
  g_autoptr (VfChain) relative = read_chain (files, "relative", "qcow2");
  assert_stopped (files, relative, VF_CHAIN_UNSUPPORTED, "relative", 1);
}

static void
a_backing_elsewhere_is_unsupported (Files *files, gconstpointer data)
{
  static const char *const names[] = { "nbd:localhost:10809", "json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}",
                                       "nbd://host/export" };
  if (!have_qemu_img ())
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    make_overlay (files, "top", names[i], "raw");
    g_autoptr (VfChain) chain = read_chain (files, "top", "qcow2");
    assert_stopped (files, chain, VF_CHAIN_UNSUPPORTED, "top", 1);
    g_assert_nonnull (strstr (chain->reason, names[i]));
  }
}

static void
a_backing_format_that_moves_do_not_know_is_unsupported (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_raw (files, "base");
  make_overlay (files, "top", "base", "vmdk");
  g_autoptr (VfChain) chain = read_chain (files, "top", "qcow2");
  assert_stopped (files, chain, VF_CHAIN_UNSUPPORTED, "base", 1);
  g_assert_nonnull (strstr (chain->reason, "'vmdk'"));
}

static void
a_fifo_does_not_hang_the_reader (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  g_autofree char *path = at (files, "fifo");
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  make_overlay (files, "top", "fifo", "raw");
  g_autoptr (VfChain) chain = read_chain (files, "top", "qcow2");
  assert_stopped (files, chain, VF_CHAIN_UNSUPPORTED, "fifo", 1);
}

static void
a_broken_layer_is_unreadable_with_qemus_reason (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_raw (files, "base");
  make_overlay (files, "top", "base", "qcow2");
  g_autoptr (VfChain) chain = read_chain (files, "top", "qcow2");
  assert_stopped (files, chain, VF_CHAIN_UNREADABLE, "base", 1);
  g_assert_nonnull (strstr (chain->reason, "not in qcow2 format"));
}

static void
without_qemu_img_the_reason_is_told (Files *files, gconstpointer data)
{
  if (g_test_subprocess ()) {
    g_autoptr (GError) error = NULL;
    g_setenv ("PATH", files->directory, TRUE);
    g_autoptr (VfChain) chain = vf_chain_read ("/dev/null", "raw", NULL, &error);
    g_assert_null (chain);
    g_assert_true (vf_error_is (error, VF_ERROR_NOT_FOUND));
    g_assert_nonnull (vf_error_get_hint (error));
    return;
  }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
a_request_to_stop_ends_the_walk (Files *files, gconstpointer data)
{
  if (!have_qemu_img ())
    return;
  make_raw (files, "raw");
  g_autofree char *path = at (files, "raw");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_cancellable_cancel (cancellable);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfChain) chain = vf_chain_read (path, "raw", cancellable, &error);
  g_assert_null (chain);
  g_assert_true (vf_error_is (error, VF_ERROR_CANCELLED));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/chain/follow/a single image is a whole chain", a_single_image_is_a_whole_chain);
  ADD ("/chain/follow/three layers with relative names are followed", three_layers_with_relative_names_are_followed);
  ADD ("/chain/follow/three layers with absolute names are followed", three_layers_with_absolute_names_are_followed);
  ADD ("/chain/follow/twenty layers are followed", twenty_layers_are_followed);
  ADD ("/chain/follow/a raw base ends a chain", a_raw_base_ends_a_chain);
  ADD ("/chain/follow/nasty names are followed", nasty_names_are_followed);
  ADD ("/chain/follow/a missing base is named", a_missing_base_is_named);
  ADD ("/chain/follow/a missing head is named", a_missing_head_is_named);
  ADD ("/chain/follow/an unrecorded backing format stops at the image that lacks it",
       an_unrecorded_backing_format_stops_at_the_image_that_lacks_it);
  ADD ("/chain/follow/a loop is found", a_loop_is_found);
  ADD ("/chain/follow/a loop through another name is found", a_loop_through_another_name_is_found);
  ADD ("/chain/follow/a backing elsewhere is unsupported", a_backing_elsewhere_is_unsupported);
  ADD ("/chain/follow/a backing format that moves do not know is unsupported",
       a_backing_format_that_moves_do_not_know_is_unsupported);
  ADD ("/chain/follow/a fifo does not hang the reader", a_fifo_does_not_hang_the_reader);
  ADD ("/chain/follow/a broken layer is unreadable with QEMU's reason", a_broken_layer_is_unreadable_with_qemus_reason);
  ADD ("/chain/follow/without qemu-img the reason is told", without_qemu_img_the_reason_is_told);
  ADD ("/chain/follow/a data file must be a file of its own", a_data_file_must_be_a_file_of_its_own);
  ADD ("/chain/follow/a request to stop ends the walk", a_request_to_stop_ends_the_walk);
  return g_test_run ();
}
