#include "agent/owner.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_UNCHANGED = -1 };

/* A number stands for itself: it is what the source sends when it has no name for it. */
static bool
number_of (const char *name, guint *number)
{
  guint64 value;
  if (!g_ascii_string_to_unsigned (name, 10, 0, G_MAXUINT32 - 1, &value, NULL))
    return false;
  *number = (guint)value;
  return true;
}

static uid_t
user_of (const char *name)
{
  struct passwd entry, *found = NULL;
  char buffer[4096];
  guint number;
  if (getpwnam_r (name, &entry, buffer, sizeof buffer, &found) == 0 && found != NULL)
    return found->pw_uid;
  return number_of (name, &number) ? number : (uid_t)ID_UNCHANGED;
}

static gid_t
group_of (const char *name)
{
  struct group entry, *found = NULL;
  char buffer[16384];
  guint number;
  if (getgrnam_r (name, &entry, buffer, sizeof buffer, &found) == 0 && found != NULL)
    return found->gr_gid;
  return number_of (name, &number) ? number : (gid_t)ID_UNCHANGED;
}

/* Owner before mode: a chown takes mode bits away. What is right already is not asked for, so that an agent without root's
 * powers can give a file to itself. */
bool
vf_owner_give (int fd, const char *user_name, const char *group_name, guint mode)
{
  struct stat st;
  if (fstat (fd, &st) != 0)
    return false;
  uid_t user = user_of (user_name);
  gid_t group = group_of (group_name);
  uid_t new_user = user == st.st_uid ? (uid_t)ID_UNCHANGED : user;
  gid_t new_group = group == st.st_gid ? (gid_t)ID_UNCHANGED : group;
  bool is_right = new_user == (uid_t)ID_UNCHANGED && new_group == (gid_t)ID_UNCHANGED;
  return (is_right || fchown (fd, new_user, new_group) == 0) && fchmod (fd, mode) == 0 && fsync (fd) == 0;
}
