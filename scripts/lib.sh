# What the scripts beside this file share. Source it; it changes nothing by itself.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

minimum_swift=6.3
minimum_glib=2.64
minimum_liburing=2.3

step() { printf '==> %s\n' "$*" >&2; }
stop() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Whether version $1 is at least version $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

require_swift() {
  local how="Get it from https://www.swift.org/install/linux, and have swift on the PATH."
  command -v swift >/dev/null 2>&1 || stop "Swift $minimum_swift or newer is needed, and there is none. $how"
  local version
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
  at_least "${version:-0}" "$minimum_swift" ||
    stop "Swift $minimum_swift or newer is needed, and this is ${version:-of an unknown version}. $how"
}

# Whether all of these programs are on the PATH; `command -v` is content with one of them.
programs_are_there() {
  local program
  for program; do command -v "$program" >/dev/null 2>&1 || return 1; done
}

libraries_are_there() {
  command -v pkg-config >/dev/null 2>&1 &&
    pkg-config --exists "gio-2.0 >= $minimum_glib" "liburing >= $minimum_liburing"
}

# install_packages WHAT PACKAGE…: installs the packages, as root or with sudo; where neither goes, says that WHAT is
# missing and what to install.
install_packages() {
  local what=$1
  shift
  local manual="Install these packages and run this again: $*"
  command -v apt-get >/dev/null 2>&1 || stop "$what is missing. $manual"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || stop "$what is missing. $manual"
    sudo=(sudo)
  fi
  step "installing $*"
  "${sudo[@]}" apt-get update -qq >&2 || stop "apt-get update failed. $manual"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 ||
    stop "apt-get install failed. $manual"
}

# GLib and liburing, installed if they are missing.
require_libraries() {
  libraries_are_there && return
  install_packages "GLib, liburing or pkg-config" libglib2.0-dev liburing-dev pkg-config
  libraries_are_there || stop "gio-2.0 $minimum_glib and liburing $minimum_liburing or newer are needed; \
this system's packages are older: $(pkg-config --modversion gio-2.0 liburing 2>&1 | tr '\n' ' ')"
}
