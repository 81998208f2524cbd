/*
 * What our NBD programs in C share: the numbers of the protocol, big-endian integers, addresses, and the client's side of
 * the handshake (fixed newstyle, up to the answer to NBD_OPT_GO). Everything blocks; whatever goes wrong ends the program
 * with a sentence. Include it once, after defining PROGRAM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

enum {
  OPTION_EXPORT_NAME = 1, OPTION_ABORT = 2, OPTION_LIST = 3, OPTION_INFO = 6, OPTION_GO = 7,
  OPTION_STRUCTURED_REPLY = 8, OPTION_LIST_META_CONTEXT = 9, OPTION_SET_META_CONTEXT = 10,

  REPLY_ACK = 1, REPLY_SERVER = 2, REPLY_INFO = 3,
  INFO_EXPORT = 0, INFO_BLOCK_SIZE = 3,

  COMMAND_READ = 0, COMMAND_WRITE = 1, COMMAND_DISCONNECT = 2, COMMAND_FLUSH = 3, COMMAND_TRIM = 4, COMMAND_CACHE = 5,
  COMMAND_WRITE_ZEROES = 6, COMMAND_BLOCK_STATUS = 7,
  FLAG_FUA = 1,

  CHUNK_NONE = 0, CHUNK_DATA = 1, CHUNK_HOLE = 2, CHUNK_DONE = 1, CHUNK_ERROR_BIT = 0x8000,

  REQUEST_SIZE = 28, SIMPLE_REPLY_SIZE = 16, CHUNK_HEADER_SIZE = 20,
};
#define MAGIC_GREETING UINT64_C(0x4e42444d41474943)
#define MAGIC_OPTION UINT64_C(0x49484156454f5054)
#define MAGIC_OPTION_REPLY UINT64_C(0x0003e889045565a9)
#define MAGIC_REQUEST UINT32_C(0x25609513)
#define MAGIC_SIMPLE_REPLY UINT32_C(0x67446698)
#define MAGIC_CHUNK UINT32_C(0x668e33ef)

UNUSED static void stop(const char *format, ...) {
  va_list list;
  va_start(list, format);
  fprintf(stderr, PROGRAM ": ");
  vfprintf(stderr, format, list);
  fprintf(stderr, "\n");
  va_end(list);
  exit(1);
}

UNUSED static uint16_t get16(const void *at) {
  uint16_t value;
  memcpy(&value, at, 2);
  return __builtin_bswap16(value);
}
UNUSED static uint32_t get32(const void *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return __builtin_bswap32(value);
}
UNUSED static uint64_t get64(const void *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return __builtin_bswap64(value);
}
UNUSED static void put16(void *at, uint16_t value) {
  value = __builtin_bswap16(value);
  memcpy(at, &value, 2);
}
UNUSED static void put32(void *at, uint32_t value) {
  value = __builtin_bswap32(value);
  memcpy(at, &value, 4);
}
UNUSED static void put64(void *at, uint64_t value) {
  value = __builtin_bswap64(value);
  memcpy(at, &value, 8);
}

UNUSED static void put_request(
  void *at, uint16_t flags, uint16_t command, uint64_t cookie, uint64_t offset, uint32_t length
) {
  char *bytes = at;
  put32(bytes, MAGIC_REQUEST);
  put16(bytes + 4, flags);
  put16(bytes + 6, command);
  put64(bytes + 8, cookie);
  put64(bytes + 16, offset);
  put32(bytes + 24, length);
}

UNUSED static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);
UNUSED static uint64_t random_number(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

/* Whether all of it was sent: false when the server is gone. */
UNUSED static int send_all(int descriptor, const void *data, size_t size) {
  const char *at = data;
  while (size > 0) {
    ssize_t count = send(descriptor, at, size, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return 0;
    at += count;
    size -= count;
  }
  return 1;
}

/* Whether all of it came: false when the server closed the connection before. */
UNUSED static int receive_all(int descriptor, void *data, size_t size) {
  char *at = data;
  while (size > 0) {
    ssize_t count = recv(descriptor, at, size, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return 0;
    at += count;
    size -= count;
  }
  return 1;
}

/* A socket connected to unix:PATH or tcp:HOST:PORT, or -1 with errno. */
UNUSED static int try_to_connect(const char *address) {
  if (strncmp(address, "unix:", 5) == 0) {
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    if (strlen(address + 5) >= sizeof name.sun_path) stop("the path is too long: %s", address + 5);
    strcpy(name.sun_path, address + 5);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    if (connect(descriptor, (struct sockaddr *)&name, sizeof name) == 0) return descriptor;
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
  }
  const char *colon = strrchr(address, ':');
  if (strncmp(address, "tcp:", 4) != 0 || colon < address + 4)
    stop("an address is unix:PATH or tcp:HOST:PORT, and not %s", address);
  char host[256];
  snprintf(host, sizeof host, "%.*s", (int)(colon - address - 4), address + 4);
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
  int status = getaddrinfo(host, colon + 1, &hints, &list);
  if (status != 0) stop("%s: %s", address, gai_strerror(status));
  int descriptor = -1, error = ECONNREFUSED;
  for (struct addrinfo *each = list; each != NULL && descriptor < 0; each = each->ai_next) {
    descriptor = socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && connect(descriptor, each->ai_addr, each->ai_addrlen) != 0) {
      error = errno;
      close(descriptor);
      descriptor = -1;
    }
  }
  freeaddrinfo(list);
  if (descriptor >= 0) setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
  errno = error;
  return descriptor;
}

UNUSED static int connect_to(const char *address) {
  int descriptor = try_to_connect(address);
  if (descriptor < 0) stop("cannot connect to %s: %s", address, strerror(errno));
  return descriptor;
}

UNUSED static int send_option(int descriptor, uint32_t option, const void *data, uint32_t size) {
  char header[16];
  put64(header, MAGIC_OPTION);
  put32(header + 8, option);
  put32(header + 12, size);
  return send_all(descriptor, header, sizeof header) && send_all(descriptor, data, size);
}

/* One reply to an option; its data, cut to the capacity. Whether there was one. */
UNUSED static int receive_option_reply(
  int descriptor, uint32_t option, uint32_t *type, char *data, uint32_t capacity, uint32_t *size
) {
  char header[20];
  if (!receive_all(descriptor, header, sizeof header)) return 0;
  if (get64(header) != MAGIC_OPTION_REPLY) stop("the reply to an option has the wrong magic number");
  if (get32(header + 8) != option) stop("the reply to option %u is for option %u", option, get32(header + 8));
  *type = get32(header + 12);
  uint32_t length = get32(header + 16);
  if (length > 65536) stop("the reply to an option has %u bytes", length);
  *size = length < capacity ? length : capacity;
  if (!receive_all(descriptor, data, *size)) return 0;
  for (uint32_t rest = length - *size; rest > 0; rest--) {
    char byte;
    if (!receive_all(descriptor, &byte, 1)) return 0;
  }
  return 1;
}

/* The greeting and the client's flags. Whether the server took part; it may also have closed the connection. */
UNUSED static int greet(int descriptor) {
  char greeting[18], flags[4];
  if (!receive_all(descriptor, greeting, sizeof greeting)) return 0;
  if (get64(greeting) != MAGIC_GREETING || get64(greeting + 8) != MAGIC_OPTION) stop("this is no newstyle NBD server");
  if ((get16(greeting + 16) & 3) != 3) stop("the server does not offer fixed newstyle without zeroes");
  put32(flags, 3);
  return send_all(descriptor, flags, sizeof flags);
}

struct export {
  uint64_t size;
  uint16_t flags;
  int structured;
};

/* The whole handshake, up to transmission. */
UNUSED static struct export handshake(int descriptor, const char *name, int ask_for_structured) {
  struct export export = { 0 };
  uint32_t type, size;
  char data[4096];
  const char *closed = "the server closed the connection during the handshake";
  if (!greet(descriptor)) stop("%s", closed);
  if (ask_for_structured) {
    if (!send_option(descriptor, OPTION_STRUCTURED_REPLY, NULL, 0)) stop("%s", closed);
    if (!receive_option_reply(descriptor, OPTION_STRUCTURED_REPLY, &type, data, sizeof data, &size)) stop("%s", closed);
    export.structured = type == REPLY_ACK;
  }
  size_t length = strlen(name);
  if (length + 8 > sizeof data) stop("the name of the export is too long");
  put32(data, length);
  memcpy(data + 4, name, length);
  /* Who asks for the block size says that it keeps to it, without which a server may refuse an export. All that is asked
     for here is in whole 4 KiB. */
  put16(data + 4 + length, 1);
  put16(data + 6 + length, INFO_BLOCK_SIZE);
  if (!send_option(descriptor, OPTION_GO, data, length + 8)) stop("%s", closed);
  int described = 0;
  for (;;) {
    if (!receive_option_reply(descriptor, OPTION_GO, &type, data, sizeof data, &size)) stop("%s", closed);
    if (type == REPLY_ACK) break;
    if (type != REPLY_INFO) stop("the server refuses the export \"%s\" with reply 0x%x", name, type);
    if (size < 2 || get16(data) != INFO_EXPORT) continue;
    if (size != 12) stop("the information on the export has %u bytes and not 12", size);
    export.size = get64(data + 2);
    export.flags = get16(data + 10);
    described = 1;
  }
  if (!described) stop("the server did not say how large the export is");
  return export;
}
