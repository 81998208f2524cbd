/*
 * libuv's side of the event loop's rows, by its documented calls. Prints one number, nanoseconds an operation.
 *
 *     uv-loop ROW [--quick]
 *
 * Each row does the work that Sources/measure-loop does for ours, as often, and counts its callbacks as that does.
 */
#define _GNU_SOURCE
#define PROGRAM "uv-loop"
#include "events.h"
#include <pthread.h>
#include <sched.h>
#include <uv.h>

static uv_loop_t loop;

static void run_once(void) { uv_run(&loop, UV_RUN_ONCE); }

static void check_uv(int status, const char *what) { CHECK(status == 0, "%s: %s", what, uv_strerror(status)); }

/* --- fd.dispatch: a poll handle for each descriptor. */

static void read_it(uv_poll_t *handle, int status, int events) {
  uv_os_fd_t fd;
  (void)events;
  check_uv(status, "uv_poll");
  uv_fileno((uv_handle_t *)handle, &fd);
  read_event(fd);
}

static double dispatch(long count) {
  int *fds = event_fds(count);
  uv_poll_t *handles = malloc(sizeof *handles * count);
  for (long i = 0; i < count; i++) {
    check_uv(uv_poll_init(&loop, &handles[i], fds[i]), "uv_poll_init");
    check_uv(uv_poll_start(&handles[i], UV_READABLE, read_it), "uv_poll_start");
  }
  uv_run(&loop, UV_RUN_NOWAIT);
  return per_operation(one_active, &fds[count / 2]);
}

/* --- timer.churn, timer.fire. Deadlines between a second and about a thousand from now, as ours. */

static uint64_t far_timeout(void) { return 1000 + (next_random() & 0xFFFFF); }

static void count_it(uv_timer_t *timer) {
  (void)timer;
  ran++;
}

static void fail_at_once(uv_timer_t *timer) {
  (void)timer;
  fail("a timer fired before its time");
}

static uv_timer_t *timers;
static long timer_count;

static void pending_timers(long count) {
  timers = malloc(sizeof *timers * count);
  timer_count = count;
  for (long i = 0; i < count; i++) {
    check_uv(uv_timer_init(&loop, &timers[i]), "uv_timer_init");
    check_uv(uv_timer_start(&timers[i], fail_at_once, far_timeout(), 0), "uv_timer_start");
  }
}

static void churn(long count, void *data) {
  static long next;
  (void)data;
  for (long i = 0; i < count; i++) {
    check_uv(uv_timer_start(&timers[next], fail_at_once, far_timeout(), 0), "uv_timer_start");
    next = next + 1 == timer_count ? 0 : next + 1;
  }
}

static void fires(long count, void *timer) {
  ran = 0;
  for (long i = 0; i < count; i++) {
    check_uv(uv_timer_start(timer, count_it, 0, 0), "uv_timer_start");
    uv_run(&loop, UV_RUN_NOWAIT);
  }
  CHECK(ran == count, "the timer fired %ld times of %ld", ran, count);
}

static double timer_churn(long count) {
  pending_timers(count);
  return per_operation(churn, NULL);
}

static double timer_fire(long count) {
  static uv_timer_t timer;
  pending_timers(count);
  check_uv(uv_timer_init(&loop, &timer), "uv_timer_init");
  return per_operation(fires, &timer);
}

/*
 * --- poll.pingpong: two loops on two CPUs that send each other async signals. Not on one: there this version's receiver
 * spins for a sender that it keeps from going on.
 */

static uv_loop_t far_loop;
static uv_async_t here, there, over;
static long left;

static void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  CHECK(sched_setaffinity(0, sizeof set, &set) == 0, "there is no CPU %d to run on", cpu);
}

static void go_there(uv_async_t *async) {
  (void)async;
  uv_async_send(&here);
}

static void come_back(uv_async_t *async) {
  (void)async;
  ran++;
  if (--left > 0)
    uv_async_send(&there);
  else
    uv_stop(&loop);
}

static void end_far_loop(uv_async_t *async) {
  (void)async;
  uv_stop(&far_loop);
}

static void *run_far_loop(void *data) {
  (void)data;
  pin_to(1);
  uv_run(&far_loop, UV_RUN_DEFAULT);
  return NULL;
}

static void there_and_back(long count, void *data) {
  (void)data;
  left = count;
  ran = 0;
  uv_async_send(&there);
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(ran == count, "%ld came back of %ld", ran, count);
}

static double round_trip(void) {
  check_uv(uv_loop_init(&far_loop), "uv_loop_init");
  check_uv(uv_async_init(&loop, &here, come_back), "uv_async_init");
  check_uv(uv_async_init(&far_loop, &there, go_there), "uv_async_init");
  check_uv(uv_async_init(&far_loop, &over, end_far_loop), "uv_async_init");
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, run_far_loop, NULL) == 0, "there is no thread to be had");
  pin_to(0);
  double value = per_operation(there_and_back, NULL);
  uv_async_send(&over);
  pthread_join(thread, NULL);
  return value;
}

static double measure(const char *row) {
  long number;
  if (sscanf(row, "fd.dispatch.%ld", &number) == 1) return dispatch(number);
  if (sscanf(row, "timer.churn.%ld", &number) == 1) return timer_churn(number);
  if (sscanf(row, "timer.fire.%ld", &number) == 1) return timer_fire(number);
  if (strcmp(row, "poll.pingpong") == 0) return round_trip();
  fail("there is no row '%s'", row);
}

int main(int count, char **arguments) {
  const char *row = row_of(count, arguments);
  check_uv(uv_loop_init(&loop), "uv_loop_init");
  printf("%.2f\n", measure(row));
}
