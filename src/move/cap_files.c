#include "move/cap_files.h"

#include "chain/image.h"
#include "far/far.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR_BYTES = 512 };

/* NULL in *luks: the disk is not encrypted. */
static bool
read_luks (const VfPlan *plan, const VfPlanDisk *disk, GBytes **luks, GError **error)
{
  const VfPlanFile *layer = vf_plan_disk_encrypted (plan, disk);
  *luks = layer == NULL ? NULL : vf_luks_read (layer->source, layer->format, error);
  return layer == NULL || *luks != NULL;
}

/* As the guest sees the disk now: of an encrypted raw image what follows the LUKS header. */
static bool
size_of_top (const VfPlanFile *top, GBytes *luks, guint64 *bytes, GError **error)
{
  g_autoptr (VfImage) image = vf_image_read (top->source, top->format, top->source_is_block, NULL, error);
  if (image == NULL)
    return false;
  bool is_raw_luks = top->encryption != NULL && strcmp (top->format, "raw") == 0;
  guint64 before = is_raw_luks ? vf_luks_payload_offset (luks) : 0;
  if (image->virtual_bytes < before)
    return vf_error_set (error, VF_ERROR_CORRUPT, "cannot put a cap over image '%s': it is shorter than its LUKS header",
                         top->source);
  *bytes = (image->virtual_bytes - before + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
  return true;
}

static bool
size_now (const VfPlan *plan, const VfPlanDisk *disk, guint generation, GBytes *luks, guint64 *bytes, GError **error)
{
  if (generation == 1)
    return size_of_top (vf_plan_disk_top (plan, disk), luks, bytes, error);
  g_autofree char *below = vf_plan_cap_at_source (plan, disk, generation - 1);
  g_autoptr (VfImage) image = vf_image_read (below, "qcow2", false, NULL, error);
  if (image != NULL)
    *bytes = image->virtual_bytes;
  return image != NULL;
}

/* QEMU opens it as it opens the layer below, also where libvirt gives files to nobody (dynamic_ownership = 0). */
static int
create_like (const char *path, const VfPlanFile *top, GError **error)
{
  struct stat below;
  if (unlink (path) != 0 && errno != ENOENT) {
    vf_error_set_errno (error, errno, "cannot make cap '%s' anew", path);
    return VF_FD_NONE;
  }
  g_auto (VfFd) fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd == VF_FD_NONE || stat (top->source, &below) != 0 || fchown (fd, below.st_uid, below.st_gid) != 0 ||
      fchmod (fd, below.st_mode & 0666) != 0) {
    vf_error_set_errno (error, errno, "cannot create cap '%s'", path);
    return VF_FD_NONE;
  }
  return vf_fd_steal (&fd);
}

typedef struct {
  guint generation;
  const VfDomainXml *domain;
} Making;

static bool
make_file (VfMove *move, const VfPlanDisk *disk, gpointer data, GError **error)
{
  const Making *making = data;
  const VfPlan *plan = vf_move_plan (move);
  const VfPlanFile *top = vf_plan_disk_top (plan, disk);
  const VfXmlDisk *now = vf_domain_xml_disk (making->domain, disk->target);
  g_autofree char *path = vf_plan_cap_at_source (plan, disk, making->generation);
  g_autofree char *below = making->generation == 1 ? g_strdup (vf_plan_disk_name_at_source (plan, disk))
                                                   : vf_plan_cap_at_source (plan, disk, making->generation - 1);
  g_autoptr (GBytes) luks = NULL;
  VfCapImage image = { .backing = below, .backing_format = making->generation == 1 ? top->format : "qcow2" };
  if (now != NULL && g_strcmp0 (now->source->path, path) == 0)
    return vf_error_set (error, VF_ERROR_FAILED, "cannot make cap '%s' anew: the guest writes it", path);
  if (!read_luks (plan, disk, &luks, error) || !size_now (plan, disk, making->generation, luks, &image.bytes, error))
    return false;
  image.luks = luks;
  g_auto (VfFd) fd = create_like (path, top, error);
  return fd != VF_FD_NONE && vf_cap_image_fill (fd, path, &image, error) && vf_fd_sync_directory_of (path, error);
}

bool
vf_cap_files_make (VfMove *move, guint generation, GError **error)
{
  g_autofree char *xml = vf_guest_xml (move->guest, VF_XML_LIVE, error);
  g_autoptr (VfDomainXml) domain = xml == NULL ? NULL : vf_domain_xml_parse (xml, error);
  Making making = { generation, domain };
  return domain != NULL && vf_move_each_disk (move, make_file, &making, error);
}

static bool
send (VfMove *move, int fd, const char *path, GError **error)
{
  struct stat st;
  if (fstat (fd, &st) != 0)
    return vf_error_set_errno (error, errno, "cannot look at what is to be cap '%s'", path);
  VfSeedSource source = {
    .fd = fd,
    .path = path,
    .file_bytes = (guint64)st.st_size,
    .zstd_level = (int)move->request->zstd_level,
    .cancellable = move->cancellable,
  };
  VfSeedCounts counts = { 0 };
  VfDigest digest;
  VfFileId id;
  return vf_far_seed (vf_move_link (move), path, vf_move_plan (move)->id, false, &source, &counts, &digest, &id, error);
}

bool
vf_cap_file_send (VfMove *move, const VfPlanDisk *disk, const char *path, VfCapImage *image, GError **error)
{
  g_autoptr (GBytes) luks = NULL;
  if (!read_luks (vf_move_plan (move), disk, &luks, error))
    return false;
  image->luks = luks;
  g_auto (VfFd) fd = memfd_create ("cap", MFD_CLOEXEC);
  if (fd == VF_FD_NONE)
    return vf_error_set_errno (error, errno, "cannot make cap '%s' in memory", path);
  return vf_cap_image_fill (fd, path, image, error) && send (move, fd, path, error);
}
