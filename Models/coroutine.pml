/*
 * A coroutine's life between threads: Sources/AioGSource/Coroutines/CoroutineState.swift (schedule, run, yield) and
 * CoroutineCore.swift (schedule, resume, run, jobReturned), which perform what those return.
 *
 * The coroutine yields a number of times; after each time, or before it has, another thread wakes it, once: two threads, by
 * turns. Its home thread runs its job. Checked: it is resumed once for each time it is woken, its job never runs twice at a
 * time, it is never resumed before its job has returned (it would go on where it is, with nobody to run it), and no wake-up
 * is lost (an invalid end state).
 *
 * BUG_1 to BUG_4 plant a bug each; the check has to find every one.
 */
#define WAKES 4

#define RESUMING 0
#define RUNNING 1
#define YIELDED 2
#define ENDED 3

byte phase = RESUMING; /* scheduled for the first time */
bool scheduled = true;
byte queued = 1;       /* jobs of its in the queue of the home thread */
bool in_job;           /* its job has not returned */
byte turn;             /* wake-ups that were asked for */
byte woken;            /* made */

/* Resumes it: its job goes to the queue. Only for the one whose step said so. */
inline resume() {
  atomic {
    assert(!in_job);
    assert(queued == 0);
    queued++
  }
}

inline schedule() {
#ifdef BUG_1
  /* BUG_1: a look and a store, in place of a compare-exchange. */
  seen = phase;
  seen_scheduled = scheduled;
  assert(!seen_scheduled);
  scheduled = true;
  if
  :: seen == YIELDED -> phase = RESUMING; is_ours = true
  :: else -> is_ours = false
  fi;
#else
  atomic {
    assert(!scheduled);
    assert(phase == YIELDED || phase == RUNNING);
    scheduled = true;
    if
    :: phase == YIELDED -> phase = RESUMING; is_ours = true
#ifdef BUG_2
    /* BUG_2: resumed though it has not yielded. */
    :: else -> is_ours = true
#else
    :: else -> is_ours = false
#endif
    fi
  };
#endif
  if
  :: is_ours -> resume()
  :: else
  fi
}

proctype waker(byte parity) {
  bool is_ours;
#ifdef BUG_1
  byte seen;
  bool seen_scheduled;
#endif
  do
  :: woken == WAKES -> break
  :: woken < turn && woken % 2 == parity ->
    schedule();
    woken++
  od
}

active proctype home() {
  byte yields = 0;
  bool is_ours;
  run waker(0);
  run waker(1);
  do
  :: queued > 0 ->
    atomic { queued--; assert(!in_job); in_job = true };
    /* run */
    atomic {
      if
      :: phase == RESUMING -> phase = RUNNING; scheduled = false
      :: else -> assert(false)
      fi
    };
    if
    :: yields == WAKES -> in_job = false; phase = ENDED; break
    :: else ->
      yields++;
      /* It tells who is to wake it, and yields. */
      turn = yields;
#ifdef BUG_3
      /* BUG_3: others may resume it from here on, while its job has not returned. */
      atomic {
        if
        :: scheduled -> phase = RESUMING; is_ours = true
        :: else -> phase = YIELDED; is_ours = false
        fi
      };
      in_job = false;
#else
      in_job = false;
      atomic {
        if
#ifdef BUG_4
        /* BUG_4: that it was scheduled before it yielded is not looked at. */
        :: true -> phase = YIELDED; is_ours = false
#else
        :: scheduled -> phase = RESUMING; is_ours = true
        :: else -> phase = YIELDED; is_ours = false
#endif
        fi
      };
#endif
      if
      :: is_ours -> resume()
      :: else
      fi
    fi
  od;
  assert(woken == WAKES || turn == WAKES)
}
