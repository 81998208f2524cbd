/*
 * CoreFoundation's run loop, as Foundation's library exports it, for a library that does not link Foundation: the symbols
 * are weak, and null in a program without it. Names of our own, by way of assembler labels, so that they agree with the
 * declarations of CoreFoundation's headers wherever those are seen too. Main thread.
 *
 * What is called "reference" is an object of CoreFoundation's; dates are seconds since its epoch.
 */
#ifndef AIOGSOURCE_CSWIFTRUNTIME_RUN_LOOP_H
#define AIOGSOURCE_CSWIFTRUNTIME_RUN_LOOP_H

#include <stdbool.h>
#include <stddef.h>

typedef const void *aiogs_cf_reference;
typedef void (*aiogs_cf_timer_callback)(aiogs_cf_reference timer, void *info);

#define AIOGS_WEAK(symbol) __asm__(symbol) __attribute__((weak))
extern aiogs_cf_reference aiogs_cf_main(void) AIOGS_WEAK("CFRunLoopGetMain");
extern int aiogs_cf_run(aiogs_cf_reference mode, double seconds, unsigned char return_after_source)
    AIOGS_WEAK("CFRunLoopRunInMode");
extern double aiogs_cf_next_date(aiogs_cf_reference loop, aiogs_cf_reference mode)
    AIOGS_WEAK("CFRunLoopGetNextTimerFireDate");
extern double aiogs_cf_now(void) AIOGS_WEAK("CFAbsoluteTimeGetCurrent");
extern aiogs_cf_reference aiogs_cf_timer(aiogs_cf_reference allocator, double date, double interval,
                                         unsigned long flags, long order, aiogs_cf_timer_callback callback,
                                         void *context) AIOGS_WEAK("CFRunLoopTimerCreate");
extern void aiogs_cf_add_timer(aiogs_cf_reference loop, aiogs_cf_reference timer, aiogs_cf_reference mode)
    AIOGS_WEAK("CFRunLoopAddTimer");
extern void aiogs_cf_invalidate_timer(aiogs_cf_reference timer) AIOGS_WEAK("CFRunLoopTimerInvalidate");
extern void aiogs_cf_release(aiogs_cf_reference object) AIOGS_WEAK("CFRelease");
extern const aiogs_cf_reference aiogs_cf_default_mode AIOGS_WEAK("kCFRunLoopDefaultMode");
#undef AIOGS_WEAK

/* Whether all of it is there. The functions below are for when it is. */
static inline bool aiogs_run_loop_is_linked(void) {
  return aiogs_cf_main != NULL && aiogs_cf_run != NULL && aiogs_cf_next_date != NULL && aiogs_cf_now != NULL &&
         aiogs_cf_timer != NULL && aiogs_cf_add_timer != NULL && aiogs_cf_invalidate_timer != NULL &&
         aiogs_cf_release != NULL && &aiogs_cf_default_mode != NULL;
}

/* The main thread's run loop, which is made if nobody has asked for it yet. */
static inline aiogs_cf_reference aiogs_run_loop_main(void) { return aiogs_cf_main(); }

/* Runs what is due in the default mode, without waiting. True if a source or the main queue had something. */
static inline bool aiogs_run_loop_pass(void) {
  /* kCFRunLoopRunHandledSource */
  return aiogs_cf_run(aiogs_cf_default_mode, 0, true) == 4;
}

/* The date of the next timer of the default mode, 0 if there is none. */
static inline double aiogs_run_loop_next_date(aiogs_cf_reference loop) {
  return aiogs_cf_next_date(loop, aiogs_cf_default_mode);
}
static inline double aiogs_run_loop_now(void) { return aiogs_cf_now(); }

static inline void aiogs_run_loop_timer_callback(aiogs_cf_reference timer, void *info) {}

/* Adds a timer to the default mode that does nothing. */
static inline aiogs_cf_reference aiogs_run_loop_add_timer(aiogs_cf_reference loop, double seconds) {
  aiogs_cf_reference timer =
      aiogs_cf_timer(NULL, aiogs_cf_now() + seconds, 0, 0, 0, aiogs_run_loop_timer_callback, NULL);
  if (timer != NULL) aiogs_cf_add_timer(loop, timer, aiogs_cf_default_mode);
  return timer;
}

static inline void aiogs_run_loop_remove_timer(aiogs_cf_reference timer) {
  aiogs_cf_invalidate_timer(timer);
  aiogs_cf_release(timer);
}

#endif
