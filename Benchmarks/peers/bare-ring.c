/*
 * The limit that the io_uring engine is measured against: sequential reads of a file through a bare ring, so many under
 * way at a time, submitted and reaped in batches, with nothing else in the loop.
 *
 *     bare-ring FILE DEPTH COUNT BLOCK-SIZE DIRECT
 *
 * Prints operations a second and CPU nanoseconds an operation.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void stop(const char *what, int error) {
  fprintf(stderr, "bare-ring: %s: %s\n", what, strerror(error));
  exit(1);
}

int main(int count, char **arguments) {
  if (count != 6) {
    fprintf(stderr, "usage: bare-ring FILE DEPTH COUNT BLOCK-SIZE DIRECT\n");
    return 2;
  }
  int depth = atoi(arguments[2]);
  long total = atol(arguments[3]);
  long block = atol(arguments[4]);
  int file = open(arguments[1], O_RDONLY | (atoi(arguments[5]) ? O_DIRECT : 0));
  if (file < 0) stop(arguments[1], errno);
  long size = lseek(file, 0, SEEK_END) / block * block;

  struct io_uring ring;
  struct io_uring_params parameters = {
    .flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
  };
  int status = io_uring_queue_init_params(128, &ring, &parameters);
  if (status < 0) stop("io_uring", -status);

  char *memory;
  if (posix_memalign((void **)&memory, 4096, block * depth) != 0) stop("memory", ENOMEM);
  memset(memory, 0, block * depth);
  int *free_slots = malloc(sizeof(int) * depth);
  int free_count = depth;
  for (int slot = 0; slot < depth; slot++) free_slots[slot] = slot;

  long offset = 0, started = 0, done = 0;
  double start = now(), start_cpu = cpu();
  while (done < total) {
    while (free_count > 0 && started < total) {
      struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
      if (entry == NULL) break;
      int slot = free_slots[--free_count];
      io_uring_prep_read(entry, file, memory + block * slot, block, offset);
      entry->user_data = slot;
      offset = offset + block < size ? offset + block : 0;
      started++;
    }
    io_uring_submit_and_wait(&ring, 1);
    struct io_uring_cqe *completion;
    unsigned head, taken = 0;
    io_uring_for_each_cqe(&ring, head, completion) {
      if (completion->res != block) stop("read", completion->res < 0 ? -completion->res : EIO);
      free_slots[free_count++] = completion->user_data;
      taken++;
    }
    io_uring_cq_advance(&ring, taken);
    done += taken;
  }
  double seconds = now() - start;
  printf("%.0f %.0f\n", total / seconds, (cpu() - start_cpu) / total * 1e9);
  return 0;
}
