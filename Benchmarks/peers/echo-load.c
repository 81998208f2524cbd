/*
 * A load generator for echo servers on TCP: so many connections, each of which has one message under way, and sends the
 * next when it has it back. One thread, which wants a CPU of its own: it never sleeps, so the server never pays for waking
 * it, and makes two system calls a message and no third, so that it is the server that is measured.
 *
 *     echo-load PORT [--connections N] [--size BYTES] [--cpu-of PID] [--quick]
 *
 * Prints nanoseconds a message, and with --cpu-of nanoseconds of that process's CPU time behind it. What comes back is
 * compared with what was sent.
 */
#define _GNU_SOURCE
#define PROGRAM "echo-load"
#include "measure.h"
#include "cpu.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGEST = 65536 };

struct connection {
  int descriptor;
  /* Messages that came back, and bytes of the one that is coming. */
  uint32_t count;
  int received;
  bool waits;
};

static int connection_count = 100, size = 64;
static struct connection *connections;
/* All that came back. */
static long messages;
static char message[LARGEST], reply[LARGEST];

/* A message begins with its connection's number and its own, as far as there is room. */
static void compose(struct connection *connection, char *bytes) {
  uint32_t head[2] = { connection - connections, connection->count };
  memcpy(bytes, head, size < (int)sizeof head ? size : (int)sizeof head);
}

static void begin(struct connection *connection) {
  compose(connection, message);
  ssize_t sent = send(connection->descriptor, message, size, MSG_NOSIGNAL);
  CHECK(sent == size, "a send came to %zd: %s", sent, sent < 0 ? strerror(errno) : "it has one message under way");
  connection->received = 0;
  connection->waits = true;
}

/* Whether the message is back. */
static bool look(struct connection *connection) {
  ssize_t count = recv(
    connection->descriptor, reply + connection->received, size - connection->received, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return false;
  CHECK(count > 0, "connection %td: %s", connection - connections, count < 0 ? strerror(errno) : "the server closed it");
  connection->received += count;
  if (connection->received < size) return false;
  compose(connection, message);
  CHECK(memcmp(message, reply, size) == 0, "connection %td got something else back", connection - connections);
  connection->count++;
  messages++;
  connection->waits = false;
  return true;
}

static void exchange(long count, void *data) {
  (void)data;
  long started = 0, done = 0;
  for (int index = 0; index < connection_count && started < count; index++, started++) begin(&connections[index]);
  for (int index = 0; done < count; index = index + 1 < connection_count ? index + 1 : 0) {
    struct connection *connection = &connections[index];
    /* A message in parts is waited for: the bytes go to the one buffer. */
    while (connection->waits) {
      if (look(connection)) {
        done++;
        if (started < count) {
          started++;
          begin(connection);
        }
        break;
      }
      if (connection->received == 0) break;
    }
  }
}

static double server_cpu(clockid_t clock) {
  struct timespec time;
  CHECK(clock_gettime(clock, &time) == 0, "the server's CPU time: %s", strerror(errno));
  return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int count, char **arguments) {
  const char *port = row_of(count, arguments);
  pid_t server = 0;
  for (int i = 2; i + 1 < count; i++) {
    if (strcmp(arguments[i], "--connections") == 0) connection_count = atoi(arguments[i + 1]);
    if (strcmp(arguments[i], "--size") == 0) size = atoi(arguments[i + 1]);
    if (strcmp(arguments[i], "--cpu-of") == 0) server = atoi(arguments[i + 1]);
  }
  CHECK(connection_count >= 1 && connection_count <= 10000, "--connections is from 1 to 10000");
  CHECK(size >= 1 && size <= LARGEST, "--size is from 1 to %d", LARGEST);
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connections = calloc(connection_count, sizeof *connections);
  CHECK(connections != NULL, "no memory");
  for (int index = 0; index < size; index++) message[index] = index * 7 + 1;
  for (int index = 0; index < connection_count; index++) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(descriptor >= 0, "socket: %s", strerror(errno));
    int status = connect(descriptor, (struct sockaddr *)&address, sizeof address);
    CHECK(status == 0, "port %s: %s", port, strerror(errno));
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    connections[index].descriptor = descriptor;
  }
  clockid_t clock = 0;
  if (server != 0) CHECK((errno = clock_getcpuclockid(server, &clock)) == 0, "process %d: %s", server, strerror(errno));
  double start = server != 0 ? server_cpu(clock) : 0, value = per_operation(exchange, NULL);
  double cpu = server != 0 ? (server_cpu(clock) - start) / messages : 0;
  for (int index = 0; index < connection_count; index++) close(connections[index].descriptor);
  if (server != 0)
    printf("%.2f %.2f\n", value, cpu);
  else
    printf("%.2f\n", value);
}
