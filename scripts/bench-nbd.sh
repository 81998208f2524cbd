# The NBD rows of scripts/bench, which sources this file: aio-nbd beside qemu-nbd, nbdkit, nbd-server and a bare server in
# C of our own, over Unix sockets, from images in the page cache. Reads come from our load generator
# (Benchmarks/peers/nbd-load.c), and in one row from fio; copies from nbdcopy. The servers of a row run side by side, and
# are measured by turns. AIO_NBD names another program to measure as ours.

nbd_servers=() nbd_rows=0
nbd_end() {
  local server
  for server in ${nbd_servers[@]+"${nbd_servers[@]}"}; do
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  done
  nbd_servers=()
  rm -f "$work/nbd-server.pid"
}
trap 'nbd_end; rm -rf "$work"' EXIT

nbd_uri() { printf 'nbd+unix:///?socket=%s' "$1"; }

# nbd_start PROGRAM SOCKET FILE: starts it; its process is in nbd_pid.
nbd_start() {
  local program=$1 socket=$2 file=$3 tries=0
  rm -f "$socket"
  case $program in
  aio-nbd) set -- "$aio_nbd" --socket "$socket" --read-only "$file" ;;
  qemu-nbd) set -- qemu-nbd -f raw --aio=io_uring --cache=writeback -e 16 -t -r -k "$socket" "$file" ;;
  nbdkit) set -- nbdkit -f -r -U "$socket" file "$file" ;;
  nbd-server)
    # It has a process for each client, unless it is to stay in the foreground: then it takes one client only.
    printf '[generic]\nunixsock = %s\nlistenaddr = 127.0.0.1\nport = %s\n[disk]\nexportname = %s\nreadonly = true\n' \
      "$socket" $((20000 + RANDOM % 10000)) "$file" >"$work/nbd-server.conf"
    set -- nbd-server -C "$work/nbd-server.conf" -p "$work/nbd-server.pid"
    ;;
  bare-nbd) set -- "$work/bare-nbd" "$socket" "$file" ;;
  esac
  "$@" >"$work/$program.log" 2>&1 </dev/null &
  nbd_pid=$!
  until [ -S "$socket" ] && { [ "$program" != nbd-server ] || [ -s "$work/nbd-server.pid" ]; }; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || stop "$program did not start: $(cat "$work/$program.log")"
    sleep 0.05
  done
  [ "$program" != nbd-server ] || nbd_pid=$(cat "$work/nbd-server.pid")
  nbd_servers+=("$nbd_pid")
}

# CPU seconds of a process, and of its children that are gone.
nbd_cpu() { sed 's/.*) //' "/proc/$1/stat" | awk -v tick="$(getconf CLK_TCK)" '{ print ($12 + $13 + $14 + $15) / tick }'; }

# Each prints what counts (the more the better), and the server's CPU time for one of it.
# nbd_reads 'OPTIONS' SOCKET PID
nbd_reads() {
  # shellcheck disable=SC2086
  "$work/nbd-load" --json --server-pid "$3" $1 "unix:$2" |
    sed -E 's/.*"requests_per_second":([0-9.]+).*"server_cpu_us":([0-9.]+).*/\1 \2/'
}
# nbd_fio SECONDS SOCKET PID
nbd_fio() {
  local before
  before=$(nbd_cpu "$3")
  fio --name=bench --ioengine=nbd --uri="$(nbd_uri "$2")" --rw=randread --bs=4k --iodepth=64 --time_based \
    --runtime="$1" --output-format=terse --terse-version=3 >"$work/out"
  awk -F';' -v before="$before" -v after="$(nbd_cpu "$3")" '/^3;/ { printf "%.0f %.2f\n", $8, (after - before) * 1e6 / ($6 / 4) }' \
    "$work/out"
}
# nbd_copy CONNECTIONS SOCKET PID EXPORT: MiB a second, and CPU milliseconds a GiB.
nbd_copy() {
  local before start end
  before=$(nbd_cpu "$3")
  start=$(date +%s%N)
  nbdcopy --connections="$1" "nbd+unix:///$4?socket=$2" null:
  end=$(date +%s%N)
  sleep 0.2
  awk -v ns="$((end - start))" -v before="$before" -v after="$(nbd_cpu "$3")" \
    'BEGIN { printf "%.0f %.0f\n", 1024e9 / ns, (after - before) * 1e3 }'
}

# nbd_turn PROGRAM SOCKET PID EXPORT RESULTS: one run of the row's; what fails ends the row, and is told.
nbd_turn() {
  if ! "$run" "$argument" "$2" "$3" "$4" >"$work/one" 2>"$work/errors" || ! kill -0 "$3" 2>/dev/null; then
    local status="it lives"
    kill -0 "$3" 2>/dev/null || { wait "$3" 2>/dev/null && status=0 || status="it ended with status $?"; }
    printf '%-36s %s failed, %s: %s\n' "$name" "$1" "$status" "$(tail -n 2 "$work/errors" "$work/$1.log" | tr '\n' ' ')"
    nbd_end
    return 1
  fi
  [ "$turn" -eq 0 ] || cat "$work/one" >>"$5"
}

# nbd_row NAME PEER FILE RUN ARGUMENT: RUN is one of the three above.
nbd_row() {
  local name="$1 / $2" peer=$2 image=$3 run=$4 argument=$5 disk= turn
  grep -qE "$filter" <<<"$name" || return 0
  local needed=$peer
  [ "$run" != nbd_copy ] || needed="$needed nbdcopy"
  [ "$run" != nbd_fio ] || needed="$needed fio"
  for program in $needed; do
    [ "$program" = bare-nbd ] || command -v "$program" >/dev/null 2>&1 || {
      printf '%-36s %s is not installed\n' "$name" "$program"
      return 0
    }
  done
  [ -e "$image" ] || { head -c "${image##*-}" /dev/urandom >"$image" && sync; }
  nbd_rows=$((nbd_rows + 1))
  local a=$work/ours.$nbd_rows b=$work/peer.$nbd_rows
  nbd_start aio-nbd "$a" "$image"
  local ours=$nbd_pid
  nbd_start "$peer" "$b" "$image"
  local theirs=$nbd_pid
  [ "$peer" != nbd-server ] || disk=disk
  : >"$work/a" && : >"$work/b"
  # The first run of each warms it up.
  for turn in $(seq 0 "$runs"); do
    nbd_turn aio-nbd "$a" "$ours" "" "$work/a" || return 0
    nbd_turn "$peer" "$b" "$theirs" "$disk" "$work/b" || return 0
  done
  nbd_end
  awk -v name="$name" -v a="$(awk '{print $1}' "$work/a" | median)" -v b="$(awk '{print $1}' "$work/b" | median)" \
    -v ca="$(awk '{print $2}' "$work/a" | median)" -v cb="$(awk '{print $2}' "$work/b" | median)" \
    -v sa="$(awk '{print $1}' "$work/a" | spread)" -v sb="$(awk '{print $1}' "$work/b" | spread)" 'BEGIN {
      printf "%-36s %10.0f %10.0f %7.2f %9.2f %9.2f %7s  %s, %s\n",
        name, a, b, a / b, ca, cb, (ca > 0 ? sprintf("%.2f", cb / ca) : "-"), sa, sb }'
}

step "building aio-nbd, its load generator and the bare server"
aio_nbd=${AIO_NBD:-$root/.build/release/aio-nbd}
[ -n "${AIO_NBD:-}" ] || swift build --package-path "$root" -c release --product aio-nbd >&2
for program in nbd-load bare-nbd; do cc -O2 -o "$work/$program" "$root/Benchmarks/peers/$program.c"; done
# Made when a row needs it, of the size that its name ends with.
nbd_image=$work/nbd-512M nbd_large=$work/nbd-1G

printf '\n%-36s %10s %10s %7s %9s %9s %7s  %s\n' "NBD; 4 KiB reads a second, MiB a second" ours peer ratio "our CPU" \
  "its CPU" ratio "spread, ours and the peer's"
many=$(n 1000000) some=$(n 400000) few=$(n 100000)
for peer in bare-nbd qemu-nbd nbdkit; do
  count=$some
  [ "$peer" != bare-nbd ] || count=$many
  nbd_row nbd.read.4k.depth64 $peer "$nbd_image" nbd_reads "--depth 64 --count $count"
  nbd_row nbd.read.4k.depth1 $peer "$nbd_image" nbd_reads "--depth 1 --count $few"
  nbd_row nbd.read.4k.4x16 $peer "$nbd_image" nbd_reads "--connections 4 --depth 16 --count $count"
done
nbd_row nbd.fio.randread.depth64 qemu-nbd "$nbd_image" nbd_fio 3
nbd_row nbd.fio.randread.depth64 nbdkit "$nbd_image" nbd_fio 3
for peer in bare-nbd qemu-nbd nbdkit nbd-server; do
  nbd_row nbd.copy.1g.1 $peer "$nbd_large" nbd_copy 1
  nbd_row nbd.copy.1g.4 $peer "$nbd_large" nbd_copy 4
done
printf 'CPU is the server'"'"'s: microseconds a read, milliseconds a GiB copied\n'
