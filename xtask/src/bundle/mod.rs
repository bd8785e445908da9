//! What the browser loads: script, wasm and style, and the files of `public/`.
//!
//! ```text
//! $CARGO_TARGET_DIR/site/            the files of public/
//! $CARGO_TARGET_DIR/site/pkg/        qonduit.js, qonduit_bg.wasm, qonduit.css
//! $CARGO_TARGET_DIR/site/pkg/version.txt
//! ```
//! In a release bundle each of them has its `.br` and `.gz` beside it.
//!
//! The names are plain. Leptos can ask for hashed names, but then reads a file
//! beside the server's program for every page it renders. Instead
//! `version.txt` holds a hash of the whole of `pkg/`: a server that serves
//! `pkg/` under `/pkg/<version>/` too, and gives leptos that as its package
//! folder, may let browsers keep those answers for ever.

mod compress;
mod style;
mod wasm;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::layout::{Layout, OUTPUT_NAME, files_under, read, remove, write};
pub(crate) use compress::with_ending as compressed;

use crate::size;
use crate::stamp::{Stamp, hash_of};

/// How the browser's code is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Quick to build, large, not compressed.
    Debug,
    /// As shipped: small, and compressed beside.
    Release,
}

/// Builds the site, or leaves it when nothing it is made of has changed.
pub(crate) fn run(layout: &Layout, mode: Mode) -> Result<()> {
    let started = Instant::now();
    let compiled = wasm::compile(layout, mode)?;

    let mut inputs = files_under(&layout.root.join("style"))?;
    inputs.extend(files_under(&layout.root.join("public"))?);
    inputs.push(compiled.clone());
    let stamp = Stamp::of(&format!("{mode:?}"), layout, &inputs)?;
    let stamp_file = layout.target.join("site.stamp");
    if stamp.is_in(&stamp_file) && layout.pkg().join("version.txt").is_file() {
        println!("bundle: nothing has changed");
        return Ok(());
    }

    // Made beside and moved in place: a server that runs meanwhile never
    // serves half of it, and no file of an older bundle stays behind.
    let staging = layout.target.join("site.new");
    remove(&staging)?;
    let pkg = staging.join("pkg");
    wasm::bind(&compiled, &pkg, mode)?;
    if mode == Mode::Release {
        wasm::optimise(layout, &pkg.join(format!("{OUTPUT_NAME}_bg.wasm")))?;
    }
    let css = style::build(&layout.root.join("style/main.css"), mode)?;
    write(&pkg.join(format!("{OUTPUT_NAME}.css")), css.as_bytes())?;
    copy_public(&layout.root.join("public"), &staging)?;
    let version = hash_of(&pkg, &files_under(&pkg)?)?;
    write(&pkg.join("version.txt"), version.as_bytes())?;
    if mode == Mode::Release {
        compress::beside(&staging)?;
    }

    remove(&stamp_file)?;
    remove(&layout.site())?;
    std::fs::rename(&staging, layout.site()).context("cannot move the site in place")?;
    stamp.write_to(&stamp_file)?;
    println!("bundle: {} in {:.1} s", layout.site().display(), started.elapsed().as_secs_f32());
    if mode == Mode::Release { size::print(layout) } else { Ok(()) }
}

fn copy_public(public: &Path, site: &Path) -> Result<()> {
    for file in files_under(public)? {
        let name = file.strip_prefix(public).context("a file outside its folder")?;
        write(&site.join(name), &read(&file)?)?;
    }
    Ok(())
}
