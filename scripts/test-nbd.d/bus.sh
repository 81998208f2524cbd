# The server is asked and told over a session bus of its own, while clients use it.
# A part of scripts/test-nbd, which sources it and whose functions it uses.

call() {
  gdbus call --session --dest org.aiogsource.Nbd1 --object-path /org/aiogsource/Nbd1 \
    --method "org.aiogsource.Nbd1.$1" "${@:2}"
}
# uses EXPORT: a client that reads until it is cut off, and writes a mark when it has begun.
uses() {
  "$work/nbd-load" --connections 1 --depth 4 --count 1000 --export "$1" "$address" && : >"$work/begun" &&
    ! "$work/nbd-load" --connections 1 --depth 4 --seconds 60 --export "$1" "$address"
}
bus() {
  fresh
  rm -f "$work/begun"
  launch --bus --socket "$work/socket" "$image"
  check "bus: without one the server does not start" [ "$listens" -ne 0 ]
  check "bus: and leaves no socket" [ ! -e "$work/socket" ]
  finish TERM

  dbus-daemon --session --nofork --address="unix:path=$work/bus" >"$work/bus.log" 2>&1 &
  helpers+=($!)
  export DBUS_SESSION_BUS_ADDRESS="unix:path=$work/bus"
  local tries=0
  until [ -S "$work/bus" ] || [ $tries -gt 100 ]; do
    tries=$((tries + 1))
    sleep 0.05
  done
  begin --bus --socket "$work/socket" "$image"
  check "bus: a client" "$work/nbd-load" --connections 1 --depth 4 --count 1000 --export data --verify "$image" "$address"
  check "bus: the export and its counters" says "'name': <'data'>.*'reads': <uint64 1000>" call ListExports
  check "bus: an export is added" says "'name': <'second'>" call AddExport "$scratch" second false
  check "bus: and served" says '^67108864$' timeout 60 nbdinfo --size "$(uri second)"
  check "bus: its name is taken" says "Error.Exists" call AddExport "$scratch" second false
  check "bus: a file that there is not" says "Error.CannotOpen" call AddExport "$work/nowhere" third false

  uses second >"$work/used" 2>&1 &
  local client=$!
  helpers+=("$client")
  tries=0
  until [ -e "$work/begun" ] || [ $tries -gt 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  sleep 0.3
  check "bus: a client of it is listed" says "'export': <'second'>" call ListConnections
  check "bus: it is removed under its client" says '^\(\)$' timeout 60 gdbus call --session \
    --dest org.aiogsource.Nbd1 --object-path /org/aiogsource/Nbd1 --method org.aiogsource.Nbd1.RemoveExport second
  await "$client" 30
  check "bus: which was told, or cut off" [ "$status" -eq 0 ]
  check "bus: and is there no more" fails timeout 60 nbdinfo --size "$(uri second)"
  check "bus: nor to be removed" says "Error.Unknown" call RemoveExport second
  check "bus: another file takes its name" says "'size': <uint64 67108864>" call AddExport "$image" second true
  check "bus: and is what is served" "$work/nbd-load" --connections 1 --depth 4 --count 1000 --export second --verify "$image" "$address"
  check "bus: the first export did not notice" "$work/nbd-load" --connections 1 --depth 4 --count 1000 --export data --verify "$image" "$address"
  finish TERM
  check "bus: the server ends with status 0" [ $status -eq 0 ]
  unset DBUS_SESSION_BUS_ADDRESS
}
if section bus; then
  export DBUS_SESSION_BUS_ADDRESS="unix:path=$work/nobody"
  bus
fi
