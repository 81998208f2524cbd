#define _GNU_SOURCE
#include "CTestSupport.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

bool aiogs_test_is_sanitized(void) {
#ifdef SANITIZED
  return true;
#else
  return false;
#endif
}

/* Allocations: the executable's own malloc goes before the C library's, for every library in the process. */

static _Thread_local bool counting;
static _Thread_local long allocations;

#ifndef SANITIZED
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
  if (counting) allocations++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  if (counting) allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size) {
  if (counting) allocations++;
  return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size) {
  if (counting) allocations++;
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **pointer, size_t alignment, size_t size) {
  *pointer = memalign(alignment, size);
  return *pointer ? 0 : ENOMEM;
}
#endif

bool aiogs_test_can_count_allocations(void) { return !aiogs_test_is_sanitized(); }

void aiogs_test_count_allocations(void) {
  allocations = 0;
  counting = true;
}

long aiogs_test_stop_counting(void) {
  counting = false;
  return allocations;
}

long aiogs_test_thread_cpu_time(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

/* Denied system calls. */

static int deny(int number, int error, unsigned flags) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -errno;
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0 ? 0 : -errno;
}

static bool io_uring_is_denied;
static bool io_setup_is_denied;

static void deny_to_all(int number, int error, const char *name) {
  int status = deny(number, error, SECCOMP_FILTER_FLAG_TSYNC);
  if (status == 0) return;
  fprintf(stderr, "cannot deny %s to the tests: %s\n", name, strerror(-status));
  exit(1);
}

__attribute__((constructor)) static void deny_what_the_environment_says(void) {
  const char *denied = getenv("AIO_TEST_DENY");
  if (denied == NULL) return;
  if (strncmp(denied, "io_uring", 8) == 0) {
    int error = strcmp(denied, "io_uring:ENOSYS") == 0 ? ENOSYS : EPERM;
    deny_to_all(SYS_io_uring_setup, error, "io_uring");
    io_uring_is_denied = true;
  }
  if (strstr(denied, "io_setup") != NULL) {
    deny_to_all(SYS_io_setup, EPERM, "io_setup");
    io_setup_is_denied = true;
  }
}

bool aiogs_test_denies_io_uring(void) { return io_uring_is_denied; }
bool aiogs_test_denies_io_setup(void) { return io_setup_is_denied; }

int aiogs_test_deny_eventfd(void) { return deny(SYS_eventfd2, ENOSYS, 0); }

/* A terminal. */

int aiogs_test_open_terminal(int *program, int *user) {
  char name[64];
  *user = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*user < 0) return -errno;
  *program = -1;
  if (grantpt(*user) == 0 && unlockpt(*user) == 0 && ptsname_r(*user, name, sizeof name) == 0)
    *program = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*program >= 0) return 0;
  int error = errno;
  close(*user);
  return -error;
}

uintptr_t aiogs_test_stack_address(void) { return (uintptr_t)__builtin_frame_address(0); }

void aiogs_test_trim_heap(void)
{
    malloc_trim(0);
}

int aiogs_test_call_in_child(void (*body)(void *), void *data)
{
    int status;
    pid_t child = fork();

    if (child < 0) {
        return -errno;
    }
    if (child == 0) {
        body(data);
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}
