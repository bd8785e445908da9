//! The build: what `cargo` alone does not do. `cargo xtask` lists the commands.
//!
//! Must not know what the product does: it moves files, runs tools and counts
//! bytes. What it needs around it (compiler, wasm32 library, npm packages) is
//! provided by `xtask/bootstrap.sh`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks by printing")]
#![expect(clippy::disallowed_methods, reason = "a build tool reads its environment and asks no clock trait")]

mod bundle;
mod command;
mod fence;
mod layout;
mod size;
mod sqlx_data;
mod stamp;

use anyhow::{Result, bail};
use layout::Layout;

const USAGE: &str = "\
cargo xtask <command>

  bundle [--release]  build what the browser loads into $CARGO_TARGET_DIR/site
  size                weigh the bundle; fail above the budget
  fence               prove that no server code is in the browser's build, and that arrows run one way
  sqlx [--check]      write backend/.sqlx from the queries (or say what in it is out of date)
";

fn main() -> std::process::ExitCode {
    match told() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            // One line of causes; a backtrace of a build tool helps nobody.
            eprintln!("xtask: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn told() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let layout = Layout::find()?;
    match words.as_slice() {
        ["bundle"] => bundle::run(&layout, bundle::Mode::Debug),
        ["bundle", "--release"] => bundle::run(&layout, bundle::Mode::Release),
        ["size"] => size::run(&layout),
        ["fence"] => fence::run(&layout),
        ["sqlx"] => sqlx_data::write(&layout),
        ["sqlx", "--check"] => sqlx_data::check(&layout),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        other => {
            eprint!("{USAGE}");
            bail!("unknown command `{}`", other.join(" "))
        }
    }
}
