//! How the renewal fares with many portals: `cargo bench -p backend --bench scale`.
//!
//! - `tick`: what a look at what is due costs with nothing due, beside a bare read
//!   of the same database, for 1,000, 10,000 and 100,000 portals;
//! - `work`: 2,000 keys due at once, half of them of one tenant, worked off over
//!   TLS against the sandbox tenant at Qlik's limits.
//!
//! Budgets are printed beside the figures and not asserted: a busy machine is no
//! defect. What can't depend on the machine (every key renewed, no 429, the limit
//! kept) ends the run where it is not so.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark ends where it can't go on")]

mod crowd;
mod scene;
mod tick;
mod work;

use std::process::Command;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tick"] => tick::run(),
        ["work", big, small] => work::run(big.parse().unwrap(), small.parse().unwrap()),
        ["sandbox", folder, big, small] => {
            scene::run(folder.as_ref(), big.parse().unwrap(), small.parse().unwrap());
        }
        // Each in a process of its own, so that one's memory is not the other's.
        [] => {
            itself(&["tick"]);
            for (big, small) in [("0", "1014"), ("246", "254"), ("986", "1014")] {
                itself(&["work", big, small]);
            }
        }
        other => panic!("no such benchmark: {other:?}"),
    }
}

fn itself(arguments: &[&str]) {
    let status = Command::new(std::env::current_exe().unwrap()).args(arguments).status().unwrap();
    assert!(status.success(), "{arguments:?} failed");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}
