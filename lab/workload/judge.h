/*
 * The judge: what every block of a span on every disk must contain, and how it is written, read again and compared.
 *
 * Calling sequence: fill a Disk's name, serial, fd, blocks and span; adopt_disk; then, under its lock, act_on_disk,
 * verify_group, write_blocks, zero_group, flush_disk. False means that the fault has been recorded.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { BLOCK_BYTES = 4096, GROUP_BLOCKS = 8 };

typedef struct {
  uint64_t hash;
  uint64_t gen; /* 0: zeros or not ours */
} Expected;

typedef struct {
  char name[8];
  char serial[32];
  int fd;
  uint64_t blocks;
  uint32_t span; /* entries of `expected`, a multiple of GROUP_BLOCKS */
  Expected *expected;
  uint64_t next_gen;
  uint64_t writes;
  bool read_only;
  uint8_t *buffer; /* one group, aligned */
  pthread_mutex_t lock; /* expected, next_gen, buffer, and the disk's span itself */
} Disk;

extern uint64_t run_id;   /* in every block written; set before the first */
extern bool zero_allowed; /* act_on_disk may write zeros */
extern int heart_fd;      /* where a fault is told once, as "! TEXT"; -1: nowhere */
extern atomic_ulong writes_done, worst_write_ns;
extern char first_fault[512]; /* empty while all is right; then kept for ever: no later check may say ok */

uint64_t clock_ns(clockid_t id);
uint64_t mix(uint64_t x);
uint64_t hash_block(const void *block);

__attribute__((format(printf, 1, 2))) void record_fault(const char *format, ...);

/* Takes what the disk holds for right, but for blocks that say themselves that they are torn or elsewhere. */
void adopt_disk(Disk *disk);

/* The rest: caller holds the disk's lock. `entry` counts blocks of the span; a group starts at a multiple of GROUP_BLOCKS. */
bool read_group(Disk *disk, uint32_t entry); /* into disk->buffer */
bool verify_group(Disk *disk, uint32_t entry);
bool write_blocks(Disk *disk, uint32_t entry, uint32_t count);
bool flush_disk(Disk *disk);
bool act_on_disk(Disk *disk); /* mostly a write, sometimes zeros, a flush or a look back */
void note_write(Disk *disk, uint64_t began_ns);
