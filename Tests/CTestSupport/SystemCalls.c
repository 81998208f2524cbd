/*
 * Which system calls a thread makes. A seccomp filter reports each to a thread of ours, which notes its number and lets
 * it go on. It needs no rights and no ptrace, so containers have it too; it needs Linux 5.5.
 *
 * The one who watches must not wait for the watched thread, so it takes no lock and allocates nothing once it watches.
 */
#define _GNU_SOURCE
#include "CTestSupport.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPACITY = 4096 };

struct watch {
  pid_t thread;
  /* 0 until it is there; -1 if there will be none. */
  atomic_int listener;
  atomic_bool is_recording;
  atomic_int count;
  int numbers[CAPACITY];
};

static _Thread_local struct watch *watch;

static void note(struct watch *watch, const struct seccomp_notif *call) {
  if ((pid_t)call->pid != watch->thread || !atomic_load(&watch->is_recording)) return;
  int count = atomic_load(&watch->count);
  if (count < CAPACITY) watch->numbers[count] = call->data.nr;
  atomic_store(&watch->count, count + 1);
}

/* Goes on until the last of the watched threads has ended: without an answer they would wait forever. */
static void *answer_calls(void *argument) {
  struct watch *watch = argument;
  int listener;
  while ((listener = atomic_load(&watch->listener)) == 0) usleep(50);
  while (listener > 0) {
    struct pollfd waited = {.fd = listener, .events = POLLIN};
    if (poll(&waited, 1, -1) < 0) continue;
    if (waited.revents & (POLLHUP | POLLERR | POLLNVAL)) break;
    struct seccomp_notif call;
    memset(&call, 0, sizeof call);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;
    int count = atomic_load(&watch->count);
    note(watch, &call);
    struct seccomp_notif_resp answer = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    /* A call that a signal cut short before it began is made again, and reported again. */
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) != 0) atomic_store(&watch->count, count);
  }
  if (listener > 0) close(listener);
  free(watch);
  return NULL;
}

int aiogs_test_watch_system_calls(void) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_restart_syscall, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  struct watch *made = calloc(1, sizeof *made);
  if (made == NULL) return -ENOMEM;
  made->thread = (pid_t)syscall(SYS_gettid);
  pthread_t watcher;
  int error = pthread_create(&watcher, NULL, answer_calls, made);
  if (error != 0) {
    free(made);
    return -error;
  }
  pthread_detach(watcher);
  int listener = -1;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
    listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  error = listener < 0 ? errno : 0;
  if (error == 0) watch = made;
  atomic_store(&made->listener, error == 0 ? listener : -1);
  return -error;
}

void aiogs_test_record_system_calls(void) {
  atomic_store(&watch->count, 0);
  atomic_store(&watch->is_recording, true);
}

int aiogs_test_recorded_system_calls(int *numbers, int capacity) {
  atomic_store(&watch->is_recording, false);
  int count = atomic_load(&watch->count);
  if (count > CAPACITY) count = CAPACITY;
  memcpy(numbers, watch->numbers, sizeof *numbers * (size_t)(count < capacity ? count : capacity));
  return count;
}

const char *aiogs_test_system_call_name(int number) {
  switch (number) {
  case SYS_read: return "read";
  case SYS_write: return "write";
  case SYS_preadv2: return "preadv2";
#ifdef SYS_poll
  case SYS_poll:
#endif
  case SYS_ppoll: return "poll";
#ifdef SYS_epoll_wait
  case SYS_epoll_wait:
#endif
#ifdef SYS_epoll_pwait2
  case SYS_epoll_pwait2:
#endif
  case SYS_epoll_pwait: return "epoll";
  case SYS_epoll_ctl: return "epoll_ctl";
#ifdef SYS_io_uring_enter
  case SYS_io_uring_enter: return "ring";
#endif
  case SYS_io_submit: return "io_submit";
  case SYS_timerfd_settime: return "timerfd";
  case SYS_fcntl: return "fcntl";
  case SYS_clock_nanosleep: return "sleep";
  default: return NULL;
  }
}
