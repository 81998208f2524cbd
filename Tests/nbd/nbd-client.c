/*
 * The client of scripts/test-nbd that knows what it was promised.
 *
 *     nbd-client write [--no-fua] ADDRESS EXPORT JOURNAL SECONDS
 *     nbd-client check JOURNAL FILE | nbd-client check JOURNAL ADDRESS EXPORT
 *     nbd-client request ADDRESS EXPORT [-f FLAGS] (read|write|trim|zero|cache|flush) OFFSET LENGTH
 *
 * `write` keeps 64 writes of random blocks outstanding, with FUA unless told otherwise. Each block holds its number, a
 * sequence number that only grows, and a checksum; whatever is acknowledged is noted in the journal. It ends with status 0
 * when the time is over, the server is gone, or the server says that it shuts down. `check` looks whether each
 * acknowledged block has the sequence number that was acknowledged last, or a later one. `request` sends one request and
 * prints "ok" or "error NUMBER".
 */
#define _GNU_SOURCE
#define PROGRAM "nbd-client"
#include "../../Benchmarks/peers/nbd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

enum { BLOCK = 4096, DEPTH = 64, WORDS = BLOCK / 8, SHUTS_DOWN = 108 };
#define MARK UINT64_C(0x61696f2d6e62643a)

struct note {
  uint64_t block, sequence;
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static uint64_t checksum(const uint64_t *words) {
  uint64_t sum = UINT64_C(0xcbf29ce484222325);
  for (int index = 0; index < WORDS - 1; index++) sum = (sum ^ words[index]) * UINT64_C(0x100000001b3);
  return sum;
}

static void compose(uint64_t *words, uint64_t block, uint64_t sequence) {
  words[0] = MARK;
  words[1] = block;
  words[2] = sequence;
  for (int index = 3; index < WORDS - 1; index++) words[index] = random_number();
  words[WORDS - 1] = checksum(words);
}

/* The sequence number acknowledged last for each block; the count of notes. */
static uint64_t read_journal(const char *path, uint64_t *last, uint64_t blocks, uint64_t *largest) {
  int file = open(path, O_RDONLY);
  uint64_t count = 0;
  struct note note;
  *largest = 0;
  if (file < 0) return 0;
  while (read(file, &note, sizeof note) == sizeof note) {
    if (note.block >= blocks) stop("the journal names block %" PRIu64 " of %" PRIu64, note.block, blocks);
    if (note.sequence > last[note.block]) last[note.block] = note.sequence;
    if (note.sequence > *largest) *largest = note.sequence;
    count++;
  }
  close(file);
  return count;
}

/* MARK: Writing */

static int write_blocks(const char *address, const char *name, const char *path, double seconds, uint16_t flags) {
  int descriptor = connect_to(address);
  struct export export = handshake(descriptor, name, 0);
  uint64_t blocks = export.size / BLOCK, largest, acknowledged = 0, refused = 0;
  uint64_t *pending = calloc(blocks, 8), *last = calloc(blocks, 8);
  if (pending == NULL || last == NULL || blocks <= DEPTH) stop("no memory, or an export that is too small");
  read_journal(path, last, blocks, &largest);
  uint64_t sequence = largest + 1000000;
  int journal = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (journal < 0) stop("%s: %s", path, strerror(errno));
  random_state ^= time(NULL) * 2654435761u + getpid();

  double end = now() + seconds;
  int under_way = 0, ends = 0, gone = 0;
  char message[REQUEST_SIZE + BLOCK];
  for (;;) {
    ends = ends || now() >= end;
    while (!ends && !gone && under_way < DEPTH) {
      uint64_t block = random_number() % blocks;
      if (pending[block] != 0) continue;
      pending[block] = ++sequence;
      put_request(message, flags, COMMAND_WRITE, block, block * BLOCK, BLOCK);
      uint64_t words[WORDS];
      compose(words, block, sequence);
      memcpy(message + REQUEST_SIZE, words, BLOCK);
      gone = !send_all(descriptor, message, sizeof message);
      under_way++;
    }
    /* Also when sending failed: what was answered before the end is to be noted. */
    if (under_way == 0) break;
    char reply[SIMPLE_REPLY_SIZE];
    if (!receive_all(descriptor, reply, sizeof reply)) break;
    uint64_t block = get64(reply + 8);
    uint32_t error = get32(reply + 4);
    if (get32(reply) != MAGIC_SIMPLE_REPLY) stop("a reply begins with 0x%08x", get32(reply));
    if (block >= blocks || pending[block] == 0) stop("a reply to a request that is not under way");
    if (error == SHUTS_DOWN) {
      ends = 1;
      refused++;
    } else if (error != 0) {
      stop("error %u for a write of block %" PRIu64, error, block);
    } else {
      struct note note = { block, pending[block] };
      if (write(journal, &note, sizeof note) != sizeof note) stop("%s: %s", path, strerror(errno));
      acknowledged++;
    }
    pending[block] = 0;
    under_way--;
  }
  printf(
    "%" PRIu64 " writes acknowledged, %" PRIu64 " refused, %d without an answer\n", acknowledged, refused, under_way);
  return acknowledged == 0;
}

/* MARK: Checking */

static uint32_t request(
  int descriptor, uint16_t flags, uint16_t command, uint64_t offset, uint32_t length, char *data
) {
  char message[REQUEST_SIZE], reply[SIMPLE_REPLY_SIZE];
  put_request(message, flags, command, 1, offset, length);
  if (!send_all(descriptor, message, sizeof message)) stop("the server closed the connection");
  if (command == COMMAND_WRITE && !send_all(descriptor, data, length)) stop("the server closed the connection");
  if (!receive_all(descriptor, reply, sizeof reply)) stop("the server closed the connection");
  if (get32(reply) != MAGIC_SIMPLE_REPLY || get64(reply + 8) != 1) stop("this is no reply to the request");
  if (get32(reply + 4) == 0 && command == COMMAND_READ && !receive_all(descriptor, data, length))
    stop("the server closed the connection");
  return get32(reply + 4);
}

static int check(const char *journal, const char *target, const char *name) {
  int file = -1, descriptor = -1;
  uint64_t size;
  if (name != NULL) {
    descriptor = connect_to(target);
    size = handshake(descriptor, name, 0).size;
  } else {
    struct stat status;
    file = open(target, O_RDONLY);
    if (file < 0 || fstat(file, &status) != 0) stop("%s: %s", target, strerror(errno));
    size = status.st_size;
  }
  uint64_t blocks = size / BLOCK, largest, lost = 0, checked = 0;
  uint64_t *last = calloc(blocks, 8);
  if (last == NULL) stop("no memory");
  uint64_t count = read_journal(journal, last, blocks, &largest);
  if (count == 0) stop("the journal is empty");
  for (uint64_t block = 0; block < blocks; block++) {
    if (last[block] == 0) continue;
    uint64_t words[WORDS];
    uint32_t error = name != NULL
      ? request(descriptor, 0, COMMAND_READ, block * BLOCK, BLOCK, (char *)words)
      : pread(file, words, BLOCK, block * BLOCK) == BLOCK ? 0 : EIO;
    if (error != 0) stop("error %u for a read of block %" PRIu64, error, block);
    checked++;
    if (words[0] == MARK && words[1] == block && words[2] >= last[block] && words[WORDS - 1] == checksum(words)) continue;
    if (lost++ < 5)
      printf(
        "block %" PRIu64 ": acknowledged %" PRIu64 ", there is %" PRIu64 "%s\n", block, last[block],
        words[0] == MARK ? words[2] : 0, words[WORDS - 1] == checksum(words) ? "" : ", with a wrong checksum");
  }
  printf("%" PRIu64 " acknowledged writes to %" PRIu64 " blocks, %" PRIu64 " blocks lost\n", count, checked, lost);
  return lost > 0;
}

static int one_request(int count, char **arguments) {
  uint16_t flags = 0;
  if (count == 7 && strcmp(arguments[2], "-f") == 0) {
    flags = strtoul(arguments[3], NULL, 0);
    arguments[2] = arguments[0];
    arguments[3] = arguments[1];
    arguments += 2;
    count -= 2;
  }
  static const struct { const char *name; uint16_t command; } commands[] = {
    { "read", COMMAND_READ }, { "write", COMMAND_WRITE }, { "trim", COMMAND_TRIM }, { "zero", COMMAND_WRITE_ZEROES },
    { "cache", COMMAND_CACHE }, { "flush", COMMAND_FLUSH },
  };
  if (count != 5) stop("request takes ADDRESS EXPORT [-f FLAGS] COMMAND OFFSET LENGTH");
  uint64_t offset = strtoull(arguments[3], NULL, 0), length = strtoull(arguments[4], NULL, 0);
  char *data = malloc(length + 1);
  if (data == NULL) stop("no memory");
  memset(data, 'x', length);
  for (size_t index = 0; index < sizeof commands / sizeof *commands; index++) {
    if (strcmp(commands[index].name, arguments[2]) != 0) continue;
    int descriptor = connect_to(arguments[0]);
    handshake(descriptor, arguments[1], 0);
    uint32_t error = request(descriptor, flags, commands[index].command, offset, length, data);
    if (error == 0) printf("ok\n");
    else printf("error %u\n", error);
    return 0;
  }
  stop("there is no command %s", arguments[2]);
  return 1;
}

int main(int count, char **arguments) {
  uint16_t flags = FLAG_FUA;
  if (count == 7 && strcmp(arguments[2], "--no-fua") == 0) {
    flags = 0;
    memmove(arguments + 2, arguments + 3, 4 * sizeof *arguments);
    count--;
  }
  if (count == 6 && strcmp(arguments[1], "write") == 0)
    return write_blocks(arguments[2], arguments[3], arguments[4], atof(arguments[5]), flags);
  if ((count == 4 || count == 5) && strcmp(arguments[1], "check") == 0)
    return check(arguments[2], arguments[3], count == 5 ? arguments[4] : NULL);
  if (count > 4 && strcmp(arguments[1], "request") == 0) return one_request(count - 2, arguments + 2);
  fprintf(stderr, "usage: nbd-client write|check|request …, see its source\n");
  return 64;
}
