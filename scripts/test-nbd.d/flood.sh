# A thousand connections at once, of which some stall; what they cost has to come back.
# A part of scripts/test-nbd, which sources it and whose functions it uses.

# settles DESCRIPTORS KIB: within 20 seconds the server has so many descriptors, and no more memory than 32 MiB above.
settles() {
  local tries
  for tries in $(seq 100); do
    [ "$(descriptors)" -gt "$1" ] || [ "$(memory)" -gt $(($2 + 32 * 1024)) ] || break
    sleep 0.2
  done
  printf 'descriptors %s, before %s; VmRSS %s KiB, before %s; after %s tries\n' "$(descriptors)" "$1" "$(memory)" "$2" "$tries"
  [ "$(descriptors)" -le "$1" ] && [ "$(memory)" -le $(($2 + 32 * 1024)) ]
}
# flood WHAT OPTION…
flood() {
  local what=$1 fds kib
  shift
  fresh
  begin "$@" "$work/scratch" "$image"
  check "$what: fio before it" verifies --bs=4k
  check "$what: reads before it" "$work/nbd-load" --connections 4 --count 100000 --export data --verify "$image" "$address"
  sleep 1
  fds=$(descriptors) kib=$(memory)
  beside "$what: 1,000 connections, of which 200 stall" hostile flood data 1000 200 40
  beside "$what: and again" hostile flood data 1000 200 40
  check "$what: descriptors and memory are back where they were" settles "$fds" "$kib"
  finish TERM
  check "$what: the server ends with status 0" [ $status -eq 0 ]
}
# With 4,096 connections there are, those beyond are closed at once; when they have gone, there is room again.
limit() {
  local port
  begin --port 0 "$image"
  port=${address##*:}
  check "limit: a client before it" timeout 60 nbdinfo --size "$(uri data)"
  (
    ulimit -n 8192 || exit 1
    for _ in $(seq 4100); do exec {connection}<>"/dev/tcp/127.0.0.1/$port" || exit 1; done
    : >"$work/enough"
    read -r _ <"$work/over"
  ) &
  helpers+=($!)
  local tries=0
  until [ -e "$work/enough" ] || [ $tries -gt 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  check "limit: 4,100 connections" [ -e "$work/enough" ]
  check "limit: one more is refused" fails timeout 60 nbdinfo --size "$(uri data)"
  check "limit: and the log has it" grep -q "refused, there are 4096 connections" "$work/log"
  echo >"$work/over"
  check "limit: there is room again" becomes_free
  finish TERM
  check "limit: the server ends with status 0" [ $status -eq 0 ]
}
fails() { ! "$@"; }
becomes_free() {
  local tries
  for tries in $(seq 100); do
    timeout 60 nbdinfo --size "$(uri data)" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  return 1
}
if section flood; then
  mkfifo "$work/over"
  limit
  flood "flood" --socket "$work/socket"
  [ -n "$quick" ] || flood "flood over TCP" --port 0
fi
