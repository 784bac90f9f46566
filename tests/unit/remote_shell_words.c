/* What DESTURI says, and the words that reach the agent. */
#include "link/remote_shell.h"

#include <glib/gstdio.h>

#include <string.h>

/* ---- destinations ---- */

typedef struct {
  const char *uri;
  VfDestination wanted;
} Good;

#define TEXT(text) ((char *)(text))

static const Good good[] = {
  { "qemu+ssh://far/system", { .host = TEXT ("far"), .path = TEXT ("/system") } },
  { "qemu+ssh://far/session", { .host = TEXT ("far"), .path = TEXT ("/session") } },
  { "qemu+ssh://root@far.example.org:2222/system",
    { .user = TEXT ("root"), .host = TEXT ("far.example.org"), .port = 2222, .path = TEXT ("/system") } },
  { "qemu+ssh://[fe80::1]:22/system", { .host = TEXT ("fe80::1"), .port = 22, .path = TEXT ("/system") } },
  { "qemu+ssh://u@[::1]/system", { .user = TEXT ("u"), .host = TEXT ("::1"), .path = TEXT ("/system") } },
  { "qemu+ssh://192.0.2.7/system?no_verify=1", { .host = TEXT ("192.0.2.7"), .path = TEXT ("/system"), .no_verify = true } },
  { "qemu+ssh://far/system?no_verify=0&mode=auto", { .host = TEXT ("far"), .path = TEXT ("/system") } },
  { "qemu+ssh://far/session?mode=direct", { .host = TEXT ("far"), .path = TEXT ("/session") } },
  { "qemu+ssh://far/system?mode=legacy",
    { .host = TEXT ("far"), .path = TEXT ("/system"), .socket = TEXT ("/run/libvirt/libvirt-sock") } },
  { "qemu+ssh://far/system?mode=direct",
    { .host = TEXT ("far"), .path = TEXT ("/system"), .socket = TEXT ("/run/libvirt/virtqemud-sock") } },
  { "qemu+ssh://far/system?socket=/run/s&mode=direct",
    { .host = TEXT ("far"), .path = TEXT ("/system"), .socket = TEXT ("/run/s") } },
  { "qemu+ssh://far/system?keyfile=/home/me/a%20key&known_hosts=/k&command=/opt/ssh&socket=/run/libvirt/s",
    { .host = TEXT ("far"),
      .path = TEXT ("/system"),
      .keyfile = TEXT ("/home/me/a key"),
      .known_hosts = TEXT ("/k"),
      .command = TEXT ("/opt/ssh"),
      .socket = TEXT ("/run/libvirt/s") } },
};

static void
test_a_good_uri (gconstpointer data)
{
  const Good *row = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (VfDestination) got = vf_destination_parse (row->uri, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (got->user, ==, row->wanted.user);
  g_assert_cmpstr (got->host, ==, row->wanted.host);
  g_assert_cmpuint (got->port, ==, row->wanted.port);
  g_assert_cmpstr (got->path, ==, row->wanted.path);
  g_assert_cmpstr (got->keyfile, ==, row->wanted.keyfile);
  g_assert_cmpstr (got->known_hosts, ==, row->wanted.known_hosts);
  g_assert_cmpstr (got->command, ==, row->wanted.command);
  g_assert_cmpstr (got->socket, ==, row->wanted.socket);
  g_assert_true (got->no_verify == row->wanted.no_verify);
}

static const struct {
  const char *uri, *says;
} bad[] = {
  { "", "not a libvirt URI" },
  { "far", "not a libvirt URI" },
  { "qemu:///system", "does not go through ssh" },
  { "qemu+tcp://far/system", "through ssh only" },
  { "qemu+tls://far/system", "through ssh only" },
  { "qemu+unix:///system", "through ssh only" },
  { "qemu+libssh2://far/system", "through ssh only" },
  { "xen+ssh://far/", "only the qemu driver" },
  { "test:///default", "only the qemu driver" },
  { "qemu+ssh:///system", "names no host" },
  { "qemu+ssh://far/", "neither /system nor /session" },
  { "qemu+ssh://far", "neither /system nor /session" },
  { "qemu+ssh://far/etc", "neither /system nor /session" },
  { "qemu+ssh://me:secret@far/system", "carries a password" },
  { "qemu+ssh://far:0/system", "port" },
  { "qemu+ssh://far:99999/system", "99999" },
  { "qemu+ssh://far:x/system", "URI" },
  { "qemu+ssh://-oProxyCommand=x/system", "begins with '-'" },
  { "qemu+ssh://-l@far/system", "user begins with '-'" },
  { "qemu+ssh://a%20b/system", "character that no host has" },
  { "qemu+ssh://a%3Bb/system", "character that no host has" },
  { "qemu+ssh://far/system?keyfiel=/k", "'keyfiel' is unknown" },
  { "qemu+ssh://far/system?keyfile=", "'keyfile' is empty" },
  { "qemu+ssh://far/system?keyfile=a%0Ab", "'keyfile' has a character" },
  { "qemu+ssh://far/system?known_hosts=a%22b", "'known_hosts' has a character" },
  { "qemu+ssh://far/system?no_verify=yes", "no_verify" },
  { "qemu+ssh://far/system?mode=split", "'mode' is 'split'" },
  { "qemu+ssh://far/system#x", "fragment" },
};

static void
test_a_bad_uri (gconstpointer data)
{
  gsize row = GPOINTER_TO_SIZE (data);
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_destination_parse (bad[row].uri, &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_USAGE);
  if (strstr (error->message, bad[row].says) == NULL)
    g_error ("'%s' lacks '%s'", error->message, bad[row].says);
  if (strstr (bad[row].says, "no_verify") == NULL)
    g_assert_nonnull (vf_error_get_hint (error));
}

/* ---- words ---- */

static const struct {
  const char *uri, *rsh, *agent_path, *wanted; /* words joined by '|'; wanted NULL: VF_ERROR_USAGE */
} words[] = {
  { "qemu+ssh://far/system", NULL, "virt-ferry",
    "ssh|-o|ServerAliveInterval=5|-o|ServerAliveCountMax=6|-o|ConnectTimeout=30|-T|-e|none|--|far|virt-ferry|agent|--stdio" },
  { "qemu+ssh://me@[::1]:23/system?keyfile=/k&known_hosts=/a b&no_verify=1&command=/opt/my ssh", NULL, "/usr/bin/virt-ferry",
    "/opt/my ssh|-o|ServerAliveInterval=5|-o|ServerAliveCountMax=6|-o|ConnectTimeout=30|-T|-e|none|-o|UserKnownHostsFile=\"/a b\""
    "|-o|StrictHostKeyChecking=no|-p|23|-l|me|-i|/k|--|::1|/usr/bin/virt-ferry|agent|--stdio" },
  { "qemu+ssh://me@far:23/system?keyfile=/k", "my 'remote shell' -x", "virt-ferry",
    "my|remote shell|-x|-p|23|-l|me|-i|/k|far|virt-ferry|agent|--stdio" },
  { "qemu+ssh://far/system", "ssh", "virt-ferry", "ssh|far|virt-ferry|agent|--stdio" },
  { "qemu+ssh://far/system", "rsh", "a b", "rsh|far|'a b'|agent|--stdio" },
  { "qemu+ssh://far/system", "rsh", "a;b'c", "rsh|far|'a;b'\\''c'|agent|--stdio" },
  { "qemu+ssh://far/system", "rsh", "~/x", "rsh|far|'~/x'|agent|--stdio" },
  { "qemu+ssh://far/system", "", "virt-ferry", NULL },
  { "qemu+ssh://far/system", "'open", "virt-ferry", NULL },
  { "qemu+ssh://far/system", NULL, "", NULL },
  { "qemu+ssh://far/system", NULL, "-x", NULL },
  { "qemu+ssh://far/system?no_verify=1", "rsh", "virt-ferry", NULL },
  { "qemu+ssh://far/system?known_hosts=/k", "rsh", "virt-ferry", NULL },
};

static void
test_the_words (gconstpointer data)
{
  gsize row = GPOINTER_TO_SIZE (data);
  g_autoptr (GError) error = NULL;
  g_autoptr (VfDestination) destination = vf_destination_parse (words[row].uri, &error);
  g_assert_no_error (error);
  g_auto (GStrv) argv = vf_remote_shell_argv (destination, words[row].rsh, words[row].agent_path, &error);
  if (words[row].wanted == NULL) {
    g_assert_null (argv);
    g_assert_error (error, VF_ERROR, VF_ERROR_USAGE);
    return;
  }
  g_assert_no_error (error);
  g_autofree char *joined = g_strjoinv ("|", argv);
  g_assert_cmpstr (joined, ==, words[row].wanted);
}

static void
test_a_source_is_reached_alike (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfDestination) source = vf_destination_parse ("qemu+ssh://me@far:23/system?keyfile=/k", &error);
  g_assert_no_error (error);
  g_auto (GStrv) argv = vf_remote_shell_argv_for_commands (source, "ssh -A", "/opt/a b", &error);
  g_assert_no_error (error);
  g_autofree char *joined = g_strjoinv ("|", argv);
  g_assert_cmpstr (joined, ==, "ssh|-A|-p|23|-l|me|-i|/k|far|'/opt/a b'|agent|--stdio|--run-commands");
}

static void
test_a_host_that_is_an_option_is_refused (void)
{
  VfDestination destination = { .host = TEXT ("-oProxyCommand=touch /tmp/x"), .path = TEXT ("/system") };
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_remote_shell_argv (&destination, NULL, "virt-ferry", &error));
  g_assert_error (error, VF_ERROR, VF_ERROR_USAGE);
}

/* An ssh of the test's own that answers -G as FILES says, or with -F none as built in. */
static char **
argv_with (const char *configured, const char *built_in)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *directory = g_dir_make_tmp ("ferry-ssh-XXXXXX", &error);
  g_autofree char *ssh = g_build_filename (directory, "ssh", NULL);
  g_autofree char *script = g_strdup_printf ("#!/bin/sh\n"
                                             "case \"$*\" in\n"
                                             "*'-G -F none -- host') echo host host; echo ciphers %s ;;\n"
                                             "*'-G -- host') echo ciphers %s ;;\n"
                                             "*) exit 1 ;;\n"
                                             "esac\n",
                                             built_in, configured);
  g_assert_true (g_file_set_contents_full (ssh, script, -1, G_FILE_SET_CONTENTS_NONE, 0700, &error));
  const char *words_of_ssh[] = { ssh, "-T", "--", "host", "virt-ferry", NULL };
  char **argv = vf_remote_shell_prefer_fast (g_strdupv ((char **)words_of_ssh));
  g_unlink (ssh);
  g_rmdir (directory);
  return argv;
}

static void
test_fast_cipher (void)
{
  g_autofree char *processor = NULL;
  g_auto (GStrv) free_choice = argv_with ("chacha,aes128-gcm@openssh.com", "chacha,aes128-gcm@openssh.com");
  g_auto (GStrv) chosen = argv_with ("chacha", "chacha,aes128-gcm@openssh.com");
  g_auto (GStrv) unknown = argv_with ("chacha", "chacha");
  g_assert_cmpuint (g_strv_length (chosen), ==, 5);
  g_assert_cmpuint (g_strv_length (unknown), ==, 5);
  if (!g_file_get_contents ("/proc/cpuinfo", &processor, NULL, NULL) || strstr (processor, " aes ") == NULL) {
    g_test_skip ("the processor has no AES instructions");
    return;
  }
  g_assert_cmpuint (g_strv_length (free_choice), ==, 7);
  g_assert_cmpstr (free_choice[1], ==, "-o");
  g_assert_cmpstr (free_choice[2], ==, "Ciphers=^aes128-gcm@openssh.com");
  g_assert_cmpstr (free_choice[3], ==, "-T");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autofree char *name = g_strdup_printf ("/destination/a good URI is understood/%zu", i);
    g_test_add_data_func (name, &good[i], test_a_good_uri);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *name = g_strdup_printf ("/destination/a bad URI is refused/%zu", i);
    g_test_add_data_func (name, GSIZE_TO_POINTER (i), test_a_bad_uri);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++) {
    g_autofree char *name = g_strdup_printf ("/remote-shell/the words that reach the agent/%zu", i);
    g_test_add_data_func (name, GSIZE_TO_POINTER (i), test_the_words);
  }
  g_test_add_func ("/remote-shell/a source is reached alike", test_a_source_is_reached_alike);
  g_test_add_func ("/remote-shell/a host that is an option is refused", test_a_host_that_is_an_option_is_refused);
  g_test_add_func ("/remote-shell/a fast cipher comes first unless ssh was configured otherwise", test_fast_cipher);
  return g_test_run ();
}
