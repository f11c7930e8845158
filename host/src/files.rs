//! Files and folders as the host takes them: regular files only, bounded, and
//! folders of its own for nobody else.
//!
//! A name may lead to anything. A FIFO would keep whoever opens it waiting, and
//! a device does things when it is opened: both are refused unopened where they
//! are seen in time, and unread otherwise.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::file_failure::sentence as sentence_of;

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// A folder, a FIFO, a device, a socket, or a link where none may be.
    #[error("it is not a regular file")]
    NotAFile,
    /// Larger than the bound.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    /// The system says no.
    #[error("{}", sentence_of(.0))]
    Io(#[from] io::Error),
}

/// Whether the name itself may be a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// What an operator put there may lie elsewhere.
    Follow,
    /// What the host wrote is no link.
    Refuse,
}

/// Opens a regular file for reading.
pub(crate) fn open(path: &Path, links: Links) -> Result<(File, Metadata), Refused> {
    // Before opening it: opening a device can set it in motion.
    let before = match links {
        Links::Follow => std::fs::metadata(path)?,
        Links::Refuse => std::fs::symlink_metadata(path)?,
    };
    if !before.is_file() {
        return Err(Refused::NotAFile);
    }
    let mut options = OpenOptions::new();
    options.read(true);
    never_wait(&mut options, links);
    let file = options.open(path)?;
    // What was opened, and no longer what was looked at.
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(Refused::NotAFile);
    }
    Ok((file, meta))
}

/// Options of opening that neither wait for somebody at the other end nor, where
/// that is wanted, follow a link.
pub(crate) fn never_wait(options: &mut OpenOptions, links: Links) {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;

        let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        if links == Links::Refuse {
            flags |= OFlags::NOFOLLOW;
        }
        // The flags that exist have the low bits.
        options.custom_flags(flags.bits() as i32);
    }
    #[cfg(not(unix))]
    let _ = (options, links);
}

/// A whole regular file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: u64, links: Links) -> Result<Vec<u8>, Refused> {
    let (file, meta) = open(path, links)?;
    if meta.len() > most {
        return Err(Refused::TooLarge(most));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0) + 1);
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Refused::TooLarge(most));
    }
    Ok(bytes)
}

/// The same as text.
pub(crate) fn read_text(path: &Path, most: u64, links: Links) -> Result<String, Refused> {
    let bytes = read(path, most, links)?;
    String::from_utf8(bytes).map_err(|_| {
        Refused::Io(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not UTF-8 text",
        ))
    })
}

/// Makes a folder, and those above it that are missing, for its owner only. The
/// process' umask does not matter. One that is there stays as it is.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent()
        && !above.as_os_str().is_empty()
    {
        private_folder(above)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => {}
        // Somebody else was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    // A umask takes rights away, the owner's as well.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Entries of a folder that are looked at.
#[cfg(unix)]
const MOST_ENTRIES: usize = 20_000;

/// Who else may write to a folder or to what is directly in it: one sentence
/// that says who, and what to do. Nothing where nobody else may, and where
/// that cannot be told.
#[cfg(unix)]
pub(crate) fn writable_by_others(folder: &Path) -> Option<String> {
    let own = std::fs::metadata(folder).ok()?;
    if let Some(who) = others(&own) {
        return Some(sentence(folder, &who, 0));
    }
    // Who may rename a folder can put another one in its place.
    let whole = folder.canonicalize().ok()?;
    for above in whole.ancestors().skip(1) {
        if let Some(who) = std::fs::metadata(above).ok().and_then(|meta| movers(&meta)) {
            return Some(sentence(above, &who, 0));
        }
    }
    let mut found: Vec<(PathBuf, String)> = std::fs::read_dir(folder)
        .ok()?
        .take(MOST_ENTRIES)
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let who = others(&std::fs::metadata(&path).ok()?)?;
            Some((path, who))
        })
        .collect();
    found.sort();
    let (path, who) = found.first()?;
    Some(sentence(path, who, found.len() - 1))
}

#[cfg(unix)]
fn sentence(path: &Path, who: &str, more: usize) -> String {
    let more = match more {
        0 => String::new(),
        more => format!(" (and to {more} more there)"),
    };
    format!(
        "{who} may write to {}{more}: take the right away with `chmod go-w`, or give it to the host's user with `chown`",
        path.display()
    )
}

/// Elsewhere the system keeps rights in a way that is not looked at here.
#[cfg(not(unix))]
pub(crate) fn writable_by_others(_folder: &Path) -> Option<String> {
    None
}

/// Who besides the host's user and root may write.
#[cfg(unix)]
fn others(meta: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;

    // In a folder with the sticky bit everybody keeps to his own files, but may
    // still add some.
    if meta.mode() & 0o002 != 0 {
        return Some("everybody on this machine".into());
    }
    if meta.mode() & 0o020 != 0 {
        return Some(format!("the group {}", meta.gid()));
    }
    stranger(meta)
}

/// Who besides the host's user and root may rename what is in a folder.
#[cfg(unix)]
fn movers(meta: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;

    if meta.mode() & 0o1000 != 0 {
        return stranger(meta);
    }
    others(meta)
}

#[cfg(unix)]
fn stranger(meta: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;

    let host = rustix::process::geteuid().as_raw();
    let owner = meta.uid();
    (owner != 0 && owner != host).then(|| format!("user {owner}, whom it belongs to,"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn fifo(path: &Path) {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn only_a_regular_file_within_its_bound_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "12345").unwrap();
        let link = dir.path().join("link");
        symlink(&file, &link).unwrap();
        assert_eq!(read(&file, 5, Links::Refuse).unwrap(), b"12345");
        assert_eq!(read(&link, 5, Links::Follow).unwrap(), b"12345");
        assert!(matches!(
            read(&file, 4, Links::Follow),
            Err(Refused::TooLarge(4))
        ));

        let pipe = dir.path().join("pipe");
        fifo(&pipe);
        let socket = dir.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let to_pipe = dir.path().join("to-pipe");
        symlink(&pipe, &to_pipe).unwrap();
        for other in [&pipe, &socket, &to_pipe, dir.path(), Path::new("/dev/null")] {
            for links in [Links::Follow, Links::Refuse] {
                assert!(
                    matches!(read(other, 9, links), Err(Refused::NotAFile)),
                    "{}",
                    other.display()
                );
            }
        }
        assert!(matches!(
            read(&link, 9, Links::Refuse),
            Err(Refused::NotAFile)
        ));
        let none = read(&dir.path().join("none"), 9, Links::Follow);
        assert!(matches!(none, Err(Refused::Io(_))), "{none:?}");
    }

    #[test]
    fn a_pipe_that_comes_between_looking_and_opening_keeps_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        fifo(&pipe);
        let mut options = OpenOptions::new();
        options.read(true);
        never_wait(&mut options, Links::Refuse);
        // Without it this would wait for somebody who writes.
        let file = options.open(&pipe).unwrap();
        assert!(!file.metadata().unwrap().is_file());
    }

    #[test]
    fn a_folder_is_made_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("data/code");
        private_folder(&inner).unwrap();
        assert_eq!(
            (mode(&inner), mode(&dir.path().join("data"))),
            (0o700, 0o700)
        );
        // What is there is the operator's.
        set_mode(&inner, 0o750);
        private_folder(&inner).unwrap();
        assert_eq!(mode(&inner), 0o750);
    }

    #[test]
    fn who_else_may_write_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("plugins");
        std::fs::create_dir(&folder).unwrap();
        set_mode(&folder, 0o755);
        let file = folder.join("a.wasm");
        std::fs::write(&file, "").unwrap();
        set_mode(&file, 0o644);
        assert_eq!(writable_by_others(&folder), None);
        set_mode(&file, 0o646);
        let said = writable_by_others(&folder).unwrap();
        assert!(
            said.contains("a.wasm") && said.contains("everybody"),
            "{said}"
        );
        set_mode(&folder, 0o775);
        let said = writable_by_others(&folder).unwrap();
        assert!(
            said.contains("the group") && said.contains("plugins:"),
            "{said}"
        );
        set_mode(&folder, 0o700);
        set_mode(&file, 0o600);
        set_mode(dir.path(), 0o777);
        let said = writable_by_others(&folder).unwrap();
        assert!(said.contains("everybody"), "{said}");
        // Where everybody keeps to his own, it cannot be replaced.
        set_mode(dir.path(), 0o1777);
        assert_eq!(writable_by_others(&folder), None);
        assert_eq!(writable_by_others(&dir.path().join("none")), None);
    }
}
