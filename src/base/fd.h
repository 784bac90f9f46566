/* File descriptors: whole reads and writes, and making names durable. */
#pragma once

#include "base/error.h"

#include <sys/types.h>

/* An owned file descriptor: `g_auto (VfFd) fd = VF_FD_NONE;` closes itself. */
typedef int VfFd;
#define VF_FD_NONE (-1)
void vf_fd_close_value (VfFd fd); /* closes unless VF_FD_NONE; keeps errno */
int vf_fd_steal (VfFd *fd);
G_DEFINE_AUTO_CLEANUP_FREE_FUNC (VfFd, vf_fd_close_value, VF_FD_NONE)

/* Reads until `length` bytes or the end of file; -1 with errno on error. Blocks. */
gssize vf_fd_read_full (int fd, void *buffer, gsize length);
gssize vf_fd_pread_full (int fd, void *buffer, gsize length, off_t offset);

/* Writes everything or fails with errno. Blocks. */
bool vf_fd_write_full (int fd, const void *buffer, gsize length);
bool vf_fd_pwrite_full (int fd, const void *buffer, gsize length, off_t offset);

/* fsyncs the directory that holds `path`, so that a name made or removed in it survives a crash. */
bool vf_fd_sync_directory_of (const char *path, GError **error);
