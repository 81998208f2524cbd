/*
 * libuv's side of the I/O rows, by its documented calls. Prints one number, nanoseconds an operation; as an echo server
 * it prints its port and runs until it is killed.
 *
 *     uv-io threadpool.roundtrip DEPTH [--two-cpus] [--quick]
 *     uv-io read FILE DEPTH [--quick]
 *     uv-io echo
 *
 * The pool has libuv's four threads, unless UV_THREADPOOL_SIZE says otherwise. With --two-cpus the loop is on CPU 0, and
 * the workers are on CPU 1. Reads are of 4 KiB, sequential.
 */
#define _GNU_SOURCE
#define PROGRAM "uv-io"
#include "measure.h"
#include "cpu.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

enum { BLOCK = 4096, LARGEST_DEPTH = 4096 };

static uv_loop_t *loop;
static int depth;
static long started, done, wanted;

/* MARK: Jobs of the pool, each made anew when it is done */

static uv_work_t works[LARGEST_DEPTH];

static void work(uv_work_t *request) { (void)request; }

static void worked(uv_work_t *request, int status) {
  CHECK(status == 0, "a job failed: %s", uv_strerror(status));
  done++;
  if (started < wanted) {
    started++;
    uv_queue_work(loop, request, work, worked);
  }
}

static void round_trips(long count, void *data) {
  (void)data;
  started = done = 0;
  wanted = count;
  for (int i = 0; i < depth && started < wanted; i++) {
    started++;
    uv_queue_work(loop, &works[i], work, worked);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  CHECK(done == count, "%ld jobs of %ld were done", done, count);
}

/* MARK: Reads */

static uv_file file;
static long size, offset;
static uv_fs_t reads[LARGEST_DEPTH];
static char *memory;

static void read_next(uv_fs_t *request);

static void have_read(uv_fs_t *request) {
  CHECK(request->result == BLOCK, "a read came to %ld", (long)request->result);
  uv_fs_req_cleanup(request);
  done++;
  if (started < wanted) read_next(request);
}

static void read_next(uv_fs_t *request) {
  uv_buf_t buffer = uv_buf_init(memory + BLOCK * (request - reads), BLOCK);
  started++;
  int status = uv_fs_read(loop, request, file, &buffer, 1, offset, have_read);
  CHECK(status == 0, "uv_fs_read: %s", uv_strerror(status));
  offset = offset + BLOCK < size ? offset + BLOCK : 0;
}

static void read_all(long count, void *data) {
  (void)data;
  started = done = 0;
  wanted = count;
  for (int i = 0; i < depth && started < wanted; i++) read_next(&reads[i]);
  uv_run(loop, UV_RUN_DEFAULT);
  CHECK(done == count, "%ld reads of %ld were done", done, count);
}

/* MARK: The echo server. What goes at once is written with uv_try_write, which spares a request and its callback. */

struct connection {
  uv_tcp_t handle;
  char received[65536];
};

struct rest {
  uv_write_t request;
  char bytes[];
};

static void closed(uv_handle_t *handle) { free(handle); }

static void rest_is_written(uv_write_t *request, int status) {
  (void)status;
  free(request);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  struct connection *connection = (struct connection *)handle;
  (void)suggested;
  *buffer = uv_buf_init(connection->received, sizeof connection->received);
}

static void received(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  if (count < 0) {
    uv_close((uv_handle_t *)stream, closed);
    return;
  }
  uv_buf_t reply = uv_buf_init(buffer->base, count);
  int sent = count == 0 ? 0 : uv_try_write(stream, &reply, 1);
  if (sent == UV_EAGAIN) sent = 0;
  if (sent < 0 || sent == count) return;
  struct rest *rest = malloc(sizeof *rest + (count - sent));
  CHECK(rest != NULL, "no memory");
  memcpy(rest->bytes, buffer->base + sent, count - sent);
  reply = uv_buf_init(rest->bytes, count - sent);
  uv_write(&rest->request, stream, &reply, 1, rest_is_written);
}

static void welcome(uv_stream_t *listener, int status) {
  if (status < 0) return;
  struct connection *connection = malloc(sizeof *connection);
  CHECK(connection != NULL, "no memory");
  uv_tcp_init(loop, &connection->handle);
  if (uv_accept(listener, (uv_stream_t *)&connection->handle) != 0) {
    uv_close((uv_handle_t *)&connection->handle, closed);
    return;
  }
  uv_tcp_nodelay(&connection->handle, 1);
  uv_read_start((uv_stream_t *)&connection->handle, allocate, received);
}

__attribute__((noreturn)) static void serve(void) {
  static uv_tcp_t listener;
  struct sockaddr_in address;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_init(loop, &listener);
  int status = uv_tcp_bind(&listener, (struct sockaddr *)&address, 0);
  if (status == 0) status = uv_listen((uv_stream_t *)&listener, 128, welcome);
  CHECK(status == 0, "cannot listen: %s", uv_strerror(status));
  int length = sizeof address;
  uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  uv_run(loop, UV_RUN_DEFAULT);
  fail("the loop ended");
}

int main(int count, char **arguments) {
  const char *row = row_of(count, arguments);
  loop = uv_default_loop();
  if (strcmp(row, "echo") == 0) serve();
  bool is_read = strcmp(row, "read") == 0;
  if (!is_read && strcmp(row, "threadpool.roundtrip") != 0) fail("there is no row '%s'", row);
  if (count < (is_read ? 4 : 3)) fail("%s has more arguments than that", row);
  depth = atoi(arguments[is_read ? 3 : 2]);
  CHECK(depth >= 1 && depth <= LARGEST_DEPTH, "a depth is from 1 to %d", LARGEST_DEPTH);
  if (has_option(count, arguments, "--two-cpus")) {
    /* The pool's threads stay where the thread was that made them: with the first job. */
    run_on_cpu(1);
    round_trips(1, NULL);
    run_on_cpu(0);
  }
  double value;
  if (is_read) {
    file = open(arguments[2], O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0, "%s: %s", arguments[2], strerror(errno));
    size = lseek(file, 0, SEEK_END) / BLOCK * BLOCK;
    CHECK(size > 0, "%s has not a block of %d bytes", arguments[2], BLOCK);
    memory = malloc((long)BLOCK * depth);
    CHECK(memory != NULL, "no memory");
    memset(memory, 0, (long)BLOCK * depth);
    value = per_operation(read_all, NULL);
  } else {
    value = per_operation(round_trips, NULL);
  }
  printf("%.2f\n", value);
}
