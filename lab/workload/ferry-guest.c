/*
 * The only program of a lab guest: its init, its load and its judge.
 *
 * RAM holds, for every block of a span on every /dev/vd* disk, a hash of what that block must contain. A live migration
 * carries RAM, so a write lost or torn on the way is found by the guest itself: `check` reads the span again, past the
 * page cache, and compares. On a fresh boot the program adopts what the disks hold and goes on from there.
 *
 * A block says in clear whose it is (run, disk, block, generation), so that a mismatch explains itself. A salt from the
 * clock keeps two branches, resumed from one saved RAM, from writing equal blocks.
 *
 * ttyS0: out only. "h COUNT WRITES WORST_MS" each beat, "! TEXT" for a fault, once. Console of the kernel too.
 * ttyS1: commands in, "ID WORDS\n"; one line of answer each, "ID ok|BAD|error ...\n". See `commands` below.
 * /proc/cmdline: ferry.run=HEX ferry.span=BLOCKS ferry.ram=MIB ferry.load=idle|light|heavy ferry.beat=MS ferry.zero=0|1
 */
#define _GNU_SOURCE
#include "files.h"
#include "judge.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

enum { DISKS_MAX = 26, RAM_PAGE_BYTES = 4096, ANSWER_BYTES = 4096 };

typedef enum { LOAD_IDLE, LOAD_LIGHT, LOAD_HEAVY } Load;
static const char *const load_names[] = {"idle", "light", "heavy"};

static Disk disks[DISKS_MAX];
static int disk_count;
static atomic_int load;
static atomic_int beat_ms = 10;
static atomic_int dirty_mib_s = -1; /* -1: by load */
static uint32_t span_wanted = 1024;

static uint64_t *ram;
static size_t ram_pages = 2048;
static uint64_t ram_round;
static pthread_mutex_t ram_lock = PTHREAD_MUTEX_INITIALIZER;

static void sleep_ms(int ms) {
  struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};
  nanosleep(&t, NULL);
}

static void *work_on_disk(void *argument) {
  Disk *disk = argument;
  for (;;) {
    Load now = (Load)atomic_load(&load);
    if (now == LOAD_IDLE) {
      sleep_ms(20);
      continue;
    }
    pthread_mutex_lock(&disk->lock);
    bool good = act_on_disk(disk);
    pthread_mutex_unlock(&disk->lock);
    if (now == LOAD_LIGHT)
      sleep_ms(25);
    else if (!good)
      sleep_ms(100);
    else
      sched_yield();
  }
  return NULL;
}

/* RAM pages: word 0 the page's number, word 1 its round, word 2 a hash of both, the last word equal to word 2. */
static void dirty_page(size_t page) {
  uint64_t *word = ram + page * (RAM_PAGE_BYTES / 8);
  word[0] = page;
  word[1] = ++ram_round;
  word[2] = word[RAM_PAGE_BYTES / 8 - 1] = mix(page << 40 ^ ram_round);
}

static bool verify_ram(void) {
  for (size_t page = 0; page < ram_pages; page++) {
    uint64_t *word = ram + page * (RAM_PAGE_BYTES / 8);
    uint64_t want = mix(page << 40 ^ word[1]);
    if (word[0] == page && word[2] == want && word[RAM_PAGE_BYTES / 8 - 1] == want)
      continue;
    record_fault("ram page=%zu round=%" PRIu64 " does not match its hash", page, word[1]);
    return false;
  }
  return true;
}

static void *dirty_ram(void *unused) {
  (void)unused;
  size_t page = 0;
  for (;;) {
    static const int by_load[] = {0, 1, 16};
    int rate = dirty_mib_s < 0 ? by_load[load] : dirty_mib_s;
    pthread_mutex_lock(&ram_lock);
    for (int i = 0; i < rate * 256 / 50; i++, page = (page + 1) % ram_pages)
      dirty_page(page);
    pthread_mutex_unlock(&ram_lock);
    sleep_ms(20);
  }
  return NULL;
}

static void *beat(void *unused) {
  (void)unused;
  for (uint64_t count = 1;; count++) {
    dprintf(heart_fd, "h %" PRIu64 " %lu %lu\n", count, writes_done, worst_write_ns / 1000000);
    sleep_ms(beat_ms);
  }
  return NULL;
}

/* ------------------------------------------------------------------ commands: each fills one line of answer */

typedef void Command(const char *words, char *answer);

static void put_answer(char *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_answer(char *answer, const char *format, ...) {
  size_t used = strlen(answer);
  va_list args;
  va_start(args, format);
  vsnprintf(answer + used, ANSWER_BYTES - used, format, args);
  va_end(args);
}

static void answer_check(const char *words, char *answer) {
  uint64_t blocks = 0;
  (void)words;
  for (int d = 0; d < disk_count; d++) {
    pthread_mutex_lock(&disks[d].lock);
    for (uint32_t entry = 0; entry < disks[d].span; entry += GROUP_BLOCKS)
      blocks += verify_group(&disks[d], entry) ? GROUP_BLOCKS : 0;
    pthread_mutex_unlock(&disks[d].lock);
  }
  pthread_mutex_lock(&ram_lock);
  verify_ram();
  pthread_mutex_unlock(&ram_lock);
  if (first_fault[0])
    put_answer(answer, "check BAD %s", first_fault);
  else
    put_answer(answer, "check ok disks=%d blocks=%" PRIu64 " writes=%lu", disk_count, blocks, writes_done);
}

static void answer_digest(const char *words, char *answer) {
  (void)words;
  put_answer(answer, "ok");
  for (int d = 0; d < disk_count; d++) {
    uint64_t digest = 0;
    pthread_mutex_lock(&disks[d].lock);
    for (uint32_t entry = 0; entry < disks[d].span; entry += GROUP_BLOCKS) {
      read_group(&disks[d], entry);
      for (uint32_t i = 0; i < GROUP_BLOCKS; i++)
        digest = mix(digest ^ hash_block(disks[d].buffer + (size_t)i * BLOCK_BYTES)) + 1;
    }
    pthread_mutex_unlock(&disks[d].lock);
    put_answer(answer, " %s=%016" PRIx64, disks[d].name, digest);
  }
}

static void answer_load(const char *words, char *answer) {
  for (int i = 0; i < 3; i++)
    if (!strcmp(words, load_names[i])) {
      load = i;
      for (int d = 0; d < disk_count; d++) { /* no act of the old load is still under way after the answer */
        pthread_mutex_lock(&disks[d].lock);
        pthread_mutex_unlock(&disks[d].lock);
      }
      put_answer(answer, "ok load %s", words);
      return;
    }
  put_answer(answer, "error: unknown load '%s'", words);
}

static void answer_write(const char *words, char *answer) {
  long count = strtol(words, NULL, 10);
  bool good = true;
  for (int d = 0; d < disk_count; d++) {
    pthread_mutex_lock(&disks[d].lock);
    for (long i = 0; i < count && good; i++)
      good = act_on_disk(&disks[d]);
    good = good && flush_disk(&disks[d]);
    pthread_mutex_unlock(&disks[d].lock);
  }
  put_answer(answer, good ? "ok writes=%lu" : "BAD after writes=%lu", writes_done);
}

static void answer_fill(const char *words, char *answer) {
  bool good = true;
  (void)words;
  for (int d = 0; d < disk_count; d++) {
    pthread_mutex_lock(&disks[d].lock);
    for (uint32_t entry = 0; entry < disks[d].span && good && !disks[d].read_only; entry += GROUP_BLOCKS) {
      uint64_t began = clock_ns(CLOCK_MONOTONIC);
      good = write_blocks(&disks[d], entry, GROUP_BLOCKS);
      note_write(&disks[d], began);
    }
    good = good && flush_disk(&disks[d]);
    pthread_mutex_unlock(&disks[d].lock);
  }
  put_answer(answer, good ? "ok writes=%lu" : "BAD after writes=%lu", writes_done);
}

/* Of zeroed blocks the generation is 0: made with zero=False, a disk's oldest never goes back unless a write was lost. */
static void answer_oldest(const char *words, char *answer) {
  (void)words;
  put_answer(answer, "ok");
  for (int d = 0; d < disk_count; d++) {
    uint64_t oldest = UINT64_MAX;
    pthread_mutex_lock(&disks[d].lock);
    for (uint32_t entry = 0; entry < disks[d].span; entry++)
      oldest = disks[d].expected[entry].gen < oldest ? disks[d].expected[entry].gen : oldest;
    pthread_mutex_unlock(&disks[d].lock);
    put_answer(answer, " %s=%020" PRIu64, disks[d].name, oldest);
  }
}

static void answer_stat(const char *words, char *answer) {
  (void)words;
  put_answer(answer, "ok load=%s writes=%lu worst_ms=%lu faults=%d", load_names[load], writes_done, worst_write_ns / 1000000,
             first_fault[0] != 0);
  for (int d = 0; d < disk_count; d++)
    put_answer(answer, " %s=%" PRIu64 "/%u/%" PRIu64, disks[d].name, disks[d].blocks, disks[d].span, disks[d].writes);
  worst_write_ns = 0;
}

static void answer_beat(const char *words, char *answer) {
  int ms = atoi(words);
  beat_ms = ms < 1 ? 1 : ms;
  put_answer(answer, "ok beat %d ms", beat_ms);
}

static void answer_dirty(const char *words, char *answer) {
  dirty_mib_s = atoi(words);
  put_answer(answer, "ok dirty %d MiB/s", dirty_mib_s);
}

static void answer_ping(const char *words, char *answer) {
  put_answer(answer, "ok pong %s", words);
}

static void answer_put(const char *words, char *answer) {
  use_file(words, true, false, answer, ANSWER_BYTES);
}

static void answer_get(const char *words, char *answer) {
  use_file(words, false, true, answer, ANSWER_BYTES);
}

static void answer_trade(const char *words, char *answer) {
  use_file(words, true, true, answer, ANSWER_BYTES);
}

static void answer_poweroff(const char *words, char *answer) {
  (void)words;
  (void)answer;
  sync();
  reboot(RB_POWER_OFF);
}

static const struct {
  const char *name;
  Command *run;
} commands[] = {
    {"ping", answer_ping},   /* WORDS: answers them */
    {"check", answer_check}, /* every block of the span and the RAM buffer against what RAM says */
    {"digest", answer_digest}, /* per disk, what the span holds now */
    {"load", answer_load},   /* idle | light | heavy */
    {"write", answer_write}, /* N acts on every disk, then a flush */
    {"fill", answer_fill},   /* every block of the span once, then a flush */
    {"oldest", answer_oldest}, /* per disk the oldest generation in the span: after `fill` all is newer than before it */
    {"stat", answer_stat},   /* counters, per disk blocks/span/writes; forgets the longest write */
    {"beat", answer_beat},   /* MS between heartbeats */
    {"dirty", answer_dirty}, /* MIB of RAM a second; -1: by load */
    {"put", answer_put},     /* PATH HEX: writes a file, a UEFI variable say */
    {"get", answer_get},     /* PATH: its bytes in hexadecimal */
    {"trade", answer_trade}, /* PATH HEX: writes, then reads the answer: a TPM command */
    {"poweroff", answer_poweroff},
};

static void answer_line(int fd, char *line) {
  char answer[ANSWER_BYTES] = "", *id = strtok(line, " "), *verb = strtok(NULL, " "), *words = strtok(NULL, "");
  if (!id || !verb)
    return;
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (!strcmp(verb, commands[i].name)) {
      commands[i].run(words ? words : "", answer);
      dprintf(fd, "%s %s\n", id, answer);
      return;
    }
  dprintf(fd, "%s error: unknown command '%s'\n", id, verb);
}

static void serve_commands(int fd) {
  char line[1024];
  size_t used = 0;
  for (;;) {
    char c;
    if (read(fd, &c, 1) != 1) {
      sleep_ms(10);
      continue;
    }
    if (c == '\n') {
      line[used] = 0;
      used = 0;
      answer_line(fd, line);
    } else if (used < sizeof line - 1) {
      line[used++] = c;
    }
  }
}

/* ------------------------------------------------------------------ boot */

static int open_serial(const char *path) {
  int fd = open(path, O_RDWR | O_NOCTTY);
  struct termios t;
  if (fd < 0 || tcgetattr(fd, &t) < 0)
    return fd;
  cfmakeraw(&t);
  cfsetspeed(&t, B115200);
  t.c_cc[VMIN] = 1;
  tcsetattr(fd, TCSANOW, &t);
  return fd;
}

static void load_modules(void) {
  static const char *const names[] = {"virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
                                      "virtio_blk", "efivarfs"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[64];
    snprintf(path, sizeof path, "/modules/%s.ko", names[i]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
      continue; /* built into this kernel */
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != ENODEV) /* efivarfs without UEFI */
      record_fault("cannot load module '%s': %s", names[i], strerror(errno));
    close(fd);
  }
}

static void read_word(const char *path, char *text, size_t bytes) {
  int fd = open(path, O_RDONLY);
  ssize_t got = fd < 0 ? 0 : read(fd, text, bytes - 1);
  text[got > 0 ? got : 0] = 0;
  text[strcspn(text, "\n")] = 0;
  if (fd >= 0)
    close(fd);
}

static bool open_disk(Disk *disk, char letter) {
  char path[64], serial[sizeof disk->serial] = "";
  uint64_t bytes = 0;
  snprintf(disk->name, sizeof disk->name, "vd%c", letter);
  snprintf(path, sizeof path, "/dev/%s", disk->name);
  disk->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
  if (disk->fd < 0 && (errno == EROFS || errno == EACCES)) {
    disk->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    disk->read_only = true;
  }
  if (disk->fd < 0 || ioctl(disk->fd, BLKGETSIZE64, &bytes) < 0)
    return false;
  snprintf(path, sizeof path, "/sys/block/%s/serial", disk->name);
  read_word(path, serial, sizeof serial);
  memcpy(disk->serial, serial[0] ? serial : disk->name, serial[0] ? sizeof serial : sizeof disk->name);
  disk->blocks = bytes / BLOCK_BYTES;
  disk->span = span_wanted < disk->blocks ? span_wanted : (uint32_t)disk->blocks;
  disk->span -= disk->span % GROUP_BLOCKS;
  if (!disk->span) {
    record_fault("cannot use disk '%s': %" PRIu64 " blocks, need %d", disk->name, disk->blocks, GROUP_BLOCKS);
    return false;
  }
  disk->next_gen = 1;
  disk->expected = calloc(disk->span, sizeof *disk->expected);
  pthread_mutex_init(&disk->lock, NULL);
  return posix_memalign((void **)&disk->buffer, BLOCK_BYTES, GROUP_BLOCKS * BLOCK_BYTES) == 0 && disk->expected;
}

static long option_value(const char *line, const char *key, long otherwise, int radix) {
  const char *at = strstr(line, key);
  return at ? (long)strtoull(at + strlen(key), NULL, radix) : otherwise;
}

static void read_options(void) {
  char line[1024];
  read_word("/proc/cmdline", line, sizeof line);
  run_id = (uint64_t)option_value(line, "ferry.run=", 1, 16) ^ clock_ns(CLOCK_REALTIME);
  span_wanted = (uint32_t)option_value(line, "ferry.span=", 1024, 10);
  ram_pages = (size_t)option_value(line, "ferry.ram=", 8, 10) * 256;
  beat_ms = (int)option_value(line, "ferry.beat=", 10, 10);
  zero_allowed = option_value(line, "ferry.zero=", 1, 10) != 0;
  load = strstr(line, "ferry.load=heavy") ? LOAD_HEAVY : strstr(line, "ferry.load=light") ? LOAD_LIGHT : LOAD_IDLE;
}

int main(void) {
  pthread_t thread;
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sys", "/sys", "sysfs", 0, NULL);
  heart_fd = open_serial("/dev/ttyS0");
  read_options();
  load_modules();
  mount("efivarfs", "/sys/firmware/efi/efivars", "efivarfs", 0, NULL);
  for (char letter = 'a'; letter <= 'z'; letter++)
    if (open_disk(&disks[disk_count], letter))
      disk_count++;
  for (int d = 0; d < disk_count; d++)
    adopt_disk(&disks[d]);
  ram_pages += !ram_pages;
  ram = aligned_alloc(RAM_PAGE_BYTES, ram_pages * RAM_PAGE_BYTES);
  for (size_t page = 0; page < ram_pages; page++)
    dirty_page(page);
  for (int d = 0; d < disk_count; d++)
    pthread_create(&thread, NULL, work_on_disk, &disks[d]);
  pthread_create(&thread, NULL, dirty_ram, NULL);
  pthread_create(&thread, NULL, beat, NULL);
  int command_fd = open_serial("/dev/ttyS1"); /* before "ready": what comes to a closed port is lost */
  dprintf(heart_fd, "ready disks=%d\n", disk_count);
  serve_commands(command_fd);
}
