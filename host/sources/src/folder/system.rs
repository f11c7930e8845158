//! What is asked of the file system: regular files only, links never followed,
//! moves that replace nothing.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Names that are tried for a file whose own is taken.
const MOST_NAMES: u32 = 1000;

/// Opens a regular file for reading, without following a link or waiting for
/// anybody.
pub(crate) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let none = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
    // Before opening it: opening a device can set it in motion.
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(none());
    }
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;

        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        // The flags that exist have the low bits.
        options.custom_flags(flags.bits() as i32);
    }
    let file = options.open(path)?;
    let meta = file.metadata()?;
    match meta.is_file() {
        true => Ok((file, meta)),
        false => Err(none()),
    }
}

/// Makes a file that was not there. Only its owner may read it.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Removes a file or a link that may be there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Moves a file into a folder under its name, or where that is taken, under one
/// with a number before the ending. Gives where it is now.
pub(crate) fn move_into(from: &Path, folder: &Path, name: &str) -> io::Result<PathBuf> {
    for number in 0..MOST_NAMES {
        let to = folder.join(numbered(name, number));
        match rename_new(from, &to) {
            Ok(()) => return Ok(to),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("{MOST_NAMES} files of this name are there: move them away"),
    ))
}

/// A name with a number before its ending; the first one is the name itself.
pub(crate) fn numbered(name: &str, number: u32) -> String {
    if number == 0 {
        return name.to_owned();
    }
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => format!("{stem}-{}.{ending}", number + 1),
        _ => format!("{name}-{}", number + 1),
    }
}

/// Renames a file unless something has the new name.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;

        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Some file systems don't know it.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            other => return Ok(other?),
        }
    }
    // A link fails where the name is taken; elsewhere nothing does.
    std::fs::hard_link(from, to)?;
    std::fs::remove_file(from)
}

/// Nanoseconds since 1970 of the last change of the content, and of the file's
/// entry where the system tells that.
pub(crate) fn times(meta: &Metadata) -> (u64, u64) {
    let modified = meta
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0));
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;

        let seconds = u64::try_from(meta.ctime()).unwrap_or(0);
        let nanos = u64::try_from(meta.ctime_nsec()).unwrap_or(0);
        (modified, seconds.saturating_mul(1_000_000_000) + nanos)
    }
    #[cfg(not(unix))]
    (modified, 0)
}

/// Whether two files are one.
#[cfg(unix)]
pub(crate) fn same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Elsewhere that is told by what can be seen.
#[cfg(not(unix))]
pub(crate) fn same(a: &Metadata, b: &Metadata) -> bool {
    a.len() == b.len() && times(a) == times(b)
}

/// Whether two folders are on one file system, so that a rename leads from one
/// to the other.
pub(crate) fn same_system(a: &Metadata, b: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;

        a.dev() == b.dev()
    }
    #[cfg(not(unix))]
    {
        let _ = (a, b);
        true
    }
}

/// Whether the host may add files to a folder and take them away.
pub(crate) fn may_write(folder: &Path) -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::{Access, access};

        access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        true
    }
}
