/*
 * The thread pool, between the home thread and its workers: Sources/AioGSource/BlockIO/WorkerPool.swift (enqueue, cancel,
 * takeDone, setLimits, stop, joinEnded, startWorker, work, carryOutFirst, pushDone, workWithoutWorkers),
 * Sources/AioGSource/BlockIO/PoolProtocol.swift (enqueued, withdrawn, workerStarted, startFailed, takeWithoutWorker,
 * nextTurn, wokeUp, setLimits, stop), and of ThreadBackend.swift: cancel, collect, drain, close.
 *
 * The home thread queues requests, singly and in batches, cancels some, changes the limits, runs passes, sleeps until
 * its bottom half is scheduled, and closes the pool when it likes; a thread may always be refused. Checked: every
 * request ends exactly once, run or cancelled; nobody sleeps for ever on a job, on a completion, or on a worker that is
 * to end (an invalid end state); no job waits for another's end while a worker sleeps; no more threads than the
 * maximum; and no thread is left after stop, where the number of one that was joined may be another's.
 *
 * What is done under the lock is one step. An idle worker's time runs out NAPS times at the most, at any moment, so that
 * it cannot make good a lost wake-up. With MAXIMUM 3 and NAPS 1 there are six times as many states, and no errors either.
 *
 * BUG_1 to BUG_13 plant a bug each; the check has to find every one.
 */
#define REQUESTS 3
#define CHANGES 1 /* of the limits */
#ifdef BUG_13
#define MAXIMUM 3
#endif
#ifndef MAXIMUM
#define MAXIMUM 2
#endif
#ifndef NAPS
#define NAPS 2
#endif
/* The numbers of threads: one that has ended keeps its own until it is joined. */
#define THREADS 3

/* Request r is 1 to REQUESTS; 0 is none. */
#define FREE 0
#define QUEUED 1
#define SUBMITTED 2
#define FINISHED 3
byte phase[REQUESTS + 1];
bool ran[REQUESTS + 1];

/* The stack of done ones. */
byte top;
byte below[REQUESTS + 1];
bool scheduled; /* the bottom half */

/* PoolProtocol. */
byte minimum;
byte maximum = MAXIMUM;
byte jobs; /* queued */
byte idle;
byte waking;
byte starting;
byte workers;
bool stopping;

/* WorkerPool. */
chan queue = [REQUESTS] of { byte };
chan threads = [THREADS] of { byte };
bool ended[THREADS];

/* The threads. */
#define NONE 0
#define IN_LOOP 1 /* or on its way to it */
#define LEAVING 2
#define OVER 3    /* and not joined: the number is not free yet */
byte life[THREADS];
bool asleep[THREADS];
byte naps;

#define sleepers (asleep[0] + asleep[1] + asleep[2])
#define in_loop ((life[0] == IN_LOOP) + (life[1] == IN_LOOP) + (life[2] == IN_LOOP))

/* The lock is given up: what is true then. */
inline unlock() {
  assert(jobs == len(queue));
  assert(waking <= idle - sleepers);
  assert(in_loop <= MAXIMUM);
  /* Each of the jobs has a worker who is about to look, unless none sleeps. */
  assert(sleepers == 0 || jobs <= idle - sleepers);
  assert(sleepers == 0 || workers <= maximum)
}

inline wake(count) {
  if
  :: count > 1 -> asleep[0] = false; asleep[1] = false; asleep[2] = false
  :: count == 1 ->
    if
    :: asleep[0] -> asleep[0] = false
    :: asleep[1] -> asleep[1] = false
    :: asleep[2] -> asleep[2] = false
    :: else
    fi
  :: else
  fi
}

inline start_if_needed(available) {
  start = (!stopping && starting == 0 && workers < maximum && (workers < minimum || jobs > available));
  if
  :: start -> starting++; workers++
  :: else
  fi
}

/* pthread_create, which may refuse. */
inline create() {
  created = false;
  slot = 0;
  do
  :: slot < THREADS && life[slot] != NONE -> slot++
  :: else -> break
  od;
  if
  :: slot < THREADS -> life[slot] = IN_LOOP; threads!slot; created = true
  :: true ->
#ifndef BUG_2
    /* BUG_2: the one that was refused counts as being created for ever. */
    starting--;
#endif
    workers--
  fi;
  slot = 0
}

/* Under the lock. */
inline take() {
  jobs--;
  queue?request;
  assert(phase[request] == QUEUED);
  phase[request] = SUBMITTED
}

/* Its result is written, and the top of the stack read. */
inline carry_out() {
  d_step { request != 0 -> assert(phase[request] == SUBMITTED && !ran[request]); ran[request] = true; head = top }
}

inline push_done() {
#ifdef BUG_3
  /* BUG_3: the bottom half is scheduled before there is something for it. */
  if
  :: head == 0 -> scheduled = true
  :: else
  fi;
#endif
#ifdef BUG_4
  /* BUG_4: whether the stack was empty is told by the first look, and not by the exchange that went through. */
  first = head;
#endif
  do
  :: atomic { top == head -> below[request] = head; top = request; request = 0; break }
  :: atomic { top != head -> head = top }
  od;
#ifdef BUG_4
  head = first;
#endif
  if
#ifndef BUG_3
  :: head == 0 -> scheduled = true
#endif
  :: else -> head = 0
  fi
}

/* Thread `_pid`, each time that it is created. */
active [THREADS] proctype worker() {
  byte request;
  byte head;
#ifdef BUG_4
  byte first;
#endif
  byte slot;
  bool start;
  bool created;
  bool brief;   /* the sleep ends with the idle time */
  bool over;    /* and it has */
  bool slept;
end_not_created:
  do
  :: d_step {
      life[_pid] == IN_LOOP ->
      starting--;
#ifdef BUG_1
      /* BUG_1: the worker that starts the next one does not ask for the maximum. */
      start = (!stopping && starting == 0 && jobs > idle + 1);
      if
      :: start -> starting++; workers++
      :: else
      fi;
#else
      start_if_needed(idle + 1);
#endif
      unlock()
    }
    if
    :: atomic { start -> start = false; create(); created = false; assert(workers > 0); unlock() }
    :: else
    fi;
    do
    :: d_step {
        life[_pid] == IN_LOOP && !asleep[_pid] && request == 0 ->
        if
        :: slept ->
          idle--;
#ifndef BUG_5
          /* BUG_5: one that was woken stays counted as about to look. */
          if
          :: waking > 0 -> waking--
          :: else
          fi;
#endif
          slept = false
        :: else
        fi;
        if
#ifdef BUG_6
        /* BUG_6: with its time over a worker goes without another look at the queue. */
        :: workers > maximum || (over && workers > minimum) ->
#else
        :: workers > maximum ->
#endif
          workers--; life[_pid] = LEAVING
        :: else ->
          if
          :: jobs > 0 -> take()
          :: else ->
            if
            :: stopping || (over && workers > minimum) -> workers--; life[_pid] = LEAVING
            :: else ->
              idle++;
              brief = (workers > minimum);
              slept = true;
#ifndef BUG_7
              asleep[_pid] = true
#endif
            fi
          fi
        fi;
        over = false;
        if
        :: life[_pid] == LEAVING ->
          /* stop may have taken it off the list, to join it. */
          if
          :: threads??[eval(_pid)] -> threads??eval(_pid); ended[_pid] = true
          :: else
          fi
        :: else
        fi;
        unlock()
      }
#ifdef BUG_7
      /* BUG_7: the lock is given up between the look at the queue and the sleep. */
      if
      :: slept -> asleep[_pid] = true
      :: else
      fi
#endif
    :: carry_out(); push_done()
    :: d_step { asleep[_pid] && brief && naps < NAPS -> naps++; asleep[_pid] = false; over = true }
    :: atomic { life[_pid] == LEAVING -> brief = false; life[_pid] = OVER; break }
    od
  od
}

inline start_worker() {
  atomic { start = false; create(); unlock() }
#ifndef BUG_8
  /* BUG_8: there is no worker, and nobody does the work. */
  if
  :: !created ->
    do
    :: d_step { workers == 0 && jobs > 0 -> take(); unlock() }
      carry_out();
      push_done()
    :: else -> break
    od
  :: else
  fi;
#endif
  created = false
}

inline pop_ended() {
  do
  :: ended[slot] -> ended[slot] = false; break
  :: else -> slot++
  od
}

inline join() {
  d_step { life[slot] == OVER -> life[slot] = NONE }
}

inline join_ended() {
  do
  :: d_step { (ended[0] || ended[1] || ended[2]) -> pop_ended() }
    join();
    slot = 0
  :: else -> break
  od
}

inline enqueue(number) {
  atomic {
    count = number;
    do
    :: count > 0 -> made++; phase[made] = QUEUED; queue!made; underway++; count--
    :: else -> break
    od;
    jobs = jobs + number;
    count = (idle > waking -> idle - waking : 0);
    if
    :: count > number -> count = number
    :: else
    fi;
    waking = waking + count;
    start_if_needed(idle);
    wake(count);
    count = 0;
    unlock()
  }
  if
  :: start -> start_worker()
  :: else
  fi;
  join_ended()
}

inline set_limits(low, high) {
  atomic {
    minimum = low;
    maximum = high;
    start_if_needed(idle);
#ifndef BUG_9
    /* BUG_9: those above the maximum sleep on. */
    waking = idle;
    wake(idle);
#endif
    unlock()
  }
  if
  :: start -> start_worker()
  :: else
  fi;
  join_ended()
}

/* And finishUnsubmitted, if it was taken back. */
inline cancel(victim) {
#ifdef BUG_10
  /* BUG_10: the phase is looked at without the lock. */
  if
  :: phase[victim] == QUEUED ->
    d_step {
      if
      :: queue??[eval(victim)] -> queue??eval(victim); jobs--
      :: else
      fi;
      assert(phase[victim] == QUEUED && !ran[victim]);
      phase[victim] = FINISHED;
      underway--
    }
  :: else
  fi
#else
  d_step {
    if
    :: phase[victim] == QUEUED ->
      queue??eval(victim);
      jobs--;
      assert(!ran[victim]);
      phase[victim] = FINISHED;
      underway--
    :: else
    fi;
    unlock()
  }
#endif
}

inline collect() {
#ifdef BUG_11
  /* BUG_11: the stack is taken and emptied in two steps. */
  head = top;
  top = 0;
  d_step {
#else
  d_step {
    head = top;
    top = 0;
#endif
    do
    :: head != 0 ->
      assert(phase[head] == SUBMITTED && ran[head]);
      phase[head] = FINISHED;
      underway--;
      request = head;
      head = below[head];
      below[request] = 0
    :: else -> request = 0; break
    od
  }
}

active proctype home() {
  byte request;
  byte head;
#ifdef BUG_4
  byte first;
#endif
  byte slot;
  byte count;
  byte made;
  byte underway;
  byte changes;
  byte victim;
  bool start;
  bool created;
  do
  :: made < REQUESTS -> enqueue(1)
  :: made + 1 < REQUESTS -> enqueue(2)
  :: jobs > 0 ->
    atomic {
      victim = 1;
      do
      :: victim < made -> victim++
      :: break
      od
    }
    cancel(victim);
    victim = 0
  :: changes < CHANGES -> changes++; set_limits(0, 1)
  :: changes < CHANGES -> changes++; set_limits(1, MAXIMUM)
  :: top != 0 -> collect()
  :: underway > 0 && top == 0 ->
    /* Asleep. */
    scheduled -> scheduled = false;
    collect()
  :: break
  od;

  /* close: all are cancelled, drained, and the workers stopped. */
  victim = 1;
  do
  :: victim <= made -> cancel(victim); victim++
  :: else -> break
  od;
  victim = 0;
  do
  :: underway > 0 -> top != 0; collect()
  :: else -> break
  od;
#ifdef BUG_12
  /* BUG_12: one of the sleepers is woken, and not all. */
  atomic { stopping = true; waking = idle; wake((idle > 0)) }
#else
  atomic { stopping = true; waking = idle; wake(idle); unlock() }
#endif
  do
  :: atomic {
      len(threads) > 0 ->
      /* In any order: one that is joined here is on no list, and puts itself on none. */
      threads?slot
    }
    join();
#ifdef BUG_13
    /* Its number may be another's by now, who has ended and is not joined. */
    d_step { ended[slot] = false; slot = 0 }
#else
    slot = 0
#endif
  :: d_step {
      len(threads) == 0 && (ended[0] || ended[1] || ended[2]) ->
      pop_ended()
    }
    join();
    d_step { ended[slot] = false; slot = 0 }
  :: len(threads) == 0 && !ended[0] && !ended[1] && !ended[2] -> break
  od;
  assert(life[0] == NONE && life[1] == NONE && life[2] == NONE);
  assert(workers == 0 && starting == 0 && idle == 0 && jobs == 0 && top == 0);
  do
  :: made > 0 -> assert(phase[made] == FINISHED); made--
  :: else -> break
  od
}
