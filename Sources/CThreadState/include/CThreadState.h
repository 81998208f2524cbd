/*
 * A word for each thread: the address of its ThreadState, 0 where it has none. It is asked for several times a pass, and
 * Swift has no variable of a thread's own; pthread_getspecific(3) is a call each time. In a file of its own beside
 * CLiburing's header, because a variable needs an object file that has it.
 */
#ifndef AIOGSOURCE_CTHREADSTATE_H
#define AIOGSOURCE_CTHREADSTATE_H

#include <stdint.h>

extern _Thread_local uintptr_t aiogs_thread_state_word __attribute__((tls_model("initial-exec")));

static inline uintptr_t aiogs_thread_state(void) { return aiogs_thread_state_word; }
static inline void aiogs_set_thread_state(uintptr_t address) { aiogs_thread_state_word = address; }

#endif
