# Shared by the set-up steps: where things are kept, and how a step speaks.
# Sourced, never run.
# shellcheck shell=bash

# One folder for all that is downloaded or built once per machine.
# shellcheck disable=SC2034 # read by the files that source this one
CACHE=${QONDUIT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/qonduit}

say() { printf 'set-up: %-9s %s\n' "$1" "$2"; }

die() {
    printf 'set-up: %-9s %s\n' "$1" "$2" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# bounded SECONDS COMMAND…: a download that hangs must not hang the set-up.
bounded() {
    local seconds=$1
    shift
    if have timeout; then timeout "$seconds" "$@"; else "$@"; fi
}

# A short fingerprint of standard input.
fingerprint() { cksum | tr ' ' '-'; }

# quietly LABEL COMMAND…: output only when it fails.
quietly() {
    local label=$1 log status=0
    shift
    log=$(mktemp "${TMPDIR:-/tmp}/qonduit-setup.XXXXXX")
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        say "$label" "\`$*\` failed:" >&2
        tail -n 30 "$log" >&2
    fi
    rm -f "$log"
    return "$status"
}

# True where Debian packages can be installed without asking anybody.
can_apt() {
    have apt-get && [ -f /etc/debian_version ] || return 1
    [ "$(id -u)" -eq 0 ] || { have sudo && sudo -n true 2>/dev/null; }
}

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }

apt_is_fresh=
apt_install() {
    local label=$1
    shift
    if [ -z "$apt_is_fresh" ]; then
        quietly "$label" as_root apt-get -o DPkg::Lock::Timeout=120 update -qq || return 1
        apt_is_fresh=yes
    fi
    quietly "$label" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends --no-remove "$@"
}

# What every machine needs before anything can be found or made.
check_tools() {
    have git || die tools "git is missing: install it (Debian: apt-get install git)"
    have make || die tools "make is missing: install it (Debian: apt-get install make)"
    have cc || die tools "no C compiler (cc): install one (Debian: apt-get install build-essential)"
    say tools "git, make and cc are here"
}
