/*
 * Taking the time, and what every measuring program needs. As Sources/Measuring/Measure.swift does it for ours.
 * Define PROGRAM, the name that errors are told under.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long what is measured should take, in nanoseconds. */
static double target = 200e6;

__attribute__((noreturn, format(printf, 1, 2))) static inline void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs(PROGRAM ": ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

#define CHECK(condition, ...) \
  do {                        \
    if (!(condition)) fail(__VA_ARGS__); \
  } while (0)

static inline int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/*
 * Nanoseconds an operation: `body` runs so many. It is run for a fifth of the time to warm up, and to see how many of
 * them make up the time.
 */
static inline double per_operation(void (*body)(long count, void *data), void *data) {
  long count = 1;
  for (;;) {
    int64_t start = now();
    body(count, data);
    double elapsed = now() - start;
    if (elapsed >= target / 5) {
      count = count * target / elapsed;
      if (count < 1) count = 1;
      break;
    }
    count *= 2;
  }
  int64_t start = now();
  body(count, data);
  return (double)(now() - start) / count;
}

/* The row's name, from the command line; takes notice of --quick. */
static inline const char *row_of(int count, char **arguments) {
  if (count < 2) {
    fputs("usage: " PROGRAM " ROW [--quick]\n", stderr);
    exit(64);
  }
  for (int i = 2; i < count; i++)
    if (strcmp(arguments[i], "--quick") == 0) target = 60e6;
  return arguments[1];
}

/* Marsaglia's generator, the same as ours: what is random is the same on both sides. */
__attribute__((unused)) static uint64_t next_random(void) {
  static uint64_t state = 0x9E3779B97F4A7C15;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}
