/*
 * The queue of a context's jobs: Sources/AioGSource/Executors/JobQueue.swift (enqueue, push, appendAtHome, takeStack,
 * hasJobs, run), and the loop around it (Sources/AioGSource/AioContext: runPass, timeoutNanoseconds, sourcePrepare).
 *
 * Threads push jobs; the home thread enqueues jobs of its own: from callbacks in a pass, from jobs, outside of passes, and
 * between its last look and the sleep; one of its jobs may run the loop. Checked: every job runs exactly
 * once, and has what its enqueuer wrote; jobs run in the order in which they were enqueued, all of them: a job's place is
 * that of the step that puts it on the stack, or, in a pass at home, of the step that finds the stack empty or takes it.
 * So those of one thread keep their order, and one that was enqueued after another, by way of whatever, runs after
 * it. And the home thread never sleeps on a job (an invalid end state).
 *
 * To notify is to set a mark that ends the sleep, and a pass clears it before it looks: that this is so, with windows and
 * writes, is what notify.pml checks.
 *
 * BUG_1 to BUG_10 plant a bug each; the check has to find every one.
 */
#define PRODUCERS 2
#ifndef PUSHES
#define PUSHES 2 /* of each producer */
#endif
#ifndef AT_HOME
#define AT_HOME 2 /* jobs that the home thread enqueues */
#endif
#ifndef BUDGET
#define BUDGET 2 /* jobs of a run */
#endif
#define JOBS (PRODUCERS * PUSHES + AT_HOME) /* at the most */

/* Jobs are 1 to JOBS; 0 is none. */
byte top;
byte below[JOBS + 1];
chan queue = [JOBS] of { byte };
bool notified;

/* What is checked with. */
bool written[JOBS + 1]; /* what the enqueuer wrote for it */
byte place[JOBS + 1];   /* 1 for the job that has to run first */
byte enqueued;
byte ran;
byte finished; /* producers */

#define all_ran (finished == PRODUCERS && ran == enqueued)

inline make_job(number) { d_step { job = number; written[job] = true } }
inline take_place() { enqueued++; place[job] = enqueued }

inline push() {
#ifdef BUG_4
  /* BUG_4: notified before there is something to notify of. */
  head = top;
  if
  :: head == 0 -> notified = true
  :: else
  fi;
#endif
  head = top;
#ifdef BUG_1
  /* BUG_1: whether the stack was empty is told by the first look, and not by the exchange that went through. */
  first = head;
#endif
#ifdef BUG_9
  /* BUG_9: J1 does not release: what was written for the job comes after the push. */
  written[job] = false;
#endif
  do
  :: d_step { top == head -> below[job] = head; top = job; take_place() }
    break
  :: d_step { top != head -> head = top }
  od;
#ifdef BUG_9
  written[job] = true;
#endif
#ifdef BUG_1
  head = first;
#endif
#ifndef BUG_4
  if
  :: head == 0 -> notified = true
  :: else
  fi;
#endif
  head = 0;
  job = 0
}

proctype producer() {
  byte pushes;
  byte job;
  byte head;
#ifdef BUG_1
  byte first;
#endif
  do
  :: pushes == PUSHES -> break
  :: else -> make_job((_pid - 1) * PUSHES + pushes + 1); push(); pushes++
  od;
  finished++
}

/* What was taken goes behind the local queue, oldest first. */
inline append_taken() {
#ifdef BUG_6
  /* BUG_6: the youngest first, as it is on the stack. */
  do
  :: head != 0 -> queue!head; head = below[head]
  :: else -> break
  od;
#else
  do
  :: head != 0 ->
    /* The lowest of those that are left. */
    other = head;
    do
    :: below[other] != bottom -> other = below[other]
    :: else -> break
    od;
    queue!other;
    below[other] = 0;
    bottom = other;
    if
    :: other == head -> head = 0
    :: else
    fi
  :: else -> break
  od;
#endif
  bottom = 0;
  other = 0
}

/* With a job in hand, its place is behind what is found here. */
inline take_stack() {
  if
  :: d_step { top == 0 ->
      if
      :: job != 0 -> take_place()
      :: else
      fi
    }
  :: top != 0 ->
#ifdef BUG_3
    /* BUG_3: the stack is read and emptied in two steps. */
    head = top;
    d_step {
      top = 0;
#else
    d_step {
      head = top;
      top = 0;
#endif
      if
      :: job != 0 -> take_place()
      :: else
      fi;
      append_taken()
    }
  fi
}

inline append_at_home() {
#ifdef BUG_2
  /* BUG_2: what the stack holds is left there. */
  d_step { take_place() };
#else
  take_stack();
#endif
  d_step { queue!job; job = 0 };
#ifndef BUG_7
  /* BUG_7: after the last look before the sleep, too, it is taken for granted that there will be another. */
  if
  :: looked -> notified = true
  :: else
  fi
#endif
}

/* A job, or a callback in a pass, enqueues one. */
inline may_enqueue() {
  if
  :: at_home < AT_HOME -> at_home++; make_job(PRODUCERS * PUSHES + at_home); append_at_home()
  :: true
  fi
}

/* Outside of a pass the home thread is like any other. */
inline may_enqueue_outside() {
  if
  :: at_home < AT_HOME ->
    at_home++;
    make_job(PRODUCERS * PUSHES + at_home);
#ifdef BUG_10
    /* BUG_10: it enqueues as in a pass, as if its own loop could not be about to sleep. */
    take_stack();
    d_step { queue!job; job = 0 }
#else
    push()
#endif
  :: true
  fi
}

inline run_job() {
  d_step {
    assert(written[current] && place[current] == ran + 1);
    ran++;
    place[current] = 0;
    current = 0
  }
}

inline has_jobs() {
#ifdef BUG_5
  /* BUG_5: what a run left when its budget was spent is not looked at. */
  found = (top != 0)
#else
  found = (len(queue) > 0);
  if
  :: found
  :: else -> found = (top != 0)
  fi
#endif
}

inline accept() { notified = false }

/* Waits, if there is nothing to do. */
inline look_and_sleep() {
  has_jobs();
  if
  :: found
  :: else ->
    looked = true;
    if
    :: may_enqueue()
    :: may_enqueue_outside()
    fi;
    /* Asleep; being done for good is the only other way out. */
    if
    :: notified
    :: all_ran
    fi;
    looked = false
  fi;
  found = false
}

/* A run inside of a job, and the rest of the pass that it belongs to. */
inline nested_pass() {
  look_and_sleep();
  accept();
  take_stack();
  inner = 0;
  do
  :: len(queue) > 0 ->
    queue?current;
    run_job();
    may_enqueue();
    inner++;
    if
    :: inner == BUDGET -> break
    :: else
    fi;
    if
    :: len(queue) == 0 -> take_stack()
    :: else
    fi
  :: else -> break
  od;
  inner = 0
}

active proctype home() {
  byte job;
  byte head;
#ifdef BUG_1
  byte first;
#endif
  byte other;
  byte bottom;
  byte at_home;
  byte current;
  byte count;
  byte inner;
  bool found;
  bool looked;
  bool nested;
  byte started;
  do
  :: started < PRODUCERS -> run producer(); started++
  :: else -> break
  od;
  started = 0;
  do
  :: all_ran -> break
  :: else ->
    accept();
    may_enqueue();
    take_stack();
    do
    :: len(queue) > 0 ->
#ifdef BUG_8
      /* BUG_8: a job is taken out of the queue when it has run. */
      queue?<current>;
#else
      queue?current;
#endif
      run_job();
      may_enqueue();
      if
      :: !nested -> nested = true; nested_pass()
      :: true
      fi;
#ifdef BUG_8
      queue?current;
      current = 0;
#endif
      count++;
      if
      :: count == BUDGET -> break
      :: else
      fi;
      if
      :: len(queue) == 0 -> take_stack()
      :: else
      fi
    :: else -> break
    od;
    count = 0;
    may_enqueue_outside();
    look_and_sleep()
  od;
  assert(top == 0 && len(queue) == 0)
}
