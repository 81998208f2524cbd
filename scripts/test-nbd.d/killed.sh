# The server is killed in the middle of writes, and has to have on the disk what it acknowledged.
# A part of scripts/test-nbd, which sources it and whose functions it uses.

# writes SECONDS OPTION…: the client of ours writes to scratch and keeps a journal; it is in writer.
writes() {
  local seconds=$1
  shift
  "$work/nbd-client" write "$@" "$address" scratch "$work/journal" "$seconds" >"$work/writer" 2>&1 &
  writer=$!
  helpers=("$writer")
}
# ends_well PROCESS OUTPUT WHAT: a check that the process ends by itself, and without a complaint.
ends_well() {
  await "$1" 120
  helpers=()
  ended_well() { tail -n 30 "$1" && [ "$status" -eq 0 ]; }
  check "$3" ended_well "$2"
}
journal_holds() { timeout 120 "$work/nbd-client" check "$work/journal" "$@"; }

# killed WHAT OPTION…
killed() {
  local what=$1 round beside
  shift
  truncate -s 0 "$scratch" && truncate -s 32M "$scratch"
  head -c 16M /dev/zero >"$work/other"
  rm -f "$work/journal"
  for round in 1 2 3; do
    begin --socket "$work/socket" "$@" "$scratch" "$work/other"
    [ "$round" -eq 1 ] || check "$what, round $round: the server that was started again has what was acknowledged" \
      journal_holds "$address" scratch
    # It has no FUA, but flushes.
    fio --name=beside --ioengine=nbd --uri="$(uri other)" --rw=randwrite --bs=4k --iodepth=64 --fsync=32 --verify=crc32c \
      --verify_state_save=0 --time_based --runtime=30 >"$work/fio" 2>&1 &
    beside=$!
    writes 30
    helpers+=("$beside")
    sleep 1.$((RANDOM % 9))
    finish KILL
    kill -KILL "$beside" 2>/dev/null || true
    wait "$beside" 2>/dev/null || true
    ends_well "$writer" "$work/writer" "$what, round $round: writes with FUA until kill -9"
    check "$what, round $round: the file has what was acknowledged" journal_holds "$scratch"
  done
  begin --socket "$work/socket" "$@" "$scratch"
  check "$what: the server that was started again has what was acknowledged" journal_holds "$address" scratch
  check "$what: and verifies" verifies --bs=4k --size=32m
  finish TERM
}

# attach SIZE: a loop device over $work/backing, in loop, kept open: whoever closes it last would write all that is not
# written yet. Until it is written, it is not in the file: what is there is what a disk has when the power fails. Whether
# it could be had; if not, why is in $work/said.
attach() {
  loop=
  rm -f "$work/backing"
  head -c "$1" /dev/urandom >"$work/backing"
  command -v losetup >/dev/null || { echo "losetup is missing" >"$work/said" && return 1; }
  loop=$(losetup --find --show "$work/backing" 2>"$work/said") || return 1
  undo=("losetup -d $loop")
  exec 9<"$loop"
}
detach() {
  exec 9<&-
  losetup -d "$loop"
  undo=()
}
# backing_has LETTER OFFSET LENGTH
backing_has() {
  cmp -n "$3" -i "0:$2" <(head -c "$3" /dev/zero | tr '\0' "$1") "$work/backing"
}

# power_fails WHAT OPTION…: what is acknowledged with FUA, or before a flush, is on the disk and not only in the page cache.
power_fails() {
  local what=$1
  shift
  if ! attach 32M; then
    skip "$what, power fails: $(cat "$work/said")"
    return
  fi
  begin --socket "$work/socket" "$@" --export scratch "$loop"
  check "$what, power fails: a write without FUA" answers ok scratch write 0 65536
  if backing_has x 0 65536 >/dev/null 2>&1; then printf 'which is on the disk already: this cannot show much\n'; fi
  check "$what, power fails: a flush" answers ok scratch flush 0 0
  check "$what, power fails: and it is on the disk" backing_has x 0 65536
  check "$what, power fails: a write with FUA" answers ok scratch -f 1 write 1048576 65536
  check "$what, power fails: is on the disk" backing_has x 1048576 65536
  check "$what, power fails: zeroes with FUA" answers ok scratch -f 1 zero 1048576 65536
  check "$what, power fails: are on the disk" backing_has '\0' 1048576 65536
  check "$what, power fails: a write without FUA, and a signal" answers ok scratch write 2097152 65536
  finish TERM
  check "$what, power fails: ends with status 0" [ $status -eq 0 ]
  check "$what, power fails: and it is on the disk too" backing_has x 2097152 65536
  rm -f "$work/journal"
  begin --socket "$work/socket" "$@" --export scratch "$loop"
  writes 30
  sleep 1.5
  finish KILL
  check "$what, power fails: the disk has what was acknowledged" journal_holds "$work/backing"
  ends_well "$writer" "$work/writer" "$what, power fails: writes with FUA until kill -9"
  detach
}
# starts_at_once: a server that takes the place of one that was killed this very moment, 40 times.
starts_at_once() {
  local round failed=0
  for round in $(seq 40); do
    launch --socket "$work/socket" "$image"
    if [ "$listens" -ne 0 ]; then
      failed=$((failed + 1))
      tail -n 1 "$work/log"
      sleep 0.2
      continue
    fi
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
  done
  printf '%s of 40 did not start\n' $failed
  [ $failed -eq 0 ]
}
if section killed; then
  check "kill -9, and started again at once" starts_at_once
  killed "kill -9"
  power_fails "kill -9"
  if [ -z "$quick" ]; then
    killed "kill -9, threads" --engine threads
    power_fails "kill -9, threads" --engine threads
    power_fails "kill -9, past the page cache" --cache none
  fi
fi
