//! Knows whether something was made of the same things, so that it need not be
//! made again.

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::layout::{Layout, read, write};

/// What a result was made of: files, the way it was made, and this program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stamp(String);

impl Stamp {
    pub(crate) fn of(way: &str, layout: &Layout, inputs: &[PathBuf]) -> Result<Self> {
        Ok(Self(format!("{way} {} {}", layout.program, hash_of(&layout.root, inputs)?)))
    }

    pub(crate) fn is_in(&self, file: &Path) -> bool {
        std::fs::read_to_string(file).is_ok_and(|text| text == self.0)
    }

    pub(crate) fn write_to(&self, file: &Path) -> Result<()> {
        write(file, self.0.as_bytes())
    }
}

/// A hash of names and contents, 16 hexadecimal digits.
pub(crate) fn hash_of(base: &Path, files: &[PathBuf]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let bytes = read(file)?;
        let name = file.strip_prefix(base).unwrap_or(file).as_os_str().as_encoded_bytes();
        for part in [name, &bytes] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
        for (path, (_, text)) in paths.iter().zip(files) {
            write(path, text.as_bytes()).unwrap();
        }
        hash_of(folder.path(), &paths).unwrap()
    }

    #[test]
    fn the_hash_depends_on_contents_and_names_and_nothing_else() {
        let first = hash(&[("a", "one"), ("b", "two")]);
        assert_eq!(first, hash(&[("a", "one"), ("b", "two")]), "the folder must not matter");
        assert_ne!(first, hash(&[("a", "one"), ("b", "2")]));
        assert_ne!(first, hash(&[("a", "one"), ("c", "two")]));
        assert_ne!(hash(&[("a", "bc")]), hash(&[("ab", "c")]));
    }

    #[test]
    fn what_was_made_another_way_or_by_another_program_does_not_pass() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("any.stamp");
        let layout = |program: &str| Layout {
            root: folder.path().to_owned(),
            target: folder.path().to_owned(),
            program: program.to_owned(),
        };
        let stamp = |way: &str, program: &str| Stamp::of(way, &layout(program), &[]).unwrap();
        stamp("debug", "this").write_to(&file).unwrap();
        assert!(stamp("debug", "this").is_in(&file));
        assert!(!stamp("release", "this").is_in(&file));
        assert!(!stamp("debug", "other").is_in(&file));
    }
}
