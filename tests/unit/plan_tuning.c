/* The options of the switch: as typed, together, and as the journal keeps them. */
#include "plan/tuning.h"
#include "said.h"

/* "--option value --switch" */
static bool
take (VfTuning *tuning, const char *words, GError **error)
{
  g_auto (GStrv) list = g_strsplit (words, " ", -1);
  for (char **word = list; *word != NULL && **word != '\0'; word++) {
    const VfTuningRow *row = NULL;
    for (gsize i = 0; i < vf_tuning_row_count; i++)
      if (g_strcmp0 (vf_tuning_rows[i].option, *word + 2) == 0)
        row = &vf_tuning_rows[i];
    if (row == NULL)
      g_error ("there is no option '%s'", *word);
    if (!vf_tuning_set (tuning, row, row->kind == VF_TUNING_SWITCH ? NULL : *++word, error))
      return false;
  }
  return vf_tuning_check (tuning, error);
}

static const char *const good[] = {
  "",
  "--suspend",
  "--post-copy-ram",
  "--post-copy-ram --post-copy-bandwidth 100 --compressed",
  "--timeout-post-copy 60 --post-copy-bandwidth 9 --auto-converge",
  "--timeout-suspend 60 --auto-converge --auto-converge-initial 1 --auto-converge-increment 99 --suspend",
  "--parallel --parallel-connections 32 --compressed --comp-methods zstd",
  "--compressed --comp-methods xbzrle,mt --comp-xbzrle-cache 64M --comp-mt-level 9 --comp-mt-threads 2 --comp-mt-dthreads 3",
  "--dname other --xml /x/../y --persistent-xml /z --graphicsuri spice://h:1 --unsafe",
};

static void
what_goes_together_is_taken_and_comes_back_from_the_journal (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autoptr (GError) error = NULL;
    VfTuning tuning = { 0 }, again = { 0 };
    bool taken = take (&tuning, good[i], &error);
    g_assert_no_error (error);
    g_assert_true (taken);
    g_autoptr (JsonObject) object = vf_tuning_to_json (&tuning);
    g_assert_true (vf_tuning_from_json (object, &again, &error));
    g_assert_no_error (error);
    g_autoptr (JsonObject) object_again = vf_tuning_to_json (&again);
    g_assert_true (json_object_equal (object, object_again));
    for (gsize row = 0; row < vf_tuning_row_count; row++)
      g_assert_cmpint (vf_tuning_has (&tuning, &vf_tuning_rows[row]), ==, vf_tuning_has (&again, &vf_tuning_rows[row]));
    vf_tuning_clear (&tuning);
    vf_tuning_clear (&again);
  }
}

static const struct {
  const char *words, *says;
} bad[] = {
  { "--auto-converge-initial 20", "--auto-converge-initial without --auto-converge" },
  { "--auto-converge-increment 20", "without --auto-converge" },
  { "--auto-converge --auto-converge-initial 100", "--auto-converge-initial '100'" },
  { "--auto-converge --auto-converge-initial 0", "from 1 to 99" },
  { "--parallel-connections 2", "without --parallel" },
  { "--parallel --parallel-connections 33", "from 1 to 32" },
  { "--comp-methods xbzrle", "without --compressed" },
  { "--compressed --comp-methods xbzrle,lz4", "'lz4' is not" },
  { "--compressed --comp-methods mt --parallel", "--compressed with --parallel" },
  { "--compressed --parallel", "--compressed with --parallel" },
  { "--compressed --comp-xbzrle-cache 1M", "without --comp-methods xbzrle" },
  { "--compressed --comp-methods zstd", "without --parallel" },
  { "--compressed --comp-mt-level 3", "without --comp-methods mt" },
  { "--compressed --comp-methods mt --comp-xbzrle-cache 1M", "without --comp-methods xbzrle" },
  { "--compressed --comp-xbzrle-cache many", "--comp-xbzrle-cache" },
  { "--compressed --comp-methods mt --post-copy-ram", "mt with post-copy" },
  { "--post-copy-ram --parallel", "--post-copy-ram with --parallel" },
  { "--timeout-post-copy 5 --parallel", "--timeout-post-copy with --parallel" },
  { "--post-copy-ram --suspend", "with --suspend" },
  { "--post-copy-ram --timeout-post-copy 5", "with --timeout-post-copy" },
  { "--timeout-post-copy 5 --timeout-suspend 5", "not both" },
  { "--post-copy-bandwidth 5", "without --post-copy-ram" },
  { "--timeout-suspend 0", "--timeout-suspend '0'" },
  { "--dname a/b", "'a/b'" },
};

static void
what_says_nothing_or_is_refused_together_is_told (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    VfTuning tuning = { 0 };
    if (take (&tuning, bad[i].words, &error))
      g_error ("'%s' was taken", bad[i].words);
    assert_failed (&error, VF_ERROR_USAGE, bad[i].says);
    vf_tuning_clear (&tuning);
  }
}

static void
files_are_named_from_the_root (void)
{
  VfTuning tuning = { 0 };
  g_assert_true (take (&tuning, "--xml a.xml --persistent-xml /x/../b.xml", NULL));
  g_assert_true (g_path_is_absolute (tuning.xml));
  g_assert_true (g_str_has_suffix (tuning.xml, "/a.xml"));
  g_assert_cmpstr (tuning.persistent_xml, ==, "/b.xml");
  vf_tuning_clear (&tuning);
}

static void
an_option_that_is_not_known_is_damage (void)
{
  static const char *const texts[] = { "{\"warp\":true}", "{\"suspend\":1}", "{\"parallel_connections\":-1}", "{\"dname\":3}" };
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonNode) node = json_from_string (texts[i], NULL);
    VfTuning tuning = { 0 };
    g_assert_false (vf_tuning_from_json (json_node_get_object (node), &tuning, &error));
    g_assert_error (error, VF_ERROR, VF_ERROR_CORRUPT);
    vf_tuning_clear (&tuning);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/tuning/what goes together is taken and comes back from the journal",
                   what_goes_together_is_taken_and_comes_back_from_the_journal);
  g_test_add_func ("/plan/tuning/what says nothing or is refused together is told",
                   what_says_nothing_or_is_refused_together_is_told);
  g_test_add_func ("/plan/tuning/files are named from the root", files_are_named_from_the_root);
  g_test_add_func ("/plan/tuning/an option that is not known is damage", an_option_that_is_not_known_is_damage);
  return g_test_run ();
}
