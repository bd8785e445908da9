//! `backend/.sqlx`: what sqlx learned of each query from a real database, so
//! that a build needs none.
//!
//! sqlx' macros write one file per query into `SQLX_OFFLINE_DIR` while they
//! compile against `DATABASE_URL`. They only run when `backend` is compiled
//! anew, and they leave files of queries that are gone: both are seen to here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::command::{cargo, run};
use crate::layout::{Layout, files_under, read, remove, write as write_file};
use crate::stamp::Stamp;

/// The files of a `.sqlx` folder by name.
type Files = BTreeMap<OsString, Vec<u8>>;

/// Writes `backend/.sqlx` anew.
pub(crate) fn write(layout: &Layout) -> Result<()> {
    let fresh = generate(layout)?;
    let folder = committed(layout);
    let kept = files_in(&folder)?;
    for name in kept.keys().filter(|name| !fresh.contains_key(*name)) {
        remove(&folder.join(name))?;
    }
    for (name, bytes) in fresh.iter().filter(|(name, bytes)| kept.get(*name) != Some(*bytes)) {
        write_file(&folder.join(name), bytes)?;
    }
    println!("sqlx: {} queries in {}", fresh.len(), folder.display());
    Ok(())
}

/// Fails when `backend/.sqlx` is not what [`write`] would make of it.
pub(crate) fn check(layout: &Layout) -> Result<()> {
    let mut inputs = files_under(&layout.root.join("backend"))?;
    inputs.push(layout.root.join("Cargo.lock"));
    let stamp = Stamp::of("sqlx", layout, &inputs)?;
    let stamp_file = layout.target.join("sqlx.stamp");
    if stamp.is_in(&stamp_file) {
        println!("sqlx: nothing has changed since the last check");
        return Ok(());
    }
    let fresh = generate(layout)?;
    let wrong = differences(&files_in(&committed(layout))?, &fresh);
    for line in &wrong {
        println!("sqlx: {line}");
    }
    if !wrong.is_empty() {
        bail!("backend/.sqlx is out of date: run `make sqlx` and commit it");
    }
    stamp.write_to(&stamp_file)?;
    println!("sqlx: {} queries are as committed", fresh.len());
    Ok(())
}

fn committed(layout: &Layout) -> PathBuf {
    layout.root.join("backend/.sqlx")
}

/// Compiles `backend` against a new database and gives what its queries wrote.
fn generate(layout: &Layout) -> Result<Files> {
    let work = layout.target.join("sqlx");
    remove(&work)?;
    let data = work.join("data");
    std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
    let database = work.join("queries.db");
    let mut make = cargo();
    make.current_dir(&layout.root).args(["run", "--quiet", "--package", "query-database", "--"]);
    run(make.arg(&database).arg("backend/migrations"))?;

    let newer = Newer::make(&layout.root.join("backend/src/lib.rs"))?;
    let mut build = cargo();
    build.current_dir(&layout.root).args(["check", "--quiet", "--package", "backend", "--lib", "--tests"]);
    build.env("DATABASE_URL", format!("sqlite://{}", database.display())).env("SQLX_OFFLINE_DIR", &data);
    build.env("SQLX_OFFLINE", "false");
    let compiled = run(&mut build).context("backend does not compile against its own migrations");
    newer.restore()?;
    compiled?;

    let files = files_in(&data)?;
    if files.is_empty() {
        bail!("no query was written: the macros of `backend` did not run");
    }
    Ok(files)
}

/// A source file made newer than what was built of it, so that cargo builds it
/// again. Its time is put back after, so that other builds are not affected.
struct Newer {
    file: File,
    modified: SystemTime,
}

impl Newer {
    fn make(path: &Path) -> Result<Self> {
        let file = File::options()
            .append(true)
            .open(path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let modified = file.metadata()?.modified()?;
        file.set_modified(SystemTime::now())?;
        Ok(Self { file, modified })
    }

    fn restore(self) -> Result<()> {
        Ok(self.file.set_modified(self.modified)?)
    }
}

fn files_in(folder: &Path) -> Result<Files> {
    let named = |path: PathBuf| Some((path.file_name()?.to_owned(), path));
    let files = files_under(folder)?.into_iter().filter_map(named);
    files.map(|(name, path)| Ok((name, read(&path)?))).collect()
}

/// One line for each file that is missing, stale or different.
fn differences(committed: &Files, fresh: &Files) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, bytes) in fresh {
        match committed.get(name) {
            None => lines.push(format!("{} is missing", name.display())),
            Some(other) if other != bytes => lines.push(format!("{} differs", name.display())),
            Some(_) => {}
        }
    }
    let stale = committed.keys().filter(|name| !fresh.contains_key(*name));
    lines.extend(stale.map(|name| format!("{} belongs to no query", name.display())));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(name, text)| (OsString::from(name), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn what_is_committed_must_be_what_the_queries_write() {
        let fresh = files(&[("a.json", "1"), ("b.json", "2")]);
        assert!(differences(&fresh, &fresh).is_empty());
        assert_eq!(differences(&files(&[("a.json", "1")]), &fresh), ["b.json is missing"]);
        assert_eq!(differences(&files(&[("a.json", "1"), ("b.json", "3")]), &fresh), ["b.json differs"]);
        let with_old = files(&[("a.json", "1"), ("b.json", "2"), ("c.json", "3")]);
        assert_eq!(differences(&with_old, &fresh), ["c.json belongs to no query"]);
    }

    #[test]
    fn a_file_is_newer_for_one_build_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lib.rs");
        write_file(&path, b"text").unwrap();
        let old = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        File::options().append(true).open(&path).unwrap().set_modified(old).unwrap();
        let newer = Newer::make(&path).unwrap();
        assert!(std::fs::metadata(&path).unwrap().modified().unwrap() > old);
        newer.restore().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), old);
        assert_eq!(read(&path).unwrap(), b"text");
    }
}
