//! Where the workspace is, and which files it has.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders whose files are ours to check.
const OURS: [&str; 5] = ["crates", "bench", "tests", "xtask", "fuzz"];

/// Folders inside them that hold what was made, not written.
const MADE: [&str; 3] = ["target", "corpus", "artifacts"];

/// The folder of the root `Cargo.toml`.
///
/// # Panics
///
/// When this package has no parent folder, which cannot be.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_owned()
}

/// Our files with one of these extensions, in order, relative to the root.
///
/// # Errors
///
/// When a folder cannot be read.
pub fn files(root: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = OURS.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        if !folder.exists() {
            continue;
        }
        let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                if !MADE.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if has_extension(&path, extensions) {
                found.push(path.strip_prefix(root)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
}

/// The text of a file.
///
/// # Errors
///
/// When it cannot be read, or is no UTF-8.
pub fn read(root: &Path, file: &Path) -> Result<String> {
    fs::read_to_string(root.join(file)).with_context(|| file.display().to_string())
}
