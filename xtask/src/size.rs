//! Weighs a first load: everything a page of ours asks for before it is alive.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::bundle::compressed;
use crate::layout::{Layout, files_under};

/// Bytes of script, wasm and style together, compressed with brotli at 11.
/// What Leptos' empty start template weighs when it is built the same way.
const BUDGET: u64 = 103_000;

/// Bytes of one kind of file, as they are and as they travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Weight {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// Prints the table and fails above the budget.
pub(crate) fn run(layout: &Layout) -> Result<()> {
    let weights = weigh(&layout.pkg())?;
    println!("{}", table(&weights));
    within_budget(&weights)
}

/// Prints the table.
pub(crate) fn print(layout: &Layout) -> Result<()> {
    println!("{}", table(&weigh(&layout.pkg())?));
    Ok(())
}

fn weigh(pkg: &Path) -> Result<Vec<(&'static str, Weight)>> {
    let mut weights = vec![("script", "js"), ("wasm", "wasm"), ("style", "css")]
        .into_iter()
        .map(|(kind, ending)| (kind, ending, Weight::default()))
        .collect::<Vec<_>>();
    for file in files_under(pkg)? {
        let Some(kind) =
            weights.iter_mut().find(|(_, ending, _)| file.extension().is_some_and(|it| it == *ending))
        else {
            continue;
        };
        let bytes = |path: &Path| -> Result<u64> {
            let seen = std::fs::metadata(path).with_context(|| {
                format!("no {}: weigh a release bundle (`cargo xtask bundle --release`)", path.display())
            })?;
            Ok(seen.len())
        };
        kind.2.raw += bytes(&file)?;
        kind.2.gzip += bytes(&compressed(&file, "gz"))?;
        kind.2.brotli += bytes(&compressed(&file, "br"))?;
    }
    // A part that is missing weighs nothing and would pass any budget.
    if let Some((kind, ..)) = weights.iter().find(|(.., weight)| weight.raw == 0) {
        bail!("no {kind} in {}: build it with `cargo xtask bundle --release`", pkg.display());
    }
    Ok(weights.into_iter().map(|(kind, _, weight)| (kind, weight)).collect())
}

fn sum(weights: &[(&'static str, Weight)]) -> Weight {
    weights.iter().fold(Weight::default(), |sum, (_, weight)| Weight {
        raw: sum.raw + weight.raw,
        gzip: sum.gzip + weight.gzip,
        brotli: sum.brotli + weight.brotli,
    })
}

fn table(weights: &[(&'static str, Weight)]) -> String {
    let mut text = format!("{:<12}{:>10}{:>10}{:>10}", "first load", "raw", "gzip", "brotli");
    for (kind, weight) in weights.iter().chain([&("sum", sum(weights))]) {
        let _ = write!(text, "\n{kind:<12}{:>10}{:>10}{:>10}", weight.raw, weight.gzip, weight.brotli);
    }
    text
}

fn within_budget(weights: &[(&'static str, Weight)]) -> Result<()> {
    let brotli = sum(weights).brotli;
    if brotli > BUDGET {
        bail!("a first load weighs {brotli} bytes, {} above the budget of {BUDGET}", brotli - BUDGET);
    }
    println!("{} bytes below the budget of {BUDGET}", BUDGET - brotli);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::write;

    fn site(files: &[(&str, usize)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, size) in files {
            write(&folder.path().join(name), &vec![0; *size]).unwrap();
        }
        folder
    }

    #[test]
    fn every_script_counts_and_so_does_each_way_it_travels() {
        let pkg = site(&[
            ("q.js", 10),
            ("q.js.gz", 5),
            ("q.js.br", 4),
            ("snippets/s.js", 10),
            ("snippets/s.js.gz", 5),
            ("snippets/s.js.br", 4),
            ("q_bg.wasm", 100),
            ("q_bg.wasm.gz", 50),
            ("q_bg.wasm.br", 40),
            ("q.css", 7),
            ("q.css.gz", 3),
            ("q.css.br", 2),
        ]);
        let weights = weigh(pkg.path()).unwrap();
        assert_eq!(weights[0], ("script", Weight { raw: 20, gzip: 10, brotli: 8 }));
        assert_eq!(sum(&weights), Weight { raw: 127, gzip: 63, brotli: 50 });
    }

    #[test]
    fn a_bundle_without_its_wasm_is_refused_rather_than_light() {
        let pkg = site(&[
            ("q.js", 1),
            ("q.js.gz", 1),
            ("q.js.br", 1),
            ("q.css", 1),
            ("q.css.gz", 1),
            ("q.css.br", 1),
        ]);
        assert!(weigh(pkg.path()).unwrap_err().to_string().contains("no wasm"));
    }

    #[test]
    fn a_debug_bundle_cannot_be_weighed() {
        let pkg = site(&[("q.js", 10)]);
        assert!(weigh(pkg.path()).unwrap_err().to_string().contains("release bundle"));
    }

    #[test]
    fn one_byte_above_the_budget_fails() {
        let weights = |brotli| [("wasm", Weight { raw: 1, gzip: 1, brotli })];
        assert!(within_budget(&weights(BUDGET)).is_ok());
        assert!(within_budget(&weights(BUDGET + 1)).is_err());
    }
}
