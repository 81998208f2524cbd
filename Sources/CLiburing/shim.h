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
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <linux/stat.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* ppoll(2) and epoll_pwait2(2) are hidden behind feature macros that the Glibc module does not set. */
extern int ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
extern int epoll_pwait2(int, struct epoll_event *, int, const struct timespec *, const sigset_t *);
/* So are these, with the constants that go with them. */
extern ssize_t preadv2(int, const struct iovec *, int, off_t, int);
extern ssize_t pwritev2(int, const struct iovec *, int, off_t, int);
extern int fallocate(int, int, off_t, off_t);
extern int accept4(int, struct sockaddr *, socklen_t *, int);
extern int statx(int, const char *, int, unsigned, struct statx *);
enum {
  AIOGS_RWF_NOWAIT = 0x00000008,
  AIOGS_O_DIRECT = __O_DIRECT,
};

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

/*
 * Linux AIO, which glibc does not wrap. All return what the system call does, or -errno.
 */
static inline long aiogs_io_setup(unsigned entries, aio_context_t *context) {
  return syscall(SYS_io_setup, entries, context) == 0 ? 0 : -errno;
}
static inline long aiogs_io_destroy(aio_context_t context) {
  return syscall(SYS_io_destroy, context) == 0 ? 0 : -errno;
}
static inline long aiogs_io_submit(aio_context_t context, long count, struct iocb **blocks) {
  long result = syscall(SYS_io_submit, context, count, blocks);
  return result >= 0 ? result : -errno;
}
static inline long aiogs_io_cancel(aio_context_t context, struct iocb *block, struct io_event *event) {
  return syscall(SYS_io_cancel, context, block, event) == 0 ? 0 : -errno;
}
static inline long aiogs_io_getevents(aio_context_t context, long minimum, long count, struct io_event *events,
                                      struct timespec *timeout) {
  long result = syscall(SYS_io_getevents, context, minimum, count, events, timeout);
  return result >= 0 ? result : -errno;
}

/*
 * The head of the completion ring that the kernel maps at the address that io_setup gives: what is finished can be seen
 * and taken without a system call. Part of the kernel's binary interface, though of no header; `magic` tells whether
 * it is as described here.
 */
struct aiogs_aio_ring {
  unsigned id;
  unsigned count;
  unsigned head;
  unsigned tail;
  unsigned magic;
  unsigned compatible_features;
  unsigned incompatible_features;
  unsigned header_length;
};
enum { AIOGS_AIO_RING_MAGIC = 0xa10a10a1 };

static inline unsigned aiogs_aio_ring_tail(const struct aiogs_aio_ring *ring) {
  return __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
}
static inline void aiogs_aio_ring_set_head(struct aiogs_aio_ring *ring, unsigned head) {
  __atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
}

/* Control messages: the macros of <sys/socket.h> that Swift cannot see. */
static inline size_t aiogs_cmsg_space(size_t length) { return CMSG_SPACE(length); }
static inline size_t aiogs_cmsg_length(size_t length) { return CMSG_LEN(length); }
static inline struct cmsghdr *aiogs_cmsg_first(struct msghdr *message) { return CMSG_FIRSTHDR(message); }
static inline struct cmsghdr *aiogs_cmsg_next(struct msghdr *message, struct cmsghdr *previous) {
  return CMSG_NXTHDR(message, previous);
}
static inline unsigned char *aiogs_cmsg_data(struct cmsghdr *message) { return CMSG_DATA(message); }

/* epoll_data is a union: write the pointer, read the pointer. */
static inline void aiogs_epoll_set_pointer(struct epoll_event *event, void *pointer) { event->data.ptr = pointer; }
static inline void *aiogs_epoll_pointer(const struct epoll_event *event) { return event->data.ptr; }

#endif
