/* What backing names mean. */
#include "chain/image.h"

static void
a_backing_name_means_a_path_beside_its_image (void)
{
  static const struct {
    const char *image;
    const char *name;
    const char *path;
  } cases[] = {
    { "/a/b/top", "base", "/a/b/base" },
    { "/a/b/top", "./base", "/a/b/base" },
    { "/a/b/top", "../base", "/a/base" },
    { "/a/b/top", "../../../base", "/base" },
    { "/a/b/top", "c//d/../base", "/a/b/c/base" },
    { "/a/b/top", "/x/./y", "/x/y" },
    { "/a/b/top", "/", "/" },
    { "/top", "base", "/base" },
    { "/a/b/top", "file:/x/y", "/x/y" },
    { "/a/b/top", "file:///x/y", "/x/y" },
    { "/a/b/top", "./nbd:x", "/a/b/nbd:x" },
    { "/a/b/top", "c/d:e", "/a/b/c/d:e" },
    { "/a/b/top", " base ", "/a/b/ base " },
    { "/a/b/top", "b,a\"s'e\n", "/a/b/b,a\"s'e\n" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = vf_backing_path (cases[i].image, cases[i].name);
    g_assert_cmpstr (path, ==, cases[i].path);
  }
}

static void
a_backing_name_that_is_no_local_path_means_none (void)
{
  static const char *const names[] = {
    "",
    "json:{\"driver\":\"file\"}",
    "nbd:localhost:10809",
    "nbd://host/x",
    "ssh://host/x",
    "file:base",
    "host_device:/dev/sda",
    "fat:/dir",
    "blkdebug::/x",
    ":",
    "ba\xef\xbf\xbdse",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_null (vf_backing_path ("/a/top", names[i]));
  g_assert_null (vf_backing_path ("/a/top", NULL));
  g_assert_null (vf_backing_path ("relative/top", "base"));
}

static void
a_relative_name_leads_back_to_its_file (void)
{
  static const struct {
    const char *from;
    const char *to;
    const char *name;
  } cases[] = {
    { "/a/b/top", "/a/b/base", "base" },
    { "/a/b/top", "/a/base", "../base" },
    { "/a/b/top", "/base", "../../base" },
    { "/a/b/top", "/x/y/base", "../../x/y/base" },
    { "/a/b/top", "/a/b/c/base", "c/base" },
    { "/a/b/top", "/a/b", "../b" },
    { "/top", "/base", "base" },
    { "/top", "/a/base", "a/base" },
    { "/a/b/top", "/a/bb/base", "../bb/base" },
    { "/a/b/top", "/a/b/nbd:x", "./nbd:x" },
    { "/a/b/top", "/a/b/c/d:x", "c/d:x" },
    { "/a//b/./top", "/a/b/base", "base" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *name = vf_backing_name_relative (cases[i].from, cases[i].to);
    g_autofree char *path = vf_backing_path (cases[i].from, name);
    g_assert_cmpstr (name, ==, cases[i].name);
    g_assert_cmpstr (path, ==, cases[i].to);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image/names/a backing name means a path beside its image", a_backing_name_means_a_path_beside_its_image);
  g_test_add_func ("/image/names/a backing name that is no local path means none",
                   a_backing_name_that_is_no_local_path_means_none);
  g_test_add_func ("/image/names/a relative name leads back to its file", a_relative_name_leads_back_to_its_file);
  return g_test_run ();
}
