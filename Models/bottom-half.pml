/*
 * A bottom half's node and its two owners: Sources/AioGSource/BottomHalf/BottomHalfQueue.swift (enqueue, schedule,
 * delete, abandon, run, reclaim).
 *
 * Two threads use the handle, then it goes, while the home thread runs passes. Checked: the node is freed exactly once,
 * nobody touches it afterwards, it is queued at most once, and a schedule that nobody deleted runs.
 *
 * BUG_1 to BUG_4 plant a bug each; the check has to find every one.
 */
#define OPERATIONS 2

/* The flags: each read-modify-write of theirs is one step. */
bool pending, scheduled, deleted, abandoned, reclaimed;
bool queued;    /* on the stack */
bool freed;
byte users;     /* threads that hold the handle */
bool gone;      /* the handle is gone, and its deinit over */
bool expected;  /* a schedule was made, and no delete yet */
bool ran;

inline touch() { assert(!freed) }

inline push(before) {
  if
  :: !before -> atomic { touch(); assert(!queued); queued = true }
  :: else
  fi
}

inline enqueue_scheduled() {
  atomic { touch(); was_pending = pending; pending = true; scheduled = true }
  push(was_pending)
}

inline enqueue_deleted() {
#ifdef BUG_4
  /* BUG_4: the push comes before the flag that keeps others from pushing too. */
  atomic { touch(); was_pending = pending }
  push(was_pending);
  atomic { pending = true; deleted = true }
#else
  atomic { touch(); was_pending = pending; pending = true; deleted = true }
  push(was_pending)
#endif
}

inline abandon() {
  atomic { touch(); was_pending = pending; was_deleted = deleted; was_reclaimed = reclaimed; abandoned = true }
  if
#ifdef BUG_1
  /* BUG_1: freed though it is in the queue once more. */
  :: was_reclaimed -> atomic { assert(!freed); freed = true }
#else
  :: was_reclaimed && !was_pending -> atomic { assert(!freed); freed = true }
#endif
  :: else ->
    if
    :: !was_deleted -> enqueue_deleted()
    :: else
    fi
  fi
}

proctype user() {
  byte operation = 0;
  bool was_pending;
  bool was_deleted;
  bool was_reclaimed;
  bool last;
  do
  :: operation == OPERATIONS -> break
  :: else ->
    if
    :: enqueue_scheduled()
    :: true ->
      if
      :: deleted
      :: else -> enqueue_deleted()
      fi
    fi;
    operation++
  od;
  atomic { users--; last = (users == 0) }
  if
  :: last -> abandon(); gone = true
  :: else
  fi
}

active proctype home() {
  bool was_scheduled;
  bool was_deleted;
  bool was_abandoned;
  bool was_pending;
  users = 2;
  run user();
  run user();
  do
  :: queued ->
    queued = false;
    atomic {
      touch();
      was_scheduled = scheduled;
      was_deleted = deleted;
      pending = false;
      scheduled = false;
#ifndef BUG_2
      /* BUG_2: still marked reclaimed while the queue is at it again. */
      reclaimed = false
#endif
    }
    if
    :: was_scheduled && !was_deleted -> ran = true
    :: else
    fi;
    if
    :: was_deleted ->
      atomic { touch(); was_abandoned = abandoned; was_pending = pending; reclaimed = true }
      if
#ifdef BUG_3
      /* BUG_3: freed though it was scheduled again since it was taken out. */
      :: was_abandoned -> atomic { assert(!freed); freed = true }
#else
      :: was_abandoned && !was_pending -> atomic { assert(!freed); freed = true }
#endif
      :: else
      fi
    :: else
    fi
  :: gone && !queued -> break
  od;
  assert(freed)
}
