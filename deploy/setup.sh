# Sourced by deploy/demo and tests/run: packages and builds, saying what happens. Not a command of its own.
# shellcheck shell=bash

packages=(build-essential cmake ninja-build pkg-config ccache git ca-certificates tzdata
    protobuf-c-compiler libprotobuf-c-dev libzmq3-dev libhiredis-dev libevent-dev libhttp-parser-dev
    libwslay-dev libcurl4-openssl-dev libgeos-dev libjansson-dev libsodium-dev uthash-dev
    libcunit1-dev zlib1g-dev redis-server libjs-leaflet libqrencode-dev)

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

# install_packages [MORE...]: installs from Debian what is missing, and only that.
install_packages() {
    local missing=() p
    for p in "${packages[@]}" "$@"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    local as=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "not root, and no sudo: install these yourself: ${missing[*]}"
        as=(sudo)
    fi
    local log
    log=$(mktemp)
    if ! { "${as[@]}" apt-get update -q && "${as[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -yq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "apt-get failed (see above)"
    fi
    rm -f "$log"
}

# build PRESET [TARGET...]: configures and builds into build/PRESET; prints the log only when it fails.
build() {
    local preset=$1 log lock
    shift
    say "building ($preset)"
    log=$(mktemp)
    mkdir -p "$top/build"
    exec {lock}>"$top/build/lock" # who builds the same tree at the same time waits
    flock "$lock"
    if ! { cmake --preset "$preset" -S "$top" && cmake --build "$top/build/$preset" ${1:+--target "$@"}; } \
        >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        rm -f "$log"
        die "the build failed (see above)"
    fi
    rm -f "$log"
    exec {lock}>&-
}
