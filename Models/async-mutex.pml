/*
 * The async mutex, between tasks on threads of their own: Sources/AioGSource/Locks/AsyncMutex.swift (lock,
 * lockUnlessCancelled, tryLock, unlock, acquireOrJoin, suspend, cancel, handOver), AsyncMutexState.swift (lock, unlock,
 * join, suspend, cancel, takeResumable, wordWhileHeld) and WaiterQueue.swift (join, suspend, cancel, grantFirst,
 * takeResumable).
 *
 * The tasks take the mutex ROUNDS times in all, in any of the three ways; whoever cancels one that can be cancelled
 * does so at any moment from its joining on, also when its wait is over, or the next one has begun. Checked: one holder
 * at a time, who sees what the one before wrote; nobody gets the mutex while somebody waits, but the first of those;
 * each wait ends exactly once, with the mutex or without; nobody waits for ever (an invalid end state); the mutex is
 * free in the end.
 *
 * What is done with the queue under the lock is one step, for nobody else looks at the queue. The word is looked at and
 * changed one access at a time.
 *
 * BUG_1 to BUG_14 plant a bug each; the check has to find every one.
 */
#define TASKS 3
#ifndef ROUNDS
#define ROUNDS 4
#endif
#ifndef CANCELLATIONS
#define CANCELLATIONS 2
#endif
#define NOBODY 255

/* The word. */
#define FREE 0
#define HELD 1
#define CONTENDED 2
byte word = FREE;

/* queueLock, and under it the queue. */
bool locked;
chan queue = [TASKS] of { byte };

/* A task's place. */
#define NONE 0
#define QUEUED 1
#define GRANTED 2   /* before it suspended */
#define CANCELLED 3 /* before it suspended */
byte phase[TASKS];
byte use[TASKS];
bool suspended[TASKS]; /* it has brought its continuation */

/* What its continuation was resumed with. */
#define NOTHING 0
#define OURS 1
#define NOT_OURS 2
byte resumed[TASKS];

/* What a cancellation of the task has: the ticket of its wait, which is over when the wait is. */
bool can_be_cancelled[TASKS];
byte ticket_of[TASKS];
byte cancellations;

/* What is checked with. */
byte holder = NOBODY; /* from the step that makes it so */
byte written;         /* what the mutex guards, */
byte expected;        /* and what it is by the order of the holders */
byte rounds;          /* begun */
byte finished;

#define word_while_held (len(queue) == 0 -> HELD : CONTENDED)

inline acquire() { atomic { !locked -> locked = true } }
inline release() {
  atomic { assert((word == CONTENDED) == (len(queue) > 0)); locked = false }
}

/* Takes a free mutex, in the step of the compare-exchange. */
inline become_holder() { assert(holder == NOBODY && len(queue) == 0); holder = _pid }

inline leave(task) { phase[task] = NONE; use[task]++; suspended[task] = false }

inline resume(task, value) { assert(resumed[task] == NOTHING); resumed[task] = value }

inline try_lock() {
#ifdef BUG_12
  /* BUG_12: M2 does not acquire: what is guarded is read before the mutex is taken. */
  read = written;
#endif
  d_step {
    if
    :: word == FREE -> word = HELD; become_holder(); ours = true
    :: else -> ours = false
    fi
  }
}

/* acquireOrJoin */
inline acquire_or_join() {
#ifdef BUG_14
  /* BUG_14: the word is looked at before the lock is taken, and never again. */
  seen = word;
  if
  :: seen == FREE -> seen = HELD
  :: else
  fi;
  acquire();
  d_step { word = CONTENDED; queue!_pid; phase[_pid] = QUEUED };
#else
  acquire();
  do
  :: seen = word;
    d_step {
      if
#ifdef BUG_5
      /* BUG_5: the mutex is marked contended with a store, though it may have been freed since the look. */
      :: seen == HELD -> word = CONTENDED
#endif
      :: word == seen && seen == FREE -> word = HELD; become_holder(); ours = true
      :: word == seen && seen != FREE -> word = CONTENDED
      :: else -> seen = NOBODY
      fi
    }
    if
    :: d_step { seen != NOBODY && seen != FREE -> queue!_pid; phase[_pid] = QUEUED }
      break
    :: seen == FREE -> break
    :: seen == NOBODY
    fi
  od;
#endif
  seen = 0;
  release()
}

inline suspend() {
  acquire();
  d_step {
    if
#ifndef BUG_8
    /* BUG_8: it suspends without asking whether its turn came. */
    :: phase[_pid] == GRANTED -> leave(_pid); resume(_pid, OURS)
#endif
#ifndef BUG_9
    /* BUG_9: it suspends without asking whether it was cancelled. */
    :: phase[_pid] == CANCELLED -> leave(_pid); resume(_pid, NOT_OURS)
#endif
    :: else -> suspended[_pid] = true
    fi
  }
  release();
  d_step { resumed[_pid] != NOTHING -> ours = (resumed[_pid] == OURS); resumed[_pid] = NOTHING }
}

inline hand_over() {
  acquire();
  do
  :: seen = word;
    if
    :: d_step { seen == HELD ->
        /* Whoever waited was cancelled. */
        if
        :: word == HELD -> word = FREE; holder = NOBODY
        :: else -> seen = NOBODY
        fi
      }
      if
      :: seen == NOBODY
      :: else -> break
      fi
    :: seen == CONTENDED ->
#ifdef BUG_2
      /* BUG_2: the mutex is freed, and the first waiter then gets it. */
      d_step { word = FREE; holder = NOBODY };
#endif
#ifdef BUG_3
      /* BUG_3: the first waiter is resumed as the holder before it is taken out of the queue. */
      d_step {
        queue?<next>;
        if
        :: suspended[next] -> holder = next; resume(next, OURS)
        :: else
        fi
      };
      release();
      acquire();
      d_step {
        if
        :: len(queue) > 0 -> queue?next; leave(next)
        :: else
        fi;
        next = NOBODY;
        word = word_while_held
      };
#else
      d_step {
        assert(len(queue) > 0);
        queue?next;
        holder = next;
        if
        :: suspended[next] -> leave(next)
        :: else -> phase[next] = GRANTED; next = NOBODY
        fi
      };
#ifndef BUG_13
      /* BUG_13: the word stays contended with the last waiter being the holder. */
      word = word_while_held;
#endif
#endif
      break
    :: else -> assert(false) /* not locked */
    fi
  od;
  seen = 0;
  release();
  d_step {
    if
    :: next != NOBODY -> resume(next, OURS); next = NOBODY
    :: else
    fi
  }
}

inline unlock() {
#ifdef BUG_1
  /* BUG_1: the mutex is freed whether somebody waits or not. */
  d_step { word = FREE; holder = NOBODY; done = true }
#else
  d_step {
    if
    :: word == HELD -> word = FREE; holder = NOBODY; done = true
    :: else -> done = false
    fi
  }
#endif
#ifdef BUG_11
  /* BUG_11: M1 does not release: what is guarded is written after the mutex is given up. */
  written = expected;
#endif
  if
  :: done -> done = false
  :: else -> hand_over()
  fi
}

active [TASKS] proctype task() {
  byte seen;
  byte read;
  byte next = NOBODY;
  bool ours;
  bool done;
  bool cancellable;
  do
  :: d_step { rounds < ROUNDS -> rounds++ }
    try_lock();
    if
    :: ours
    :: else ->
      if
      /* tryLock was all. */
      :: true
      :: cancellable = false; acquire_or_join()
      :: cancellable = true; acquire_or_join()
      fi;
      if
      :: phase[_pid] != NONE ->
        d_step { ticket_of[_pid] = use[_pid]; can_be_cancelled[_pid] = cancellable }
        suspend();
        /* lock is not cancelled, and takes the one end for the other. */
        assert(ours || cancellable);
        can_be_cancelled[_pid] = false
      :: else
      fi;
#ifdef BUG_12
      read = written;
#endif
      cancellable = false
    fi;
    if
    :: ours ->
      assert(holder == _pid);
#ifndef BUG_12
      read = written;
#endif
      assert(read == expected);
      expected++;
#ifndef BUG_11
      written = read + 1;
#endif
      assert(holder == _pid);
      ours = false;
      read = 0;
      unlock()
    :: else -> assert(holder != _pid)
    fi
  :: rounds == ROUNDS -> break
  od;
  /* The last one finds it as all left it. */
  atomic {
    finished++;
    assert(finished < TASKS || (word == FREE && holder == NOBODY && len(queue) == 0 && written == expected))
  }
}

/* Cancels tasks, one after the other. */
active proctype canceller() {
  byte victim;
  byte ticket;
  bool left;
end_of_cancellations:
  do
  :: atomic {
      cancellations < CANCELLATIONS && (can_be_cancelled[0] || can_be_cancelled[1] || can_be_cancelled[2]) ->
      if
      :: can_be_cancelled[0] -> victim = 0
      :: can_be_cancelled[1] -> victim = 1
      :: can_be_cancelled[2] -> victim = 2
      fi;
      cancellations++;
      ticket = ticket_of[victim]
    }
#ifdef BUG_4
    /* BUG_4: whether its turn came is asked before the lock is taken, and not again under it. */
    left = (use[victim] == ticket && phase[victim] == QUEUED);
    acquire();
    d_step {
      if
      :: left && queue??[eval(victim)] -> queue??eval(victim)
      :: else
      fi;
#else
    acquire();
    d_step {
#ifdef BUG_10
      /* BUG_10: which wait it is that was cancelled is not asked. */
      left = (phase[victim] == QUEUED);
#else
      left = (use[victim] == ticket && phase[victim] == QUEUED);
#endif
      if
      :: left -> queue??eval(victim)
      :: else
      fi;
#endif
      if
      :: left ->
        if
        :: suspended[victim] -> leave(victim)
        :: else -> phase[victim] = CANCELLED
        fi
      :: else
      fi
    }
    if
    :: left ->
#ifdef BUG_7
      /* BUG_7: the word says that nobody waits, though others do. */
      word = HELD
#else
#ifndef BUG_6
      /* BUG_6: the word stays contended with the last waiter cancelled. */
      word = word_while_held
#endif
#endif
    :: else
    fi;
    left = (left && phase[victim] != CANCELLED);
    release();
    d_step {
      if
      :: left -> resume(victim, NOT_OURS); left = false
      :: else
      fi
    }
  od
}

