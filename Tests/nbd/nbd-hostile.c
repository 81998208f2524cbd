/*
 * Clients that mean no good, for scripts/test-nbd. EXPORT is one that nobody minds about.
 *
 *     nbd-hostile rules ADDRESS EXPORT          what is beyond a limit or unknown gets the specification's error
 *     nbd-hostile random ADDRESS EXPORT SECONDS random bytes, at every stage of a connection
 *     nbd-hostile vanish ADDRESS EXPORT COUNT   clients that go in the middle of requests
 *     nbd-hostile slow ADDRESS EXPORT COUNT SECONDS  clients that ask for 512 MiB each and take none of it
 *     nbd-hostile flood ADDRESS EXPORT COUNT STALLING SECONDS
 *         so many connections at once, closed again; but so many stall in the handshake until the server closes them,
 *         which has to happen within so many seconds
 *
 * Each prints what it did. Exits with 1 where the server did what it must not do, or is gone.
 *
 * Past 400 lines, because it is five programs over one set of helpers; each stands by itself.
 */
#define _GNU_SOURCE
#define PROGRAM "nbd-hostile"
#include "../../Benchmarks/peers/nbd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/resource.h>
#include <time.h>

#define ERROR_REPLY UINT32_C(0x80000000)

static const char *address, *export_name;
static int failures, checks;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void expect(int holds, const char *what) {
  checks++;
  if (holds) return;
  failures++;
  printf("not so: %s\n", what);
}

static int give_up_after(int descriptor, int seconds) {
  struct timeval time = { .tv_sec = seconds };
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  return descriptor;
}

static int greeted(void) {
  int descriptor = give_up_after(connect_to(address), 20);
  if (!greet(descriptor)) stop("the server does not greet");
  return descriptor;
}

static struct export entered;
static int enter(int is_structured) {
  int descriptor = give_up_after(connect_to(address), 20);
  entered = handshake(descriptor, export_name, is_structured);
  return descriptor;
}

/* Whether the server closes the connection, whatever it says before. */
static int is_closed(int descriptor) {
  char bytes[4096];
  for (;;) {
    ssize_t count = recv(descriptor, bytes, sizeof bytes, 0);
    if (count > 0) continue;
    int closed = count == 0 || errno == ECONNRESET || errno == EPIPE;
    close(descriptor);
    return closed;
  }
}

/* The error of a request; 0 where there is none, -1 where the connection is closed. */
static int error_of(int descriptor, uint16_t flags, uint16_t command, uint64_t offset, uint32_t length) {
  char message[REQUEST_SIZE], reply[SIMPLE_REPLY_SIZE];
  static char data[64 << 10];
  put_request(message, flags, command, 0x1234, offset, length);
  if (!send_all(descriptor, message, sizeof message)) return -1;
  if (command == COMMAND_WRITE && !send_all(descriptor, data, length)) return -1;
  if (!receive_all(descriptor, reply, sizeof reply)) return -1;
  if (get32(reply) != MAGIC_SIMPLE_REPLY || get64(reply + 8) != 0x1234) return -2;
  if (get32(reply + 4) == 0 && command == COMMAND_READ && !receive_all(descriptor, data, length)) return -1;
  return get32(reply + 4);
}

/* The type of the last reply to an option, 0 where the connection is closed. */
static uint32_t reply_of(int descriptor, uint32_t option, const void *data, uint32_t size) {
  uint32_t type, length;
  char bytes[256];
  if (!send_option(descriptor, option, data, size)) return 0;
  do {
    if (!receive_option_reply(descriptor, option, &type, bytes, sizeof bytes, &length)) return 0;
  } while (type == REPLY_INFO || type == REPLY_SERVER || type == 4);
  return type;
}

/* MARK: Rules */

static void request_rules(void) {
  enum { IS_ALIVE = 0 };
  int descriptor = enter(0);
  uint64_t size = entered.size;
  struct {
    const char *what;
    uint16_t flags, command;
    uint64_t offset;
    uint32_t length;
    int error, other;
  } const rules[] = {
    { "a read that ends beyond the end is EINVAL", 0, COMMAND_READ, size - 512, 1024, EINVAL, EINVAL },
    { "a read at the end is EINVAL", 0, COMMAND_READ, size, 512, EINVAL, EINVAL },
    { "a read at 2^63 is EINVAL", 0, COMMAND_READ, UINT64_C(1) << 63, 512, EINVAL, EINVAL },
    { "a read at 2^64 - 512 of 1024 is EINVAL", 0, COMMAND_READ, -UINT64_C(512), 1024, EINVAL, EINVAL },
    { "a read of 2^32 - 1 bytes is EINVAL", 0, COMMAND_READ, 0, UINT32_MAX, EINVAL, 75 },
    { "a read of no bytes is EINVAL or fine", 0, COMMAND_READ, 0, 0, EINVAL, 0 },
    { "a write beyond the end is ENOSPC", 0, COMMAND_WRITE, size - 512, 1024, ENOSPC, ENOSPC },
    { "a write at 2^64 - 512 is ENOSPC", 0, COMMAND_WRITE, -UINT64_C(512), 512, ENOSPC, EINVAL },
    { "zeroes beyond the end are ENOSPC", 0, COMMAND_WRITE_ZEROES, size - 512, 1024, ENOSPC, ENOSPC },
    { "zeroes, 2^32 - 1 bytes of them at the end, are ENOSPC", 0, COMMAND_WRITE_ZEROES, size, UINT32_MAX, ENOSPC, ENOSPC },
    { "a trim beyond the end is EINVAL", 0, COMMAND_TRIM, size - 512, 1024, EINVAL, EINVAL },
    { "caching beyond the end is EINVAL", 0, COMMAND_CACHE, size - 512, 1024, EINVAL, EINVAL },
    { "block status that was not negotiated is EINVAL", 0, COMMAND_BLOCK_STATUS, 0, 4096, EINVAL, EINVAL },
    { "an unknown command is EINVAL", 0, 99, 0, 4096, EINVAL, EINVAL },
    { "command 65535 is EINVAL", 0, 65535, 0, 0, EINVAL, EINVAL },
    { "an unknown flag is EINVAL", 1 << 15, COMMAND_READ, 0, 512, EINVAL, EINVAL },
    { "NO_HOLE of a read is EINVAL", 2, COMMAND_READ, 0, 512, EINVAL, EINVAL },
    { "FAST_ZERO of a trim is EINVAL", 16, COMMAND_TRIM, 0, 512, EINVAL, EINVAL },
  };
  for (size_t index = 0; index < sizeof rules / sizeof *rules; index++) {
    int error = error_of(descriptor, rules[index].flags, rules[index].command, rules[index].offset, rules[index].length);
    checks++;
    if (error != rules[index].error && error != rules[index].other) {
      failures++;
      printf("not so: %s: %s %d\n", rules[index].what, error < 0 ? "closed or nonsense," : "it is", error);
    }
    if (error < 0) {
      close(descriptor);
      descriptor = enter(0);
    }
    expect(error_of(descriptor, 0, COMMAND_READ, 0, 512) == IS_ALIVE, "the connection goes on after an error");
  }
  close(descriptor);

  descriptor = enter(0);
  char message[REQUEST_SIZE];
  put_request(message, 0, COMMAND_WRITE, 1, 0, 33 << 20);
  send_all(descriptor, message, sizeof message);
  expect(is_closed(descriptor), "a write of 33 MiB closes the connection");
  descriptor = enter(0);
  memset(message, 0x55, sizeof message);
  send_all(descriptor, message, sizeof message);
  expect(is_closed(descriptor), "a request without the magic number closes the connection");
  descriptor = enter(0);
  put_request(message, 0, COMMAND_DISCONNECT, 1, 0, 0);
  send_all(descriptor, message, sizeof message);
  expect(is_closed(descriptor), "NBD_CMD_DISC closes the connection");
}

static void expect_reply(int descriptor, uint32_t option, const void *data, uint32_t size, uint32_t expected, const char *what) {
  uint32_t reply = reply_of(descriptor, option, data, size);
  checks++;
  if (reply == expected) return;
  failures++;
  printf("not so: %s: it is 0x%x\n", what, reply);
}

static void option_rules(void) {
  static char large[2 << 20];
  enum { UNSUPPORTED = 1, POLICY = 2, INVALID = 3, UNKNOWN = 6, TOO_BIG = 9 };
  static const struct {
    uint32_t option;
    const char *data;
    uint32_t size, error;
    const char *what;
  } rules[] = {
    { 0x12345, "abc", 3, UNSUPPORTED, "an unknown option is ERR_UNSUP" },
    { OPTION_GO, "\0\0\0\7none\0\0\0", 11, INVALID, "a name that ends too late is ERR_INVALID" },
    { OPTION_GO, "\377\377\377\377x\0\0", 7, INVALID, "a name of 2^32 - 1 bytes is ERR_INVALID" },
    { OPTION_GO, "\0\0", 2, INVALID, "NBD_OPT_GO with two bytes is ERR_INVALID" },
    { OPTION_GO, "\0\0\0\0\377\377", 6, INVALID, "65,535 information requests that are not there are ERR_INVALID" },
    { OPTION_GO, "\0\0\0\10no such!\0\0", 14, UNKNOWN, "an unknown export is ERR_UNKNOWN" },
    { OPTION_INFO, "\0\0\0\10no such!\0\0", 14, UNKNOWN, "INFO of an unknown export is ERR_UNKNOWN" },
    { OPTION_LIST, "x", 1, INVALID, "NBD_OPT_LIST with data is ERR_INVALID" },
    { OPTION_STRUCTURED_REPLY, "x", 1, INVALID, "STRUCTURED_REPLY with data is ERR_INVALID" },
    { OPTION_SET_META_CONTEXT, "\0\0\0\0\0\0\0\0", 8, INVALID, "contexts before structured replies are ERR_INVALID" },
    { OPTION_LIST_META_CONTEXT, "\0\0\0\0\0\0\0\0", 8, INVALID, "their list too" },
  };
  int descriptor = greeted();
  for (size_t index = 0; index < sizeof rules / sizeof *rules; index++)
    expect_reply(
      descriptor, rules[index].option, rules[index].data, rules[index].size, ERROR_REPLY + rules[index].error,
      rules[index].what);
  uint32_t reply = reply_of(descriptor, 5, NULL, 0);
  expect(reply == ERROR_REPLY + UNSUPPORTED || reply == ERROR_REPLY + POLICY, "STARTTLS is ERR_UNSUP or ERR_POLICY");
  expect_reply(descriptor, OPTION_STRUCTURED_REPLY, NULL, 0, REPLY_ACK, "structured replies are granted");
  expect_reply(
    descriptor, OPTION_SET_META_CONTEXT, "\0\0\0\0\377\377\377\377", 8, ERROR_REPLY + INVALID,
    "2^32 - 1 queries that are not there are ERR_INVALID");
  reply = reply_of(descriptor, OPTION_INFO, large, 128 << 10);
  expect(reply == ERROR_REPLY + TOO_BIG || reply == ERROR_REPLY + INVALID, "an option of 128 KiB is ERR_TOO_BIG or ERR_INVALID");
  expect(reply_of(descriptor, OPTION_LIST, NULL, 0) == REPLY_ACK, "the handshake goes on after all of that");
  expect(reply_of(descriptor, OPTION_ABORT, NULL, 0) == REPLY_ACK, "NBD_OPT_ABORT is acknowledged");
  expect(is_closed(descriptor), "NBD_OPT_ABORT closes the connection");

  char header[16];
  descriptor = greeted();
  put64(header, MAGIC_OPTION);
  put32(header + 8, 0x12345);
  put32(header + 12, UINT32_MAX);
  send_all(descriptor, header, sizeof header);
  send_all(descriptor, large, sizeof large);
  expect(is_closed(descriptor), "an option of 4 GiB closes the connection");
  descriptor = greeted();
  put64(header, 0x1111111111111111);
  send_all(descriptor, header, sizeof header);
  expect(is_closed(descriptor), "an option without the magic number closes the connection");
  descriptor = greeted();
  int sent = 0;
  while (sent < 100000 && reply_of(descriptor, 0x12345, NULL, 0) != 0) sent++;
  expect(sent < 100000 && is_closed(descriptor), "options without end close the connection");
  descriptor = greeted();
  send_option(descriptor, OPTION_EXPORT_NAME, "no such!", 8);
  expect(is_closed(descriptor), "EXPORT_NAME of an unknown export closes the connection");
  descriptor = give_up_after(connect_to(address), 20);
  char greeting[18];
  receive_all(descriptor, greeting, sizeof greeting);
  send_all(descriptor, "\377\377\377\377", 4);
  expect(is_closed(descriptor), "unknown client flags close the connection");
}

/* MARK: Random bytes */

static void take_what_is_there(int descriptor) {
  char bytes[65536];
  while (recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {}
}

static void send_some(int descriptor, const void *data, size_t size) {
  send(descriptor, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Random values of which many are near a limit. */
static uint64_t odd_number(void) {
  static const uint64_t odd[] = { 0, 1, 511, 512, 4096, 65535, 65536, 1 << 20, 32 << 20, (32 << 20) + 1, UINT32_MAX,
    INT64_MAX, UINT64_MAX, UINT64_C(1) << 63 };
  uint64_t value = random_number();
  if (value % 4 == 0) return value;
  if (value % 4 == 1) return value % 70000;
  return odd[(value >> 8) % (sizeof odd / sizeof *odd)] + (value % 4 == 2 ? 0 : entered.size);
}

static void random_bytes(double seconds) {
  static char bytes[70000];
  uint64_t connections = 0;
  double end = now() + seconds;
  close(enter(0));
  random_state ^= (uint64_t)time(NULL) << 20;
  while (now() < end) {
    int descriptor = try_to_connect(address), stage = random_number() % 5;
    if (descriptor < 0 && (errno == EAGAIN || errno == ECONNREFUSED) && connections > 0) {
      /* The queue is full, or it is gone: the caller finds out. */
      usleep(1000);
      continue;
    }
    if (descriptor < 0) stop("cannot connect: %s", strerror(errno));
    give_up_after(descriptor, 20);
    connections++;
    for (size_t index = 0; index < sizeof bytes; index += 8) put64(bytes + index, random_number());
    if (stage == 0) {
      send_some(descriptor, bytes, random_number() % 3000);
    } else if (stage == 1 || stage == 2) {
      if (!greet(descriptor)) stop("the server does not greet");
      /* Options with the right magic number, and data that may be shorter or longer than it says. */
      for (int count = random_number() % 8; count >= 0; count--) {
        char option[16];
        uint32_t length = stage == 1 ? random_number() % 200 : odd_number();
        put64(option, MAGIC_OPTION);
        put32(option + 8, random_number() % 14);
        put32(option + 12, length);
        send_some(descriptor, option, sizeof option);
        if (random_number() % 2) memset(bytes, 0, 12);
        if (random_number() % 2) put32(bytes, random_number() % 12);
        send_some(descriptor, bytes, length < sizeof bytes && random_number() % 4 ? length : random_number() % 100);
        if (random_number() % 2) take_what_is_there(descriptor);
      }
    } else {
      /* Requests: of nothing but random bytes, or with the magic number and odd fields. */
      handshake(descriptor, export_name, random_number() % 2);
      for (int count = random_number() % 16; count >= 0; count--) {
        char request[REQUEST_SIZE];
        uint16_t command = random_number() % 10;
        uint32_t length = odd_number();
        put_request(request, random_number() % 3 ? 0 : random_number() % 64, command, random_number(), odd_number(), length);
        if (stage == 3 || random_number() % 16) send_some(descriptor, request, sizeof request);
        else send_some(descriptor, bytes, random_number() % 100);
        if (command == COMMAND_WRITE) send_some(descriptor, bytes, length < sizeof bytes ? length : sizeof bytes);
        if (random_number() % 2) take_what_is_there(descriptor);
      }
    }
    if (random_number() % 2) shutdown(descriptor, SHUT_WR);
    if (random_number() % 4 == 0) usleep(random_number() % 2000);
    take_what_is_there(descriptor);
    close(descriptor);
  }
  close(enter(0));
  printf("%" PRIu64 " connections of random bytes\n", connections);
}

/* MARK: Clients that go, and clients that stay */

static void vanish(int count) {
  static char data[512 << 10];
  char request[REQUEST_SIZE];
  for (int index = 0; index < count; index++) {
    int descriptor = enter(index % 2);
    switch (index % 4) {
    case 0:  // half of a write
      put_request(request, 0, COMMAND_WRITE, 1, 0, 1 << 20);
      send_all(descriptor, request, sizeof request);
      send_all(descriptor, data, sizeof data);
      break;
    case 1:  // reads whose replies nobody takes
      for (int each = 0; each < 32; each++) {
        put_request(request, 0, COMMAND_READ, each, 0, 1 << 20);
        send_all(descriptor, request, sizeof request);
      }
      break;
    case 2:  // writes and flushes under way
      for (int each = 0; each < 16; each++) {
        put_request(request, FLAG_FUA, COMMAND_WRITE, each, 0, 4096);
        send_all(descriptor, request, sizeof request);
        send_all(descriptor, data, 4096);
        put_request(request, 0, COMMAND_FLUSH, 100 + each, 0, 0);
        send_all(descriptor, request, sizeof request);
      }
      break;
    case 3:  // half of a request, and a reset where it is TCP
      put_request(request, 0, COMMAND_READ, 1, 0, 4096);
      send_all(descriptor, request, 13);
      setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
    }
    close(descriptor);
  }
  close(enter(0));
  printf("%d clients gone in the middle\n", count);
}

static void slow(int count, int seconds) {
  char request[REQUEST_SIZE];
  for (int index = 0; index < count; index++) {
    int descriptor = enter(index % 2);
    if (entered.size < 32 << 20) stop("the export is too small");
    for (int each = 0; each < 16; each++) {
      put_request(request, 0, COMMAND_READ, each, 0, 32 << 20);
      send_some(descriptor, request, sizeof request);
    }
  }
  printf("%d clients, each asks for 512 MiB\n", count);
  fflush(stdout);
  sleep(seconds);
}

static void flood(int count, int stalling, int seconds) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  int *descriptors = malloc(count * sizeof(int));
  double start = now();
  for (int index = 0; index < count; index++) {
    while ((descriptors[index] = try_to_connect(address)) < 0) {
      if (errno != EAGAIN || now() > start + 30) stop("connection %d of %d: %s", index + 1, count, strerror(errno));
      usleep(1000);
    }
  }
  double connected = now() - start;
  /* Of those that stall, some say nothing, some stop in the flags, in an option's header, and in its data. */
  for (int index = 0; index < stalling; index++) {
    char option[19];
    put64(option, MAGIC_OPTION);
    put32(option + 8, OPTION_GO);
    put32(option + 12, 100);
    int descriptor = descriptors[index];
    if (index % 4 == 1) send_all(descriptor, "\0\0", 2);
    if (index % 4 >= 2) send_all(descriptor, "\0\0\0\3", 4);
    if (index % 4 >= 2) send_all(descriptor, option, index % 4 == 2 ? 11 : 19);
  }
  for (int index = stalling; index < count; index++) close(descriptors[index]);
  int closed = 0;
  for (int index = 0; index < stalling; index++) {
    char bytes[256];
    ssize_t received = 1;
    while (received > 0) {
      struct pollfd event = { .fd = descriptors[index], .events = POLLIN };
      double left = start + seconds - now();
      if (poll(&event, 1, left > 0 ? left * 1000 : 0) <= 0) break;
      received = recv(descriptors[index], bytes, sizeof bytes, 0);
    }
    closed += received <= 0;
    close(descriptors[index]);
  }
  printf(
    "%d connections within %.2f s, %d of %d that stalled were closed by the server, the last after %.1f s\n", count,
    connected, closed, stalling, now() - start);
  if (closed < stalling) failures++;
}

int main(int count, char **arguments) {
  if (count < 4) {
    fprintf(stderr, "usage: nbd-hostile rules|random|vanish|slow|flood ADDRESS EXPORT …, see its source\n");
    return 64;
  }
  const char *what = arguments[1];
  address = arguments[2];
  export_name = arguments[3];
  int number[3] = { 0 };
  for (int index = 4; index < count && index < 7; index++) number[index - 4] = atoi(arguments[index]);
  if (strcmp(what, "rules") == 0) {
    option_rules();
    request_rules();
    printf("%d of %d hold\n", checks - failures, checks);
  } else if (strcmp(what, "random") == 0) {
    random_bytes(number[0]);
  } else if (strcmp(what, "vanish") == 0) {
    vanish(number[0]);
  } else if (strcmp(what, "slow") == 0) {
    slow(number[0], number[1]);
  } else if (strcmp(what, "flood") == 0) {
    flood(number[0], number[1], number[2]);
  } else {
    stop("there is no %s", what);
  }
  return failures > 0;
}
