#!/usr/bin/env bash
# Installs the tools that a build needs and that are missing, with apt. Says what it installs; silent if all is there.
#   setup.sh          what building and running need
#   setup.sh yosys    yosys too, for `make test`, `make lint` and `make synth`
set -euo pipefail

die() {
    echo "setup: $*" >&2
    exit 1
}

command -v cargo >/dev/null || die "cargo is not installed: install Rust 1.85 or later with rustup, then run this again"

missing=()
need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null || missing+=("$2")
}
need verilator verilator
need clang++ clang
need g++ g++ # the linker, libstdc++ and libatomic
need ar binutils
need make make
need python3 python3
# Verilator's waveform writer compresses with zlib.
[ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
for tool in "$@"; do
    need "$tool" "$tool"
done

if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || die "no apt-get here: install ${missing[*]} by hand, then run this again"
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || die "not root: run 'sudo apt-get install ${missing[*]}', then this again"
        as_root=(sudo -n)
    fi
    echo "setup: installing ${missing[*]}"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    "${as_root[@]}" apt-get update -qq >"$log" 2>&1 || die "apt-get update failed: $(tail -n 1 "$log")"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >"$log" 2>&1 || die "cannot install ${missing[*]}: $(tail -n 1 "$log")"
fi

# Verilator 5.006 is the oldest that the generated models are built with.
version=$(verilator --version | awk '{print $2}')
[ "$(printf '%s\n' 5.006 "$version" | sort -V | head -n 1)" = 5.006 ] ||
    die "verilator $version is too old: 5.006 or later is needed"
