# What the command's options do, and what it says to those that make no sense.
# A part of scripts/test-nbd, which sources it and whose functions it uses.

# refuses STATUS PATTERN OPTION…: the server does not start, and says why.
refuses() {
  local expected=$1 pattern=$2 result=0
  shift 2
  timeout 10 "$server" "$@" >"$work/refusal" 2>&1 </dev/null || result=$?
  cat "$work/refusal"
  [ $result -eq "$expected" ] && grep -qiE -- "$pattern" "$work/refusal"
}
if section options; then
  fresh
  begin --read-only --export disk --socket "$work/socket" "$scratch"
  check "the output" says "^export disk: .*scratch, 67108864 bytes, read-only$" cat "$work/output"
  check "the output, where it listens" says "^listening on unix:$work/socket$" cat "$work/output"
  check "the socket has mode 0600" [ "$(stat -c %a "$work/socket")" = 600 ]
  check "--export" lists disk
  check "--read-only: nbdinfo" says 'is_read_only: true' nbdinfo "$(uri disk)"
  check "--read-only: a write is EPERM" answers "error 1" disk write 0 4096
  check "--read-only: zeroes are EPERM" answers "error 1" disk zero 0 4096
  check "--read-only: a trim is EPERM" answers "error 1" disk trim 0 4096
  check "--read-only: a read is fine" answers ok disk read 0 4096
  check "the name of the only export may be left out" answers ok "" read 0 4096
  second_server() { refuses 1 'socket|in use' --socket "$work/socket" "$image"; }
  check "a second server on the same socket" second_server
  check "the first one did not notice" answers ok disk read 0 4096
  finish KILL
  check "a server that is killed leaves its socket" [ -S "$work/socket" ]
  begin --socket "$work/socket" "$scratch"
  check "which is no obstacle to the next" answers ok scratch write 0 4096
  finish TERM
  echo "somebody's" >"$work/a file"
  check "a file where the socket is to be" refuses 1 . --socket "$work/a file" "$image"
  check "which stays" grep -q "somebody's" "$work/a file"

  begin --socket "$work/socket" "$image" "$scratch" "$work/a file"
  check "several files" lists data scratch "a file"
  check "a file of 11 bytes" answers ok "a file" read 0 11
  finish TERM

  begin --port 0 "$image"
  check "TCP listens on loopback" says '^listening on tcp:127\.0\.0\.1:[0-9]+$' cat "$work/output"
  check "and warns of nothing" [ ! -s "$work/log" ]
  check "and is there" answers ok data read 0 4096
  finish TERM
  begin --port 0 --bind 0.0.0.0 "$image"
  check "--bind 0.0.0.0 warns" says 'no encryption' cat "$work/log"
  address=tcp:127.0.0.1:${address##*:}
  check "and is there" answers ok data read 0 4096
  finish TERM

  check "no file" refuses 64 'file' --socket "$work/socket"
  check "an option that there is not" refuses 64 'nonsense' --nonsense "$image"
  check "an engine that there is not" refuses 64 'engine' --engine steam "$image"
  check "a cache that there is not" refuses 64 'cache' --cache all "$image"
  check "--socket and --port" refuses 64 'socket' --socket "$work/socket" --port 0 "$image"
  check "--bind without --port" refuses 64 'port' --bind 0.0.0.0 "$image"
  check "a port that there is not" refuses 64 'port' --port 65536 "$image"
  check "no contexts" refuses 64 'contexts' --contexts 0 "$image"
  check "--export with two files" refuses 64 'export' --export one "$image" "$scratch"
  check "a file that there is not" refuses 1 'No such file' --socket "$work/socket" "$work/nothing"
  check "a folder" refuses 1 . --socket "$work/socket" "$work"
  check "the same name twice" refuses 1 'data' --socket "$work/socket" "$image" "$image"
  check "an address that there is not" refuses 1 . --port 0 --bind 192.0.2.1 "$image"
  check "a path that is too long for a socket" refuses 1 . --socket "$work/$(printf 'x%.0s' $(seq 200))" "$image"
  check "none of them left a socket" [ ! -e "$work/socket" ]
fi
