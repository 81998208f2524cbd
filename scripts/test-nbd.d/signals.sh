# The server is ended by a signal in the middle of writes.
# A part of scripts/test-nbd, which sources it and whose functions it uses.

if section signals; then
  for signal in TERM INT; do
    for fua in "" --no-fua; do
      what="SIG$signal during writes${fua:+ without FUA}"
      truncate -s 0 "$scratch" && truncate -s 32M "$scratch"
      rm -f "$work/journal"
      begin --socket "$work/socket" "$scratch" "$image"
      # One that does nothing, and one that says nothing.
      "$work/nbd-load" --seconds 60 --export data "$address" >/dev/null 2>&1 &
      reader=$!
      "$work/nbd-hostile" flood "$address" data 1 1 60 >/dev/null 2>&1 &
      staller=$!
      # shellcheck disable=SC2086
      writes 60 $fua
      sleep 1.5
      before=$(date +%s%N)
      finish $signal
      took=$((($(date +%s%N) - before) / 1000000))
      ended=$status
      kill -KILL $reader $staller 2>/dev/null || true
      wait $reader $staller 2>/dev/null || true
      check "$what: the server ends with status 0, after $took ms" [ "$ended" -eq 0 ]
      ends_well "$writer" "$work/writer" "$what: the client was told, or cut off"
      check "$what: the file has what was acknowledged" journal_holds "$scratch"
      check "$what: the socket is gone" [ ! -e "$work/socket" ]
    done
  done
fi
