#include "judge.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BLOCK_MAGIC "FERRYBLK"

/* On disk, little endian, at the start of each written block. `sum` is over the block with `sum` = 0. */
typedef struct {
  char magic[8];
  uint64_t run;
  uint64_t block;
  uint64_t gen;
  uint64_t salt;
  uint64_t sum;
  char disk[32]; /* serial, else the name */
  char text[96]; /* the same in words, for a person with a hex dump */
} BlockHead;

uint64_t run_id;
bool zero_allowed = true;
int heart_fd = -1;
atomic_ulong writes_done, worst_write_ns;
char first_fault[512];
static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER;

uint64_t clock_ns(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

/* Differs between two runs of the same saved RAM: counts cycles of a machine that never repeats itself exactly. */
static uint64_t fresh_salt(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return mix(((uint64_t)high << 32 | low) ^ clock_ns(CLOCK_REALTIME) << 20);
}

uint64_t hash_block(const void *block) {
  const uint64_t *word = block;
  uint64_t h = 0x9e3779b97f4a7c15u;
  for (int i = 0; i < BLOCK_BYTES / 8; i++)
    h = (h ^ word[i]) * 0x100000001b3u + (h >> 29);
  return mix(h);
}

void record_fault(const char *format, ...) {
  char text[400];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  pthread_mutex_lock(&fault_lock);
  if (!first_fault[0]) {
    snprintf(first_fault, sizeof first_fault, "%s", text);
    if (heart_fd >= 0)
      dprintf(heart_fd, "! %s\n", text);
  }
  pthread_mutex_unlock(&fault_lock);
}

/* Groups of neighbours spread evenly over the disk, the first and the last block among them. */
static uint64_t block_at(const Disk *disk, uint32_t entry) {
  uint64_t groups = disk->span / GROUP_BLOCKS, group = entry / GROUP_BLOCKS;
  if (groups == 1)
    return entry;
  /* __int128: a 1 TiB disk has 2^28 blocks, times the group. */
  return (uint64_t)((unsigned __int128)group * (disk->blocks - GROUP_BLOCKS) / (groups - 1)) + entry % GROUP_BLOCKS;
}

static uint64_t sum_of(uint8_t *block) {
  BlockHead *head = (BlockHead *)block;
  uint64_t kept = head->sum, sum;
  head->sum = 0;
  sum = hash_block(block);
  head->sum = kept;
  return sum;
}

static void compose_block(const Disk *disk, uint64_t number, uint64_t gen, uint8_t *block) {
  BlockHead *head = (BlockHead *)block;
  uint64_t salt = fresh_salt(), word = mix(salt ^ gen);
  for (size_t i = 0; i < BLOCK_BYTES; i += 8, word = word * 6364136223846793005u + 1442695040888963407u)
    memcpy(block + i, &word, 8);
  memset(head, 0, sizeof *head);
  memcpy(head->magic, BLOCK_MAGIC, 8);
  head->run = run_id;
  head->block = number;
  head->gen = gen;
  head->salt = salt;
  memcpy(head->disk, disk->serial, sizeof head->disk);
  snprintf(head->text, sizeof head->text, "run %" PRIx64 " disk %.31s block %" PRIu64 " gen %" PRIu64, run_id, disk->serial,
           number, gen);
  head->sum = sum_of(block);
}

/* What a block is, for the eye of whoever reads a fault. */
static void describe_block(uint8_t *block, char *text, size_t bytes) {
  BlockHead *head = (BlockHead *)block;
  static const uint8_t zeros[BLOCK_BYTES];
  if (!memcmp(block, zeros, BLOCK_BYTES))
    snprintf(text, bytes, "zeros");
  else if (memcmp(head->magic, BLOCK_MAGIC, 8))
    snprintf(text, bytes, "foreign bytes %02x%02x%02x%02x", block[0], block[1], block[2], block[3]);
  else
    snprintf(text, bytes, "%sgen %" PRIu64 " of block %" PRIu64 " of disk %.31s run %" PRIx64,
             head->sum == sum_of(block) ? "" : "torn ", head->gen, head->block, head->disk, head->run);
}

bool read_group(Disk *disk, uint32_t entry) {
  uint64_t number = block_at(disk, entry);
  ssize_t got = pread(disk->fd, disk->buffer, GROUP_BLOCKS * BLOCK_BYTES, (off_t)(number * BLOCK_BYTES));
  if (got == GROUP_BLOCKS * BLOCK_BYTES)
    return true;
  record_fault("cannot read disk=%s block=%" PRIu64 ": %s", disk->name, number, got < 0 ? strerror(errno) : "short read");
  return false;
}

bool verify_group(Disk *disk, uint32_t entry) {
  bool good = read_group(disk, entry);
  for (uint32_t i = 0; good && i < GROUP_BLOCKS; i++) {
    uint8_t *block = disk->buffer + (size_t)i * BLOCK_BYTES;
    Expected *want = &disk->expected[entry + i];
    char found[160];
    if (hash_block(block) == want->hash)
      continue;
    describe_block(block, found, sizeof found);
    record_fault("disk=%s block=%" PRIu64 " want gen %" PRIu64 " got %s", disk->name, block_at(disk, entry + i), want->gen,
                 found);
    good = false;
  }
  return good;
}

void adopt_disk(Disk *disk) {
  for (uint32_t entry = 0; entry < disk->span; entry += GROUP_BLOCKS) {
    if (!read_group(disk, entry))
      return;
    for (uint32_t i = 0; i < GROUP_BLOCKS; i++) {
      uint8_t *block = disk->buffer + (size_t)i * BLOCK_BYTES;
      BlockHead *head = (BlockHead *)block;
      Expected *want = &disk->expected[entry + i];
      uint64_t number = block_at(disk, entry + i);
      want->hash = hash_block(block);
      want->gen = 0;
      if (memcmp(head->magic, BLOCK_MAGIC, 8))
        continue;
      want->gen = head->gen;
      if (head->gen >= disk->next_gen)
        disk->next_gen = head->gen + 1;
      if (head->sum != sum_of(block) || head->block != number || memcmp(head->disk, disk->serial, sizeof head->disk)) {
        char found[160];
        describe_block(block, found, sizeof found);
        record_fault("disk=%s block=%" PRIu64 " adopted at boot holds %s", disk->name, number, found);
      }
    }
  }
}

void note_write(Disk *disk, uint64_t began_ns) {
  unsigned long took = clock_ns(CLOCK_MONOTONIC) - began_ns, worst = worst_write_ns;
  disk->writes++;
  writes_done++;
  while (took > worst && !atomic_compare_exchange_weak(&worst_write_ns, &worst, took)) {
  }
}

/* Zeros over a whole group, by the device's own write-zeroes. */
static bool zero_group(Disk *disk, uint32_t entry) {
  uint64_t range[2] = {block_at(disk, entry) * BLOCK_BYTES, GROUP_BLOCKS * BLOCK_BYTES};
  if (ioctl(disk->fd, BLKZEROOUT, range) < 0) {
    record_fault("cannot zero disk=%s block=%" PRIu64 ": %s", disk->name, block_at(disk, entry), strerror(errno));
    return false;
  }
  memset(disk->buffer, 0, BLOCK_BYTES);
  for (uint32_t i = 0; i < GROUP_BLOCKS; i++)
    disk->expected[entry + i] = (Expected){hash_block(disk->buffer), 0};
  return true;
}

bool write_blocks(Disk *disk, uint32_t entry, uint32_t count) {
  uint64_t first = block_at(disk, entry), gen = disk->next_gen++;
  size_t bytes = (size_t)count * BLOCK_BYTES;
  for (uint32_t i = 0; i < count; i++)
    compose_block(disk, first + i, gen, disk->buffer + (size_t)i * BLOCK_BYTES);
  ssize_t put = pwrite(disk->fd, disk->buffer, bytes, (off_t)(first * BLOCK_BYTES));
  if (put != (ssize_t)bytes) {
    record_fault("cannot write disk=%s block=%" PRIu64 ": %s", disk->name, first, put < 0 ? strerror(errno) : "short write");
    return false;
  }
  for (uint32_t i = 0; i < count; i++)
    disk->expected[entry + i] = (Expected){hash_block(disk->buffer + (size_t)i * BLOCK_BYTES), gen};
  return true;
}

bool flush_disk(Disk *disk) {
  if (fdatasync(disk->fd) == 0)
    return true;
  record_fault("cannot flush disk=%s: %s", disk->name, strerror(errno));
  return false;
}

bool act_on_disk(Disk *disk) {
  uint64_t dice = fresh_salt();
  uint32_t group = (uint32_t)(dice >> 32) % (disk->span / GROUP_BLOCKS) * GROUP_BLOCKS;
  uint32_t first = (uint32_t)(dice >> 8) % GROUP_BLOCKS, count = 1 + (uint32_t)(dice >> 16) % (GROUP_BLOCKS - first);
  uint64_t began = clock_ns(CLOCK_MONOTONIC);
  bool good;
  if (disk->read_only || dice % 16 == 3)
    return verify_group(disk, group);
  if (zero_allowed && dice % 64 == 5)
    good = zero_group(disk, group);
  else
    good = write_blocks(disk, group + first, count);
  if (good && dice % 32 == 7)
    good = flush_disk(disk);
  note_write(disk, began);
  return good;
}
