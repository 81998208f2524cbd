/*
 * Home sections: Sources/AioGSource/Notify/HomeSection.swift (beginHomeSection, endHomeSection, awaitEndOfHomeSection),
 * with releaseHome and claimHome of NotifyState, as BottomHalfQueue uses them: appendAtHome, takeScheduled.
 *
 * Two threads, the first the home; each schedules, and runs passes whenever it gets hold of the GMainContext, taking the
 * home over from the other. A signal handler may schedule in the midst of a section. The stores of `inside` pass through
 * a store buffer, as they do on the processor; what is done with atomic read-modify-writes does not, and membarrier(2)
 * empties both buffers. The list is written to in two steps.
 *
 * Checked: the list is never touched by two threads at a time, and nothing that was scheduled is lost.
 *
 * BUG_1 to BUG_7 plant a bug each; the check has to find every one.
 */
#define STEPS 3

#ifdef BUG_6
/* BUG_6: one flag for all threads, in the context: one that finds that it is not the home clears another's. */
#define SLOT(me) 1
#else
#define SLOT(me) (me)
#endif

byte home = 1;
byte owner;        /* of the GMainContext */
bit inside[3];     /* in memory */
chan buffer1 = [2] of { bit };
chan buffer2 = [2] of { bit };
byte using;        /* who touches the list */
byte list;
byte stack;
byte made;
byte taken;
byte finished;

inline store_inside(me, value) {
  if
  :: me == 1 -> buffer1!value
  :: me == 2 -> buffer2!value
  fi
}

/* The processor writes back what it likes, in order. */
inline write_back(buffer, me) {
  buffer?value;
  inside[SLOT(me)] = value
}

active proctype processor() {
  bit value;
  do
  :: atomic { nempty(buffer1) -> write_back(buffer1, 1) }
  :: atomic { nempty(buffer2) -> write_back(buffer2, 2) }
  :: atomic { finished == 2 && empty(buffer1) && empty(buffer2) -> break }
  od
}

inline membarrier() {
  empty(buffer1);
  empty(buffer2)
}

inline push() {
  d_step { stack++; made++ }
}

/* In a section: the flag is up, and this thread sees that whatever its buffer holds. */
inline signal_handler(me) {
  if
#ifdef BUG_4
  /* BUG_4: it takes the section for its own. */
  :: d_step { made < 6 -> made++ }; list++
#else
  :: made < 6 -> push()
#endif
  :: true
  fi
}

inline touch(me) {
  assert(using == 0 || using == me);
  using = me
}

inline schedule(me) {
#ifdef BUG_3
  /* BUG_3: looks whether it is the home before it says that it is in a section. */
  isHome = (home == me);
  store_inside(me, 1);
#else
  store_inside(me, 1);
  isHome = (home == me);
#endif
  if
  :: isHome ->
    touch(me);
    mine = list;
    signal_handler(me);
    list = mine + 1;
    made++;
    using = 0;
    store_inside(me, 0)
  :: else ->
    store_inside(me, 0);
    push()
  fi
}

inline take_over(me) {
  if
  :: home == me
  :: else ->
#ifdef BUG_5
    /* BUG_5: the barrier before the home is withdrawn. */
    membarrier();
    home = 0;
#else
    home = 0;
#ifndef BUG_1
    /* BUG_1: no barrier. */
    membarrier();
#endif
#endif
#ifndef BUG_2
    /* BUG_2: does not wait. */
    inside[SLOT(3 - me)] == 0;
#endif
    home = me
  fi
}

inline pass(me) {
  atomic { owner == 0 -> owner = me };
  take_over(me);
#ifdef BUG_7
  /* BUG_7: takes the list outside of a section: a signal handler finds none begun, and appends. */
  mine = list;
  if
  :: d_step { made < 6 -> made++; list++ }
  :: true
  fi;
  taken = taken + mine;
  list = 0;
#else
  store_inside(me, 1);
  touch(me);
  mine = list;
  signal_handler(me);
  taken = taken + mine;
  list = 0;
  using = 0;
  store_inside(me, 0);
#endif
  d_step { taken = taken + stack; stack = 0 };
  owner = 0
}

proctype thread(byte me) {
  byte steps;
  byte mine;
  bool isHome;
  do
  :: steps < STEPS -> steps++; schedule(me)
  :: steps < STEPS -> steps++; pass(me)
  :: steps == STEPS -> break
  od;
  atomic {
    finished++;
    if
    :: finished == 2 -> assert(taken + list + stack == made)
    :: else
    fi
  }
}

init {
  atomic { run thread(1); run thread(2) }
}
