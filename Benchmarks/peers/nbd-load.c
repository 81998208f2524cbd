/*
 * A load generator for NBD servers: one thread that keeps so many random, aligned requests outstanding on each of its
 * connections. What may be sent goes out in one call, and replies are parsed where they were received, many a call, so
 * that it costs little CPU a request and is not what limits the server.
 *
 *     nbd-load [--connections N] [--depth N] [--size BYTES] [--count REQUESTS | --seconds S] [--write] [--fua]
 *              [--export NAME] [--simple] [--verify FILE] [--server-pid PID] [--json] unix:PATH|tcp:HOST:PORT
 *
 * Prints requests a second, latencies in microseconds, bytes a second, and CPU microseconds a request: its own, and with
 * --server-pid the server's, all of its threads. --verify compares what is read with FILE, or with --write writes what
 * FILE has there. --simple does not ask for structured replies. Any violation of the protocol, error reply or difference
 * ends it with a sentence and status 1; wrong usage with status 64.
 *
 * Past 400 lines, because a program in C here is one source: scripts/bench builds each by itself.
 */
#define _GNU_SOURCE
#define PROGRAM "nbd-load"
#include "nbd.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

enum { RECEIVE_SIZE = 256 * 1024, UNITS_A_CALL = 256, LARGEST_DEPTH = 65536, SUBBUCKETS = 64 };

struct slot {
  uint64_t cookie;
  uint64_t offset;
  uint64_t start;
  uint32_t received;
  int outstanding;
};

struct connection {
  int descriptor;
  struct export export;
  struct slot *slots;
  uint32_t *idle;
  int idle_count;
  /* Headers of requests that are not sent yet, and how many bytes of the first one (and of its data) are. */
  char *headers;
  int queued;
  size_t sent;
  int waits_to_send;
  /* Received and not parsed: buffer[from ..< to]. Of the chunk whose header was parsed, `skip` bytes of data are to come. */
  char *buffer;
  size_t from, to;
  uint32_t skip;
  uint64_t skip_offset;
  struct slot *skip_slot;
  int skip_ends_request;
};

static int depth = 64, connection_count = 1, is_write, is_fua, structured = 1, json;
static uint32_t size = 4096;
static uint64_t wanted, started, done, blocks, limit;
static const char *verified;
static char *payload;
static uint64_t histogram[(64 - 5) * SUBBUCKETS];
static double latency_sum;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}

static uint64_t cpu(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) != 0) stop("the server's CPU time cannot be read: %s", strerror(errno));
  return time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}

/* Latencies: exact below 64 ns, then 64 steps for each doubling. */
static void record(uint64_t nanoseconds) {
  latency_sum += nanoseconds;
  if (nanoseconds < SUBBUCKETS) {
    histogram[nanoseconds]++;
  } else {
    int shift = 63 - __builtin_clzll(nanoseconds) - 6;
    histogram[(shift + 1) * SUBBUCKETS + (nanoseconds >> shift) - SUBBUCKETS]++;
  }
}

static double percentile(double share) {
  uint64_t seen = 0, target = share * done;
  for (size_t index = 0; index < sizeof histogram / sizeof *histogram; index++) {
    seen += histogram[index];
    if (seen > target) {
      if (index < SUBBUCKETS) return index;
      int shift = index / SUBBUCKETS - 1;
      return (double)((index % SUBBUCKETS + SUBBUCKETS) << shift) + (UINT64_C(1) << shift) / 2.0;
    }
  }
  return 0;
}

/* MARK: Sending */

static int may_start(void) { return limit > 0 ? started < limit : !wanted || now() < wanted; }

static void fill(struct connection *connection) {
  if (connection->idle_count == 0) return;
  /* By the clock it is looked at once a pass; by number before each. */
  if (!may_start()) return;
  uint64_t time = now();
  while (connection->idle_count > 0 && (limit == 0 || started < limit)) {
    uint32_t index = connection->idle[--connection->idle_count];
    struct slot *slot = &connection->slots[index];
    slot->cookie += LARGEST_DEPTH;
    slot->offset = random_number() % blocks * size;
    slot->start = time;
    slot->received = 0;
    slot->outstanding = 1;
    put_request(
      connection->headers + (size_t)connection->queued++ * REQUEST_SIZE, is_fua ? FLAG_FUA : 0,
      is_write ? COMMAND_WRITE : COMMAND_READ, slot->cookie, slot->offset, size);
    started++;
  }
}

static void flush(int poll, struct connection *connection) {
  size_t unit = REQUEST_SIZE + (is_write ? size : 0);
  while (connection->queued > 0) {
    ssize_t count;
    if (!is_write) {
      count = send(
        connection->descriptor, connection->headers + connection->sent,
        (size_t)connection->queued * REQUEST_SIZE - connection->sent, MSG_NOSIGNAL);
    } else {
      struct iovec parts[UNITS_A_CALL * 2];
      int units = connection->queued < UNITS_A_CALL ? connection->queued : UNITS_A_CALL;
      for (int index = 0; index < units; index++) {
        char *header = connection->headers + (size_t)index * REQUEST_SIZE;
        parts[index * 2] = (struct iovec){ header, REQUEST_SIZE };
        parts[index * 2 + 1] = (struct iovec){ verified ? (char *)verified + get64(header + 16) : payload, size };
      }
      int first = connection->sent >= REQUEST_SIZE;
      size_t inside = first ? connection->sent - REQUEST_SIZE : connection->sent;
      parts[first].iov_base = (char *)parts[first].iov_base + inside;
      parts[first].iov_len -= inside;
      struct msghdr message = { .msg_iov = parts + first, .msg_iovlen = units * 2 - first };
      count = sendmsg(connection->descriptor, &message, MSG_NOSIGNAL);
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) stop("sending requests: %s", strerror(errno));
    connection->sent += count;
    int whole = connection->sent / unit;
    connection->sent -= whole * unit;
    connection->queued -= whole;
    if (whole > 0)
      memmove(
        connection->headers, connection->headers + (size_t)whole * REQUEST_SIZE,
        (size_t)connection->queued * REQUEST_SIZE);
  }
  if (connection->waits_to_send != (connection->queued > 0)) {
    connection->waits_to_send = connection->queued > 0;
    struct epoll_event event = { .events = EPOLLIN | (connection->queued > 0 ? EPOLLOUT : 0), .data.ptr = connection };
    if (epoll_ctl(poll, EPOLL_CTL_MOD, connection->descriptor, &event) != 0) stop("epoll_ctl: %s", strerror(errno));
  }
}

/* MARK: Replies */

static struct slot *slot_of(struct connection *connection, uint64_t cookie) {
  uint64_t index = cookie % LARGEST_DEPTH;
  if (index >= (uint64_t)depth || !connection->slots[index].outstanding || connection->slots[index].cookie != cookie)
    stop("a reply to a request that is not under way: cookie 0x%" PRIx64, cookie);
  return &connection->slots[index];
}

static void finish(struct connection *connection, struct slot *slot, uint64_t time) {
  if (!is_write && slot->received != size)
    stop("a read of %u bytes at %" PRIu64 " ended after %u", size, slot->offset, slot->received);
  slot->outstanding = 0;
  connection->idle[connection->idle_count++] = slot - connection->slots;
  record(time - slot->start);
  done++;
}

static void compare(uint64_t offset, const char *data, size_t length) {
  if (verified && memcmp(verified + offset, data, length) != 0)
    stop("what was read at %" PRIu64 ", %zu bytes, differs from the file", offset, length);
}

/* Takes the header at the buffer's start, or returns 0 when more of it has to come. */
static int parse_header(struct connection *connection, uint64_t time) {
  const char *at = connection->buffer + connection->from;
  size_t there = connection->to - connection->from;
  if (there < SIMPLE_REPLY_SIZE) return 0;
  uint32_t magic = get32(at);
  if (magic == MAGIC_SIMPLE_REPLY) {
    struct slot *slot = slot_of(connection, get64(at + 8));
    if (get32(at + 4) != 0) stop("error %u for a request at %" PRIu64, get32(at + 4), slot->offset);
    if (connection->export.structured && !is_write) stop("a simple reply to a read, with structured replies agreed on");
    connection->from += SIMPLE_REPLY_SIZE;
    if (is_write) {
      finish(connection, slot, time);
    } else {
      connection->skip = size;
      connection->skip_offset = slot->offset;
      connection->skip_slot = slot;
      connection->skip_ends_request = 1;
    }
    return 1;
  }
  if (magic != MAGIC_CHUNK) stop("a reply begins with 0x%08x, which is no magic number", magic);
  if (!connection->export.structured) stop("a structured reply that nobody asked for");
  if (there < CHUNK_HEADER_SIZE) return 0;
  uint16_t flags = get16(at + 4), type = get16(at + 6);
  uint32_t length = get32(at + 16);
  struct slot *slot = slot_of(connection, get64(at + 8));
  if (flags & ~CHUNK_DONE) stop("a chunk with unknown flags 0x%x", flags);
  if (type & CHUNK_ERROR_BIT) {
    if (there < CHUNK_HEADER_SIZE + 4) return 0;
    stop("error %u for a request at %" PRIu64, get32(at + CHUNK_HEADER_SIZE), slot->offset);
  }
  if (type == CHUNK_NONE) {
    if (length != 0 || !(flags & CHUNK_DONE)) stop("an empty chunk that has data or does not end its reply");
    connection->from += CHUNK_HEADER_SIZE;
    finish(connection, slot, time);
    return 1;
  }
  if (is_write || (type != CHUNK_DATA && type != CHUNK_HOLE)) stop("a chunk of type %u", type);
  if (there < CHUNK_HEADER_SIZE + (type == CHUNK_DATA ? 8 : 12)) return 0;
  uint64_t offset = get64(at + CHUNK_HEADER_SIZE);
  uint32_t covered = type == CHUNK_DATA ? length - 8 : get32(at + CHUNK_HEADER_SIZE + 8);
  if (type == CHUNK_DATA ? length <= 8 : length != 12) stop("a chunk of type %u with %u bytes", type, length);
  if (offset < slot->offset || offset > slot->offset + size || covered > slot->offset + size - offset || covered == 0)
    stop("a chunk outside of what was asked for: %u bytes at %" PRIu64, covered, offset);
  slot->received += type == CHUNK_DATA ? 0 : covered;
  if (type == CHUNK_HOLE) {
    for (uint32_t index = 0; verified && index < covered; index++)
      if (verified[offset + index] != 0) stop("a hole at %" PRIu64 ", where the file has data", offset + index);
    connection->from += CHUNK_HEADER_SIZE + 12;
    if (flags & CHUNK_DONE) finish(connection, slot, time);
    return 1;
  }
  connection->from += CHUNK_HEADER_SIZE + 8;
  connection->skip = covered;
  connection->skip_offset = offset;
  connection->skip_slot = slot;
  connection->skip_ends_request = flags & CHUNK_DONE;
  return 1;
}

static void parse(struct connection *connection) {
  uint64_t time = now();
  for (;;) {
    if (connection->skip > 0) {
      size_t there = connection->to - connection->from;
      size_t count = there < connection->skip ? there : connection->skip;
      if (count == 0) break;
      compare(connection->skip_offset, connection->buffer + connection->from, count);
      connection->skip_slot->received += count;
      connection->skip_offset += count;
      connection->skip -= count;
      connection->from += count;
      if (connection->skip == 0 && connection->skip_ends_request) finish(connection, connection->skip_slot, time);
    } else if (!parse_header(connection, time)) {
      break;
    }
  }
  /* What is left is less than a header. */
  memmove(connection->buffer, connection->buffer + connection->from, connection->to - connection->from);
  connection->to -= connection->from;
  connection->from = 0;
}

static void receive(struct connection *connection) {
  ssize_t count = recv(connection->descriptor, connection->buffer + connection->to, RECEIVE_SIZE - connection->to, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) stop("receiving replies: %s", strerror(errno));
  if (count == 0) stop("the server closed the connection, with requests under way");
  connection->to += count;
  parse(connection);
}

/* MARK: Beginning and end */

static void begin(struct connection *connection, const char *address, const char *export) {
  connection->descriptor = connect_to(address);
  connection->export = handshake(connection->descriptor, export, structured);
  if (connection->export.size < size) stop("the export is smaller than one request");
  blocks = connection->export.size / size;
  connection->slots = calloc(depth, sizeof(struct slot));
  connection->idle = calloc(depth, sizeof(uint32_t));
  connection->headers = malloc((size_t)depth * REQUEST_SIZE);
  connection->buffer = malloc(RECEIVE_SIZE);
  if (!connection->slots || !connection->idle || !connection->headers || !connection->buffer) stop("no memory");
  for (int index = 0; index < depth; index++) {
    connection->slots[index].cookie = index;
    connection->idle[connection->idle_count++] = depth - 1 - index;
  }
  fcntl(connection->descriptor, F_SETFL, fcntl(connection->descriptor, F_GETFL) | O_NONBLOCK);
}

static double number(const char *text, double least, double most) {
  char *end;
  double value = strtod(text, &end);
  if (*text == 0 || *end != 0 || !(value >= least && value <= most)) {
    fprintf(stderr, PROGRAM ": %s is not a number from %.0f to %.0f\n", text, least, most);
    exit(64);
  }
  return value;
}

int main(int argument_count, char **arguments) {
  static const struct option options[] = {
    { "connections", 1, 0, 'c' }, { "depth", 1, 0, 'd' }, { "size", 1, 0, 'b' }, { "count", 1, 0, 'n' },
    { "seconds", 1, 0, 's' }, { "write", 0, 0, 'w' }, { "fua", 0, 0, 'f' }, { "export", 1, 0, 'e' },
    { "simple", 0, 0, 'i' }, { "verify", 1, 0, 'v' }, { "server-pid", 1, 0, 'p' }, { "json", 0, 0, 'j' }, { 0 },
  };
  const char *export = "", *file = NULL;
  double seconds = 0;
  pid_t server = 0;
  int option, understood = 1;
  while (understood && (option = getopt_long(argument_count, arguments, "", options, NULL)) != -1) {
    switch (option) {
    case 'c': connection_count = number(optarg, 1, 4096); break;
    case 'd': depth = number(optarg, 1, LARGEST_DEPTH); break;
    case 'b': size = number(optarg, 1, 32 << 20); break;
    case 'n': limit = number(optarg, 1, 1e15); break;
    case 's': seconds = number(optarg, 0.001, 1e6); break;
    case 'w': is_write = 1; break;
    case 'f': is_fua = 1; break;
    case 'e': export = optarg; break;
    case 'i': structured = 0; break;
    case 'v': file = optarg; break;
    case 'p': server = number(optarg, 1, 1e9); break;
    case 'j': json = 1; break;
    default: understood = 0;
    }
  }
  if (!understood || optind != argument_count - 1 || (limit > 0 && seconds > 0)) {
    fprintf(
      stderr,
      "usage: nbd-load [--connections N] [--depth N] [--size BYTES] [--count REQUESTS | --seconds S] [--write] [--fua]\n"
      "                [--export NAME] [--simple] [--verify FILE] [--server-pid PID] [--json] unix:PATH|tcp:HOST:PORT\n");
    return 64;
  }
  if (limit == 0 && seconds == 0) limit = 100000;
  random_state ^= now();

  struct connection *connections = calloc(connection_count, sizeof *connections);
  int poll = epoll_create1(EPOLL_CLOEXEC);
  if (connections == NULL || poll < 0) stop("epoll: %s", strerror(errno));
  for (int index = 0; index < connection_count; index++) begin(&connections[index], arguments[optind], export);
  if (is_write) {
    payload = malloc(size);
    if (payload == NULL) stop("no memory");
    for (uint32_t index = 0; index < size; index++) payload[index] = random_number() >> 32;
  }
  if (file != NULL) {
    int descriptor = open(file, O_RDONLY);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) != 0) stop("%s: %s", file, strerror(errno));
    if ((uint64_t)status.st_size < blocks * size) stop("%s is shorter than the export", file);
    verified = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (verified == MAP_FAILED) stop("%s: %s", file, strerror(errno));
  }
  clockid_t server_clock = 0;
  if (server != 0 && (errno = clock_getcpuclockid(server, &server_clock)) != 0)
    stop("process %d: %s", server, strerror(errno));

  uint64_t server_start = server != 0 ? cpu(server_clock) : 0, own_start = cpu(CLOCK_PROCESS_CPUTIME_ID), start = now();
  if (seconds > 0) wanted = start + seconds * 1e9;
  for (int index = 0; index < connection_count; index++) {
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &connections[index] };
    if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[index].descriptor, &event) != 0) stop("epoll_ctl: %s", strerror(errno));
    fill(&connections[index]);
    flush(poll, &connections[index]);
  }
  while (done < started) {
    struct epoll_event events[64];
    int count = epoll_wait(poll, events, 64, -1);
    if (count < 0 && errno != EINTR) stop("epoll_wait: %s", strerror(errno));
    for (int index = 0; index < count; index++) {
      struct connection *connection = events[index].data.ptr;
      if (events[index].events & ~EPOLLOUT) receive(connection);
      fill(connection);
      flush(poll, connection);
    }
  }
  double elapsed = (now() - start) / 1e9, own = (cpu(CLOCK_PROCESS_CPUTIME_ID) - own_start) / 1e3 / done;
  double served = server != 0 ? (cpu(server_clock) - server_start) / 1e3 / done : 0;
  for (int index = 0; index < connection_count; index++) {
    if (connections[index].to > 0) stop("bytes after the last reply");
    char request[REQUEST_SIZE];
    put_request(request, 0, COMMAND_DISCONNECT, 0, 0, 0);
    send_all(connections[index].descriptor, request, sizeof request);
    close(connections[index].descriptor);
  }

  double mean = latency_sum / done / 1e3, median = percentile(0.5) / 1e3, late = percentile(0.99) / 1e3;
  if (json) {
    printf(
      "{\"requests_per_second\":%.0f,\"mean_us\":%.2f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"bytes_per_second\":%.0f,"
      "\"requests\":%" PRIu64 ",\"seconds\":%.3f,\"own_cpu_us\":%.3f,\"server_cpu_us\":",
      done / elapsed, mean, median, late, done / elapsed * size, done, elapsed, own);
    printf(server != 0 ? "%.3f}\n" : "null}\n", served);
  } else {
    printf(
      "%.0f requests/s, mean %.1f us, p50 %.1f us, p99 %.1f us, %.0f bytes/s, own CPU %.2f us a request",
      done / elapsed, mean, median, late, done / elapsed * size, own);
    if (server != 0) printf(", the server's %.2f us", served);
    printf("\n");
  }
  return 0;
}
