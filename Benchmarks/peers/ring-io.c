/*
 * The limit of the ring's rows: liburing with nothing else in the loop. Submitted and reaped in batches, one system call
 * for both; the flags are those that a ring has which is waited for with poll as well. Prints one number, nanoseconds an
 * operation, or with --cpu nanoseconds of CPU time.
 *
 *     ring-io ring.nop DEPTH [--quick]
 *     ring-io read FILE DEPTH [--direct] [--cpu] [--quick]
 *
 * Reads are of 4 KiB, sequential, over and over through the whole file.
 */
#define _GNU_SOURCE
#define PROGRAM "ring-io"
#include "measure.h"
#include "cpu.h"
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

enum { BLOCK = 4096 };

static struct io_uring ring;
static int depth, file = -1;
static long size, offset;
static char *memory;
static int *idle;

static void operate(long count, void *data) {
  (void)data;
  int idle_count = depth;
  for (int slot = 0; slot < depth; slot++) idle[slot] = slot;
  long started = 0, done = 0;
  while (done < count) {
    while (idle_count > 0 && started < count) {
      struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
      if (entry == NULL) break;
      int slot = idle[--idle_count];
      if (file < 0) {
        io_uring_prep_nop(entry);
      } else {
        io_uring_prep_read(entry, file, memory + BLOCK * slot, BLOCK, offset);
        offset = offset + BLOCK < size ? offset + BLOCK : 0;
      }
      entry->user_data = slot;
      started++;
    }
    io_uring_submit_and_wait(&ring, 1);
    struct io_uring_cqe *completion;
    unsigned head, taken = 0;
    io_uring_for_each_cqe(&ring, head, completion) {
      CHECK(completion->res == (file < 0 ? 0 : BLOCK), "an operation came to %d", completion->res);
      idle[idle_count++] = completion->user_data;
      taken++;
    }
    io_uring_cq_advance(&ring, taken);
    done += taken;
  }
  CHECK(idle_count == depth && done == count, "%ld operations of %ld were done", done, count);
}

int main(int count, char **arguments) {
  const char *row = row_of(count, arguments);
  bool is_read = strcmp(row, "read") == 0;
  if (!is_read && strcmp(row, "ring.nop") != 0) fail("there is no row '%s'", row);
  if (count < (is_read ? 4 : 3)) fail("%s has more arguments than that", row);
  depth = atoi(arguments[is_read ? 3 : 2]);
  CHECK(depth >= 1 && depth <= 4096, "a depth is from 1 to 4096");
  if (is_read) {
    file = open(arguments[2], O_RDONLY | (has_option(count, arguments, "--direct") ? O_DIRECT : 0));
    CHECK(file >= 0, "%s: %s", arguments[2], strerror(errno));
    size = lseek(file, 0, SEEK_END) / BLOCK * BLOCK;
    CHECK(size > 0, "%s has not a block of %d bytes", arguments[2], BLOCK);
  }
  struct io_uring_params parameters = {
    .flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
  };
  int status = io_uring_queue_init_params(depth < 128 ? 128 : depth, &ring, &parameters);
  CHECK(status == 0, "io_uring: %s", strerror(-status));
  idle = malloc(sizeof *idle * depth);
  CHECK(posix_memalign((void **)&memory, BLOCK, (long)BLOCK * depth) == 0 && idle != NULL, "no memory");
  memset(memory, 0, (long)BLOCK * depth);
  bool cpu = has_option(count, arguments, "--cpu");
  printf("%.2f\n", cpu ? cpu_per_operation(operate, NULL) : per_operation(operate, NULL));
}
