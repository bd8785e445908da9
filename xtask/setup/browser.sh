# A Chromium for Playwright. Sets CHROMIUM to its path, or to nothing when
# Playwright has its own. Sourced, never run.
# shellcheck shell=bash

CHROMIUM=

installed_chromium() {
    local path
    for path in "${QONDUIT_CHROMIUM:-}" /usr/bin/chromium /usr/bin/google-chrome /usr/bin/google-chrome-stable; do
        if [ -n "$path" ] && [ -x "$path" ]; then
            CHROMIUM=$path
            return 0
        fi
    done
    path=$(command -v chromium || command -v google-chrome) && CHROMIUM=$path
}

# Playwright's own download, for machines that have no Chromium package.
playwright_chromium() {
    local stamp deps=
    stamp="$CACHE/playwright-$(fingerprint <end2end/package-lock.json)"
    if [ -f "$stamp" ] && [ -x "$(cat "$stamp")" ]; then return 0; fi
    can_apt && deps=--with-deps
    say browser "asking Playwright for a Chromium"
    # shellcheck disable=SC2086 # nothing, or one word
    quietly browser bounded 600 npm exec --prefix end2end -- playwright install $deps chromium || return 1
    (cd end2end && node -p 'require("@playwright/test").chromium.executablePath()') >"$stamp"
    [ -x "$(cat "$stamp")" ]
}

find_browser() {
    if [ -n "${QONDUIT_CHROMIUM:-}" ] && [ ! -x "$QONDUIT_CHROMIUM" ]; then
        die browser "QONDUIT_CHROMIUM is $QONDUIT_CHROMIUM, which is no program"
    fi
    if installed_chromium; then
        say browser "$CHROMIUM"
    elif [ "$1" != needed ]; then
        say browser "none yet; \`make test\` will look for one"
    elif { can_apt && say browser "installing Debian's chromium (apt-get)" && apt_install browser chromium && installed_chromium; }; then
        say browser "$CHROMIUM"
    elif playwright_chromium; then
        say browser "Playwright's own"
    else
        die browser "no Chromium for the browser tests: install one (Debian: apt-get install chromium), or set QONDUIT_CHROMIUM to its path"
    fi
}
