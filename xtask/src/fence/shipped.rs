//! Words that only server code holds, looked for in what the browser gets. The
//! trees show that no server package is linked; this shows that no server text
//! came in by another way.

use std::path::Path;

use anyhow::{Result, bail};

use crate::layout::{files_under, read};

/// Each is a piece of text in our server's program.
const CANARIES: [&str; 9] = [
    "BEGIN IMMEDIATE",
    "PRIVATE KEY",
    "QONDUIT_",
    "SELECT ",
    "api-keys/",
    "argon2",
    "jwt-session",
    "sqlite",
    "sqlx",
];

/// One line for each canary that a shipped script, style or wasm holds.
pub(super) fn canaries_in(pkg: &Path) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut seen_wasm = false;
    for file in files_under(pkg)? {
        let Some(ending) = file.extension().and_then(|ending| ending.to_str()) else { continue };
        if !["js", "wasm", "css", "map"].contains(&ending) {
            continue;
        }
        seen_wasm |= ending == "wasm";
        let bytes = read(&file)?;
        for canary in CANARIES.iter().filter(|canary| holds(&bytes, canary.as_bytes())) {
            wrong.push(format!("`{canary}` is in {}", file.display()));
        }
    }
    if !seen_wasm {
        bail!("no wasm in {}: build it with `cargo xtask bundle --release`", pkg.display());
    }
    Ok(wrong)
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    let Some(first) = word.first() else { return false };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = &rest[at..];
        if rest.starts_with(word) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::write;

    #[test]
    fn each_canary_is_found_in_each_kind_of_file() {
        for name in ["q.js", "q_bg.wasm", "q.css"] {
            for canary in CANARIES {
                let folder = tempfile::tempdir().unwrap();
                write(&folder.path().join("clean.wasm"), b"\0asm").unwrap();
                write(&folder.path().join(name), format!("\0\u{1}xx{canary}yy").as_bytes()).unwrap();
                let wrong = canaries_in(folder.path()).unwrap();
                assert!(wrong.iter().any(|line| line.contains(canary)), "{canary} in {name} was not seen");
            }
        }
    }

    #[test]
    fn each_canary_lives_in_our_server_code() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut code = Vec::new();
        for folder in ["backend/src", "qlik/src", "server/src"] {
            for file in files_under(&root.join(folder)).unwrap() {
                code.extend(read(&file).unwrap());
            }
        }
        for canary in CANARIES {
            assert!(holds(&code, canary.as_bytes()), "`{canary}` is nowhere, so it proves nothing");
        }
    }

    #[test]
    fn a_clean_bundle_has_no_canary() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("q_bg.wasm"), b"\0asm and a page about settings").unwrap();
        assert!(canaries_in(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn an_absent_bundle_is_refused_rather_than_clean() {
        let folder = tempfile::tempdir().unwrap();
        assert!(canaries_in(folder.path()).is_err());
    }

    #[test]
    fn a_word_is_found_after_a_false_start_and_at_the_very_end() {
        assert!(holds(b"sqsqlite", b"sqlite"));
        assert!(!holds(b"sqlit", b"sqlite"));
    }
}
