/*
 * A signal's way from the handler to the task that waits for it: Sources/AioGSource/Signals/SignalSlot.swift (deliver,
 * take, join, leave) and SignalGate.swift (wait, tell), with the bottom half between them.
 *
 * Two threads are in handlers while one slot is joined, used and left, twice. Checked: no handler schedules a bottom half
 * that may be gone; what a handler left in the slot is taken by the subscription whose target it saw; and a task never
 * sleeps while there is a signal for it (an invalid end state). The operations on users and target are sequentially
 * consistent in the code, so each is one step here; so is each locked operation on the gate.
 *
 * BUG_1 to BUG_7 plant a bug each; the check has to find every one.
 */
#define HANDLERS 2
#define SIGNALS 2       /* each handler's */
#define SUBSCRIPTIONS 2 /* one after the other */

byte users;
byte target; /* the subscription; 0 is none */
bool pending;

/* Each subscription's. */
bool scheduled[SUBSCRIPTIONS + 1]; /* its bottom half */
bool gone[SUBSCRIPTIONS + 1];
mtype = { closed, open, told, waiting };
mtype gate[SUBSCRIPTIONS + 1] = closed;

/* What is checked with. */
byte owner;    /* whose pending is */
bool due;      /* a handler has left something that nobody took */
byte finished; /* handlers */

proctype handler() {
  byte count = 0;
  byte seen;
  bool before;
  do
  :: count == SIGNALS -> break
  :: else ->
#ifdef BUG_2
    /* BUG_2: the target is looked at before the handler counts as a user. */
    seen = target;
    users++;
#else
    users++;
    seen = target;
#endif
    if
    :: seen != 0 ->
#ifdef BUG_3
      /* BUG_3: scheduled before there is something to find. */
      d_step { assert(!gone[seen]); scheduled[seen] = true }
      d_step { pending = true; owner = seen; due = true }
#else
      d_step { before = pending; pending = true; owner = seen; due = true }
      if
      :: !before -> d_step { assert(!gone[seen]); scheduled[seen] = true }
      :: else
      fi
#endif
    :: else
    fi;
    users--;
    count++
  od;
  finished++
}

inline tell() {
  d_step {
    if
    :: gate[which] == waiting -> gate[which] = open
    :: gate[which] == open -> gate[which] = told
    :: else
    fi
  }
}

/* The context: its bottom halves. One that is gone may still be running. */
active proctype home() {
  byte which;
end:
  do
  :: d_step { scheduled[1] -> scheduled[1] = false; which = 1 }
    tell();
  :: d_step { scheduled[2] -> scheduled[2] = false; which = 2 }
    tell();
  od
}

inline take() {
  d_step {
    found = pending;
    if
    :: found -> assert(owner == current); pending = false; due = false
    :: else
    fi
  }
}

/* Who subscribes, and the task that asks. */
active proctype subscriber() {
  byte current = 1;
  bool found;
  byte started = 0;
  do
  :: started < HANDLERS -> run handler(); started++
  :: else -> break
  od;
  do
  :: current > SUBSCRIPTIONS -> break
  :: else ->
    /* join */
#ifdef BUG_6
    /* BUG_6: what came since is forgotten. */
    target = current;
    pending = false;
#else
    pending = false;
    target = current;
#endif
    do
    :: true ->
      /* next: opens the gate, looks, and waits if there is nothing, until there is. */
#ifndef BUG_7
      gate[current] = open;
#endif
      do
      :: true ->
        take();
#ifdef BUG_7
        /* BUG_7: the gate is opened after the look. */
        gate[current] = open;
#endif
        if
        :: found -> break
        :: else
        fi;
        d_step {
          if
#ifndef BUG_5
          /* BUG_5: waits though it was told that there is something. */
          :: gate[current] == told -> gate[current] = open
#endif
          :: else -> gate[current] = waiting
          fi
        }
        if
        :: gate[current] != waiting
        /* Cancelled, for there will be nothing more. */
        :: finished == HANDLERS && !due -> break
        fi
      od;
      gate[current] = closed
    :: true -> break
    od;
    /* leave */
#ifdef BUG_4
    /* BUG_4: looks for users before the target is cleared. */
    users == 0;
    target = 0;
#else
    target = 0;
#ifndef BUG_1
    /* BUG_1: does not wait. */
    users == 0;
#endif
#endif
    d_step { gone[current] = true; due = false }
    current++
  od
}
