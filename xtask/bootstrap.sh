#!/usr/bin/env bash
# Finds or makes all that building and testing need, one line per step, and
# writes target/env.sh for the commands that follow. Quick when nothing is
# missing. `--browser` also provides the Chromium of the browser tests.
#
# QONDUIT_CACHE     where downloads and the built wasm32 library are kept
# QONDUIT_COMPILER  `rustup` or `debian` to be held to one of them
# QONDUIT_CHROMIUM  the Chromium to test with
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. xtask/setup/common.sh
. xtask/setup/compiler.sh
. xtask/setup/node.sh
. xtask/setup/browser.sh

browser=optional
case ${1:-} in
--browser) browser=needed ;;
'') ;;
*) die usage "xtask/bootstrap.sh [--browser]" ;;
esac

mkdir -p "$CACHE"
# Two set-ups at once would install and build the same things twice.
if have flock; then
    exec 9>"$CACHE/lock"
    flock 9
fi

check_tools
find_compiler
link_programs
find_node
find_browser "$browser"

# shellcheck disable=SC2016 # what stands in single quotes is for env.sh to expand
write_env() {
    printf '# Written by xtask/bootstrap.sh for this checkout; sourced by the Makefile.\n'
    printf 'export PATH=%q:"$PATH"\n' "$RUST_PATH"
    printf '[ -n "${CARGO_TARGET_DIR:-}" ] || CARGO_TARGET_DIR=%q\n' "$PWD/target"
    printf 'case $CARGO_TARGET_DIR in /*) ;; *) CARGO_TARGET_DIR=$PWD/$CARGO_TARGET_DIR ;; esac\n'
    printf 'export CARGO_TARGET_DIR\n'
    # One compiler, one set of flags: what varies rebuilds every dependency.
    printf 'unset RUSTC RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET RUSTUP_TOOLCHAIN\n'
    # Known to leptos when it compiles, it changes the file names a page asks for.
    printf 'unset LEPTOS_OUTPUT_NAME\n'
    if [ -n "$WASM_SYSROOT" ]; then
        printf 'export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=%q\n' "--sysroot=$WASM_SYSROOT"
    else
        printf 'unset CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS\n'
    fi
    if [ -n "$CHROMIUM" ]; then printf 'export QONDUIT_CHROMIUM=%q\n' "$CHROMIUM"; fi
}
mkdir -p target
write_env >"target/env.sh.$$"
mv "target/env.sh.$$" target/env.sh
