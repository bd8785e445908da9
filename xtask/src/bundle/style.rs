//! The stylesheet: `style/main.css` with all it imports, as one small file.

use std::path::Path;

use anyhow::{Result, bail};
use lightningcss::bundler::{Bundler, FileProvider};
use lightningcss::printer::PrinterOptions;
use lightningcss::stylesheet::{MinifyOptions, ParserOptions};
use lightningcss::targets::{Browsers, Targets};

use super::Mode;

/// The browsers of spring 2024, when `light-dark()` had come to all three.
/// What is newer is spelt out for them, what they know is left as written.
fn targets() -> Targets {
    let version = |major: u32, minor: u32| Some(major << 16 | minor << 8);
    Targets::from(Browsers {
        chrome: version(123, 0),
        edge: version(123, 0),
        firefox: version(121, 0),
        safari: version(17, 5),
        ios_saf: version(17, 5),
        ..Browsers::default()
    })
}

/// Gives the bundled stylesheet.
pub(super) fn build(main: &Path, mode: Mode) -> Result<String> {
    let files = FileProvider::new();
    let mut bundler = Bundler::new(&files, None, ParserOptions::default());
    let mut sheet = match bundler.bundle(main) {
        Ok(sheet) => sheet,
        // The error borrows from the files, so it can't travel as a source.
        Err(error) => bail!("{}: {error}", main.display()),
    };
    let targets = targets();
    if let Err(error) = sheet.minify(MinifyOptions { targets, ..MinifyOptions::default() }) {
        bail!("{}: {error}", main.display());
    }
    let minify = mode == Mode::Release;
    Ok(sheet.to_css(PrinterOptions { minify, targets, ..PrinterOptions::default() })?.code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::write;

    fn built(files: &[(&str, &str)]) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(&folder.path().join(name), text.as_bytes()).unwrap();
        }
        build(&folder.path().join("main.css"), Mode::Release)
    }

    #[test]
    fn imported_files_become_part_of_the_one_file() {
        let css = built(&[
            ("main.css", "@import './parts/a.css'; p { color: red; }"),
            ("parts/a.css", "h1 { margin: 0px; }"),
        ]);
        assert_eq!(css.unwrap(), "h1{margin:0}p{color:red}");
    }

    #[test]
    fn what_browsers_of_2024_know_stays_as_written() {
        let css = built(&[("main.css", "a { color: light-dark(red, blue); & b { color: red } }")]).unwrap();
        assert!(css.contains("light-dark(") && css.contains("& b"), "{css}");
    }

    #[test]
    fn a_mistake_in_the_stylesheet_is_an_error_that_names_the_file() {
        let error = built(&[("main.css", "@import './absent.css';")]).unwrap_err().to_string();
        assert!(error.contains("main.css"), "{error}");
    }
}
