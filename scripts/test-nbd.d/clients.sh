# Real clients: nbdinfo, nbdcopy, qemu-img, qemu-io and fio, over each transport and engine.
# A part of scripts/test-nbd, which sources it and whose functions it uses.

map_is_right() {
  timeout 60 nbdinfo --map "$(uri data)" | awk '{ print $1, $2, $3 }' >"$work/map"
  diff - "$work/map" <<END
0 $((16 * mebi)) 0
$((16 * mebi)) $((16 * mebi)) 3
$((32 * mebi)) $((8 * mebi)) 0
$((40 * mebi)) $((24 * mebi)) 3
END
}
lists() {
  timeout 60 nbdinfo --list "$(uri '')" | tee "$work/list"
  for each in "$@"; do grep -q "^export=\"$each\":" "$work/list" || return 1; done
  [ "$(grep -c '^export=' "$work/list")" -eq $# ]
}
copies_down() {
  rm -f "$work/copy"
  timeout 120 nbdcopy --connections="$1" "$(uri data)" "$work/copy" && has_digest "$work/copy" "$image_digest"
}
copies_up() {
  fresh
  timeout 120 nbdcopy --connections="$1" --flush "$image" "$(uri scratch)" && has_digest "$scratch" "$image_digest"
}
converts() {
  rm -f "$work/copy"
  timeout 120 qemu-img convert -f raw -O raw "$(uri data)" "$work/copy" && has_digest "$work/copy" "$image_digest"
}
converts_back() {
  fresh
  timeout 120 qemu-img convert -n -W -f raw -O raw "$image" "$(uri scratch)" && has_digest "$scratch" "$image_digest"
}
converts_to_qcow2() {
  rm -f "$work/copy"
  timeout 120 qemu-img convert -f raw -O qcow2 "$(uri data)" "$work/copy" &&
    timeout 120 qemu-img compare -f qcow2 -F raw "$work/copy" "$(uri data)"
}
maps_the_same() {
  local part='"start": [0-9]*, "length": [0-9]*|"zero": [a-z]*, "data": [a-z]*'
  timeout 60 qemu-img map --output=json -f raw "$image" | grep -oE "$part" >"$work/map.file"
  timeout 60 qemu-img map --output=json -f raw "$(uri data)" | grep -oE "$part" | diff "$work/map.file" -
}
# The same commands on a file and on the export leave the same bytes.
qemu_io_does() {
  fresh
  cp "$scratch" "$work/model"
  local commands=(
    -c 'write -P 0xab 0 1M' -c 'write -P 0xcd 1000k 3000k' -c 'write -P 0x11 700001 6789' -c 'aio_write -P 0x21 8M 4M'
    -c 'aio_write -P 0x22 12M 4M' -c 'aio_flush' -c 'write -f -P 0xef 20M 64k' -c 'write -z 64k 64k' -c 'write -z -u 4M 1M'
    -c 'write -z 5000001 12345' -c 'flush' -c 'discard 6M 1M' -c 'discard 30M 8M' -c 'flush' -c 'read -P 0xab 0 64k'
    -c 'read -P 0 64k 64k' -c 'read -P 0x21 8M 4M' -c 'read -P 0x22 12M 4M' -c 'read -P 0xef 20M 64k' -c 'read -P 0 4M 640k'
    -c 'read -P 0 6M 1M' -c 'read -P 0 30M 8M' -c 'read -P 0x11 700001 6789' -c 'length'
  )
  timeout 120 qemu-io -f raw -d unmap "${commands[@]}" "$work/model" >"$work/model.said" 2>&1
  timeout 120 qemu-io -f raw -d unmap "${commands[@]}" "$(uri scratch)" >"$work/export.said" 2>&1 ||
    { grep -iE 'fail|error' "$work/export.said" && return 1; }
  ! grep -iE 'fail|error|mismatch' "$work/export.said" || return 1
  has_digest "$scratch" "$(digest "$work/model")"
}
verifies() {
  timeout 300 fio --name=writes --ioengine=nbd --uri="$(uri scratch)" --rw=randwrite --iodepth=64 --verify=crc32c \
    --verify_fatal=1 --verify_state_save=0 --size=48m --output="$work/fio" "$@" || { tail -n 30 "$work/fio" && return 1; }
  ! grep -E 'verify:|error=|err= *[1-9]' "$work/fio"
}

# clients WHAT OPTION…: every client, against one server.
clients() {
  local what=$1 smallest
  shift
  fresh
  launch "$@" "$image" "$scratch"
  if [ "$listens" -ne 0 ]; then
    skip "$what, with which the server does not start: $(tail -n 1 "$work/log")"
    return
  fi
  check "$what: nbdinfo" says 'export-size: 67108864 ' timeout 60 nbdinfo "$(uri data)"
  for each in 'can_multi_conn: true' 'can_df: true' 'can_fua: true' 'can_flush: true' 'can_trim: true' 'can_zero: true' \
    'can_fast_zero: true' 'can_cache: true' 'is_read_only: false' 'base:allocation' 'block_size_maximum: 33554432'; do
    check "$what: nbdinfo says $each" says "$each" timeout 60 nbdinfo "$(uri data)"
  done
  check "$what: nbdinfo --size" says '^67108864$' timeout 60 nbdinfo --size "$(uri scratch)"
  check "$what: nbdinfo --list" lists data scratch
  check "$what: nbdinfo --map" map_is_right
  for connections in 1 4; do
    check "$what: nbdcopy of the export, connections: $connections" copies_down $connections
    check "$what: nbdcopy into the export, connections: $connections" copies_up $connections
  done
  check "$what: qemu-img info" says '^virtual size: 64 MiB' timeout 60 qemu-img info -f raw "$(uri data)"
  check "$what: qemu-img convert of the export" converts
  check "$what: qemu-img convert into the export" converts_back
  check "$what: qemu-img convert to qcow2 and compare" converts_to_qcow2
  check "$what: qemu-img compare" says 'identical' timeout 60 qemu-img compare -f raw -F raw "$image" "$(uri data)"
  check "$what: qemu-img map" maps_the_same
  check "$what: qemu-io writes, zeroes, discards, flushes and reads" qemu_io_does
  check "$what: fio verifies random writes of 4 KiB" verifies --bs=4k
  # What the server says is the smallest request, fio has to be told.
  smallest=$(timeout 60 nbdinfo "$(uri scratch)" | awk '/block_size_minimum/ { print $2 }')
  check "$what: fio verifies random writes of many sizes, of $smallest and more" \
    verifies --bsrange=$((smallest > 512 ? smallest : 512))-256k
  check "$what: the file served for reading is what it was" has_digest "$image" "$image_digest"
  finish TERM
  check "$what: the server ends with status 0" [ $status -eq 0 ]
}

if section clients; then
  clients "Unix socket" --socket "$work/socket"
  if [ -n "$quick" ]; then
    clients "TCP, threads" --port 0 --engine threads
  else
    for engine in io_uring native threads; do
      clients "Unix socket, $engine" --socket "$work/socket" --engine $engine
      clients "Unix socket, $engine, past the page cache" --socket "$work/socket" --engine $engine --cache none
    done
    for engine in io_uring threads; do clients "TCP, $engine" --port 0 --engine $engine; done
    clients "Unix socket, one context" --socket "$work/socket" --contexts 1
  fi
fi
