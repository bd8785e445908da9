#!/usr/bin/env bash
# Tries Qonduit out on this machine: builds it, starts a sandbox tenant and the
# server, and says what to type where. Ctrl-C ends both. The portal's data are
# kept in data/; the sandbox keeps its certificate authority and forgets the
# rest, so each start has another API key to paste.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

xtask/bootstrap.sh
. target/env.sh
export SQLX_OFFLINE=true
unset DATABASE_URL SQLX_OFFLINE_DIR

echo "build: server and sandbox"
cargo build --package server --package sandbox
cargo xtask bundle --release

listen=${QONDUIT_LISTEN:-127.0.0.1:3000}
origin=${QONDUIT_PUBLIC_URL:-http://$listen}
sandbox_listen=${QLIK_SANDBOX_LISTEN:-127.0.0.1:4443}
sandbox_control=${QLIK_SANDBOX_CONTROL:-127.0.0.1:4444}
bin=$CARGO_TARGET_DIR/debug
state=$PWD/data/run
mkdir -p "$state"
rm -f "$state"/*.json

sandbox_pid=
server_pid=

# Each in a process group of its own: Ctrl-C reaches this script alone, which
# then asks them once. Asked twice, the server would not finish its work.
start() {
    set -m
    "$@" &
    set +m
}

alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }

# shellcheck disable=SC2317 # called by the traps
stop() {
    trap '' INT TERM
    local pid waited=0
    for pid in $server_pid $sandbox_pid; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in $server_pid $sandbox_pid; do
        while alive "$pid" && [ "$waited" -lt 100 ]; do
            sleep 0.1
            waited=$((waited + 1))
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    server_pid='' sandbox_pid=''
}
trap 'stop; exit 0' INT TERM
trap stop EXIT

# ready NAME PID FILE: until the file is there, or the program is not.
ready() {
    until [ -s "$3" ]; do
        if ! alive "$2"; then
            echo "run: the $1 did not start; see above" >&2
            exit 1
        fi
        sleep 0.1
    done
}

# field FILE NAME.NAME: a value of a JSON file; nothing for null.
field() {
    node -e 'let value = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
for (const name of process.argv[2].split(".")) value = value?.[name];
process.stdout.write(value == null ? "" : String(value));' "$1" "$2"
}

start "$bin/qlik-sandbox" --listen "$sandbox_listen" --control "$sandbox_control" --portal-origin "$origin" \
    --ca-dir data/sandbox-ca --ca-file "$state/sandbox-ca.pem" --ready-file "$state/sandbox.json" >"$state/sandbox.log"
sandbox_pid=$!
ready sandbox "$sandbox_pid" "$state/sandbox.json"

QONDUIT_LISTEN=$listen QONDUIT_PUBLIC_URL=$origin \
    QONDUIT_DATABASE_URL=${QONDUIT_DATABASE_URL:-sqlite://data/qonduit.db} \
    QONDUIT_KEYRING_FILE=${QONDUIT_KEYRING_FILE:-data/keyring} \
    QONDUIT_SITE_ROOT=$CARGO_TARGET_DIR/site QONDUIT_READY_FILE=$state/server.json \
    QONDUIT_QLIK_RESOLVE=$(field "$state/sandbox.json" resolve) QONDUIT_QLIK_CA_FILE=$state/sandbox-ca.pem \
    QONDUIT_LOG=${QONDUIT_LOG:-warn} \
    start "$bin/qonduit" >"$state/server.log"
server_pid=$!
ready server "$server_pid" "$state/server.json"

code=$(field "$state/server.json" setup_code)
if [ -n "$code" ]; then
    first="open $origin/setup and enter the code  $code"
else
    first="sign in at $origin/login as before (rm -r data starts over)"
fi
cat <<TEXT

Qonduit is at $origin, a sandbox Qlik tenant beside it.

  1. To begin, $first
  2. Under $origin/admin/settings choose "Qlik Sense API key" and paste:

       Qlik Sense tenant hostname   $(field "$state/sandbox.json" demo.tenant_host)
       Web Integration Id           $(field "$state/sandbox.json" demo.web_integration_id)
       Qlik Sense API key           $(field "$state/sandbox.json" demo.api_key)

     The sandbox knows these people: $(field "$state/sandbox.json" demo.admin.email) (the key's owner),
     $(field "$state/sandbox.json" demo.users.0.email) and $(field "$state/sandbox.json" demo.users.1.email).
     A new start has a new key: paste it again.

     For the options with Qlik OAuth:
       OAuth client ID              $(field "$state/sandbox.json" demo.oauth_client_id)
       OAuth client secret          $(field "$state/sandbox.json" demo.oauth_client_secret)
     For Qlik credentials, the Qlik password of $(field "$state/sandbox.json" demo.accounts.0.email):
       $(field "$state/sandbox.json" demo.accounts.0.password)

The sandbox's clock and faults: http://$sandbox_control (qlik-sandbox --help-control).
Ctrl-C ends both.
TEXT

# `wait` returns as soon as a signal is caught, `sleep` alone would not.
while alive "$sandbox_pid" && alive "$server_pid"; do
    sleep 1 &
    wait $! || true
done
if alive "$server_pid"; then echo "run: the sandbox ended by itself" >&2; else echo "run: the server ended by itself" >&2; fi
exit 1
