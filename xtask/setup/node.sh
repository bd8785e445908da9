# Node and the packages under end2end/: wasm-opt for the bundle, Playwright and
# axe for the tests. Sourced, never run.
# shellcheck shell=bash

find_node() {
    local major stamp want
    if ! have node || ! have npm; then
        die node "Node with npm is missing: install Node 20 or newer (https://nodejs.org)"
    fi
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge 20 ] || die node "Node $(node --version) is too old: install Node 20 or newer (https://nodejs.org)"
    stamp=end2end/node_modules/.qonduit
    want="node $major, lock $(fingerprint <end2end/package-lock.json)"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then
        say node "Node $(node --version), packages of end2end/ are in place"
        return
    fi
    say node "Node $(node --version), installing the packages of end2end/ (npm ci)"
    quietly node bounded 600 npm ci --prefix end2end --no-audit --no-fund ||
        die node "npm ci failed in end2end/: see above, then run this again"
    printf '%s\n' "$want" >"$stamp"
}
