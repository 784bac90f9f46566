/* Files of the guest's kernel that stand for state beside the disks: UEFI variables, the TPM's command device. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* words: "PATH" or, with `writes`, "PATH HEX". Writes (making the file), reads, or both on one descriptor; answers "ok HEX". */
void use_file(const char *words, bool writes, bool reads, char *answer, size_t room);
