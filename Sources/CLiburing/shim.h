/*
 * liburing's C interface for Swift, and the few Linux calls that Swift's Glibc module does not reach.
 *
 * <features.h> has to come before <liburing.h>: that header defines _XOPEN_SOURCE and _GNU_SOURCE, and a module
 * built with other feature macros than Glibc's and GLib's own disagrees with them about types such as fd_set.
 *
 * <linux/io_uring.h> has to come before it too: liburing carries a copy of that header under the same guard, and
 * swift-system's C module has the kernel's; two modules with two definitions of io_uring_sqe do not go together.
 */
#ifndef AIOGSOURCE_CLIBURING_SHIM_H
#define AIOGSOURCE_CLIBURING_SHIM_H

#include <features.h>
#include <linux/io_uring.h>
#include <liburing.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>

/* ppoll(2) and epoll_pwait2(2) are hidden behind feature macros that the Glibc module does not set. */
extern int ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
extern int epoll_pwait2(int, struct epoll_event *, int, const struct timespec *, const sigset_t *);

/* prctl(2) is variadic, which Swift cannot call. Returns 0, or -errno. */
static inline int aiogs_set_timer_slack(unsigned long nanoseconds) {
  return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0) == 0 ? 0 : -errno;
}

/* The kernel asks, with this flag, to be entered so that it can post completions (IORING_SETUP_TASKRUN_FLAG). */
static inline int aiogs_ring_wants_entry(const struct io_uring *ring) {
  return (__atomic_load_n(ring->sq.kflags, __ATOMIC_RELAXED) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

/* pthread_setname_np(3) is a GNU extension that the Glibc module leaves out; 15 bytes at most. */
extern int pthread_setname_np(pthread_t, const char *);

/* epoll_data is a union: write the pointer, read the pointer. */
static inline void aiogs_epoll_set_pointer(struct epoll_event *event, void *pointer) { event->data.ptr = pointer; }
static inline void *aiogs_epoll_pointer(const struct epoll_event *event) { return event->data.ptr; }

#endif
