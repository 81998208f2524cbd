/*
 * A word for each thread: the address of its ThreadState, 0 where it has none. It is asked for several times a pass, and
 * Swift has no variable of a thread's own; pthread_getspecific(3) is a call each time. In a file of its own beside
 * CLiburing's header, because a variable needs an object file that has it.
 */
#ifndef AIOGSOURCE_CTHREADSTATE_H
#define AIOGSOURCE_CTHREADSTATE_H

#include <errno.h>
#include <linux/membarrier.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

extern _Thread_local uintptr_t aiogs_thread_state_word __attribute__((tls_model("initial-exec")));

static inline uintptr_t aiogs_thread_state(void) { return aiogs_thread_state_word; }
static inline void aiogs_set_thread_state(uintptr_t address) { aiogs_thread_state_word = address; }

/* Keeps the compiler from moving accesses across it, which Swift has no word for. */
static inline void aiogs_signal_fence(void) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

/*
 * membarrier(2), which glibc does not wrap: a barrier on every thread of the process that is running. 0, or -errno. The
 * registration has to come first, once in a process.
 */
static inline int aiogs_membarrier_register(void) {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 ? 0 : -errno;
}
static inline int aiogs_membarrier(void) {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0 ? 0 : -errno;
}

#endif
