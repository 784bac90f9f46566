/* Sizes and times as people write and read them. */
#include "base/units.h"
#include "said.h"

#define K G_GUINT64_CONSTANT (1024)

static void
sizes_are_read_in_powers_of_1024 (void)
{
  static const struct {
    const char *text;
    guint64 bytes;
  } rows[] = {
    { "0", 0 },
    { "4096", 4096 },
    { "7B", 7 },
    { "1K", K },
    { "1k", K },
    { "64M", 64 * K * K },
    { "1.5G", 3 * K * K * K / 2 },
    { "10GiB", 10 * K * K * K },
    { "2TB", 2 * K * K * K * K },
    { "1P", K * K * K * K * K },
    { "7E", 7 * K * K * K * K * K * K },
    { "0.5K", 512 },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    guint64 bytes = 1;
    g_autoptr (GError) error = NULL;
    g_assert_true (vf_parse_bytes (rows[i].text, "--max-cap", &bytes, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (bytes, ==, rows[i].bytes);
  }
}

static void
what_is_no_size_is_refused_by_its_options_name (void)
{
  static const char *const texts[] = { "",   "M",   "-1",  "+1",  " 1",  "1 M",  "1MM", "1Mi",  "1MIB",
                                       "1X", "inf", "nan", "1iB", "1M ", "1,5G", "8E",  "1e30", "9223372036854775808" };
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    guint64 bytes = 77;
    g_autoptr (GError) error = NULL;
    if (vf_parse_bytes (texts[i], "--max-cap", &bytes, &error))
      g_error ("'%s' was taken", texts[i]);
    g_assert_cmpuint (bytes, ==, 77);
    assert_failed (&error, VF_ERROR_USAGE, "cannot read --max-cap '");
  }
}

static void
whole_numbers_are_read_within_their_bounds (void)
{
  static const char *const wrong[] = { "", "0", "11", "-1", "+5", "5.0", "0x5", " 5", "5 ", "18446744073709551617" };
  guint64 number = 0;
  g_assert_true (vf_parse_number ("1", "--rounds", 1, 10, &number, NULL));
  g_assert_cmpuint (number, ==, 1);
  g_assert_true (vf_parse_number ("10", "--rounds", 1, 10, &number, NULL));
  g_assert_cmpuint (number, ==, 10);
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;
    if (vf_parse_number (wrong[i], "--rounds", 1, 10, &number, &error))
      g_error ("'%s' was taken", wrong[i]);
    assert_failed (&error, VF_ERROR_USAGE, "not a whole number from 1 to 10");
  }
}

static void
sizes_are_printed_with_one_decimal (void)
{
  static const struct {
    guint64 bytes;
    const char *text;
  } rows[] = {
    { 0, "0 B" },
    { 1023, "1023 B" },
    { 1024, "1.0 KiB" },
    { 1536, "1.5 KiB" },
    { K * K - 1, "1.0 MiB" },
    { 5 * K * K * K, "5.0 GiB" },
    { G_MAXUINT64, "16.0 EiB" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *text = vf_print_bytes (rows[i].bytes);
    g_assert_cmpstr (text, ==, rows[i].text);
  }
}

static void
times_are_printed_as_clocks_show_them (void)
{
  static const struct {
    guint64 seconds;
    const char *text;
  } rows[] = {
    { 0, "0:00" }, { 7, "0:07" }, { 187, "3:07" }, { 3599, "59:59" }, { 3723, "1:02:03" }, { 360000, "100:00:00" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *text = vf_print_seconds (rows[i].seconds);
    g_assert_cmpstr (text, ==, rows[i].text);
  }
}

static void
test_rates (void)
{
  static const struct {
    const char *text;
    guint64 wanted;
  } good[] = { { "10M", 10 << 20 }, { "10M/s", 10 << 20 }, { "1K", 1024 }, { "none", 0 }, { "1.5G", 3ULL << 29 } };
  static const char *const bad[] = { "", "/s", "0", "1023", "-5M", "10M/min", "fast" };
  guint64 rate;
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
    g_assert_true (vf_parse_rate (good[i].text, "--bandwidth", &rate, NULL));
    g_assert_cmpuint (rate, ==, good[i].wanted);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_false (vf_parse_rate (bad[i], "--bandwidth", &rate, &error));
    g_assert_error (error, VF_ERROR, VF_ERROR_USAGE);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/units/sizes are read in powers of 1024", sizes_are_read_in_powers_of_1024);
  g_test_add_func ("/base/units/what is no size is refused by its option's name",
                   what_is_no_size_is_refused_by_its_options_name);
  g_test_add_func ("/base/units/whole numbers are read within their bounds", whole_numbers_are_read_within_their_bounds);
  g_test_add_func ("/base/units/sizes are printed with one decimal", sizes_are_printed_with_one_decimal);
  g_test_add_func ("/base/units/times are printed as clocks show them", times_are_printed_as_clocks_show_them);
  g_test_add_func ("/base/units/rates are read as sizes, with a least one", test_rates);
  return g_test_run ();
}
