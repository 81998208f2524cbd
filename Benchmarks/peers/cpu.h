/*
 * What the I/O rows' programs in C share beyond measure.h: which CPU to run on, CPU time instead of time, numbers in a row's
 * name. Include it after measure.h, with _GNU_SOURCE defined.
 */
#pragma once
#include <sched.h>

/* The calling thread, and the threads it starts from now on, run on this CPU. */
static inline void run_on_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  CHECK(sched_setaffinity(0, sizeof set, &set) == 0, "cannot run on CPU %d", cpu);
}

static inline bool has_option(int count, char **arguments, const char *option) {
  for (int i = 2; i < count; i++)
    if (strcmp(arguments[i], option) == 0) return true;
  return false;
}

static inline int64_t cpu_time(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* As per_operation, but nanoseconds of CPU time, of all threads. */
static inline double cpu_per_operation(void (*body)(long count, void *data), void *data) {
  int64_t start = now();
  body(1000, data);
  double elapsed = now() - start;
  long count = 1000 * target / (elapsed < 1 ? 1 : elapsed);
  if (count < 1000) count = 1000;
  int64_t cpu = cpu_time();
  body(count, data);
  return (double)(cpu_time() - cpu) / count;
}
