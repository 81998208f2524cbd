/*
 * The descriptors of the fd.dispatch rows: so many eventfds, one of which has an event at a time. A program defines
 * run_once, an iteration of its loop that may wait, and has read_event called for the descriptor that is ready.
 */
#pragma once
#include "measure.h"
#include <sys/eventfd.h>
#include <unistd.h>

static void run_once(void);

/* Callbacks that ran since a row began to count them. */
static long ran;

static int *event_fds(long count) {
  int *fds = malloc(sizeof *fds * count);
  for (long i = 0; i < count; i++) {
    fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(fds[i] >= 0, "there are no %ld eventfds to be had", count);
  }
  return fds;
}

static void read_event(int fd) {
  uint64_t value;
  CHECK(read(fd, &value, sizeof value) == sizeof value, "an event could not be read");
  ran++;
}

static void one_active(long count, void *data) {
  int active = *(int *)data;
  ran = 0;
  for (long i = 0; i < count; i++) {
    uint64_t one = 1;
    CHECK(write(active, &one, sizeof one) == sizeof one, "an event could not be written");
    while (ran == i) run_once();
  }
  CHECK(ran == count, "%ld events of %ld were handled", ran, count);
}
