//! No source file is longer than a reader takes in at once.

use crate::run::Failure;
use std::path::{Path, PathBuf};

/// Lines of a file.
const MOST: usize = 500;

/// Folders that are not looked into.
const NOT_OURS: [&str; 2] = ["target", ".git"];

/// Fails with every file that is longer.
pub fn check() -> Result<(), Failure> {
    let mut long = Vec::new();
    for path in sources(crate::root())? {
        let text = std::fs::read_to_string(&path).map_err(|e| Failure::file("read", &path, e))?;
        let lines = text.lines().count();
        if lines > MOST {
            let shown = path.strip_prefix(crate::root()).unwrap_or(&path);
            long.push(format!("\n  {} has {lines} lines", shown.display()));
        }
    }
    match long.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "a source file has at most {MOST} lines:{}",
            long.concat()
        ))
        .remedy("split it by what its parts are responsible for")),
    }
}

/// Every Rust file below a folder, sorted.
pub fn sources(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|e| Failure::file("read", &folder, e))?;
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if !NOT_OURS.iter().any(|not| name == **not) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
