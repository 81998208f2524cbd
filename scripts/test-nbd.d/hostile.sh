# Clients that mean no good, beside others that must not notice.
# A part of scripts/test-nbd, which sources it and whose functions it uses.

hostile() { timeout $((${seconds:-0} + 120)) "$work/nbd-hostile" "$1" "$address" "${@:2}"; }
# Innocents beside them: one that compares what it reads, and fio, which writes and verifies.
innocents_begin() {
  rm -f "$work/innocent.end"
  (
    set +e
    while [ ! -e "$work/innocent.end" ]; do
      "$work/nbd-load" --connections 2 --depth 16 --seconds 1 --export data --verify "$image" "$address" || exit 1
      verifies --bs=4k --size=8m || exit 1
    done
  ) >"$work/innocent" 2>&1 &
  innocent=$!
  helpers=("$innocent")
}
# beside WHAT COMMAND…: the check, with innocents beside it.
beside() {
  innocents_begin
  check "$@"
  touch "$work/innocent.end"
  ends_well "$innocent" "$work/innocent" "$1: the others noticed nothing"
  check "$1: the server lives" is_alive
}
# slow_readers COUNT: the server's memory does not grow beyond 48 MiB each, and some.
slow_readers() {
  local before now=0 limit seconds=8
  before=$(memory)
  limit=$((before + $1 * 48 * 1024 + 64 * 1024))
  hostile slow victim "$1" 8 &
  local slow=$! most=0
  while kill -0 $slow 2>/dev/null; do
    now=$(memory)
    [ "$now" -le $most ] || most=$now
    sleep 0.2
  done
  printf 'VmRSS %s KiB before, %s at most, %s allowed\n' "$before" "$most" "$limit"
  wait $slow && [ "$most" -le "$limit" ]
}

# hostile_clients WHAT SECONDS OPTION…
hostile_clients() {
  local what=$1 seconds=$2 lines
  shift 2
  fresh
  head -c 40M /dev/urandom >"$work/victim"
  begin "$@" "$work/victim" "$image" "$scratch"
  # The warm-up.
  check "$what: nothing hostile yet" "$work/nbd-load" --count 20000 --export data --verify "$image" "$address"
  beside "$what: rules" hostile rules victim
  beside "$what: clients that vanish" hostile vanish victim 200
  beside "$what: slow readers" slow_readers 4
  beside "$what: $seconds seconds of random bytes" hostile random victim "$seconds"
  lines=$(grep -c . "$work/log" || true)
  check "$what: it said something of those it dropped ($lines lines)" [ "$lines" -gt 5 ]
  finish TERM
  check "$what: the server ends with status 0" [ $status -eq 0 ]
  check "$what: the file served for reading is what it was" has_digest "$image" "$image_digest"
}
if section hostile; then
  hostile_clients "hostile" "$([ -n "$quick" ] && echo 20 || echo 600)" --socket "$work/socket"
  hostile_clients "hostile over TCP" "$([ -n "$quick" ] && echo 5 || echo 60)" --port 0 --engine threads
fi
