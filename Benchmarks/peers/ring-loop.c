/*
 * The limit for descriptors in a GMainContext: a GSource in C over a bare ring, with one-shot polls that are armed again
 * after their callbacks, and nothing else in it. Prints nanoseconds an event.
 *
 *     ring-loop fd.dispatch.N [--quick]
 */
#define _GNU_SOURCE
#define PROGRAM "ring-loop"
#include "events.h"
#include <glib.h>
#include <liburing.h>
#include <poll.h>

static GMainContext *context;
static struct io_uring ring;
static int *fds;

static void run_once(void) { g_main_context_iteration(context, TRUE); }

static void arm(long index) {
  struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
  if (!entry) {
    io_uring_submit(&ring);
    entry = io_uring_get_sqe(&ring);
  }
  io_uring_prep_poll_add(entry, fds[index], POLLIN);
  entry->user_data = index;
}

static gboolean prepare(GSource *source, gint *timeout) {
  (void)source;
  *timeout = -1;
  /* What was armed is submitted once an iteration, after the callbacks have read. */
  if (io_uring_sq_ready(&ring) > 0) io_uring_submit(&ring);
  return io_uring_cq_ready(&ring) > 0;
}

static gboolean is_ready(GSource *source) {
  (void)source;
  return io_uring_cq_ready(&ring) > 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data) {
  struct io_uring_cqe *completion;
  (void)source;
  (void)callback;
  (void)data;
  while (io_uring_peek_cqe(&ring, &completion) == 0) {
    long index = completion->user_data;
    io_uring_cq_advance(&ring, 1);
    read_event(fds[index]);
    arm(index);
  }
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs functions = {.prepare = prepare, .check = is_ready, .dispatch = dispatch};

int main(int count, char **arguments) {
  const char *row = row_of(count, arguments);
  long number;
  if (sscanf(row, "fd.dispatch.%ld", &number) != 1) fail("there is no row '%s'", row);
  unsigned flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER;
  int status = io_uring_queue_init(256, &ring, flags);
  CHECK(status == 0, "io_uring: %s", strerror(-status));
  fds = event_fds(number);
  for (long i = 0; i < number; i++) arm(i);
  context = g_main_context_new();
  GSource *source = g_source_new(&functions, sizeof *source);
  g_source_set_can_recurse(source, TRUE);
  g_source_add_unix_fd(source, ring.ring_fd, G_IO_IN);
  g_source_attach(source, context);
  g_main_context_iteration(context, FALSE);
  printf("%.2f\n", per_operation(one_active, &fds[number / 2]));
}
