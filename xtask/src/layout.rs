//! Where things are: the checkout, the build folder, the site.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The base name of script, wasm and style. `HydrationScripts` asks for it, so
/// it must be the server's `output_name`.
pub(crate) const OUTPUT_NAME: &str = "qonduit";

/// The folders of one checkout.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The workspace: the folder that holds `Cargo.lock`.
    pub(crate) root: PathBuf,
    /// Cargo's build folder.
    pub(crate) target: PathBuf,
    /// Tells this build of xtask from another. Taken at the start, for the file
    /// may be replaced while it runs.
    pub(crate) program: String,
}

impl Layout {
    /// Looks upwards from the current folder for the workspace.
    pub(crate) fn find() -> Result<Self> {
        let here = std::env::current_dir().context("no current folder")?;
        let root =
            workspace_above(&here).context("run this inside the checkout: no Cargo.lock above here")?;
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) if !folder.is_empty() => root.join(folder),
            _ => root.join("target"),
        };
        let file = std::env::current_exe()
            .and_then(std::fs::metadata)
            .context("cannot see this program's own file")?;
        Ok(Self { root, target, program: format!("{} {:?}", file.len(), file.modified()?) })
    }

    /// What the server serves; `QONDUIT_SITE_ROOT` for it.
    pub(crate) fn site(&self) -> PathBuf {
        self.target.join("site")
    }

    /// The part of the site that pages name by `OUTPUT_NAME`.
    pub(crate) fn pkg(&self) -> PathBuf {
        self.site().join("pkg")
    }
}

fn workspace_above(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|folder| folder.join("Cargo.lock").is_file()).map(Path::to_path_buf)
}

/// Every file under `folder`, sorted, so that what is made of them is the same
/// on every machine. An absent folder has none.
pub(crate) fn files_under(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                found.extend(files_under(&path)?);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Reads a file, naming it when that fails.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file and the folders above it, naming it when that fails.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Removes a file or a folder; one that is not there is as good.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_the_nearest_folder_above_with_a_lock_file() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(folder.path().join("Cargo.lock"), "").unwrap();
        assert_eq!(workspace_above(&deep).as_deref(), Some(folder.path()));
    }

    #[test]
    fn files_are_found_in_every_folder_below_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("b.css"), b"").unwrap();
        write(&folder.path().join("a/z.css"), b"").unwrap();
        let found = files_under(folder.path()).unwrap();
        assert_eq!(found, [folder.path().join("a/z.css"), folder.path().join("b.css")]);
        assert!(files_under(&folder.path().join("absent")).unwrap().is_empty());
    }
}
