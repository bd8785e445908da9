//! The host of Qonduit: reads the configuration, puts the parts together, and
//! runs them until it is told to stop. No business rule lives here.

mod boot;
mod config;
mod connections;
mod doctor;
mod files;
mod health;
mod layers;
mod lifecycle;
mod metrics;
mod process;
mod router;
mod session_store;
mod stream;
mod support;
mod tasks;

use std::process::ExitCode;

use clap::Parser;

use crate::config::{Config, Flags};

/// Memory is wiped as it is freed: copies of passwords and keys that libraries make on
/// their way (requests that are read, forms that are parsed) do not outlive them.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    let config = match Config::read(Flags::parse()) {
        Ok(config) => config,
        Err(mistakes) => {
            complain("The configuration can't be used:", &mistakes);
            return ExitCode::from(2);
        }
    };
    boot::tracing(&config.log);
    // The configuration names files with secrets, and has none of its own.
    if let Err(e) = process::harden() {
        tracing::warn!(error = %e, "a core dump of this process could hold secrets: it could not be ruled out");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            complain("No worker threads could be started:", &[e.to_string()]);
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(lifecycle::run(config)) {
        Ok(code) => code,
        Err(e) => {
            complain("Qonduit could not start:", &[format!("{e:#}")]);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the log may not be there yet, and a person is looking")]
fn complain(what: &str, lines: &[String]) {
    eprintln!("{what}");
    for line in lines {
        eprintln!("  - {line}");
    }
}
