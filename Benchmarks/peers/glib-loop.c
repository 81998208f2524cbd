/*
 * GLib's side of the event loop's rows: what a program on GLib alone would do, by its documented calls. Prints one number,
 * nanoseconds an operation unless the row says otherwise.
 *
 *     glib-loop ROW [--quick]
 *
 * Each row does the work that Sources/measure-loop does for ours, as often, and counts its callbacks as that does.
 */
#define _GNU_SOURCE
#define PROGRAM "glib-loop"
#include "events.h"
#include <glib-unix.h>
#include <glib.h>
#include <malloc.h>
#include <pthread.h>

static GMainContext *context;

static void run_once(void) { g_main_context_iteration(context, TRUE); }

/* --- bottomhalf.same-thread: an idle source, made, run and gone, as g_idle_add does it. */

static gboolean count_and_remove(gpointer data) {
  (void)data;
  ran++;
  return G_SOURCE_REMOVE;
}

static void idle_sources(long count, void *data) {
  (void)data;
  ran = 0;
  for (long i = 0; i < count; i++) {
    GSource *source = g_idle_source_new();
    g_source_set_callback(source, count_and_remove, NULL, NULL);
    g_source_attach(source, context);
    g_source_unref(source);
    g_main_context_iteration(context, FALSE);
  }
  CHECK(ran == count, "%ld idle sources of %ld ran", ran, count);
}

/* --- bottomhalf.cross-thread-throughput: g_main_context_invoke from another thread, to a loop that runs. */

static GMainLoop *loop;
static long wanted;

static gboolean count_to_the_last(gpointer data) {
  (void)data;
  if (++ran == wanted) g_main_loop_quit(loop);
  return G_SOURCE_REMOVE;
}

static void *send_all(void *data) {
  (void)data;
  /* Not before the loop owns its context: until then invoke would call the function here. */
  while (!g_main_loop_is_running(loop)) sched_yield();
  for (long i = 0; i < wanted; i++) g_main_context_invoke(context, count_to_the_last, NULL);
  return NULL;
}

static void from_another_thread(long count, void *data) {
  (void)data;
  ran = 0;
  wanted = count;
  pthread_t thread;
  /* As g_main_loop_run does it, only earlier. */
  g_main_context_acquire(context);
  CHECK(pthread_create(&thread, NULL, send_all, NULL) == 0, "there is no thread to be had");
  g_main_loop_run(loop);
  pthread_join(thread, NULL);
  g_main_context_release(context);
  CHECK(ran == count, "%ld functions of %ld ran", ran, count);
}

/* --- bottomhalf.cross-thread-latency, poll.pingpong: two loops that invoke functions in each other. */

static GMainContext *far_context;
static GMainLoop *far_loop;
static bool pinned;
static long left;

static void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  CHECK(sched_setaffinity(0, sizeof set, &set) == 0, "there is no CPU %d to run on", cpu);
}

static gboolean come_back(gpointer data);

static gboolean go_there(gpointer data) {
  (void)data;
  g_main_context_invoke(context, come_back, NULL);
  return G_SOURCE_REMOVE;
}

static gboolean come_back(gpointer data) {
  (void)data;
  ran++;
  if (--left > 0)
    g_main_context_invoke(far_context, go_there, NULL);
  else
    g_main_loop_quit(loop);
  return G_SOURCE_REMOVE;
}

static gboolean end_far_loop(gpointer data) {
  (void)data;
  g_main_loop_quit(far_loop);
  return G_SOURCE_REMOVE;
}

static gboolean tell_that_it_runs(gpointer data) {
  __atomic_store_n((bool *)data, true, __ATOMIC_RELEASE);
  return G_SOURCE_REMOVE;
}

static void *run_far_loop(void *is_running) {
  if (pinned) pin_to(1);
  GSource *source = g_idle_source_new();
  g_source_set_callback(source, tell_that_it_runs, is_running, NULL);
  g_source_attach(source, far_context);
  g_source_unref(source);
  g_main_loop_run(far_loop);
  return NULL;
}

static void there_and_back(long count, void *data) {
  (void)data;
  left = count;
  ran = 0;
  g_main_context_invoke(far_context, go_there, NULL);
  g_main_loop_run(loop);
  CHECK(ran == count, "%ld came back of %ld", ran, count);
}

static double round_trip(void) {
  bool is_running = false;
  far_context = g_main_context_new();
  far_loop = g_main_loop_new(far_context, FALSE);
  /* Owned for as long as this takes, as a program's main loop owns it. */
  g_main_context_acquire(context);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, run_far_loop, &is_running) == 0, "there is no thread to be had");
  while (!__atomic_load_n(&is_running, __ATOMIC_ACQUIRE)) sched_yield();
  if (pinned) pin_to(0);
  double value = per_operation(there_and_back, NULL);
  g_main_context_invoke(far_context, end_far_loop, NULL);
  pthread_join(thread, NULL);
  return value;
}

/* --- fd.dispatch, glib.iteration: fd sources. */

static gboolean read_it(gint fd, GIOCondition condition, gpointer data) {
  (void)condition;
  (void)data;
  read_event(fd);
  return G_SOURCE_CONTINUE;
}

static void watch(const int *fds, long count) {
  for (long i = 0; i < count; i++) {
    GSource *source = g_unix_fd_source_new(fds[i], G_IO_IN);
    g_source_set_callback(source, (GSourceFunc)(void (*)(void))read_it, NULL, NULL);
    g_source_attach(source, context);
    g_source_unref(source);
  }
  g_main_context_iteration(context, FALSE);
}

static void idle_iterations(long count, void *data) {
  (void)data;
  for (long i = 0; i < count; i++) g_main_context_iteration(context, FALSE);
  CHECK(ran == 0, "an idle descriptor's source was dispatched");
}

static double dispatch(long count) {
  int *fds = event_fds(count);
  watch(fds, count);
  return per_operation(one_active, &fds[count / 2]);
}

static double idle_iteration(long count) {
  watch(event_fds(count), count);
  return per_operation(idle_iterations, NULL);
}

/* --- timer.fire, timer.error: a source of one's own with a ready time, which is as fine as GLib has it. */

static int64_t deadline_us, lateness;

static gboolean fire(GSource *source, GSourceFunc callback, gpointer data) {
  (void)callback;
  (void)data;
  lateness = now() - deadline_us * 1000;
  ran++;
  g_source_set_ready_time(source, -1);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_functions = {.dispatch = fire};

static gboolean fail_at_once(gpointer data) {
  (void)data;
  fail("a timer fired before its time");
}

static GSource *make_timer(void) {
  GSource *source = g_source_new(&timer_functions, sizeof *source);
  g_source_attach(source, context);
  return source;
}

static void pending_timers(long count, GSourceFunc callback) {
  for (long i = 0; i < count; i++) {
    GSource *source = g_timeout_source_new(1000000 + i);
    g_source_set_callback(source, callback, NULL, NULL);
    g_source_attach(source, context);
    g_source_unref(source);
  }
}

static void fires(long count, void *timer) {
  ran = 0;
  for (long i = 0; i < count; i++) {
    g_source_set_ready_time(timer, 0);
    g_main_context_iteration(context, FALSE);
  }
  CHECK(ran == count, "the timer fired %ld times of %ld", ran, count);
}

static double timer_fire(long count) {
  pending_timers(count, fail_at_once);
  return per_operation(fires, make_timer());
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static double timer_error(void) {
  GSource *timer = make_timer();
  int samples = target < 100e6 ? 100 : 300;
  int64_t *all = malloc(sizeof *all * samples);
  ran = 0;
  for (int i = 0; i < samples; i++) {
    deadline_us = g_get_monotonic_time() + 300;
    g_source_set_ready_time(timer, deadline_us);
    while (ran == i) g_main_context_iteration(context, TRUE);
    all[i] = lateness;
  }
  qsort(all, samples, sizeof *all, compare);
  return all[samples / 2];
}

/* --- memory: bytes that malloc has handed out for one of ten thousand, after an iteration. */

static size_t allocated(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

static double memory_per_handler(void) {
  int *fds = event_fds(10000);
  g_main_context_iteration(context, FALSE);
  size_t before = allocated();
  watch(fds, 10000);
  return (allocated() - before) / 10000.0;
}

static double memory_per_timer(void) {
  g_main_context_iteration(context, FALSE);
  size_t before = allocated();
  pending_timers(10000, count_and_remove);
  g_main_context_iteration(context, FALSE);
  return (allocated() - before) / 10000.0;
}

static double measure(const char *row) {
  long number;
  if (strcmp(row, "bottomhalf.same-thread") == 0) return per_operation(idle_sources, NULL);
  if (strcmp(row, "bottomhalf.cross-thread-throughput") == 0) return per_operation(from_another_thread, NULL);
  if (strcmp(row, "bottomhalf.cross-thread-latency") == 0) return round_trip() / 2;
  if (strcmp(row, "poll.pingpong") == 0) return pinned = true, round_trip();
  if (sscanf(row, "fd.dispatch.%ld", &number) == 1) return dispatch(number);
  if (sscanf(row, "glib.iteration.%ld-idle-fds", &number) == 1) return idle_iteration(number);
  if (sscanf(row, "timer.fire.%ld", &number) == 1) return timer_fire(number);
  if (strcmp(row, "timer.error") == 0) return timer_error();
  if (strcmp(row, "memory.per-handler") == 0) return memory_per_handler();
  if (strcmp(row, "memory.per-timer") == 0) return memory_per_timer();
  fail("there is no row '%s'", row);
}

int main(int count, char **arguments) {
  const char *row = row_of(count, arguments);
  context = g_main_context_new();
  loop = g_main_loop_new(context, FALSE);
  printf("%.2f\n", measure(row));
}
