/*
 * Requests, and their cancellations, that are made while the loop is about to sleep, or asleep, with a ring that the
 * monitor shares: Sources/AioGSource/BlockIO/ContextIO+Requests.swift (enqueue, startedOutsideOfPasses,
 * wakeIfNobodyLooks, finished), BlockIO/ContextIO.swift (prepareForWait, hasCompletions, run), BlockIO/RingBackend.swift
 * (enqueue, fillWithLeftovers, flush, prepareForWait, dequeue, cancelSubmitted), Monitor/RingMonitor.swift (wait,
 * prepare), and of AioContext: poll(blocking:), takeOverFromGLib, sourcePrepare, sourceCheck, sourceDispatch.
 *
 * The home thread makes and cancels requests in callbacks, between passes, and in another source's prepare, which comes
 * between ours and GLib's sleep and may poll the context; another thread has a bottom half make one. The submission queue
 * has place for one entry, and the kernel takes none for a while. A request completes when the kernel likes, or never,
 * unless it is cancelled. Checked: the loop never sleeps on a request that the kernel does not have, on a cancellation
 * that it was not given, on a completion, or on what another thread asked for; each request ends once; and a
 * cancellation ends no other request that has got the memory of its own.
 *
 * To notify is to set the marks that notify.pml checks the use of.
 *
 * BUG_1 to BUG_9 plant a bug each; the check has to find every one.
 */
#define NODES 2 /* of memory */
#ifndef REQUESTS
#define REQUESTS 3
#endif
#define CANCELLATIONS 2
#define REFUSALS 2
#define CALLBACKS 2 /* in which something is done */
#define POLLS 2
#define NONE 255

#define FREE 0
#define PENDING 1 /* found no place in the queue */
#define QUEUED 2  /* in the submission queue */
#define KERNEL 3
#define FOUND 4   /* its completion is to be called */
#define DONE 5    /* in the completion queue */
byte phase[NODES];
bool asked[NODES];  /* cancelled */
byte life[NODES];   /* which request has the memory */

/* RingBackend. */
chan pending = [NODES] of { byte };
chan cancellations = [CANCELLATIONS] of { byte, byte };
bool has_leftovers;

/* The ring. */
#define REQUEST 0
#define CANCEL 1
chan submissions = [1] of { bit, byte, byte };
byte completed; /* in the completion queue */
byte refusals;

/* The loop. */
bool window;       /* GLib's */
bool polling;      /* a poll's */
bool notified;
bool readable;     /* the event notifier */
bool glib_wake_up;
bool bottom_half;

byte made;
byte cancelled;
bool other_finished;

inline notify() { notified = true; if :: window || polling -> readable = true :: else fi }

/* Another thread. */
active proctype other() {
#ifdef BUG_9
  /* BUG_9: the loop is told before there is something to find. */
  atomic { notify() }
  bottom_half = true;
#else
  bottom_half = true;
  notified = true;
  if
  :: window || polling -> readable = true
  :: else
  fi;
#endif
  other_finished = true
}

active proctype kernel() {
end_of_requests:
  do
  :: d_step { phase[0] == KERNEL -> phase[0] = DONE; completed++ }
  :: d_step { phase[1] == KERNEL -> phase[1] = DONE; completed++ }
  od
}

/* Takes all, or, REFUSALS times, nothing. */
inline submit() {
  atomic {
    if
    :: (len(submissions) > 0) && refusals < REFUSALS -> refusals++
    :: (len(submissions) > 0) ->
      submissions?op, node, number;
      if
      :: op == REQUEST -> assert(phase[node] == QUEUED); phase[node] = KERNEL
      :: op == CANCEL && phase[node] == KERNEL ->
        assert(life[node] == number);
        phase[node] = DONE; completed++
      :: else
      fi;
      op = 0; node = 0; number = 0
    :: (len(submissions) == 0)
    fi
  }
}

/* nextEntry: makes place if the kernel lets it. */
inline next_entry() {
  if
  :: (len(submissions) == 1) -> submit()
  :: else
  fi
}

inline fill() {
  do
  :: has_leftovers && (len(cancellations) > 0) ->
    next_entry();
    atomic {
      if
      :: (len(submissions) == 0) -> cancellations?node, number; submissions!CANCEL, node, number
      :: else -> break
      fi;
      node = 0; number = 0
    }
  :: has_leftovers && (len(cancellations) == 0) && (len(pending) > 0) ->
    next_entry();
    atomic {
      if
      :: (len(submissions) == 0) ->
        pending?node; phase[node] = QUEUED; submissions!REQUEST, node, life[node]
      :: else -> break
      fi;
      node = 0
    }
  :: else -> has_leftovers = false; break
  od
}

/* startedOutsideOfPasses */
inline started() {
  if
  :: !in_pass ->
    fill();
    if
    :: (len(submissions) > 0) -> submit()
    :: else
    fi;
#ifndef BUG_1
    /* BUG_1: the loop may sleep on what the kernel did not take, and on what finished here. */
    d_step {
      if
      :: window -> notify()
      :: else
      fi
    }
#endif
  :: else
  fi
}

inline make_request() {
  d_step {
    slot = (phase[0] == FREE -> 0 : (phase[1] == FREE -> 1 : NONE));
    if
    :: slot != NONE -> made++; life[slot] = made; asked[slot] = false
    :: else
    fi
  }
  if
  :: slot != NONE ->
#ifdef BUG_6
    /* BUG_6: it goes in front of a cancellation that waits, and may have its request's memory. */
    if
    :: (len(pending) == 0) -> next_entry()
    :: else
    fi;
    if
    :: (len(pending) == 0) && (len(submissions) == 0) ->
#else
    if
    :: !has_leftovers -> next_entry()
    :: else
    fi;
    if
    :: !has_leftovers && (len(submissions) == 0) ->
#endif
      d_step { phase[slot] = QUEUED; submissions!REQUEST, slot, life[slot] }
    :: else -> d_step { phase[slot] = PENDING; pending!slot; has_leftovers = true }
    fi;
    started()
  :: else
  fi;
  slot = 0
}

inline cancel(victim) {
  cancelled++;
  if
  :: d_step { phase[victim] == PENDING ->
      /* dequeue; finishUnsubmitted */
      pending??eval(victim);
#ifdef BUG_7
      /* BUG_7: that a cancellation waits is forgotten. */
      has_leftovers = (len(pending) > 0);
#else
      has_leftovers = ((len(pending) > 0) || (len(cancellations) > 0));
#endif
      phase[victim] = FOUND
    }
  :: d_step { phase[victim] == QUEUED || phase[victim] == KERNEL || phase[victim] == DONE -> asked[victim] = true }
    next_entry();
    d_step {
      if
      :: (len(submissions) == 0) -> submissions!CANCEL, victim, life[victim]
      :: (len(submissions) == 1) -> cancellations!victim, life[victim]; has_leftovers = true
      fi
    }
    started()
  :: else
  fi
}

/* Something is done on the home thread: a call of a function, so that there is one copy of it. */
chan call = [0] of { bool };
chan call_ends = [0] of { bool };
active proctype callee() {
  byte node;
  byte number;
  byte slot;
  bit op;
  bool in_pass;
end_not_called:
  do
  :: call?in_pass ->
    if
    :: made < REQUESTS -> make_request()
    :: cancelled < CANCELLATIONS && phase[0] != FREE && !asked[0] -> cancel(0)
    :: cancelled < CANCELLATIONS && phase[1] != FREE && !asked[1] -> cancel(1)
    :: true
    fi;
    in_pass = false;
    call_ends!true
  od
}
inline act(in_a_pass) { call!in_a_pass; call_ends?true }

#define is_found (phase[0] == FOUND || phase[1] == FOUND)

#ifdef BUG_4
/* BUG_4: what found no place does not count. */
#define has_completions (is_found || completed > 0)
#else
#ifdef BUG_8
/* BUG_8: what finished without the kernel does not count. */
#define has_completions (completed > 0 || has_leftovers)
#else
#define has_completions (is_found || completed > 0 || has_leftovers)
#endif
#endif

inline take_completions() {
  d_step {
    if
    :: phase[0] == DONE -> phase[0] = FOUND; completed--
    :: else
    fi;
    if
    :: phase[1] == DONE -> phase[1] = FOUND; completed--
    :: else
    fi;
    assert(completed == 0)
  }
}

/* runPass, in which callbacks act. */
inline pass() {
  do
  :: phase[0] == FOUND -> d_step { phase[0] = FREE; asked[0] = false; life[0] = 0 }
    if
    :: callbacks < CALLBACKS -> callbacks++; act(true)
    :: true
    fi
  :: phase[1] == FOUND -> d_step { phase[1] = FREE; asked[1] = false; life[1] = 0 }
    if
    :: callbacks < CALLBACKS -> callbacks++; act(true)
    :: true
    fi
  :: else -> break
  od;
  if
  :: bottom_half -> bottom_half = false; act(true)
  :: else
  fi;
  readable = false
}

/* Nothing will come but what the kernel has. */
inline asleep_for_good(sleeps) {
  d_step {
    sleeps && !readable && other_finished && completed == 0 ->
    assert(!bottom_half);
    assert(phase[0] == FREE || (phase[0] == KERNEL && !asked[0]));
    assert(phase[1] == FREE || (phase[1] == KERNEL && !asked[1]));
    assert((len(submissions) == 0) && (len(pending) == 0) && (len(cancellations) == 0));
    is_quiet = true
  }
}

inline poll_blocking() {
  polls++;
  /* takeOverFromGLib */
  if
  :: window -> window = false;
#ifndef BUG_5
    /* BUG_5: GLib is not sent round again. */
    glib_wake_up = true
#endif
  :: else
  fi;
  fill();
  returns = (has_completions || bottom_half);
  if
  :: !returns -> polling = true; returns = notified
  :: else
  fi;
  if
  :: (len(submissions) > 0) -> submit(); returns = (returns || (len(submissions) > 0))
  :: else
  fi;
  if
  :: returns
  :: !returns && (completed > 0 || readable)
  :: asleep_for_good(!returns)
  fi;
  polling = false;
  notified = false;
  returns = false;
  take_completions();
  pass()
}

inline prepare() {
  ready = bottom_half;
  if
  :: !ready -> window = true; ready = bottom_half
  :: else
  fi;
#ifndef BUG_3
  fill();
  ready = (ready || has_completions);
#endif
  if
  :: (len(submissions) > 0) -> submit()
  :: else
  fi;
#ifdef BUG_3
  /* BUG_3: what waited for a place is written into the queue after the submission. */
  ready = (ready || completed > 0 || is_found);
  fill();
#else
#ifdef BUG_2
  /* BUG_2: what the kernel did not take is slept on. */
  ready = (ready || completed > 0);
#else
  ready = (ready || completed > 0 || (len(submissions) > 0));
#endif
#endif
  if
  :: ready -> window = false
  :: else
  fi
}

inline iterate() {
  prepare();
  /* Another source's prepare. */
  if
  :: act(false)
  :: polls < POLLS -> poll_blocking()
  :: true
  fi;
  if
  :: ready || is_quiet
  :: !ready && !is_quiet ->
    if
    :: completed > 0 || readable
    :: glib_wake_up -> glib_wake_up = false
    :: asleep_for_good(!glib_wake_up)
    fi;
    /* check */
    window = false;
    notified = false;
    ready = (bottom_half || readable || has_completions)
  fi;
  if
  :: ready ->
    window = false;
    notified = false;
    take_completions();
    pass()
  :: else
  fi;
  ready = false
}

active proctype home() {
  byte node;
  byte number;
  byte callbacks;
  byte polls;
  bit op;
  bool ready;
  bool returns;
  bool is_quiet;
  do
  :: is_quiet -> break
  :: else ->
    if
    :: act(false)
    :: polls < POLLS -> poll_blocking()
    :: iterate()
    fi
  od
}
