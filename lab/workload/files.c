/* Files of the guest's kernel that stand for state beside the disks: UEFI variables, the TPM's command device. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 1500 };

static ssize_t bytes_of_hex(const char *hex, uint8_t *bytes) {
  size_t count = strlen(hex) / 2;
  for (size_t i = 0; i < count && i < FILE_BYTES; i++)
    if (sscanf(hex + 2 * i, "%2hhx", &bytes[i]) != 1)
      return -1;
  return count > FILE_BYTES ? -1 : (ssize_t)count;
}

static void say_failure(char *answer, size_t room, const char *verb, const char *path) {
  snprintf(answer, room, "error: cannot %s '%s': %s", verb, path, strerror(errno));
}

void use_file(const char *words, bool writes, bool reads, char *answer, size_t room) {
  char path[256] = "", hex[2 * FILE_BYTES + 1] = "";
  uint8_t bytes[FILE_BYTES];
  if (sscanf(words, "%255s %3000s", path, hex) < 1 + writes) {
    snprintf(answer, room, "error: too few words");
    return;
  }
  ssize_t count = writes ? bytes_of_hex(hex, bytes) : 0;
  int fd = open(path, (writes ? O_CREAT : 0) | (reads ? writes ? O_RDWR : O_RDONLY : O_WRONLY) | O_CLOEXEC, 0600);
  if (fd < 0) {
    say_failure(answer, room, "open", path);
    return;
  }
  if (writes && (count < 0 || write(fd, bytes, (size_t)count) != count)) {
    say_failure(answer, room, "write", path);
  } else if (reads && (count = read(fd, bytes, sizeof bytes)) < 0) {
    say_failure(answer, room, "read", path);
  } else {
    size_t used = (size_t)snprintf(answer, room, "ok ");
    for (ssize_t i = 0; reads && i < count && used + 2 < room; i++)
      used += (size_t)snprintf(answer + used, room - used, "%02x", bytes[i]);
  }
  close(fd);
}
