/*
 * The notify protocol, with both drivers on one context: Sources/AioGSource/Notify/NotifyProtocol.swift (notify,
 * accept, openPollWindow, closePollWindow, openSourceWindow, closeSourceWindow), and of
 * Sources/AioGSource/AioContext: poll(blocking:), takeOverFromGLib, sourcePrepare, sourceCheck, sourceDispatch.
 *
 * Checked: no wake-up is lost (a loop that sleeps for ever while there is payload is an invalid end state), and nobody
 * writes to the event notifier twice in one window. The operations on the two words are sequentially consistent in the
 * code, so each is one step here.
 *
 * BUG_1 to BUG_6 plant a bug each; the check has to find every one.
 */
#define NOTIFIERS 2
#define ROUNDS 2

bool source;     /* notifyMe: bit 0 */
byte polls;      /* notifyMe: the count of poll windows */
bool written;    /* notifyMe: the topmost bit */
bool notified;
bool readable;   /* the event notifier */
byte payload;    /* what was published and not processed yet */
byte processed;
byte claims;     /* who took it upon himself to write, since the last window was opened */
byte finished;   /* notifiers that are done */

inline open_window() {
#ifndef BUG_1
  /* BUG_1: a window is opened with the mark of an earlier one, whose write was drained. */
  d_step { written = false; claims = 0 }
#else
  claims = 0
#endif
}

proctype notifier() {
  byte round = 0;
  bool asleep;
  bool other;
  do
  :: round == ROUNDS -> break
  :: else ->
#ifdef BUG_2
    /* BUG_2: the window is looked at before `notified` is set. */
    d_step { asleep = (source || polls > 0); other = written }
    payload++;
    notified = true;
#else
    payload++;
#ifdef BUG_3
    /* BUG_3: no write where `notified` was set already. */
    d_step { other = notified; notified = true }
    d_step { asleep = (source || polls > 0) && !other; other = written }
#else
    notified = true;
    d_step { asleep = (source || polls > 0); other = written }
#endif
#endif
    if
    :: asleep && !other ->
      d_step { other = written; written = true; if :: !other -> claims++ :: else fi }
      assert(claims <= 1);
      if
      :: !other -> readable = true
      :: else
      fi
    :: else
    fi;
    round++
  od;
  finished++
}

bool glib_wake_up; /* g_main_context_wakeup */
#ifdef BUG_6
bool late;         /* accept has not cleared `notified` yet */
#endif

/* accept, the bottom halves, and then the event notifier's handler if the wait saw it. */
inline pass(saw) {
#ifdef BUG_6
  /* BUG_6: accept clears `notified` only after the next look at the payload. */
  late = true;
#else
  notified = false;
#endif
  d_step { processed = processed + payload; payload = 0 }
  if
  :: saw -> readable = false
  :: else
  fi
}

inline poll_blocking() {
  /* takeOverFromGLib: what prepare found is not true any more. */
  if
  :: source ->
    source = false;
#ifndef BUG_4
    /* BUG_4: the poll takes what was meant for GLib, and does not send it round again. */
    glib_wake_up = true
#endif
  :: else
  fi;
  saw = false;
  if
  :: payload > 0
  :: else ->
#ifdef BUG_6
    if
    :: late -> notified = false; late = false
    :: else
    fi;
#endif
    open_window();
    polls++;
    if
    :: notified
    :: else ->
      /* Asleep. Being done for good is the only other way out. */
      if
      :: readable -> saw = true
      :: finished == NOTIFIERS && payload == 0
      fi
    fi;
    polls--
  fi;
  pass(saw);
}

inline iterate() {
  saw = false;
#ifdef BUG_5
  /* BUG_5: the payload is looked at before the window is open. */
  ready = (payload > 0);
  open_window();
  source = true;
#else
  /* A source that is ready already needs no window. */
  ready = (payload > 0);
  if
  :: ready
  :: else ->
    open_window();
    source = true;
    ready = (payload > 0)
  fi;
#endif
  /* GLib does not sleep on a ready source, and skips check. */
  if
  :: ready -> source = false
  :: else
  fi;
  /* Another source's prepare may poll the context. */
  if
  :: nested < 1 -> nested++; poll_blocking(); saw = false
  :: true
  fi;
  if
  :: ready
  :: else ->
    if
    :: readable -> saw = true
    :: glib_wake_up -> glib_wake_up = false
    :: finished == NOTIFIERS && payload == 0
    fi
  fi;
  source = false;
  pass(saw)
}

active proctype home() {
  bool saw;
  bool ready;
  byte nested = 0;
  byte started = 0;
  do
  :: started < NOTIFIERS -> run notifier(); started++
  :: else -> break
  od;
  do
  :: processed == NOTIFIERS * ROUNDS -> break
  :: else -> if :: poll_blocking() :: iterate() fi
  od;
  assert(payload == 0)
}
