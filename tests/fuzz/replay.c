/* Runs a fuzzer's entry point over the files of the directories named, without libFuzzer: every crash that was ever found stays
 * a test, under any compiler. TAP. */
#include <glib.h>
#include <string.h>

int LLVMFuzzerInitialize (int *argc, char ***argv) __attribute__ ((weak));
int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
replay (gconstpointer path)
{
  g_autofree char *text = NULL;
  gsize size = 0;
  g_autoptr (GError) error = NULL;
  g_file_get_contents (path, &text, &size, &error);
  g_assert_no_error (error);
  g_autofree guint8 *exact = g_malloc (MAX (size, 1)); /* without the NUL that g_file_get_contents adds */
  memcpy (exact, text, size);
  LLVMFuzzerTestOneInput (exact, size);
}

static void
nothing_at_all (void)
{
  g_autofree guint8 *none = g_malloc (1);
  LLVMFuzzerTestOneInput (none, 0);
}

static void
add_directory (const char *directory)
{
  g_autoptr (GDir) entries = g_dir_open (directory, 0, NULL);
  for (const char *name = entries == NULL ? NULL : g_dir_read_name (entries); name != NULL; name = g_dir_read_name (entries)) {
    g_autofree char *title = g_strdup_printf ("/corpus/%s", name);
    g_test_add_data_func_full (title, g_build_filename (directory, name, NULL), replay, g_free);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (LLVMFuzzerInitialize != NULL)
    LLVMFuzzerInitialize (&argc, &argv);
  g_test_add_func ("/nothing at all", nothing_at_all);
  for (int i = 1; i < argc; i++)
    add_directory (argv[i]);
  return g_test_run ();
}
