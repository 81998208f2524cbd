/* What the tests need of C: counting allocations, and running without some system calls. */
#ifndef AIOGSOURCE_TEST_SUPPORT_H
#define AIOGSOURCE_TEST_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

/* Whether allocations can be counted in this build: not under a sanitizer, which has an allocator of its own. */
bool aiogs_test_can_count_allocations(void);

/* Counts the calling thread's allocations from here on. */
void aiogs_test_count_allocations(void);

/* Stops counting, and returns how many there were. */
long aiogs_test_stop_counting(void);

/* Nanoseconds of CPU time the calling thread has used. */
long aiogs_test_thread_cpu_time(void);

/*
 * Which system calls are denied in this process, from the environment: AIO_TEST_DENY=io_uring has io_uring_setup fail
 * with EPERM, AIO_TEST_DENY=io_uring:ENOSYS with ENOSYS, AIO_TEST_DENY=io_uring,io_setup has io_setup fail too. The
 * filter is in force before main.
 */
bool aiogs_test_denies_io_uring(void);
bool aiogs_test_denies_io_setup(void);

/* Whether this build runs under the thread or the address sanitizer. */
bool aiogs_test_is_sanitized(void);

/* Has eventfd(2) fail with ENOSYS in the calling thread from here on. Returns 0 or -errno. */
int aiogs_test_deny_eventfd(void);

/* A terminal: opens the end that a program has it by, and the end that its user has. Returns 0, or -errno. */
int aiogs_test_open_terminal(int *program, int *user);

/* Gives memory that was freed back to the system. */
void aiogs_test_trim_heap(void);

/*
 * Calls `body` in a child process, by fork(2), and waits for its end: 0 if it returned, the signal that ended it, or
 * -errno.
 */
int aiogs_test_call_in_child(void (*body)(void *), void *data);

/*
 * Has another thread see every system call that the calling thread makes from here on, and let it go on. To its end:
 * the threads that it starts from here on are watched too, though only its own calls are recorded. Returns 0 or -errno:
 * -EBUSY if somebody watches already.
 */
int aiogs_test_watch_system_calls(void);

/*
 * Records the watched thread's system calls from here on. But not clock_gettime, which is one only without a vDSO clock,
 * nor restart_syscall, by which the kernel goes on with a wait that it interrupted itself.
 */
void aiogs_test_record_system_calls(void);

/*
 * Stops recording: how many there were. The first `capacity` of their numbers are in `numbers` then; so many are
 * recorded at most.
 */
int aiogs_test_recorded_system_calls(int *numbers, int capacity);

/* What the tests call a system call; NULL for one that none of them expects. All kinds of poll(2) are one, and so on. */
const char *aiogs_test_system_call_name(int number);

/* Where the stack is: of a local variable's address the address sanitizer makes something else. */
uintptr_t aiogs_test_stack_address(void);

#endif
