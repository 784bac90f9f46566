#include "base/host_look.h"

#include "base/names.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>

#define NET_DEVICES "/sys/class/net"

static const char *const kind_names[] = {
  [VF_LOOK_NET_DEVICE] = "net-device", [VF_LOOK_DEVICE] = "device", [VF_LOOK_BOOT_FILE] = "boot-file",
  [VF_LOOK_DIRECTORY] = "directory",   [VF_LOOK_SOCKET] = "socket", [VF_LOOK_IP_ADDRESS] = "ip-address",
};

const char *
vf_look_kind_name (VfLookKind kind)
{
  return kind_names[kind];
}

bool
vf_look_kind_from_name (const char *name, VfLookKind *kind)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kind_names); i++)
    if (strcmp (kind_names[i], name) == 0) {
      *kind = (VfLookKind)i;
      return true;
    }
  return false;
}

static bool
is_device_name (const char *name)
{
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
  gsize length = strlen (name);
  return length > 0 && length < IFNAMSIZ && strspn (name, allowed) == length && strcmp (name, ".") != 0 &&
         strcmp (name, "..") != 0;
}

static bool
net_device_has (const char *name, const char *part)
{
  g_autofree char *path = g_build_filename (NET_DEVICES, name, part, NULL);
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static VfLookAnswer
look_at_net_device (const char *name)
{
  if (!is_device_name (name))
    return (VfLookAnswer){ 0 };
  return (VfLookAnswer){ .looked = true,
                         .there = net_device_has (name, "ifindex"),
                         .is_bridge = net_device_has (name, "bridge"),
                         .is_port = net_device_has (name, "master") };
}

static VfLookAnswer
look_at_device (const char *name)
{
  static const char *const known[] = { "vhost-net", "vhost-vsock", "kvm", "net/tun", "hwrng", "random", "urandom", NULL };
  if (!g_strv_contains (known, name))
    return (VfLookAnswer){ 0 };
  g_autofree char *path = g_build_filename ("/dev", name, NULL);
  return (VfLookAnswer){ .looked = true, .there = g_file_test (path, G_FILE_TEST_EXISTS) };
}

static VfLookAnswer
look_below (const char *path, const char *const *places, mode_t type)
{
  struct stat st;
  g_autofree char *normal = vf_path_normal (path);
  for (; normal != NULL && *places != NULL; places++)
    if (vf_path_is_below (normal, *places))
      return (VfLookAnswer){ .looked = true, .there = stat (normal, &st) == 0 && (st.st_mode & S_IFMT) == type };
  return (VfLookAnswer){ 0 };
}

static bool
is_address (const struct sockaddr *address, const char *text)
{
  char printed[INET6_ADDRSTRLEN] = "";
  if (address == NULL)
    return false;
  if (address->sa_family == AF_INET)
    inet_ntop (AF_INET, &((const struct sockaddr_in *)address)->sin_addr, printed, sizeof printed);
  else if (address->sa_family == AF_INET6)
    inet_ntop (AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, printed, sizeof printed);
  return strcmp (printed, text) == 0;
}

/* The address as inet_ntop prints it, so that two spellings are one; NULL when it is none. */
static char *
normal_address (const char *text)
{
  guint8 bytes[sizeof (struct in6_addr)];
  char printed[INET6_ADDRSTRLEN];
  int family = strchr (text, ':') != NULL ? AF_INET6 : AF_INET;
  if (inet_pton (family, text, bytes) != 1 || inet_ntop (family, bytes, printed, sizeof printed) == NULL)
    return NULL;
  return g_strdup (printed);
}

static VfLookAnswer
look_for_address (const char *text)
{
  struct ifaddrs *list = NULL;
  g_autofree char *normal = normal_address (text);
  if (normal == NULL || getifaddrs (&list) != 0)
    return (VfLookAnswer){ 0 };
  VfLookAnswer answer = { .looked = true };
  for (const struct ifaddrs *at = list; at != NULL && !answer.there; at = at->ifa_next)
    answer.there = is_address (at->ifa_addr, normal);
  freeifaddrs (list);
  return answer;
}

VfLookAnswer
vf_host_look (VfLookKind kind, const char *name)
{
  static const char *const boot_places[] = { "/boot", "/usr/share", "/usr/lib", "/usr/local/share", "/var/lib/libvirt", NULL };
  static const char *const directory_places[] = { "/run", "/var/run", "/var/log", "/var/lib", "/tmp", "/var/tmp", NULL };
  static const char *const socket_places[] = { "/run", "/var/run", "/var/lib", "/tmp", "/usr/local/var", NULL };
  switch (kind) {
  case VF_LOOK_NET_DEVICE:
    return look_at_net_device (name);
  case VF_LOOK_DEVICE:
    return look_at_device (name);
  case VF_LOOK_BOOT_FILE:
    return look_below (name, boot_places, S_IFREG);
  case VF_LOOK_DIRECTORY:
    return look_below (name, directory_places, S_IFDIR);
  case VF_LOOK_SOCKET:
    return look_below (name, socket_places, S_IFSOCK);
  case VF_LOOK_IP_ADDRESS:
    return look_for_address (name);
  default:
    return (VfLookAnswer){ 0 };
  }
}

static gint
compare_text (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

char **
vf_host_bridges (void)
{
  GPtrArray *names = g_ptr_array_new ();
  g_autoptr (GDir) directory = g_dir_open (NET_DEVICES, 0, NULL);
  for (const char *name; directory != NULL && (name = g_dir_read_name (directory)) != NULL;)
    if (net_device_has (name, "bridge"))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_text);
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_free (names, FALSE);
}
