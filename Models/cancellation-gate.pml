/*
 * An awaited operation and its task's cancellation: Sources/AioGSource/Base/CancellationGate.swift (reset, begun,
 * cancel), and the awaiter that has it (Awaiters.swift; awaitRequest in AIOEngine+Await.swift).
 *
 * The home thread awaits one operation after the other, for as many tasks, with one awaiter and one request that are used
 * again; another thread cancels each task when it likes. What an operation waits for never comes, so that only its
 * cancellation ends it, or it comes; the request is then somebody else's. Checked: every await ends (an invalid end state
 * else), an operation that does not begin was cancelled, and a cancellation ends no operation but its own task's.
 *
 * BUG_1 to BUG_5 plant a bug each; the check has to find every one.
 */
#define TASKS 3

#define EMPTY 0
#define CANCELLED 1
#define STARTED 2

byte word;
byte left;              /* the generation that `begun` has left in the gate */
byte generation;        /* of the request */
bool under_way;
byte owner;             /* whose operation it is; 0 is a stranger's */
bool asked;             /* the request is to end early */
byte handler_of;        /* the task that the handler was added for; 0 for none */
bool in_handler;        /* the runtime's lock: a removal waits for the handler's end */
bool cancelled[TASKS + 1];

inline end_early(wanted, task) {
  /* On the home thread, or by a bottom half there. */
  atomic {
    if
#ifdef BUG_3
    /* BUG_3: whose request it is by now is not looked at. */
    :: under_way -> assert(owner == task); asked = true
#else
    :: under_way && generation == wanted -> assert(owner == task); asked = true
#endif
    :: else
    fi
  }
}

inline call_handler(task) {
#ifdef BUG_2
  /* BUG_2: two steps. */
  before = word;
  word = CANCELLED;
#else
  atomic { before = word; word = CANCELLED };
#endif
  if
  :: before == STARTED -> wanted = left; end_early(wanted, task)
  :: else
  fi
}

active proctype home() {
  byte task = 0;
  byte before;
  byte wanted;
  bool is_cancelled;
  do
  :: task == TASKS -> break
  :: else ->
    task++;
#ifndef BUG_4
    /* BUG_4: the gate of the operation before. */
    word = EMPTY;
#endif
    /* The runtime calls the handler there and then where the task is cancelled already. */
    atomic {
      !in_handler;
      handler_of = task;
      is_cancelled = cancelled[task];
      in_handler = is_cancelled
    };
    if
    :: is_cancelled -> call_handler(task); in_handler = false
    :: else
    fi;
    if
    :: word == CANCELLED ->
      assert(cancelled[task])
    :: else ->
      atomic { generation++; under_way = true; owner = task; asked = false };
      left = generation;
#ifdef BUG_1
      /* BUG_1: a store, over a cancellation that came meanwhile. */
      word = STARTED;
#else
      atomic {
        if
        :: word == EMPTY -> word = STARTED
        :: else -> asked = true
        fi
      };
#endif
      /* It waits for ever, or ends by itself. */
      if
      :: asked
      :: true -> asked
      :: true
      fi;
      under_way = false;
      /* Before the handler is removed, the request may be somebody else's. */
      if
      :: true
      :: atomic { generation++; under_way = true; owner = 0; asked = false }
      fi
    fi;
#ifdef BUG_5
    /* BUG_5: without waiting for a handler that is being called. */
    handler_of = 0;
#else
    atomic { !in_handler -> handler_of = 0 };
#endif
    under_way = false
  od
}

active proctype canceller() {
  byte task = 0;
  byte before;
  byte wanted;
  bool is_mine;
  do
  :: task == TASKS -> break
  :: else ->
    task++;
    /* Under the runtime's lock of the task. */
    atomic {
      !in_handler;
      cancelled[task] = true;
      is_mine = (handler_of == task);
      in_handler = is_mine
    };
    if
    :: is_mine -> call_handler(task); in_handler = false
    :: else
    fi
  od
}
