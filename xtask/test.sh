#!/usr/bin/env bash
# Every check, in the order in which a mistake shows soonest. Says the title of
# each step and how long it took; the first that fails ends it, by name.
#
#   xtask/test.sh [format] [lints] [tests] [sqlx] [bundle] [clients] [browser]
#
# Without a name: all of them. `.ci/run` calls this through `make test`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

wanted=" ${*:-format lints tests sqlx bundle clients browser} "
wants() { [[ $wanted == *" $1 "* ]]; }

step() {
    local title=$1 from=$SECONDS status=0
    shift
    printf '\n==> %s\n' "$title"
    "$@" || status=$?
    if [ "$status" -ne 0 ]; then
        printf '\n==> FAILED after %d s: %s\n' "$((SECONDS - from))" "$title" >&2
        exit 1
    fi
    printf '    %s: ok, %d s\n' "$title" "$((SECONDS - from))"
}

setup() { if wants browser; then xtask/bootstrap.sh --browser; else xtask/bootstrap.sh; fi; }
step "set-up" setup
. target/env.sh

# Queries are checked against backend/.sqlx; the step `sqlx` checks that.
export SQLX_OFFLINE=true
unset DATABASE_URL SQLX_OFFLINE_DIR

# What runs on a server, chosen together: package by package cargo would pick
# other features for shared dependencies and build most of them again. `app`
# gets `ssr` from `server`; `frontend` (hydrate) must never be in this list.
server_side=(--package qlik --package backend --package sandbox --package app --package server)
tools=(--package xtask --package query-database)
browser_side=(--package app --package frontend --features app/hydrate --target wasm32-unknown-unknown)

run_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --no-fail-fast "$@"
    else
        cargo test --no-fail-fast --quiet "$@" --bins --lib --tests
    fi
}

if wants format; then
    step "format" cargo fmt --all --check
fi

if wants lints; then
    step "lints: server side" cargo clippy --quiet "${server_side[@]}" --all-targets -- -D warnings
    step "lints: browser side" cargo clippy --quiet "${browser_side[@]}" -- -D warnings
    step "lints: build tools" cargo clippy --quiet "${tools[@]}" --all-targets -- -D warnings
fi

if wants tests; then
    step "tests: server side" run_tests "${server_side[@]}"
    step "tests: examples in the documentation" cargo test --quiet --doc "${server_side[@]}"
    step "tests: build tools" run_tests --package xtask
fi

if wants sqlx; then
    step "queries: backend/.sqlx is up to date" cargo xtask sqlx --check
fi

if wants bundle; then
    step "bundle" cargo xtask bundle --release
    step "bundle: nothing of the server in it" cargo xtask fence
    step "bundle: within its budget" cargo xtask size
fi

if wants clients || wants browser; then
    step "server and sandbox" cargo build --quiet --package server --package sandbox
fi

if wants clients; then
    step "sandbox, driven by Qlik's own client" npm --prefix end2end --silent run test:sandbox
fi

if wants browser; then
    playwright() { (cd end2end && npx --no-install playwright test); }
    export QONDUIT_SITE_ROOT=$CARGO_TARGET_DIR/site
    step "browser tests" playwright
fi

printf '\n==> all passed in %d s\n' "$SECONDS"
