//! Which files of a folder are ready.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::system;
use crate::failure::Failure;
use crate::settings::FolderSource;

/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 50_000;

/// Entries that are told of.
const MOST_TOLD: usize = 20;

/// Endings of names that other programs give to what is not ready.
const UNFINISHED: [&str; 6] = [".part", ".partial", ".filepart", ".crdownload", ".tmp", "~"];

/// What a look at a folder found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// The names of files that are ready, in their order.
    pub ready: Vec<String>,
    /// How many have changed too lately.
    pub unsettled: usize,
    /// What lies there and is never read, with the reason; the first ones.
    pub refused: Vec<(String, &'static str)>,
}

/// Sees whether a folder can be used, and makes those that files go to.
pub fn check_folder(source: &FolderSource) -> Result<(), Failure> {
    let at = &source.folder;
    let shown = at.display();
    let meta = std::fs::metadata(at).map_err(|error| Failure::setting(unread(at, &error)))?;
    if !meta.is_dir() {
        return Err(Failure::setting(format!(
            "{shown} is no folder; name the folder that the files come into in `folder`"
        )));
    }
    std::fs::read_dir(at).map_err(|error| Failure::setting(unread(at, &error)))?;
    if !system::may_write(at) {
        return Err(Failure::setting(format!(
            "files cannot be moved out of {shown}: give the host's user the right to write there"
        )));
    }
    for (key, goal) in [("done", &source.done), ("failed", &source.failed)] {
        let shown = goal.display();
        make(goal).map_err(|error| {
            Failure::setting(format!("`{key}`, {shown}, cannot be made: {error}"))
        })?;
        let goal_meta = std::fs::metadata(goal).map_err(|error| {
            Failure::setting(format!("`{key}`, {shown}, cannot be used: {error}"))
        })?;
        if !goal_meta.is_dir() || !system::may_write(goal) {
            return Err(Failure::setting(format!(
                "`{key}`, {shown}, is no folder that the host's user may write to"
            )));
        }
        if system::same(&meta, &goal_meta) {
            return Err(Failure::setting(format!(
                "`{key}` is the folder that files come from: they would be read again and again"
            )));
        }
        if !system::same_system(&meta, &goal_meta) {
            return Err(Failure::setting(format!(
                "`{key}`, {shown}, is on another file system than the folder: files are moved by a rename"
            )));
        }
    }
    Ok(())
}

/// Why a folder cannot be read, and what to do.
fn unread(folder: &Path, error: &std::io::Error) -> String {
    let folder = folder.display();
    let why = match error.kind() {
        ErrorKind::NotFound => {
            "it does not exist; make it again, or name the one that there is in `folder`"
        }
        ErrorKind::PermissionDenied => {
            "the host may not; give its user the right to read and write there, and to enter the folders above"
        }
        ErrorKind::NotADirectory => {
            "it is no folder; name the folder that the files come into in `folder`"
        }
        // The system's own words, without its number.
        _ => {
            let text = error.to_string();
            let words = text.split(" (os error").next().unwrap_or_default();
            return format!(
                "the folder {folder} cannot be read: {words}; look at the disk or the mount that it is on"
            );
        }
    };
    format!("the folder {folder} cannot be read: {why}")
}

fn make(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Looks which files are ready at this time.
pub fn look(source: &FolderSource, now: SystemTime) -> Result<Looked, Failure> {
    let failed = |error: std::io::Error| Failure::unavailable(unread(&source.folder, &error));
    let mut looked = Looked::default();
    for entry in std::fs::read_dir(&source.folder)
        .map_err(failed)?
        .take(MOST_ENTRIES)
    {
        let entry = entry.map_err(failed)?;
        let name = match entry.file_name().into_string() {
            Ok(name) => name,
            Err(name) => {
                refuse(
                    &mut looked,
                    name.to_string_lossy().into_owned(),
                    "its name is not UTF-8; give it another name",
                );
                continue;
            }
        };
        if !wanted(source, &name) {
            continue;
        }
        // Of the name itself: what a link leads to is not looked at.
        let Ok(meta) = std::fs::symlink_metadata(entry.path()) else {
            continue;
        };
        if meta.is_dir() {
            continue;
        }
        if !meta.is_file() {
            let why = match meta.is_symlink() {
                true => "it is a link; put the file itself there",
                false => "it is not a regular file; take it out of the folder",
            };
            refuse(&mut looked, name, why);
        } else if settled(&meta, source, now) {
            looked.ready.push(name);
        } else {
            looked.unsettled += 1;
        }
    }
    looked.ready.sort_unstable();
    looked.refused.sort();
    Ok(looked)
}

fn refuse(looked: &mut Looked, name: String, why: &'static str) {
    if looked.refused.len() < MOST_TOLD {
        looked.refused.push((name, why));
    }
}

/// Whether a name is of those that are read.
fn wanted(source: &FolderSource, name: &str) -> bool {
    if name.starts_with('.') || name.chars().any(char::is_control) {
        return false;
    }
    // Office programs lay `~$name.xlsx` beside what is open.
    if name.starts_with("~$") || UNFINISHED.iter().any(|ending| name.ends_with(ending)) {
        return false;
    }
    source.reads(name)
}

/// Whether a file was left alone for long enough.
fn settled(meta: &std::fs::Metadata, source: &FolderSource, now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    });
    let settle = u64::try_from(source.settle.as_nanos()).unwrap_or(u64::MAX);
    let (modified, entry) = system::times(meta);
    // A time in the future comes of another clock; what this system noted counts.
    let last = if modified > now { entry } else { modified };
    now.saturating_sub(last) >= settle
}
