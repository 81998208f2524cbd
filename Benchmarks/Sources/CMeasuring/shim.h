// What the Glibc module lacks. The features come first, so that the headers agree with Glibc's.
#pragma once
#include <features.h>
#include <malloc.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Bytes that malloc has handed out, those of its own mappings included.
static inline size_t measuring_allocated_bytes(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Runs the calling thread on this CPU only, one of the first 64; 0, or -1. glibc's own call wants _GNU_SOURCE.
static inline long measuring_pin(int cpu) {
  unsigned long long set = 1ULL << cpu;
  return syscall(SYS_sched_setaffinity, 0, sizeof set, &set);
}
