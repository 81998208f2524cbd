/*
 * The limit that aio-nbd is measured against: an NBD server with one thread and nothing in it but epoll, pread and send.
 * All requests that one recv brought are answered in one send, header and data in one piece of memory. Read-only, one
 * file, whose name is not looked at; NBD_OPT_GO and structured or simple replies, without checks of what a client may not
 * do. Runs until it is killed.
 *
 *     bare-nbd SOCKET FILE
 */
#define _GNU_SOURCE
#define PROGRAM "bare-nbd"
#include "nbd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/stat.h>

/* Replies are sent when so much of them is there, or no request is left. */
enum { RECEIVE_SIZE = 16 * 1024, SEND_SIZE = 320 * 1024, LARGEST = 32 << 20 };

struct connection {
  int descriptor;
  int structured;
  char received[RECEIVE_SIZE];
  size_t from, to;
  char *replies;
  size_t capacity, begin, end;
};

static int file, poll;
static uint64_t size;

/* MARK: Handshake, which blocks: this is no server for strangers. */

static int reply_to_option(int descriptor, uint32_t option, uint32_t type, const void *data, uint32_t length) {
  char header[20];
  put64(header, MAGIC_OPTION_REPLY);
  put32(header + 8, option);
  put32(header + 12, type);
  put32(header + 16, length);
  return send_all(descriptor, header, sizeof header) && send_all(descriptor, data, length);
}

static int shake_hands(struct connection *connection) {
  int descriptor = connection->descriptor;
  char bytes[4096];
  put64(bytes, MAGIC_GREETING);
  put64(bytes + 8, MAGIC_OPTION);
  put16(bytes + 16, 3);
  if (!send_all(descriptor, bytes, 18) || !receive_all(descriptor, bytes, 4)) return 0;
  for (;;) {
    char header[16];
    if (!receive_all(descriptor, header, sizeof header) || get64(header) != MAGIC_OPTION) return 0;
    uint32_t option = get32(header + 8), length = get32(header + 12);
    if (length > sizeof bytes || !receive_all(descriptor, bytes, length)) return 0;
    if (option == OPTION_STRUCTURED_REPLY) {
      connection->structured = 1;
      if (!reply_to_option(descriptor, option, REPLY_ACK, NULL, 0)) return 0;
    } else if (option == OPTION_GO || option == OPTION_INFO) {
      put16(bytes, INFO_EXPORT);
      put64(bytes + 2, size);
      put16(bytes + 10, 1 | 2 | 256);  // it has flags, is read-only, and takes several connections
      if (!reply_to_option(descriptor, option, REPLY_INFO, bytes, 12)) return 0;
      if (!reply_to_option(descriptor, option, REPLY_ACK, NULL, 0)) return 0;
      if (option == OPTION_GO) return 1;
    } else if (!reply_to_option(descriptor, option, UINT32_C(0x80000001), NULL, 0) || option == OPTION_ABORT) {
      return 0;
    }
  }
}

/* MARK: Transmission */

static void drop(struct connection *connection) {
  close(connection->descriptor);
  free(connection->replies);
  free(connection);
}

/* 1 when all replies are sent, 0 when the socket is full, -1 when the client is gone. */
static int send_replies(struct connection *connection) {
  while (connection->begin < connection->end) {
    ssize_t count = send(
      connection->descriptor, connection->replies + connection->begin, connection->end - connection->begin, MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) return 0;
    if (count < 0) return -1;
    connection->begin += count;
  }
  connection->begin = connection->end = 0;
  return 1;
}

/* Whether the client goes on. */
static int answer(struct connection *connection, const char *request) {
  uint16_t command = get16(request + 6);
  uint64_t offset = get64(request + 16);
  uint32_t length = get32(request + 24);
  if (get32(request) != MAGIC_REQUEST || command == COMMAND_DISCONNECT || length > LARGEST) return 0;
  uint32_t error = command != COMMAND_READ || offset > size || length > size - offset ? EINVAL : 0;
  if (connection->end + length + 64 > connection->capacity) {
    connection->capacity = connection->end + length + 64;
    connection->replies = realloc(connection->replies, connection->capacity);
    if (connection->replies == NULL) stop("no memory");
  }
  char *reply = connection->replies + connection->end;
  size_t header = SIMPLE_REPLY_SIZE;
  if (connection->structured && command == COMMAND_READ) {
    header = error == 0 ? CHUNK_HEADER_SIZE + 8 : CHUNK_HEADER_SIZE + 6;
    put32(reply, MAGIC_CHUNK);
    put16(reply + 4, CHUNK_DONE);
    put16(reply + 6, error == 0 ? CHUNK_DATA : CHUNK_ERROR_BIT + 1);
    memcpy(reply + 8, request + 8, 8);
    put32(reply + 16, error == 0 ? length + 8 : 6);
    if (error == 0) {
      put64(reply + 20, offset);
    } else {
      put32(reply + 20, error);
      put16(reply + 24, 0);
    }
  } else {
    put32(reply, MAGIC_SIMPLE_REPLY);
    put32(reply + 4, error);
    memcpy(reply + 8, request + 8, 8);
  }
  connection->end += header;
  if (error == 0) {
    if (pread(file, reply + header, length, offset) != length) stop("pread at %" PRIu64 ": %s", offset, strerror(errno));
    connection->end += length;
  }
  return 1;
}

/* Whether the connection goes on. */
static int serve(struct connection *connection, uint32_t events) {
  int had_to_wait = connection->begin < connection->end;
  if (!had_to_wait && (events & ~EPOLLOUT)) {
    ssize_t count = recv(
      connection->descriptor, connection->received + connection->to, RECEIVE_SIZE - connection->to, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return 0;
    if (count > 0) connection->to += count;
  }
  int sent = send_replies(connection);
  while (sent == 1 && connection->to - connection->from >= REQUEST_SIZE) {
    while (connection->to - connection->from >= REQUEST_SIZE && connection->end < SEND_SIZE) {
      if (!answer(connection, connection->received + connection->from)) return 0;
      connection->from += REQUEST_SIZE;
    }
    sent = send_replies(connection);
  }
  if (sent < 0) return 0;
  memmove(connection->received, connection->received + connection->from, connection->to - connection->from);
  connection->to -= connection->from;
  connection->from = 0;
  int has_to_wait = connection->begin < connection->end;
  if (has_to_wait != had_to_wait) {
    struct epoll_event event = { .events = has_to_wait ? EPOLLOUT : EPOLLIN, .data.ptr = connection };
    epoll_ctl(poll, EPOLL_CTL_MOD, connection->descriptor, &event);
  }
  return 1;
}

static void welcome(int listener) {
  int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (descriptor < 0) return;
  struct connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL) stop("no memory");
  connection->descriptor = descriptor;
  if (!shake_hands(connection)) return drop(connection);
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
  epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: bare-nbd SOCKET FILE\n");
    return 64;
  }
  struct stat status;
  file = open(arguments[2], O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0) stop("%s: %s", arguments[2], strerror(errno));
  size = status.st_size;
  struct sockaddr_un name = { .sun_family = AF_UNIX };
  if (strlen(arguments[1]) >= sizeof name.sun_path) stop("the path is too long: %s", arguments[1]);
  strcpy(name.sun_path, arguments[1]);
  // One that was here before has left it.
  unlink(name.sun_path);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  poll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
  if (
    listener < 0 || poll < 0 || bind(listener, (struct sockaddr *)&name, sizeof name) != 0 || listen(listener, 16) != 0
    || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) != 0)
    stop("%s: %s", arguments[1], strerror(errno));
  for (;;) {
    struct epoll_event events[64];
    int ready = epoll_wait(poll, events, 64, -1);
    for (int index = 0; index < ready; index++) {
      struct connection *connection = events[index].data.ptr;
      if (connection == NULL) welcome(listener);
      else if (!serve(connection, events[index].events)) drop(connection);
    }
  }
}
