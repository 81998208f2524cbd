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
 * What withTaskCancellationHandler is made of. That function takes two closures, and each return from them asks the runtime
 * for the task's executor under a lock: 1,100 instructions more for an awaited read than these. Both are for the task that
 * runs: the handler is called on the thread that cancels it, or here and now if it is cancelled already, and not any more
 * once it is removed, in the reverse order of adding.
 */
typedef __attribute__((swiftcall)) void (*aiogs_swift_closure)(__attribute__((swift_context)) void *);
extern __attribute__((swiftcall)) void *swift_task_addCancellationHandler(aiogs_swift_closure, void *context);
extern __attribute__((swiftcall)) void swift_task_removeCancellationHandler(void *record);

struct aiogs_cancellation_handler {
  void (*function)(void *argument);
  void *argument;
};
static __attribute__((swiftcall)) void aiogs_call_cancellation_handler(__attribute__((swift_context)) void *context) {
  const struct aiogs_cancellation_handler *handler = (const struct aiogs_cancellation_handler *)context;
  handler->function(handler->argument);
}
/* The handler has to stay in place until it is removed. */
static inline void *aiogs_add_cancellation_handler(struct aiogs_cancellation_handler *handler) {
  return swift_task_addCancellationHandler(aiogs_call_cancellation_handler, handler);
}
static inline void aiogs_remove_cancellation_handler(void *record) { swift_task_removeCancellationHandler(record); }

/*
 * For the task that runs, after a suspension that another thread may have ended. The runtime tells the thread sanitizer of
 * each resumption, and of each job that runs; where a task is resumed before it has suspended there is no job, and the
 * sanitizer takes what comes after for a race with what came before. Without the sanitizer the symbol is null.
 */
extern void __tsan_acquire(void *) __attribute__((weak));
extern __attribute__((swiftcall)) void *swift_task_getCurrent(void);
static inline void aiogs_was_resumed(void) {
  if (__tsan_acquire != 0) __tsan_acquire(swift_task_getCurrent());
}

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
