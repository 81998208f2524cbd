/*
 * What the home thread need not be told: Sources/AioGSource/Notify/NotifyState.swift (notifyOfPayload,
 * canSkipNotification), with what looks before it sleeps, of Sources/AioGSource/AioContext: followHome, sourcePrepare,
 * sourceCheck, sourceDispatch, poll(blocking:).
 *
 * Two threads; the first is the home, and either may come to own the GMainContext and be the home then. Each schedules
 * bottom halves (BottomHalfQueue.schedule) between its calls of the loop and in the midst of them, as busy polling's
 * callbacks and signal handlers do. The notify protocol itself is in notify.pml; here a write is one where a window is
 * open.
 *
 * Checked: nobody sleeps for ever on payload that was published without a notification (an invalid end state). The
 * operations on the window and the payload are sequentially consistent in the code, or in a home section, which has a model of
 * its own (home-section.pml); `looking` is the home thread's own.
 *
 * BUG_1 to BUG_5 plant a bug each; the check has to find every one.
 */
#define TOTAL 3

byte home = 1;   /* 0 while there is none */
byte owner;      /* of the GMainContext */
bool looking;
bool source;     /* notifyMe: bit 0 */
bool polls;      /* notifyMe: the rest */
bool notified;
bool readable;   /* the event notifier */
byte payload;    /* what was published and not processed yet */
byte made;
byte processed;

inline schedule(me) {
#ifdef BUG_1
  /* BUG_1: published after all else. */
  mine = (home == me);
  mine = mine && !looking;
  mine = mine && !(source || polls);
  payload++;
#else
  payload++;
#ifdef BUG_4
  /* BUG_4: any thread that finds the loop awake, home or not. */
  mine = true;
#else
  mine = (home == me);
#endif
#ifndef BUG_2
  /* BUG_2: the home thread does not tell itself of what it has looked for already. */
  mine = mine && !(looking && home == me);
#endif
#ifndef BUG_3
  /* BUG_3: nor in a window. */
  mine = mine && !(source || polls);
#endif
#endif
  if
  :: mine
  :: else ->
    notified = true;
    if
    :: source || polls -> readable = true
    :: else
    fi
  fi
}

/* Anywhere on a thread. */
inline maybe_schedule(me) {
  if
  :: d_step { made < TOTAL -> made++ }; schedule(me)
  :: true
  fi
}

inline sleep() {
  if
  :: readable -> readable = false
  /* A timer. */
  :: payload == 0
  fi
}

inline pass() {
  notified = false;
  d_step { processed = processed + payload; payload = 0 }
}

inline follow(me) {
  if
  :: home != me -> home = 0; home = me
  :: else
  fi
}

inline iterate(me) {
  atomic { owner == 0 -> owner = me };
  follow(me);
  maybe_schedule(me);
  ready = (payload > 0);
  if
  :: ready
  :: else ->
    source = true;
    ready = (payload > 0);
    maybe_schedule(me)
  fi;
  if
  :: ready -> source = false
  :: else -> sleep()
  fi;
  source = false;
  maybe_schedule(me);
  pass();
  maybe_schedule(me);
  owner = 0
}

/* Only by the home: another thread's call traps. */
inline poll_blocking(me) {
  atomic { owner == 0 -> owner = me };
  if
  :: home == me ->
#ifndef BUG_5
    /* BUG_5: the flag is set after the look. */
    looking = true;
#endif
    ready = (payload > 0);
    maybe_schedule(me);
#ifdef BUG_5
    looking = true;
#endif
    if
    :: ready
    :: else ->
      polls = true;
      if
      :: notified
      :: else -> sleep()
      fi;
      polls = false
    fi;
    looking = false;
    maybe_schedule(me);
    pass()
  :: else
  fi;
  owner = 0
}

proctype thread(byte me) {
  bool mine;
  bool ready;
  do
  :: processed == TOTAL -> break
  :: d_step { made < TOTAL -> made++ }; schedule(me)
  :: iterate(me)
  :: poll_blocking(me)
  od
}

init {
  atomic { run thread(1); run thread(2) }
}
