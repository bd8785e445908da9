//! Rust to wasm, wasm to script and wasm, wasm to smaller wasm.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use super::Mode;
use crate::command::{cargo, run};
use crate::layout::{Layout, OUTPUT_NAME};

const TARGET: &str = "wasm32-unknown-unknown";

/// What rustc emits for the target today and every browser of 2024 knows.
/// Named, because wasm-opt refuses or undoes what it is not told of.
const FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Compiles `frontend` and gives the path of its wasm.
pub(super) fn compile(layout: &Layout, mode: Mode) -> Result<PathBuf> {
    let (profile, folder) = match mode {
        Mode::Debug => ("dev", "debug"),
        Mode::Release => ("wasm-release", "wasm-release"),
    };
    let mut build = cargo();
    build.current_dir(&layout.root).args(["build", "--package", "frontend", "--lib"]);
    build.args(["--target", TARGET, "--profile", profile]);
    run(&mut build).context(
        "the browser's code does not compile; when the wasm32 library is what is missing, run this through `make bundle`",
    )?;
    Ok(layout.target.join(TARGET).join(folder).join("frontend.wasm"))
}

/// Writes the script, and the wasm that it loads, into `pkg`. The names are
/// those that `HydrationScripts` asks for: `<name>.js` and `<name>_bg.wasm`.
pub(super) fn bind(compiled: &Path, pkg: &Path, mode: Mode) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(compiled).out_name(OUTPUT_NAME).typescript(false);
    if mode == Mode::Release {
        bindgen.remove_name_section(true).remove_producers_section(true);
    } else {
        bindgen.debug(true).keep_debug(true);
    }
    bindgen.web(true)?.generate(pkg).context("wasm-bindgen failed")
}

/// Shrinks a wasm file in place.
pub(super) fn optimise(layout: &Layout, wasm: &Path) -> Result<()> {
    let tool = layout.root.join("end2end/node_modules/.bin/wasm-opt");
    if !tool.exists() {
        bail!("wasm-opt is missing: run `npm ci` in end2end/ (or `make bundle`, which does)");
    }
    run(Command::new(tool).args(FEATURES).args(["-Oz", "--strip-producers"]).arg(wasm).arg("-o").arg(wasm))
}
