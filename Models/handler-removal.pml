/*
 * The removal of fd handlers against the completions of their poll requests, with the io_uring monitor:
 * Sources/AioGSource/Handlers/HandlerTable.swift (replace, reap), Monitor/RingMonitor.swift (noteChange, prepareEntries,
 * queueToBeArmed, preparePoll, prepareRemoval, takeCompletions), AioContext/FileHandlers.swift (replaceHandler) and
 * AioContext/Pass.swift (dispatch, reapHandlers).
 *
 * Other threads and callbacks add, replace and remove the handler of one descriptor, while the loop arms, sleeps, takes
 * completions, calls back, and nests a pass in a callback. The kernel finds the descriptor ready when it likes, takes no
 * entries for a while, and once drops all requests, as it does when the thread that submitted them ends. Memory is used
 * again. Checked: a node is freed only when no list, no callback and neither queue nor the kernel has its address; no
 * callback starts after the home thread removed its handler; each removed node is freed, so the kernel lets go of the
 * file; and when the loop sleeps for good the handler that is registered is armed.
 *
 * What is done under the table's lock is one step. To notify is to set a mark, as in job-queue.pml. External clients, and
 * what suspends their handlers, are not modelled.
 *
 * BUG_1 to BUG_10 plant a bug each; the check has to find every one.
 */
#define NODES 3 /* of memory */
#ifdef BUG_4
/* It takes a queue that is full for longer, and little else. */
#define CHANGERS 1
#define CHANGES 3
#define AT_HOME 0
#define EVENTS 0
#define REFUSALS 3
#endif
#ifndef CHANGERS
#define CHANGERS 2
#define CHANGES 1 /* of each of those threads */
#define AT_HOME 1 /* of callbacks */
#define EVENTS 2
#define REFUSALS 2
#endif
#define ENTRIES 1 /* of the submission queue */
#define NONE 255

#define POLL 0
#define REMOVAL 1
#define READY 0
#define CANCELLED 1

bool allocated[NODES];
bool deleted[NODES];
bool retired[NODES];
bool in_flight[NODES];
bool removing[NODES];     /* isRemovalSubmitted */
bool to_be_armed[NODES];
bool changed[NODES];
bool ready[NODES];
byte registered = NONE;
bool has_changes;
bool notified;

/* The ring and the kernel. */
chan submissions = [ENTRIES] of { bit, byte };
chan completions = [6] of { byte, bit };
bool armed[NODES];
byte events;
byte refusals;
bool thread_ended;

/* What is checked with. */
bool called[NODES];        /* a callback of its is running */
bool removed_at_home[NODES];
byte finished;

#define alive(n) assert(allocated[n])

/* Under the lock. */
inline note_change(n) {
  alive(n);
  if
  :: !changed[n] -> changed[n] = true; has_changes = true
  :: else
  fi
}

inline make_node() {
  fresh = 0;
  do
  :: fresh < NODES && allocated[fresh] -> fresh++
  :: else -> break
  od;
  if
  :: fresh == NODES -> fresh = NONE
  :: else -> allocated[fresh] = true; deleted[fresh] = false; removed_at_home[fresh] = false
  fi
}

/* replace, with a new handler or with none. */
inline replace() {
  d_step {
    old = registered;
    if
    :: with_new -> make_node()
    :: else -> fresh = NONE
    fi;
#ifndef BUG_7
    if
    :: old != NONE -> alive(old); deleted[old] = true
    :: else
    fi;
#endif
    registered = fresh;
    if
    :: old != NONE -> note_change(old); retired[old] = true
    :: else
    fi;
    if
    :: fresh != NONE -> note_change(fresh)
    :: else
    fi;
    fresh = 0
  }
#ifdef BUG_7
  /* BUG_7: the flag comes after the note, and outside of the lock. */
  if
  :: old != NONE -> deleted[old] = true
  :: else
  fi;
#endif
}

active [CHANGERS] proctype changer() {
  byte count;
  byte old;
  byte fresh;
  bool with_new;
  do
  :: count == CHANGES -> break
  :: else ->
    if
    :: with_new = true
    :: with_new = false
    fi;
    replace();
#ifndef BUG_9
    /* BUG_9: the loop is not told. */
    notified = true;
#endif
    count++
  od;
  finished++
}

active proctype kernel() {
  byte n;
end_of_events:
  do
  :: atomic {
      events < EVENTS && (armed[0] || armed[1] || armed[2]) ->
      if
      :: armed[0] -> n = 0
      :: armed[1] -> n = 1
      :: armed[2] -> n = 2
      fi;
      events++; armed[n] = false; completions!n, READY
    }
  od
}

/* All of the queue, or, REFUSALS times, nothing. */
inline submit() {
  atomic {
    if
    :: len(submissions) > 0 && refusals < REFUSALS -> refusals++
    :: true ->
      do
      :: len(submissions) > 0 ->
        submissions?op, n;
        if
        :: op == POLL -> assert(!armed[n]); armed[n] = true
        :: op == REMOVAL && armed[n] -> armed[n] = false; completions!n, CANCELLED
        :: else
        fi
      :: else -> break
      od
    fi;
    op = 0; n = 0
  }
}

inline free_node(n) {
  assert(allocated[n] && !called[n] && !ready[n] && !changed[n] && !to_be_armed[n] && !armed[n]);
  assert(!(submissions??[POLL, eval(n)]) && !(completions??[eval(n), READY]) && !(completions??[eval(n), CANCELLED]));
  allocated[n] = false; retired[n] = false
}

#ifdef BUG_2
/* BUG_2: a request with the kernel does not count. */
#define is_referenced(n) (ready[n] || to_be_armed[n] || changed[n])
#else
#ifdef BUG_4
/* BUG_4: being about to be armed does not count. */
#define is_referenced(n) (ready[n] || in_flight[n] || changed[n])
#else
#ifdef BUG_5
/* BUG_5: a note that is not taken does not count. */
#define is_referenced(n) (ready[n] || in_flight[n] || to_be_armed[n])
#else
#define is_referenced(n) (ready[n] || in_flight[n] || to_be_armed[n] || changed[n])
#endif
#endif
#endif

inline reap() {
  d_step {
    i = 0;
    do
    :: i < NODES && retired[i] && !is_referenced(i) -> free_node(i); i++
    :: i < NODES && !(retired[i] && !is_referenced(i)) -> i++
    :: i == NODES -> break
    od;
    i = 0
  }
}

/* What finds no place in the queue stays where it is. */
inline prepare_entries() {
  if
  :: has_changes ->
#ifdef BUG_8
    /* BUG_8: the flag is cleared after the walk, and outside of the lock. */
    atomic {
#else
    atomic {
      has_changes = false;
#endif
      i = 0;
      do
      :: i == NODES -> break
      :: i < NODES && !changed[i] -> i++
      :: i < NODES && changed[i] ->
        alive(i);
        if
        :: deleted[i] && in_flight[i] && !removing[i] ->
          if
          :: full(submissions) -> submit()
          :: else
          fi;
          if
          :: nfull(submissions) -> submissions!REMOVAL, i; removing[i] = true; changed[i] = false
          :: full(submissions) -> has_changes = true; break
          fi
        :: deleted[i] && !(in_flight[i] && !removing[i]) -> changed[i] = false
        :: !deleted[i] -> to_be_armed[i] = true; changed[i] = false
        fi;
        i++
      od;
      i = 0
    }
#ifdef BUG_8
    has_changes = false
#endif
  :: else
  fi;
  /* The last first, as a rule. */
  i = NODES;
  do
  :: i > 0 && !to_be_armed[i - 1] -> i--
  :: i > 0 && to_be_armed[i - 1] ->
    i--;
    alive(i);
#ifdef BUG_3
    /* BUG_3: one that was removed since is armed. */
    wanted = true;
#else
    wanted = !deleted[i];
#endif
    atomic {
      if
      :: wanted && !in_flight[i] ->
        if
        :: full(submissions) -> submit()
        :: else
        fi;
        if
        :: nfull(submissions) -> submissions!POLL, i; in_flight[i] = true; to_be_armed[i] = false
        :: full(submissions) -> i = 0
        fi
      :: else -> to_be_armed[i] = false
      fi;
      wanted = false
    }
  :: i == 0 -> break
  od
}

#ifdef BUG_10
/* BUG_10: the loop sleeps on what the queue had no place for. */
#define must_return(blocking) (len(completions) > 0 || !blocking)
#else
#define must_return(blocking) (len(completions) > 0 || !blocking || has_changes || len(submissions) > 0 \
    || to_be_armed[0] || to_be_armed[1] || to_be_armed[2])
#endif

inline take_completions() {
  do
  :: len(completions) > 0 ->
    d_step { completions?n, op; alive(n); in_flight[n] = false; removing[n] = false }
    if
#ifdef BUG_6
    /* BUG_6: what was cancelled is taken to be removed. */
    :: op == CANCELLED
#else
    :: op == CANCELLED && deleted[n]
    :: op == CANCELLED && !deleted[n] -> to_be_armed[n] = true
#endif
    :: op == READY && deleted[n]
    :: op == READY && !deleted[n] -> ready[n] = true; to_be_armed[n] = true
    fi;
    op = 0; n = 0
  :: else -> break
  od
}

inline is_asleep_for_good() {
  do
  :: i < NODES ->
    /* A node whose note this turn took goes with the next, the kernel having let go of its file. */
    assert(!retired[i] || (!armed[i] && !in_flight[i] && !ready[i] && !to_be_armed[i] && !changed[i]));
    assert(allocated[i] == (i == registered || retired[i]));
    assert(i != registered || armed[i]);
    i++
  :: else -> i = 0; break
  od
}

inline turn(blocking) {
  prepare_entries();
  submit();
  returns = must_return(blocking);
  do
  :: returns || len(completions) > 0 || notified -> break
  :: d_step { !returns && finished == CHANGERS && !notified && len(completions) == 0 ->
      is_asleep_for_good();
      is_quiet = true
    }
    break
  od;
  /* The thread that submitted ends, another takes over. */
  if
  :: d_step { !thread_ended && !is_quiet && depth == 0 && (armed[0] || armed[1] || armed[2]) ->
      thread_ended = true;
      do
      :: i < NODES && armed[i] -> armed[i] = false; completions!i, CANCELLED; i++
      :: i < NODES && !armed[i] -> i++
      :: i == NODES -> break
      od;
      i = 0
    }
  :: true
  fi;
  returns = false;
  notified = false;
  take_completions()
}

/* In a callback: another handler, or none, for the descriptor. */
inline change_at_home() {
  if
  :: with_new = true
  :: with_new = false
  fi;
  replace();
  if
  :: old != NONE -> removed_at_home[old] = true
  :: else
  fi;
#ifdef BUG_1
  /* BUG_1: freed though a pass is under way. */
  reap();
#else
  if
  :: depth == 0 -> reap()
  :: else
  fi;
#endif
  notified = true; with_new = false; old = 0
}

inline pop(which) {
  which = 0;
  do
  :: which < NODES && !ready[which] -> which++
  :: else -> break
  od;
  if
  :: which < NODES -> ready[which] = false
  :: else -> which = NONE
  fi
}

inline callback(which) {
  alive(which); assert(!removed_at_home[which]);
  called[which] = true
}

active proctype home() {
  byte depth;
  byte outer;
  byte inner;
  byte i;
  byte n;
  bit op;
  byte old;
  byte fresh;
  byte changes;
  byte nested;
  bool with_new;
  bool wanted;
  bool returns;
  bool is_quiet;
  do
  :: is_quiet -> break
  :: else ->
    turn(true);
    depth = 1;
    do
    :: d_step { pop(outer) }
      if
      :: outer == NONE -> break
      :: else
      fi;
      if
      :: deleted[outer]
      :: else ->
        callback(outer);
        if
        :: changes < AT_HOME -> changes++; change_at_home()
        :: true
        fi;
        if
        :: nested < 1 ->
          nested++; depth = 2;
          turn(false);
          do
          :: d_step { pop(inner) }
            if
            :: inner == NONE -> inner = 0; break
            :: else
            fi;
            if
            :: deleted[inner]
            :: else ->
              alive(inner); assert(!removed_at_home[inner]);
              if
              :: changes < AT_HOME -> changes++; change_at_home()
              :: true
              fi
            fi
          od;
          depth = 1
        :: true
        fi;
        alive(outer);
        called[outer] = false
      fi
    od;
    outer = 0;
    depth = 0;
    reap()
  od;
}
