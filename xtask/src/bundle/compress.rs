//! Brotli and gzip files beside each asset, made once here so that the server
//! never compresses while somebody waits.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use flate2::{Compression, write::GzEncoder};

use crate::layout::{files_under, read, write};

/// These gain nothing: they are compressed inside.
const PACKED: [&str; 8] = ["avif", "br", "gif", "gz", "jpg", "png", "webp", "woff2"];

/// Writes `<file>.br` and `<file>.gz` for every file under `folder`.
pub(super) fn beside(folder: &Path) -> Result<()> {
    for file in files_under(folder)? {
        if file.extension().is_some_and(|ending| PACKED.iter().any(|packed| ending == *packed)) {
            continue;
        }
        let bytes = read(&file)?;
        write(&with_ending(&file, "br"), &brotli(&bytes)?)?;
        write(&with_ending(&file, "gz"), &gzip(&bytes)?)?;
    }
    Ok(())
}

/// The compressed file that belongs to `file`.
pub(crate) fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    let parameters = ::brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    ::brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters)?;
    Ok(packed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    Ok(packed.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn both_files_unpack_to_the_asset() {
        let folder = tempfile::tempdir().unwrap();
        let asset = folder.path().join("pkg/qonduit.js");
        let text = "export function hydrate() {}\n".repeat(50);
        write(&asset, text.as_bytes()).unwrap();
        beside(folder.path()).unwrap();

        let mut unpacked = Vec::new();
        ::brotli::BrotliDecompress(&mut &*read(&with_ending(&asset, "br")).unwrap(), &mut unpacked).unwrap();
        assert_eq!(unpacked, text.as_bytes());
        let mut unpacked = String::new();
        let packed = read(&with_ending(&asset, "gz")).unwrap();
        flate2::read::GzDecoder::new(&*packed).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
    }

    #[test]
    fn what_is_packed_inside_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("logo.png"), b"png").unwrap();
        beside(folder.path()).unwrap();
        assert_eq!(files_under(folder.path()).unwrap().len(), 1);
    }
}
