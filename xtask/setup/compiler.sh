# One Rust compiler for everything: the server, the browser, lints and tests.
# Two compilers would build every dependency twice and lint by two sets of
# rules. Sets RUST_BIN (a folder with its programs) and WASM_SYSROOT (empty
# when the compiler brings its own wasm32 library).
# Sourced, never run.
# shellcheck shell=bash

RUST_PROGRAMS="cargo rustc rustdoc rustfmt cargo-fmt cargo-clippy clippy-driver"
DEBIAN_PACKAGES="rustc-web cargo-web rust-web-src rust-web-llvm lld-22 rust-web-clippy rustfmt-web"

# How the wasm32 library is built: for size, which weighs 5 % of a bundle.
STD_PARTS=std,panic_abort,panic_unwind,proc_macro
STD_FEATURES=panic-unwind,optimize_for_size
STD_RUSTFLAGS=-Copt-level=z

RUST_BIN=
WASM_SYSROOT=

# The oldest compiler that the workspace takes, as the manifest says it.
oldest_rust() { sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' Cargo.toml | head -n 1; }

# new_enough BIN: is BIN/rustc at least that version?
new_enough() {
    local have_version want
    have_version=$("$1/rustc" --version 2>/dev/null | cut -d ' ' -f 2) || return 1
    want=$(oldest_rust)
    [ "$(printf '%s\n%s\n' "$want" "${have_version%%-*}" | sort -t . -k 1,1n -k 2,2n -k 3,3n | head -n 1)" = "$want" ]
}

# complete BIN: every program of one toolchain, lints and formatting included.
complete() {
    local program
    for program in $RUST_PROGRAMS; do [ -x "$1/$program" ] || return 1; done
}

holds_std() { compgen -G "$1/lib/rustlib/wasm32-unknown-unknown/lib/libstd-*.rlib" >/dev/null; }

own_sysroot_of() { "$1/rustc" --print sysroot; }

private_sysroot_of() {
    printf '%s/wasm-sysroot/%s-%s' "$CACHE" "$("$1/rustc" --version | cut -d ' ' -f 2)" \
        "$({ "$1/rustc" -vV && echo "$STD_PARTS $STD_FEATURES $STD_RUSTFLAGS"; } | fingerprint)"
}

# ready BIN: can BIN build for the browser, by its own library or by one that
# an earlier run made for it?
ready() {
    if ! complete "$1" || ! new_enough "$1"; then return 1; fi
    if holds_std "$(own_sysroot_of "$1")"; then
        RUST_BIN=$1 WASM_SYSROOT=
    elif holds_std "$(private_sysroot_of "$1")"; then
        RUST_BIN=$1 WASM_SYSROOT=$(private_sysroot_of "$1")
    else
        return 1
    fi
}

# The folders of rustup's toolchains, the active one first. Past rustup's
# proxies, so that no override picks another compiler half way.
rustup_bins() {
    have rustup || return 0
    local name root
    {
        rustup show active-toolchain 2>/dev/null | head -n 1 | cut -d ' ' -f 1
        rustup toolchain list 2>/dev/null | cut -d ' ' -f 1 | grep -v -e nightly -e beta
    } | awk 'NF && !seen[$0]++' | while read -r name; do
        root=$(rustup run "$name" rustc --print sysroot 2>/dev/null </dev/null) && printf '%s/bin\n' "$root"
    done
}

# A compiler that is in PATH without rustup, and Debian's, which may be hidden
# behind rustup's proxies.
plain_bins() {
    have rustc && printf '%s/bin\n' "$(rustc --print sysroot 2>/dev/null)"
    [ -x /usr/bin/rustc ] && echo /usr/bin
    return 0
}

candidate_bins() {
    case ${QONDUIT_COMPILER:-any} in
    rustup) rustup_bins ;;
    debian) [ -x /usr/bin/rustc ] && echo /usr/bin ;;
    *) { rustup_bins; plain_bins; } | awk '!seen[$0]++' ;;
    esac
    return 0
}

any_ready() {
    local bin
    while read -r bin; do
        if ready "$bin"; then return 0; fi
    done < <(candidate_bins)
    return 1
}

try_rustup() {
    have rustup && [ "${QONDUIT_COMPILER:-any}" != debian ] || return 1
    local bin name
    bin=$(rustup_bins | head -n 1)
    if [ -n "$bin" ] && new_enough "$bin"; then
        name=$(rustup show active-toolchain | head -n 1 | cut -d ' ' -f 1)
        say compiler "asking rustup for the wasm32 library of $name"
        bounded 60 rustup target add --toolchain "$name" wasm32-unknown-unknown >/dev/null 2>&1 || return 1
        complete "$bin" || bounded 60 rustup component add --toolchain "$name" clippy rustfmt >/dev/null 2>&1 || return 1
    else
        say compiler "asking rustup for a compiler of at least $(oldest_rust)"
        bounded 300 rustup toolchain install stable --profile minimal --component clippy --component rustfmt \
            --target wasm32-unknown-unknown --no-self-update >/dev/null 2>&1 || return 1
    fi
    any_ready
}

# A compiler with the source of its own library can build it for wasm32.
try_own_source() {
    local bin
    while read -r bin; do
        if ! complete "$bin" || ! new_enough "$bin"; then continue; fi
        [ -f "$(own_sysroot_of "$bin")/lib/rustlib/src/rust/library/std/Cargo.toml" ] || continue
        say compiler "building the wasm32 library of $("$bin/rustc" --version | cut -d ' ' -f 1-2) from its source, once (about a minute)"
        build_wasm_std "$bin" && ready "$bin" && return 0
    done < <(candidate_bins)
    return 1
}

# The rlibs of a build of an empty crate are the library: put under a sysroot
# of their own they serve every later build with this compiler, and the
# compiler's own folder stays as its packager left it.
build_wasm_std() {
    local bin=$1 home work lib
    home=$(private_sysroot_of "$bin")
    mkdir -p "$CACHE/wasm-sysroot"
    work=$(mktemp -d "$CACHE/wasm-sysroot/.building.XXXXXX")
    mkdir -p "$work/seed/src"
    : >"$work/seed/src/lib.rs"
    printf '[package]\nname = "std-seed"\nversion = "0.0.0"\nedition = "2024"\n\n[workspace]\n' >"$work/seed/Cargo.toml"
    if (
        cd "$work/seed"
        unset CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS CARGO_BUILD_TARGET
        unset RUSTC RUSTC_WRAPPER CARGO_PROFILE_RELEASE_DEBUG
        export PATH=$bin:$PATH CARGO_TARGET_DIR=$work/target RUSTFLAGS=$STD_RUSTFLAGS RUSTC_BOOTSTRAP=1
        quietly compiler "$bin/cargo" build \
            -Zbuild-std="$STD_PARTS" -Zbuild-std-features="$STD_FEATURES" --target wasm32-unknown-unknown --release
    ); then
        lib=$work/sysroot/lib/rustlib/wasm32-unknown-unknown/lib
        mkdir -p "$lib"
        cp "$work"/target/wasm32-unknown-unknown/release/deps/*.rlib "$lib"
        rm -f "$lib"/libstd_seed-*.rlib
        rm -rf "$home"
        mv "$work/sysroot" "$home"
    fi
    rm -rf "$work"
    holds_std "$home"
}

try_debian() {
    [ "${QONDUIT_COMPILER:-any}" != rustup ] && can_apt || return 1
    say compiler "installing Debian's rustc-web with its library source (apt-get)"
    # shellcheck disable=SC2086 # a list of words
    apt_install compiler $DEBIAN_PACKAGES || return 1
    try_own_source
}

# The answer of an earlier run still holds when its compiler is the same one.
remembered() {
    local file=$CACHE/compiler
    [ -f "$file" ] || return 1
    { read -r asked && read -r RUST_BIN && read -r identity && read -r WASM_SYSROOT; } <"$file" || return 1
    [ "$asked" = "${QONDUIT_COMPILER:-any} $(oldest_rust)" ] && complete "$RUST_BIN" || return 1
    [ "$identity" = "$("$RUST_BIN/rustc" -vV | fingerprint)" ] || return 1
    [ -z "$WASM_SYSROOT" ] || [ "$WASM_SYSROOT" = "$(private_sysroot_of "$RUST_BIN")" ] || return 1
    holds_std "${WASM_SYSROOT:-$RUST_BIN/..}"
}

find_compiler() {
    have rustc || have rustup || can_apt ||
        die compiler "no Rust: install it with rustup (https://rustup.rs), then run this again"
    if ! remembered; then
        any_ready || try_rustup || try_own_source || try_debian ||
            die compiler "no compiler for the browser: run \`rustup target add wasm32-unknown-unknown\` with Rust $(oldest_rust) or newer (or, on Debian as root: apt-get install $DEBIAN_PACKAGES), then run this again"
        printf '%s\n' "${QONDUIT_COMPILER:-any} $(oldest_rust)" "$RUST_BIN" \
            "$("$RUST_BIN/rustc" -vV | fingerprint)" "$WASM_SYSROOT" >"$CACHE/compiler.$$"
        mv "$CACHE/compiler.$$" "$CACHE/compiler"
    fi
    say compiler "$("$RUST_BIN/rustc" --version | cut -d ' ' -f 1-2) in $RUST_BIN, wasm32 library ${WASM_SYSROOT:-its own}"
}

# Only the toolchain's own programs go in front of PATH: putting all of
# /usr/bin there would hide somebody's newer Node.
link_programs() {
    local folder program
    folder=$CACHE/bin/$(printf '%s' "$RUST_BIN" | fingerprint)
    mkdir -p "$folder"
    for program in $RUST_PROGRAMS; do
        [ "$(readlink "$folder/$program" 2>/dev/null)" = "$RUST_BIN/$program" ] || ln -sfn "$RUST_BIN/$program" "$folder/$program"
    done
    # shellcheck disable=SC2034 # read by bootstrap.sh
    RUST_PATH=$folder
}
