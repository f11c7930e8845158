//! The examples of a project, beside its source in a plugins folder.

use std::path::{Path, PathBuf};

use crate::plugin::load::Beside;
use crate::project::EXAMPLES;

/// Files and folders that are copied at most: what a host reads has fewer.
const MOST_FILES: usize = 20_000;

/// Folders in each other: of an operation, of an example.
const DEEPEST: usize = 2;

/// Copies `examples` of a project to `NAME.examples` beside the source `file`,
/// in place of what is there, by a rename. Gives that folder; nothing where the
/// project has no examples.
pub(super) fn examples(project: &Path, file: &Path) -> Result<Option<PathBuf>, String> {
    let from = project.join(EXAMPLES);
    if !from.is_dir() {
        return Ok(None);
    }
    let to = Beside::folder(file);
    let (new, old) = (beside(&to, "new"), beside(&to, "old"));
    // Of a run that was ended, with the same number.
    let _ = std::fs::remove_dir_all(&new);
    let _ = std::fs::remove_dir_all(&old);
    let mut left = MOST_FILES;
    let done = copy(&from, &new, DEEPEST, &mut left).and_then(|()| {
        if to.symlink_metadata().is_ok() {
            std::fs::rename(&to, &old).map_err(|error| unwritten(&to, &error))?;
        }
        std::fs::rename(&new, &to).map_err(|error| {
            // What was there serves on.
            let _ = std::fs::rename(&old, &to);
            unwritten(&to, &error)
        })
    });
    let _ = std::fs::remove_dir_all(&new);
    let _ = std::fs::remove_dir_all(&old);
    done.map(|()| Some(to))
}

/// A name that nobody takes for a plugin or its examples.
fn beside(folder: &Path, what: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(format!(".{}.{what}.tmp", std::process::id()));
    PathBuf::from(name)
}

fn copy(from: &Path, to: &Path, deeper: usize, left: &mut usize) -> Result<(), String> {
    let unread = |error: &std::io::Error| {
        let why = crate::file_failure::sentence(error);
        format!("{} cannot be read: {why}", from.display())
    };
    std::fs::create_dir_all(to).map_err(|error| unwritten(to, &error))?;
    for entry in std::fs::read_dir(from).map_err(|error| unread(&error))? {
        let path = entry.map_err(|error| unread(&error))?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        *left = left.checked_sub(1).ok_or_else(|| {
            format!(
                "{} has more than {MOST_FILES} files: it is no folder of examples",
                from.display()
            )
        })?;
        let there = to.join(name);
        if path.is_file() {
            std::fs::copy(&path, &there).map_err(|error| unwritten(&there, &error))?;
        } else if path.is_dir() && deeper > 0 {
            copy(&path, &there, deeper - 1, left)?;
        }
    }
    Ok(())
}

fn unwritten(path: &Path, error: &std::io::Error) -> String {
    let why = crate::file_failure::sentence(error);
    format!("{} cannot be written: {why}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let (project, plugins) = (folder.path().join("shop"), folder.path().join("plugins"));
        std::fs::create_dir_all(&plugins).unwrap();
        let file = plugins.join("shop.js");
        assert_eq!(examples(&project, &file), Ok(None));
        for case in ["one", "two"] {
            let case = project.join("examples/stock-update").join(case);
            std::fs::create_dir_all(&case).unwrap();
            std::fs::write(case.join("items.json"), "[]").unwrap();
            let to = examples(&project, &file).unwrap().expect("a folder");
            assert_eq!(to, plugins.join("shop.examples"));
        }
        std::fs::remove_dir_all(project.join("examples/stock-update/one")).unwrap();
        examples(&project, &file).unwrap();
        let names = |dir: &Path| -> Vec<String> {
            let entries = std::fs::read_dir(dir).unwrap().flatten();
            entries
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(names(&plugins), ["shop.examples"]);
        let operation = plugins.join("shop.examples/stock-update");
        assert_eq!(names(&operation), ["two"]);
        assert_eq!(names(&operation.join("two")), ["items.json"]);
    }
}
