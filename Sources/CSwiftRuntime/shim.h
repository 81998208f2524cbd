/*
 * What Swift's own libraries on Linux export for those who run the main thread's loop, and no header declares: libdispatch's
 * main queue and the concurrency runtime's hook for an asynchronous main. Link-time symbols, so that they are there in a
 * statically linked program too; what uses them imports Dispatch, which links the library.
 */
#ifndef AIOGSOURCE_CSWIFTRUNTIME_SHIM_H
#define AIOGSOURCE_CSWIFTRUNTIME_SHIM_H

#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The descriptor that is readable when the main queue has something to run: an eventfd, made by the first call. */
extern int _dispatch_get_main_queue_handle_4CF(void);
/* Runs what is on the main queue at the time. Main thread only; ignored while it is running already. */
extern void _dispatch_main_queue_callback_4CF(void *);

/*
 * Called, if it is set, when an asynchronous main has nothing more to do than to wait; it must not return. The runtime
 * passes arguments in Swift's own convention, which a function that looks at none may leave to its caller.
 */
extern void *swift_task_asyncMainDrainQueue_hook;
static inline void *aiogs_async_main_hook(void) { return swift_task_asyncMainDrainQueue_hook; }
static inline void aiogs_set_async_main_hook(void *hook) { swift_task_asyncMainDrainQueue_hook = hook; }

/* syscall(2) is variadic, which Swift cannot call, and the Glibc module leaves gettid(2) out. */
static inline bool aiogs_is_main_thread(void) { return syscall(SYS_gettid) == getpid(); }

#endif
