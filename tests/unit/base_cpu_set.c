/* Sets of CPUs as libvirt writes them. */
#include "base/cpu_set.h"
#include "said.h"

static VfCpuSet
set_of (const char *text)
{
  VfCpuSet set;
  g_autoptr (GError) error = NULL;
  vf_cpu_set_parse (text, &set, &error);
  g_assert_no_error (error);
  return set;
}

static void
sets_are_read_and_printed_shortest (void)
{
  static const char *const cases[][2] = {
    { "", "" },           { " ", "" },
    { "0", "0" },         { "0-3", "0-3" },
    { "3,1,2", "1-3" },   { "0-7,^3", "0-2,4-7" },
    { "^3,3", "3" },      { " 1 , 5-6 ", "1,5-6" },
    { "63,64", "63-64" }, { "16383", "16383" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    VfCpuSet set = set_of (cases[i][0]);
    g_autofree char *printed = vf_cpu_set_print (&set);
    g_assert_cmpstr (printed, ==, cases[i][1]);
  }
}

static void
what_is_no_set_is_refused (void)
{
  static const char *const texts[] = { "a",  "1-",    "-1",           "3-1",  "1,,2", ",",
                                       "1,", "16384", "0-4294967295", "^0-3", "0x3",  "18446744073709551616" };
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    VfCpuSet set;
    g_autoptr (GError) error = NULL;
    if (vf_cpu_set_parse (texts[i], &set, &error))
      g_error ("'%s' was taken", texts[i]);
    assert_failed (&error, VF_ERROR_CORRUPT, "cannot read set");
  }
}

static void
sets_are_joined_taken_from_each_other_and_compared (void)
{
  VfCpuSet low = set_of ("0-3");
  VfCpuSet high = set_of ("2-5,100");
  VfCpuSet minus = vf_cpu_set_minus (&high, &low);
  VfCpuSet common = vf_cpu_set_common (&high, &low);
  vf_cpu_set_add_all (&low, &high);
  g_autofree char *minus_text = vf_cpu_set_print (&minus);
  g_autofree char *common_text = vf_cpu_set_print (&common);
  g_autofree char *all_text = vf_cpu_set_print (&low);
  g_assert_cmpstr (minus_text, ==, "4-5,100");
  g_assert_cmpstr (common_text, ==, "2-3");
  g_assert_cmpstr (all_text, ==, "0-5,100");
  g_assert_cmpint (vf_cpu_set_last (&low), ==, 100);
}

static void
numbers_past_the_bound_are_in_no_set (void)
{
  VfCpuSet set = { 0 };
  vf_cpu_set_add (&set, VF_CPU_SET_MAX);
  g_assert_true (vf_cpu_set_is_empty (&set));
  g_assert_false (vf_cpu_set_has (&set, G_MAXUINT));
  g_assert_cmpint (vf_cpu_set_last (&set), ==, -1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/cpu set/sets are read and printed shortest", sets_are_read_and_printed_shortest);
  g_test_add_func ("/base/cpu set/what is no set is refused", what_is_no_set_is_refused);
  g_test_add_func ("/base/cpu set/sets are joined, taken from each other and compared",
                   sets_are_joined_taken_from_each_other_and_compared);
  g_test_add_func ("/base/cpu set/numbers past the bound are in no set", numbers_past_the_bound_are_in_no_set);
  return g_test_run ();
}
