/*
 * The blocks of slots that one thread takes and others give back: Sources/AioGSource/Base/SlotAllocator.swift (take,
 * giveBack, deinit) and SpentSlots.swift (add, giveBack).
 *
 * A thread takes slots of one block and hands them to two home threads, whose passes give them back, several at once or
 * one by one; it ends when it likes, with slots left or not. Checked: the block is freed exactly once, nobody touches it
 * or a slot of it afterwards, and it is freed in the end. There is one block: slots of different ones are never counted
 * together.
 *
 * BUG_1 to BUG_4 plant a bug each; the check has to find every one.
 */
#define SLOTS 4
#define HOMES 2

#ifdef BUG_3
/* BUG_3: what counts is the slots that are out, and not also those that may still be taken. */
byte count = 0;
#else
byte count = SLOTS;
#endif
bool freed;
byte ended; /* of the threads */
chan handed = [SLOTS] of { byte };
bool is_over;

inline touch() { assert(!freed) }

inline give_back(n) {
#ifdef BUG_2
  /* BUG_2: read and written in two steps. */
  atomic { touch(); before = count };
  atomic { touch(); count = before - n };
#else
  atomic { touch(); before = count; count = count - n };
#endif
  if
  :: before == n -> atomic { touch(); freed = true }
  :: else
  fi
}

proctype taker() {
  byte left = SLOTS;
  byte before;
  do
  :: left > 0 ->
    atomic {
      touch();
#ifdef BUG_3
      count++;
#endif
      left--
    }
    touch(); /* What it makes in it. */
    handed ! left
  :: break /* The thread ends. */
  od;
#ifndef BUG_1
  /* BUG_1: what it has left is not given back. */
#ifndef BUG_3
  if
  :: left > 0 -> give_back(left)
  :: else
  fi;
#endif
#endif
  atomic { is_over = true; ended++ }
}

proctype home() {
  byte slot;
  byte spent = 0;
  byte before;
  do
  :: handed ? slot ->
#ifdef BUG_4
    /* BUG_4: counted as given back before what was in it is out. */
    give_back(1);
    touch()
#else
    touch();
    spent++
#endif
  :: spent > 0 -> /* The pass is over. */
    give_back(spent);
    spent = 0
  :: is_over && empty(handed) && spent == 0 -> break
  od;
  ended++
}

init {
  byte number;
  atomic {
    run taker();
    for (number : 1 .. HOMES) { run home() }
  }
  ended == HOMES + 1;
#ifndef BUG_3
  /* With BUG_3 it is freed too soon, too. */
  assert(freed)
#endif
}
