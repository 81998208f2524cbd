# The file shrinks, the disk is full, the device has errors.
# A part of scripts/test-nbd, which sources it and whose functions it uses.

# disk WHAT OPTION…
disk() {
  local what=$1
  shift
  fresh
  begin --socket "$work/socket" "$@" "$scratch" "$image"
  truncate -s 1M "$scratch"
  check "$what, a file that shrinks: a read beyond its end is EIO" answers "error 5" scratch read $((32 * mebi)) 65536
  check "$what, a file that shrinks: a read across its end is EIO" answers "error 5" scratch read $((mebi - 4096)) 65536
  check "$what, a file that shrinks: a read before its end is fine" answers ok scratch read 0 65536
  check "$what, a file that shrinks: a write makes it longer" answers ok scratch write $((2 * mebi)) 65536
  truncate -s 0 "$scratch"
  check "$what, a file that shrinks: qemu-io says so" says 'Input/output error' \
    timeout 60 qemu-io -f raw -c 'read 0 1M' "$(uri scratch)"
  shrunken_map() { timeout 60 nbdinfo --map "$(uri scratch)" | awk '{ sum += $2 } END { exit sum != 67108864 }'; }
  check "$what, a file that shrinks: it still has a map" shrunken_map
  check "$what, a file that shrinks: the others notice nothing" copies_down 1
  finish TERM
  check "$what, a file that shrinks: the server ends with status 0" [ $status -eq 0 ]

  # 16 MiB are all that a file may have.
  truncate -s 0 "$scratch" && truncate -s 64M "$scratch"
  : >"$work/output"
  (ulimit -f 16384 && exec "$server" --socket "$work/socket" "$@" "$scratch" "$image") >"$work/output" 2>"$work/log" &
  pid=$! address=unix:$work/socket
  servers=("$pid")
  for _ in $(seq 200); do
    grep -q '^listening' "$work/output" && break
    sleep 0.05
  done
  check "$what, a file that may not be so large: a write is ENOSPC" answers "error 28" scratch write $((32 * mebi)) 65536
  check "$what, a file that may not be so large: one inside is fine" answers ok scratch write $((8 * mebi)) 65536
  check "$what, a file that may not be so large: the server lives" is_alive
  finish TERM

  if mkdir -p "$work/full" && mount -t tmpfs -o size=8m tmpfs "$work/full" 2>"$work/said"; then
    undo=("umount -l $work/full")
    truncate -s 64M "$work/full/disk"
    begin --socket "$work/socket" "$@" "$work/full/disk" "$image"
    check "$what, a disk that is full: a write that fits" answers ok disk write 0 $((4 * mebi))
    check "$what, a disk that is full: one that does not is ENOSPC" answers "error 28" disk write $((8 * mebi)) $((16 * mebi))
    check "$what, a disk that is full: zeroes without a hole are ENOSPC" answers "error 28" disk -f 2 zero $((40 * mebi)) $((16 * mebi))
    check "$what, a disk that is full: what it has can be read" answers ok disk read 0 $((4 * mebi))
    check "$what, a disk that is full: trimmed" answers ok disk trim 0 $((64 * mebi))
    check "$what, a disk that is full: then there is room again" answers ok disk write $((8 * mebi)) $((4 * mebi))
    check "$what, a disk that is full: the others notice nothing" copies_down 1
    finish TERM
    check "$what, a disk that is full: the server ends with status 0" [ $status -eq 0 ]
    umount -l "$work/full"
    undo=()
  else
    skip "$what, a disk that is full: $(cat "$work/said")"
  fi

  # A loop device over a file that is cut has errors behind the cut.
  if attach 64M; then
    begin --socket "$work/socket" "$@" --export disk "$loop"
    check "$what, a device with errors: its size" says '^67108864$' timeout 60 nbdinfo --size "$(uri disk)"
    truncate -s 1M "$work/backing"
    check "$what, a device with errors: a read is EIO" answers "error 5" disk read $((32 * mebi)) 65536
    check "$what, a device with errors: a read elsewhere is fine" answers ok disk read 0 65536
    check "$what, a device with errors: the server lives" is_alive
    finish TERM
    check "$what, a device with errors: the server ends with status 0" [ $status -eq 0 ]
    detach
  else
    skip "$what, a device with errors: $(cat "$work/said")"
  fi
}
if section disk; then
  disk "disk"
  [ -n "$quick" ] || disk "disk, threads" --engine threads
fi
